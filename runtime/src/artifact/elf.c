/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Finds the parts of an artifact in the bytes of an ELF file.
 * In: any bytes. Out: the checked ranges of .lmopt.weights, .lmopt.meta and .lmopt.checksums and the contents of
 * .note.lmopt, or an error that names the field at fault. Every number of the file is compared with the size of the
 * file before it is used; nothing is allocated; time is bounded by the number of sections (65535 at most). Source:
 * ELF-64 object file format; the note's layout is in abi.h. Tested by test/unit/runtime, fuzzed by fuzz-artifact.
 */
#include "runtime/src/artifact/artifact.h"

#include <elf.h>
#include <string.h>

// All that the checks below need; passed along so that messages can name the file.
typedef struct {
  const uint8_t *data;
  uint64_t size;
  const char *path;
  Elf64_Ehdr header;
  lmoptp_range_t names;
  lmopt_error_t *error;
} elf_t;

#define MALFORMED(elf, ...) lmoptp_fail((elf)->error, LMOPT_ERROR_MALFORMED, __VA_ARGS__)

static bool inside(const elf_t *elf, uint64_t offset, uint64_t size) {
  return offset <= elf->size && size <= elf->size - offset;
}

static lmopt_status_t read_header(elf_t *elf) {
  if (elf->size < sizeof elf->header)
    return MALFORMED(elf, "%s: not an lmopt artifact: %llu bytes, an ELF header alone has %zu", elf->path,
                     (unsigned long long)elf->size, sizeof elf->header);
  memcpy(&elf->header, elf->data, sizeof elf->header);
  const unsigned char *ident = elf->header.e_ident;
  if (memcmp(ident, ELFMAG, SELFMAG) != 0)
    return MALFORMED(elf, "%s: not an lmopt artifact: it does not begin as an ELF file", elf->path);
  if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB || elf->header.e_type != ET_DYN)
    return MALFORMED(elf, "%s: not an lmopt artifact: expected a 64-bit little-endian ELF shared library", elf->path);
  if (elf->header.e_shentsize != sizeof(Elf64_Shdr))
    return MALFORMED(elf, "%s: ELF header: e_shentsize is %u, expected %zu", elf->path, elf->header.e_shentsize,
                     sizeof(Elf64_Shdr));
  if (!inside(elf, elf->header.e_shoff, (uint64_t)elf->header.e_shnum * sizeof(Elf64_Shdr)))
    return MALFORMED(
        elf, "%s: ELF header: %u section headers at offset %llu end beyond the file (%llu bytes); is it truncated?",
        elf->path, elf->header.e_shnum, (unsigned long long)elf->header.e_shoff, (unsigned long long)elf->size);
  return LMOPT_OK;
}

// What the dynamic loader maps must exist: it would take a bus error for a segment beyond the end of the file.
static lmopt_status_t check_segments(const elf_t *elf) {
  const Elf64_Ehdr *header = &elf->header;
  if (header->e_phentsize != sizeof(Elf64_Phdr) ||
      !inside(elf, header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr)))
    return MALFORMED(elf, "%s: ELF header: %u program headers of %u bytes at offset %llu are not inside the file",
                     elf->path, header->e_phnum, header->e_phentsize, (unsigned long long)header->e_phoff);
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    Elf64_Phdr segment;
    memcpy(&segment, elf->data + header->e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type != PT_NULL && !inside(elf, segment.p_offset, segment.p_filesz))
      return MALFORMED(elf, "%s: program header %u: offset %llu + size %llu is beyond the file (%llu bytes)", elf->path,
                       i, (unsigned long long)segment.p_offset, (unsigned long long)segment.p_filesz,
                       (unsigned long long)elf->size);
  }
  return LMOPT_OK;
}

static Elf64_Shdr section_at(const elf_t *elf, unsigned index) {
  Elf64_Shdr section;
  memcpy(&section, elf->data + elf->header.e_shoff + index * sizeof section, sizeof section);
  return section;
}

static lmopt_status_t read_names(elf_t *elf) {
  unsigned index = elf->header.e_shstrndx;
  if (index >= elf->header.e_shnum)
    return MALFORMED(elf, "%s: ELF header: e_shstrndx is %u of %u sections", elf->path, index, elf->header.e_shnum);
  Elf64_Shdr section = section_at(elf, index);
  if (section.sh_type != SHT_STRTAB || !inside(elf, section.sh_offset, section.sh_size))
    return MALFORMED(elf, "%s: section %u (names): not a string table inside the file", elf->path, index);
  elf->names = (lmoptp_range_t){section.sh_offset, section.sh_size};
  return LMOPT_OK;
}

static bool is_named(const elf_t *elf, const Elf64_Shdr *section, const char *name) {
  uint64_t length = strlen(name) + 1;
  return section->sh_name <= elf->names.size && length <= elf->names.size - section->sh_name &&
         memcmp(elf->data + elf->names.offset + section->sh_name, name, length) == 0;
}

// Finds a section by name: *found tells whether it is there; twice is an error.
static lmopt_status_t find_section(const elf_t *elf, const char *name, lmoptp_range_t *range, bool *found) {
  *found = false;
  for (unsigned i = 0; i < elf->header.e_shnum; ++i) {
    Elf64_Shdr section = section_at(elf, i);
    if (!is_named(elf, &section, name))
      continue;
    if (*found)
      return MALFORMED(elf, "%s: section %s stands twice", elf->path, name);
    if (section.sh_type == SHT_NOBITS || section.sh_type == SHT_NULL ||
        !inside(elf, section.sh_offset, section.sh_size))
      return MALFORMED(elf, "%s: section %s: offset %llu + size %llu is not inside the file (%llu bytes)", elf->path,
                       name, (unsigned long long)section.sh_offset, (unsigned long long)section.sh_size,
                       (unsigned long long)elf->size);
    *range = (lmoptp_range_t){section.sh_offset, section.sh_size};
    *found = true;
  }
  return LMOPT_OK;
}

// Versions of the code share everything but the features they need.
static lmopt_status_t check_note(const elf_t *elf, const lmopt_note_t *note, const lmopt_note_t *first) {
  if (note->magic != LMOPT_NOTE_MAGIC)
    return MALFORMED(elf, "%s: section .note.lmopt: magic is 0x%llx, expected 0x%llx", elf->path,
                     (unsigned long long)note->magic, (unsigned long long)LMOPT_NOTE_MAGIC);
  if (note->abi_min > note->abi_max)
    return MALFORMED(elf, "%s: section .note.lmopt: ABI range %u..%u is empty", elf->path, note->abi_min,
                     note->abi_max);
  if (note->abi_min != first->abi_min || note->abi_max != first->abi_max || note->weight_bytes != first->weight_bytes ||
      note->device != first->device)
    return MALFORMED(elf, "%s: section .note.lmopt: its notes differ in ABI, device or size of the weights", elf->path);
  return LMOPT_OK;
}

static lmopt_status_t add_note(const elf_t *elf, const uint8_t *data, lmoptp_layout_t *layout) {
  if (layout->versions == LMOPT_MAX_VERSIONS)
    return MALFORMED(elf, "%s: section .note.lmopt: more than %d versions of the code", elf->path, LMOPT_MAX_VERSIONS);
  lmopt_note_t *note = &layout->notes[layout->versions++];
  memcpy(note, data, sizeof *note);
  return check_note(elf, note, &layout->notes[0]);
}

// All notes of owner "lmopt" and our type; names and descriptions are padded to 4 bytes.
static lmopt_status_t read_notes(const elf_t *elf, lmoptp_range_t range, lmoptp_layout_t *layout) {
  static const char owner[] = "lmopt";
  uint64_t at = range.offset, end = range.offset + range.size;
  while (end - at >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr header;
    memcpy(&header, elf->data + at, sizeof header);
    at += sizeof header;
    uint64_t name_size = lmoptp_round_up(header.n_namesz, 4), size = lmoptp_round_up(header.n_descsz, 4);
    if (name_size > end - at || size > end - at - name_size)
      return MALFORMED(elf, "%s: section .note.lmopt: name of %u and contents of %u bytes are beyond its end",
                       elf->path, header.n_namesz, header.n_descsz);
    if (header.n_type == LMOPT_NOTE_TYPE && header.n_namesz == sizeof owner &&
        memcmp(elf->data + at, owner, sizeof owner) == 0) {
      if (header.n_descsz < sizeof(lmopt_note_t))
        return MALFORMED(elf, "%s: section .note.lmopt: %u bytes, expected %zu", elf->path, header.n_descsz,
                         sizeof(lmopt_note_t));
      lmopt_status_t status = add_note(elf, elf->data + at + name_size, layout);
      if (status)
        return status;
    }
    at += name_size + size;
  }
  if (layout->versions > 0)
    return LMOPT_OK;
  return MALFORMED(elf, "%s: section .note.lmopt: no note of owner \"lmopt\" and type 0x%x", elf->path,
                   LMOPT_NOTE_TYPE);
}

void lmoptp_choose_version(lmoptp_layout_t *layout, uint64_t isa) {
  layout->version = 0;
  for (uint32_t i = 0; i < layout->versions; ++i)
    if (!(layout->notes[i].isa & ~isa))
      layout->version = i;
  layout->note = layout->notes[layout->version];
}

// Weights are used in place, so they must lie on a page; their size is said twice and must agree.
static lmopt_status_t check_weights(const elf_t *elf, const lmoptp_layout_t *layout) {
  if (!layout->has_weights)
    return LMOPT_OK;
  if (layout->weights.offset % 4096 != 0)
    return MALFORMED(elf, "%s: section .lmopt.weights: offset %llu is not a multiple of 4096", elf->path,
                     (unsigned long long)layout->weights.offset);
  if (layout->weights.size != layout->note.weight_bytes)
    return MALFORMED(elf, "%s: section .lmopt.weights has %llu bytes, its note says %llu", elf->path,
                     (unsigned long long)layout->weights.size, (unsigned long long)layout->note.weight_bytes);
  return LMOPT_OK;
}

lmopt_status_t lmoptp_elf_layout(const uint8_t *data, uint64_t size, const char *path, lmoptp_layout_t *layout,
                                 lmopt_error_t *error) {
  elf_t elf = {.data = data, .size = size, .path = path, .error = error};
  lmopt_status_t status;
  if ((status = read_header(&elf)) || (status = check_segments(&elf)) || (status = read_names(&elf)))
    return status;
  memset(layout, 0, sizeof *layout);
  layout->machine = elf.header.e_machine;
  lmoptp_range_t note;
  bool has_note, has_meta;
  if ((status = find_section(&elf, ".note.lmopt", &note, &has_note)) ||
      (status = find_section(&elf, ".lmopt.meta", &layout->meta, &has_meta)) ||
      (status = find_section(&elf, ".lmopt.weights", &layout->weights, &layout->has_weights)) ||
      (status = find_section(&elf, ".lmopt.checksums", &layout->checksums, &layout->has_checksums)))
    return status;
  if (!has_note)
    return MALFORMED(&elf, "%s: not an lmopt artifact: a shared library without section .note.lmopt", path);
  if (!has_meta)
    return MALFORMED(&elf, "%s: section .lmopt.meta is missing", path);
  if ((status = read_notes(&elf, note, layout)))
    return status;
  lmoptp_choose_version(layout, lmopt_cpu_isa());
  return check_weights(&elf, layout);
}
