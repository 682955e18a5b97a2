/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Reads model.so without running it: maps the file, checks its layout (elf.c), its checksums (verify.c) and its
 * directory of metadata. In: a path or bytes. Out: an lmopt_artifact_t that hands out the note, the metadata blobs and
 * the weights, all in place. Relies on abi.h. Cost: a few system calls, and reading all but the weights once; nothing
 * grows with the weights. Tested by test/unit/runtime, fuzzed by fuzz-artifact.
 */
#include "runtime/src/artifact/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static lmopt_status_t fail_file(lmopt_error_t *error, const char *what, const char *path, int code) {
  const char *remedy = code == ENOENT ? "; check the path" : code == EACCES ? "; check its permissions" : "";
  return lmoptp_fail(error, LMOPT_ERROR_RESOURCE, "cannot %s %s: %s%s", what, path, strerrordesc_np(code), remedy);
}

static lmopt_status_t map_descriptor(int fd, const char *path, const uint8_t **data, struct stat *info,
                                     lmopt_error_t *error) {
  if (fstat(fd, info) != 0)
    return fail_file(error, "read", path, errno);
  if (!S_ISREG(info->st_mode))
    return lmoptp_fail(error, LMOPT_ERROR_RESOURCE, "cannot read %s: it is not a regular file", path);
  if (info->st_size == 0)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: the file is empty", path);
  void *memory = mmap(NULL, (size_t)info->st_size, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED)
    return fail_file(error, "map", path, errno);
  *data = memory;
  return LMOPT_OK;
}

static lmopt_status_t map_file(const char *path, const uint8_t **data, struct stat *info, lmopt_error_t *error) {
  // NONBLOCK: opening a pipe by mistake must not hang; it means nothing for regular files.
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return fail_file(error, "open", path, errno);
  lmopt_status_t status = map_descriptor(fd, path, data, info, error);
  close(fd);
  return status;
}

static lmopt_meta_entry_t entry_at(const lmopt_artifact_t *artifact, uint64_t index) {
  lmopt_meta_entry_t entry;
  memcpy(&entry, artifact->data + artifact->layout.meta.offset + sizeof(lmopt_meta_header_t) + index * sizeof entry,
         sizeof entry);
  return entry;
}

static lmopt_status_t check_entry(const lmopt_artifact_t *artifact, uint64_t index, lmopt_error_t *error) {
  lmopt_meta_entry_t entry = entry_at(artifact, index);
  if (entry.name[0] == 0 || !memchr(entry.name, 0, sizeof entry.name))
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED,
                       "%s: section .lmopt.meta: the name of entry %llu is empty or has no end", artifact->path,
                       (unsigned long long)index);
  uint64_t size = artifact->layout.meta.size;
  if (entry.offset > size || entry.size > size - entry.offset)
    return lmoptp_fail(
        error, LMOPT_ERROR_MALFORMED,
        "%s: section .lmopt.meta: entry \"%s\": offset %llu + size %llu is beyond the section (%llu bytes)",
        artifact->path, entry.name, (unsigned long long)entry.offset, (unsigned long long)entry.size,
        (unsigned long long)size);
  for (uint64_t i = 0; i < index; ++i)
    if (strcmp(entry_at(artifact, i).name, entry.name) == 0)
      return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: section .lmopt.meta: entry \"%s\" stands twice",
                         artifact->path, entry.name);
  return LMOPT_OK;
}

// More blobs than this are no artifact of ours; the bound keeps the search for doubles short.
enum { MAX_META = 256 };

static lmopt_status_t read_meta(lmopt_artifact_t *artifact, lmopt_error_t *error) {
  lmoptp_range_t meta = artifact->layout.meta;
  lmopt_meta_header_t header;
  if (meta.size < sizeof header)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: section .lmopt.meta: %llu bytes, its header alone has %zu",
                       artifact->path, (unsigned long long)meta.size, sizeof header);
  memcpy(&header, artifact->data + meta.offset, sizeof header);
  if (header.magic != LMOPT_META_MAGIC)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: section .lmopt.meta: magic is 0x%llx, expected 0x%llx",
                       artifact->path, (unsigned long long)header.magic, (unsigned long long)LMOPT_META_MAGIC);
  if (header.count > MAX_META || header.count * sizeof(lmopt_meta_entry_t) > meta.size - sizeof header)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED,
                       "%s: section .lmopt.meta: %llu entries; at most %d are allowed and all must be inside",
                       artifact->path, (unsigned long long)header.count, MAX_META);
  artifact->meta_count = header.count;
  for (uint64_t i = 0; i < header.count; ++i) {
    lmopt_status_t status = check_entry(artifact, i, error);
    if (status)
      return status;
  }
  return LMOPT_OK;
}

// The name of split-out weights is a name beside the artifact, never a way out of its directory.
static lmopt_status_t read_weights_file(lmopt_artifact_t *artifact, lmopt_error_t *error) {
  size_t size;
  const char *name = lmopt_artifact_meta(artifact, "weights_file", &size);
  if (!name) {
    if (artifact->layout.has_weights || artifact->layout.note.weight_bytes == 0)
      return LMOPT_OK;
    return lmoptp_fail(
        error, LMOPT_ERROR_MALFORMED,
        "%s: neither section .lmopt.weights nor a \"weights_file\" entry, but its note says %llu bytes of weights",
        artifact->path, (unsigned long long)artifact->layout.note.weight_bytes);
  }
  if (artifact->layout.has_weights)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: both section .lmopt.weights and a \"weights_file\" entry",
                       artifact->path);
  if (size == 0 || size >= sizeof artifact->weights_file || memchr(name, 0, size) || memchr(name, '/', size) ||
      (size == 1 && name[0] == '.') || (size == 2 && memcmp(name, "..", 2) == 0))
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED,
                       "%s: section .lmopt.meta: entry \"weights_file\" is not a plain file name of 1 to %zu bytes",
                       artifact->path, sizeof artifact->weights_file - 1);
  memcpy(artifact->weights_file, name, size);
  return LMOPT_OK;
}

static lmopt_status_t read_parts(lmopt_artifact_t *artifact, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_elf_layout(artifact->data, artifact->size, artifact->path, &artifact->layout, error);
  if (!status)
    status = lmoptp_artifact_check(artifact, error);
  if (!status)
    status = read_meta(artifact, error);
  if (!status)
    status = read_weights_file(artifact, error);
  return status;
}

static lmopt_artifact_t *new_artifact(const char *path) {
  lmopt_artifact_t *artifact = calloc(1, sizeof *artifact);
  if (artifact && !(artifact->path = strdup(path))) {
    free(artifact);
    return NULL;
  }
  return artifact;
}

lmopt_status_t lmopt_artifact_open_memory(const void *data, size_t size, lmopt_artifact_t **out, lmopt_error_t *error) {
  lmopt_artifact_t *artifact = new_artifact("(memory)");
  if (!artifact)
    return lmoptp_fail_memory(error, sizeof *artifact, "an artifact");
  artifact->data = data;
  artifact->size = size;
  lmopt_status_t status = read_parts(artifact, error);
  if (status)
    lmopt_artifact_destroy(artifact);
  else
    *out = artifact;
  return status;
}

lmopt_status_t lmopt_artifact_open(const char *path, lmopt_artifact_t **out, lmopt_error_t *error) {
  lmopt_artifact_t *artifact = new_artifact(path);
  if (!artifact)
    return lmoptp_fail_memory(error, sizeof *artifact, "an artifact");
  struct stat info;
  lmopt_status_t status = map_file(path, &artifact->data, &info, error);
  if (!status) {
    artifact->mapped = true;
    artifact->size = (uint64_t)info.st_size;
    artifact->device = info.st_dev;
    artifact->inode = info.st_ino;
    status = read_parts(artifact, error);
  }
  if (status)
    lmopt_artifact_destroy(artifact);
  else
    *out = artifact;
  return status;
}

void lmopt_artifact_destroy(lmopt_artifact_t *artifact) {
  if (!artifact)
    return;
  if (artifact->mapped)
    munmap((void *)artifact->data, artifact->size);
  free(artifact->path);
  free(artifact);
}

lmopt_status_t lmopt_artifact_get_info(const lmopt_artifact_t *artifact, lmopt_artifact_info_t *info,
                                       lmopt_error_t *error) {
  const lmopt_note_t *note = &artifact->layout.note;
  lmopt_artifact_info_t own = {
      .abi_min = note->abi_min,
      .abi_max = note->abi_max,
      .meta_count = (uint32_t)artifact->meta_count,
      .isa = note->isa,
      .weight_bytes = note->weight_bytes,
      .file_bytes = artifact->size,
      .weights_file = artifact->weights_file[0] ? artifact->weights_file : NULL,
      .versions = artifact->layout.versions,
      .version = artifact->layout.version,
      .checked = artifact->checked,
      .device = note->device,
  };
  return lmoptp_write_info(info, &own, sizeof own, "lmopt_artifact_info_t", error);
}

const void *lmopt_artifact_meta(const lmopt_artifact_t *artifact, const char *name, size_t *size) {
  *size = 0;
  for (uint64_t i = 0; i < artifact->meta_count; ++i) {
    lmopt_meta_entry_t entry = entry_at(artifact, i);
    if (strcmp(entry.name, name) != 0)
      continue;
    *size = (size_t)entry.size;
    return artifact->data + artifact->layout.meta.offset + entry.offset;
  }
  return NULL;
}

const char *lmopt_artifact_meta_name(const lmopt_artifact_t *artifact, uint32_t index) {
  if (index >= artifact->meta_count)
    return NULL;
  const uint8_t *entries = artifact->data + artifact->layout.meta.offset + sizeof(lmopt_meta_header_t);
  return (const char *)entries + index * sizeof(lmopt_meta_entry_t) + offsetof(lmopt_meta_entry_t, name);
}

/*===--- Split-out weights ---===*/

// "dir/name" for the folder of `file`; NULL when there is no memory.
static char *path_beside(const char *file, const char *name) {
  const char *slash = strrchr(file, '/');
  size_t directory = slash ? (size_t)(slash - file) + 1 : 0;
  char *path = malloc(directory + strlen(name) + 1);
  if (path) {
    memcpy(path, file, directory);
    strcpy(path + directory, name);
  }
  return path;
}

// Beside the file itself, where the compiler put them, wherever links to it stand. Stores that keep every file under a
// name of their own have a folder of links to them instead: then beside the link.
static lmopt_status_t find_weights(const lmopt_artifact_t *artifact, char **path, lmopt_error_t *error) {
  char *real = realpath(artifact->path, NULL);
  if (!real)
    return fail_file(error, "find", artifact->path, errno);
  *path = path_beside(real, artifact->weights_file);
  free(real);
  char *linked = path_beside(artifact->path, artifact->weights_file);
  if (*path && linked && access(*path, F_OK) != 0 && access(linked, F_OK) == 0) {
    char *swap = *path;
    *path = linked;
    linked = swap;
  }
  free(linked);
  return *path ? LMOPT_OK : lmoptp_fail_memory(error, strlen(artifact->path), "a path");
}

static lmopt_status_t check_trailer(const lmopt_artifact_t *artifact, const char *path, const lmoptp_mapping_t *mapping,
                                    lmopt_error_t *error) {
  lmopt_weights_trailer_t trailer;
  uint64_t bytes = artifact->layout.note.weight_bytes;
  if (mapping->size < sizeof trailer || mapping->size - sizeof trailer != bytes)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED,
                       "%s has %llu bytes, but %s was compiled with %llu bytes of weights and a trailer of %zu", path,
                       (unsigned long long)mapping->size, artifact->path, (unsigned long long)bytes, sizeof trailer);
  memcpy(&trailer, (const uint8_t *)mapping->data + bytes, sizeof trailer);
  if (trailer.magic != LMOPT_WEIGHTS_MAGIC)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: its trailer has the magic 0x%llx, expected 0x%llx", path,
                       (unsigned long long)trailer.magic, (unsigned long long)LMOPT_WEIGHTS_MAGIC);
  if (trailer.checksum != artifact->weights_checksum)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED,
                       "%s holds the weights of another model than %s (checksum %016llx, expected %016llx); both files "
                       "must come from one compilation",
                       path, artifact->path, (unsigned long long)trailer.checksum,
                       (unsigned long long)artifact->weights_checksum);
  return LMOPT_OK;
}

static lmopt_status_t map_weights(const lmopt_artifact_t *artifact, const char *path, lmoptp_mapping_t *mapping,
                                  lmopt_error_t *error) {
  const uint8_t *data;
  struct stat info;
  lmopt_status_t status = map_file(path, &data, &info, error);
  if (status)
    return status;
  lmoptp_mapping_t mapped = {(void *)data, (uint64_t)info.st_size};
  status = check_trailer(artifact, path, &mapped, error);
  if (status)
    munmap(mapped.data, mapped.size);
  else
    *mapping = mapped;
  return status;
}

lmopt_status_t lmoptp_artifact_weights(const lmopt_artifact_t *artifact, const void **weights,
                                       lmoptp_mapping_t *mapping, lmopt_error_t *error) {
  *mapping = (lmoptp_mapping_t){0};
  *weights = artifact->data; // no weights at all: any aligned address will do
  if (artifact->layout.has_weights)
    *weights = artifact->data + artifact->layout.weights.offset;
  if (!artifact->weights_file[0])
    return LMOPT_OK;
  char *path = NULL;
  lmopt_status_t status = find_weights(artifact, &path, error);
  if (!status)
    status = map_weights(artifact, path, mapping, error);
  free(path);
  if (!status)
    *weights = mapping->data;
  return status;
}

lmopt_status_t lmopt_artifact_verify(const lmopt_artifact_t *artifact, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_artifact_check_abi(artifact, error);
  if (status)
    return status;
  const void *weights;
  lmoptp_mapping_t mapping;
  status = lmoptp_artifact_weights(artifact, &weights, &mapping, error);
  if (status)
    return status;
  status = lmoptp_artifact_check_weights(artifact, weights, error);
  if (mapping.data)
    munmap(mapping.data, mapping.size);
  return status;
}

/*===--- What may be used without the code ---===*/

lmopt_status_t lmopt_artifact_tokenizer(const lmopt_artifact_t *artifact, lmopt_tokenizer_t **out,
                                        lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_artifact_check_abi(artifact, error);
  if (status)
    return status;
  size_t size;
  const void *blob = lmopt_artifact_meta(artifact, "tokenizer", &size);
  if (!blob)
    return lmoptp_fail(
        error, LMOPT_ERROR_UNSUPPORTED,
        "%s carries no tokenizer: compile it from a source that has one (a GGUF file or a directory with "
        "tokenizer.json)",
        artifact->path);
  lmopt_error_t reason;
  status = lmopt_tokenizer_create(blob, size, out, &reason);
  if (status)
    lmoptp_fail(error, status, "%s: tokenizer: %s", artifact->path, reason.message);
  return status;
}

lmopt_status_t lmoptp_artifact_unchanged(const lmopt_artifact_t *artifact, lmopt_error_t *error) {
  struct stat info;
  if (stat(artifact->path, &info) == 0 && info.st_dev == artifact->device && info.st_ino == artifact->inode)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_RESOURCE, "%s was replaced while it was being opened; open it again",
                     artifact->path);
}
