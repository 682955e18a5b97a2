/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Compares an artifact with its checksums, and its ABI with ours.
 * In: an artifact whose layout has been read (elf.c). Out: OK, or which part is damaged. The checksums tile the file,
 * so that every byte that the dynamic loader could read is covered; that they do is checked here, too. Cost: one pass
 * over code and metadata (checksum.h), and over the weights when they are asked for. Tested by test/unit/runtime
 * (DamageTest.cpp), fuzzed by fuzz-artifact.
 */
#include "runtime/src/artifact/artifact.h"
#include "runtime/src/artifact/checksum.h"

#include <stddef.h>
#include <string.h>

static bool serves(const lmopt_note_t *note) {
  return note->abi_min <= LMOPT_ABI_VERSION && note->abi_max >= LMOPT_ABI_MIN;
}

lmopt_status_t lmoptp_artifact_check_abi(const lmopt_artifact_t *artifact, lmopt_error_t *error) {
  const lmopt_note_t *note = &artifact->layout.note;
  if (serves(note))
    return LMOPT_OK;
  bool newer = note->abi_min > LMOPT_ABI_VERSION;
  return lmoptp_fail(
      error, LMOPT_ERROR_ABI,
      "%s was made for runtimes of ABI %u to %u, this one (%s) serves %u to %u; %scompile the model again "
      "with this lmopt",
      artifact->path, note->abi_min, note->abi_max, LMOPT_VERSION, LMOPT_ABI_MIN, LMOPT_ABI_VERSION,
      newer ? "use a newer runtime, or " : "");
}

/*===--- The list of checksums ---===*/

static lmopt_checksums_header_t header_of(const lmopt_artifact_t *artifact) {
  lmopt_checksums_header_t header;
  memcpy(&header, artifact->data + artifact->layout.checksums.offset, sizeof header);
  return header;
}

static lmopt_checksum_t part_at(const lmopt_artifact_t *artifact, uint64_t index) {
  lmopt_checksum_t part;
  memcpy(&part,
         artifact->data + artifact->layout.checksums.offset + sizeof(lmopt_checksums_header_t) + index * sizeof part,
         sizeof part);
  return part;
}

static lmopt_status_t fail_list(const lmopt_artifact_t *artifact, const char *what, lmopt_error_t *error) {
  return lmoptp_fail(error, LMOPT_ERROR_MALFORMED,
                     "%s is damaged: section .lmopt.checksums %s; copy the file again, or compile the model again",
                     artifact->path, what);
}

// What the list says about itself, before anything in it is believed.
static lmopt_status_t check_list(const lmopt_artifact_t *artifact, lmopt_error_t *error) {
  lmoptp_range_t range = artifact->layout.checksums;
  lmopt_checksums_header_t header = header_of(artifact);
  if (range.offset + range.size != artifact->size)
    return fail_list(artifact, "does not end where the file ends", error);
  if ((range.size - sizeof header) / sizeof(lmopt_checksum_t) != header.count ||
      (range.size - sizeof header) % sizeof(lmopt_checksum_t) != 0)
    return fail_list(artifact, "has another size than its number of entries says", error);
  uint64_t self = header.self;
  header.self = 0;
  lmoptp_checksum_t sum;
  lmoptp_checksum_begin(&sum);
  lmoptp_checksum_add(&sum, &header, sizeof header);
  lmoptp_checksum_add(&sum, artifact->data + range.offset + sizeof header, range.size - sizeof header);
  return lmoptp_checksum_end(&sum) == self ? LMOPT_OK : fail_list(artifact, "does not match its own checksum", error);
}

// Each part begins where the one before ended, and the last one ends where the list begins.
static lmopt_status_t check_tiles(const lmopt_artifact_t *artifact, lmopt_error_t *error) {
  uint64_t count = header_of(artifact).count, end = artifact->layout.checksums.offset, at = 0;
  for (uint64_t i = 0; i < count; ++i) {
    lmopt_checksum_t part = part_at(artifact, i);
    if (part.offset != at || part.size > end - at || !memchr(part.name, 0, sizeof part.name))
      return fail_list(artifact, "leaves bytes of the file out", error);
    at += part.size;
  }
  return at == end ? LMOPT_OK : fail_list(artifact, "leaves bytes of the file out", error);
}

/*===--- Parts ---===*/

// What a part is for those who do not know ELF.
static const char *part_meaning(const char *name) {
  static const char *const meanings[][2] = {{".text", ", the code,"},
                                            {".note.lmopt", ", the note that names ABI and CPU,"},
                                            {".lmopt.meta", ", the metadata,"},
                                            {".lmopt.weights", ", the weights,"}};
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; ++i)
    if (strcmp(meanings[i][0], name) == 0)
      return meanings[i][1];
  return "";
}

static lmopt_status_t check_part(const lmopt_artifact_t *artifact, const lmopt_checksum_t *part, lmopt_error_t *error) {
  if (lmoptp_checksum_of(artifact->data + part->offset, part->size) == part->checksum)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_MALFORMED,
                     "%s is damaged: %s%s%s (bytes %llu to %llu) does not match its checksum; copy the file again, or "
                     "compile the model again",
                     artifact->path, part->name[0] == '.' ? "section " : "", part->name, part_meaning(part->name),
                     (unsigned long long)part->offset, (unsigned long long)(part->offset + part->size));
}

static bool is_weights(const lmopt_artifact_t *artifact, const lmopt_checksum_t *part) {
  const lmoptp_layout_t *layout = &artifact->layout;
  return layout->has_weights && part->offset == layout->weights.offset && strcmp(part->name, ".lmopt.weights") == 0;
}

static lmopt_status_t check_parts(const lmopt_artifact_t *artifact, bool weights, lmopt_error_t *error) {
  uint64_t count = header_of(artifact).count;
  for (uint64_t i = 0; i < count; ++i) {
    lmopt_checksum_t part = part_at(artifact, i);
    lmopt_status_t status = is_weights(artifact, &part) == weights ? check_part(artifact, &part, error) : LMOPT_OK;
    if (status)
      return status;
  }
  return LMOPT_OK;
}

lmopt_status_t lmoptp_artifact_check(lmopt_artifact_t *artifact, lmopt_error_t *error) {
  const lmoptp_layout_t *layout = &artifact->layout;
  bool known = layout->has_checksums && layout->checksums.size >= sizeof(lmopt_checksums_header_t) &&
               header_of(artifact).magic == LMOPT_CHECKSUMS_MAGIC;
  if (!known && !serves(&layout->note))
    return LMOPT_OK;
  if (!layout->has_checksums)
    return fail_list(artifact, "is missing", error);
  if (!known)
    return fail_list(artifact, "does not begin as it should", error);
  lmopt_status_t status = check_list(artifact, error);
  if (!status)
    status = check_tiles(artifact, error);
  if (!status)
    status = check_parts(artifact, false, error);
  artifact->checked = !status;
  artifact->weights_checksum = header_of(artifact).weights;
  return status;
}

lmopt_status_t lmoptp_artifact_check_weights(const lmopt_artifact_t *artifact, const void *weights,
                                             lmopt_error_t *error) {
  if (!artifact->weights_file[0])
    return check_parts(artifact, true, error);
  if (lmoptp_checksum_of(weights, artifact->layout.note.weight_bytes) == artifact->weights_checksum)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_MALFORMED,
                     "%s: its weights in %s are damaged: they do not match their checksum; copy the file again, or "
                     "compile the model again",
                     artifact->path, artifact->weights_file);
}
