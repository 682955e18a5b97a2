// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sections behind an ELF file, and its checksums; see SectionAppender.h.
#include "codegen/link/SectionAppender.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

namespace lmopt::link {

struct SectionAppender::SectionTable {
  Elf64_Ehdr header;
  std::vector<Elf64_Shdr> entries;
  std::string names;
};

SectionAppender::~SectionAppender() {
  if (descriptor >= 0)
    ::close(descriptor);
}

bool SectionAppender::fail(const char *what, std::string &error) {
  error = std::string("cannot ") + what + " '" + path + "': " + std::strerror(errno);
  return false;
}

bool SectionAppender::open(const std::string &file, std::string &error) {
  path = file;
  descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0)
    return fail("open", error);
  off_t end = ::lseek(descriptor, 0, SEEK_END);
  if (end < 0)
    return fail("seek in", error);
  position = end;
  return true;
}

bool SectionAppender::read(void *data, uint64_t size, uint64_t offset, std::string &error) {
  char *to = static_cast<char *>(data);
  while (size > 0) {
    ssize_t count = ::pread(descriptor, to, size, offset);
    if (count < 0 && errno == EINTR)
      continue;
    if (count == 0)
      errno = ENODATA; // shorter than its headers say
    if (count <= 0)
      return fail("read", error);
    to += count;
    size -= count;
    offset += count;
  }
  return true;
}

bool SectionAppender::write(const void *data, uint64_t size, std::string &error) {
  if (inSections)
    lmoptp_checksum_add(&sections.back().sum, data, size);
  const char *from = static_cast<const char *>(data);
  while (size > 0) {
    ssize_t written = ::pwrite(descriptor, from, size, position);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return fail("write", error);
    from += written;
    size -= written;
    position += written;
  }
  return true;
}

static bool writeZeros(SectionAppender &appender, uint64_t count, std::string &error) {
  static const char zeros[4096] = {};
  for (; count > 0; count -= std::min<uint64_t>(count, sizeof(zeros)))
    if (!appender.write(zeros, std::min<uint64_t>(count, sizeof(zeros)), error))
      return false;
  return true;
}

bool SectionAppender::begin(const std::string &name, std::string &error) {
  if (!writeZeros(*this, -position & 4095, error))
    return false;
  sections.push_back({name, position, 0});
  lmoptp_checksum_begin(&sections.back().sum);
  inSections = true;
  return true;
}

bool SectionAppender::padTo(uint64_t sectionOffset, std::string &error) {
  return writeZeros(*this, sections.back().offset + sectionOffset - position, error);
}

void SectionAppender::end() { sections.back().size = position - sections.back().offset; }

bool SectionAppender::closeFile(std::string &error) {
  int closed = ::close(descriptor);
  descriptor = -1;
  return closed == 0 || fail("close", error);
}

bool SectionAppender::finishWeights(uint64_t &checksum, std::string &error) {
  inSections = false;
  checksum = lmoptp_checksum_end(&sections.back().sum);
  lmopt_weights_trailer_t trailer = {LMOPT_WEIGHTS_MAGIC, checksum};
  return write(&trailer, sizeof(trailer), error) && closeFile(error);
}

//===----------------------------------------------------------------------===//
// Section headers
//===----------------------------------------------------------------------===//

bool SectionAppender::readTable(SectionTable &table, std::string &error) {
  Elf64_Ehdr &header = table.header;
  bool elf = position >= sizeof(header);
  if (elf && !read(&header, sizeof(header), 0, error))
    return false;
  if (!elf || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_shstrndx >= header.e_shnum) {
    error = "'" + path + "' is no ELF file with named sections";
    return false;
  }
  table.entries.resize(header.e_shnum);
  if (!read(table.entries.data(), table.entries.size() * sizeof(Elf64_Shdr), header.e_shoff, error))
    return false;
  const Elf64_Shdr &names = table.entries[header.e_shstrndx];
  table.names.resize(names.sh_size);
  return read(table.names.data(), table.names.size(), names.sh_offset, error);
}

void SectionAppender::addSection(SectionTable &table, const std::string &name, uint64_t offset, uint64_t size) const {
  Elf64_Shdr entry = {};
  entry.sh_name = table.names.size();
  entry.sh_type = SHT_PROGBITS;
  entry.sh_offset = offset;
  entry.sh_size = size;
  entry.sh_addralign = 4096;
  table.names += name + '\0';
  table.entries.push_back(entry);
}

// Writes names and headers at the end of the file, and the ELF header that tells where they are. The section of the
// checksums, which follows, is the last entry.
bool SectionAppender::writeTable(SectionTable &table, std::string &error) {
  Elf64_Ehdr &header = table.header;
  if (!write(table.names.data(), table.names.size(), error) || !writeZeros(*this, header.e_shoff - position, error) ||
      !write(table.entries.data(), table.entries.size() * sizeof(Elf64_Shdr), error))
    return false;
  return ::pwrite(descriptor, &header, sizeof(header), 0) == sizeof(header) || fail("write", error);
}

//===----------------------------------------------------------------------===//
// Checksums
//===----------------------------------------------------------------------===//

// What lies between the beginnings of two sections belongs to the first of them, so no byte is left out.
std::vector<lmopt_checksum_t> SectionAppender::listParts(const SectionTable &table) const {
  std::map<uint64_t, std::string> begins = {{0, "ELF header and program headers"},
                                            {table.header.e_shoff, "section headers"}};
  for (const Elf64_Shdr &entry : table.entries)
    if (entry.sh_type != SHT_NULL && entry.sh_type != SHT_NOBITS && entry.sh_size > 0)
      begins.emplace(entry.sh_offset, table.names.c_str() + entry.sh_name);
  std::vector<lmopt_checksum_t> parts;
  for (auto begin = begins.begin(); begin != begins.end(); ++begin) {
    lmopt_checksum_t part = {};
    std::memcpy(part.name, begin->second.data(), std::min(begin->second.size(), sizeof(part.name) - 1));
    part.offset = begin->first;
    if (!parts.empty())
      parts.back().size = part.offset - parts.back().offset;
    parts.push_back(part);
  }
  parts.back().size = table.header.e_shnum * sizeof(Elf64_Shdr);
  return parts;
}

bool SectionAppender::sumPart(lmopt_checksum_t &part, std::string &error) {
  for (const Section &section : sections)
    if (section.offset == part.offset && section.sum.size == part.size) {
      part.checksum = lmoptp_checksum_end(&section.sum);
      return true;
    }
  lmoptp_checksum_t sum;
  lmoptp_checksum_begin(&sum);
  std::vector<char> block(1 << 16);
  for (uint64_t done = 0; done < part.size;) {
    uint64_t count = std::min<uint64_t>(block.size(), part.size - done);
    if (!read(block.data(), count, part.offset + done, error))
      return false;
    lmoptp_checksum_add(&sum, block.data(), count);
    done += count;
  }
  part.checksum = lmoptp_checksum_end(&sum);
  return true;
}

bool SectionAppender::writeChecksums(std::vector<lmopt_checksum_t> parts, uint64_t splitWeights, std::string &error) {
  for (lmopt_checksum_t &part : parts)
    if (!sumPart(part, error))
      return false;
  lmopt_checksums_header_t header = {LMOPT_CHECKSUMS_MAGIC, parts.size(), splitWeights, 0};
  lmoptp_checksum_t self;
  lmoptp_checksum_begin(&self);
  lmoptp_checksum_add(&self, &header, sizeof(header));
  lmoptp_checksum_add(&self, parts.data(), parts.size() * sizeof(lmopt_checksum_t));
  header.self = lmoptp_checksum_end(&self);
  return write(&header, sizeof(header), error) && write(parts.data(), parts.size() * sizeof(lmopt_checksum_t), error);
}

bool SectionAppender::finish(uint64_t splitWeights, std::string &error) {
  inSections = false;
  SectionTable table;
  if (!readTable(table, error))
    return false;
  for (const Section &section : sections)
    addSection(table, section.name, section.offset, section.size);
  addSection(table, ".lmopt.checksums", 0, 0); // where it lies and how long it is comes out of all the others
  Elf64_Ehdr &header = table.header;
  Elf64_Shdr &names = table.entries[header.e_shstrndx];
  names.sh_offset = position;
  names.sh_size = table.names.size();
  header.e_shoff = (position + table.names.size() + 7) / 8 * 8;
  header.e_shnum = table.entries.size();
  std::vector<lmopt_checksum_t> parts = listParts(table);
  Elf64_Shdr &checksums = table.entries.back();
  checksums.sh_offset = parts.back().offset + parts.back().size;
  checksums.sh_size = sizeof(lmopt_checksums_header_t) + parts.size() * sizeof(lmopt_checksum_t);
  checksums.sh_addralign = 8;
  return writeTable(table, error) && writeChecksums(std::move(parts), splitWeights, error) && closeFile(error);
}

} // namespace lmopt::link
