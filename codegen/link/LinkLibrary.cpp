// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lld in-process and the sections behind its output; see LinkLibrary.h.
#include "codegen/link/LinkLibrary.h"

#include "lmopt/abi.h"

#include "lld/Common/Driver.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

LLD_HAS_DRIVER(elf)

namespace lmopt::link {

bool linkSharedLibrary(const std::vector<std::string> &objectFiles, const std::string &libraryFile,
                       std::string &error) {
  // -z now: symbols are bound at load, nothing is written later. No build id, no paths: the same inputs give the same
  // bytes. Local symbols stay: profilers and debuggers then show kernels by name.
  std::vector<const char *> arguments = {"ld.lld",
                                         "-shared",
                                         "-z",
                                         "now",
                                         "-z",
                                         "noexecstack",
                                         "-z",
                                         "relro",
                                         "-z",
                                         "max-page-size=4096",
                                         "--hash-style=gnu",
                                         "--build-id=none",
                                         "-o",
                                         libraryFile.c_str()};
  for (const std::string &file : objectFiles)
    arguments.push_back(file.c_str());
  llvm::raw_string_ostream messages(error);
  lld::Result result = lld::lldMain(arguments, llvm::nulls(), messages, {{lld::Gnu, &lld::elf::link}});
  return result.retCode == 0;
}

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

bool SectionAppender::write(const void *data, uint64_t size, std::string &error) {
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
  return true;
}

bool SectionAppender::padTo(uint64_t sectionOffset, std::string &error) {
  return writeZeros(*this, sections.back().offset + sectionOffset - position, error);
}

void SectionAppender::end() { sections.back().size = position - sections.back().offset; }

bool SectionAppender::finish(std::string &error) {
  namespace elf = llvm::ELF;
  elf::Elf64_Ehdr header;
  if (::pread(descriptor, &header, sizeof(header), 0) != sizeof(header))
    return fail("read", error);
  if (std::memcmp(header.e_ident, elf::ElfMagic, 4) != 0 || header.e_shstrndx >= header.e_shnum) {
    error = "'" + path + "' is no ELF file with named sections";
    return false;
  }
  std::vector<elf::Elf64_Shdr> table(header.e_shnum);
  ssize_t bytes = table.size() * sizeof(elf::Elf64_Shdr);
  if (::pread(descriptor, table.data(), bytes, header.e_shoff) != bytes)
    return fail("read", error);
  elf::Elf64_Shdr &names = table[header.e_shstrndx];
  std::string text(names.sh_size, '\0');
  if (::pread(descriptor, text.data(), text.size(), names.sh_offset) != static_cast<ssize_t>(text.size()))
    return fail("read", error);
  for (const Section &section : sections) {
    elf::Elf64_Shdr entry = {};
    entry.sh_name = text.size();
    entry.sh_type = elf::SHT_PROGBITS;
    entry.sh_offset = section.offset;
    entry.sh_size = section.size;
    entry.sh_addralign = 4096;
    text += section.name + '\0';
    table.push_back(entry);
  }
  // push_back may have moved the table: `names` is looked up anew.
  table[header.e_shstrndx].sh_offset = position;
  table[header.e_shstrndx].sh_size = text.size();
  if (!write(text.data(), text.size(), error) || !writeZeros(*this, -position & 7, error))
    return false;
  header.e_shoff = position;
  header.e_shnum = table.size();
  if (!write(table.data(), table.size() * sizeof(elf::Elf64_Shdr), error))
    return false;
  if (::pwrite(descriptor, &header, sizeof(header), 0) != sizeof(header))
    return fail("write", error);
  return sync(error);
}

bool SectionAppender::sync(std::string &error) {
  if (::fsync(descriptor) != 0)
    return fail("write", error);
  int closed = ::close(descriptor);
  descriptor = -1;
  return closed == 0 || fail("close", error);
}

std::string makeMeta(const std::map<std::string, std::string> &blobs) {
  lmopt_meta_header_t header = {LMOPT_META_MAGIC, blobs.size()};
  std::string out(reinterpret_cast<const char *>(&header), sizeof(header));
  // Blobs start on multiples of 64: readers may use their integers in place.
  uint64_t offset = (sizeof(header) + blobs.size() * sizeof(lmopt_meta_entry_t) + 63) / 64 * 64;
  for (const auto &[name, bytes] : blobs) {
    lmopt_meta_entry_t entry = {};
    std::memcpy(entry.name, name.data(), std::min(name.size(), sizeof(entry.name) - 1));
    entry.offset = offset;
    entry.size = bytes.size();
    out.append(reinterpret_cast<const char *>(&entry), sizeof(entry));
    offset = (offset + bytes.size() + 63) / 64 * 64;
  }
  for (const auto &[name, bytes] : blobs) {
    out.resize((out.size() + 63) / 64 * 64, '\0');
    out += bytes;
  }
  return out;
}

} // namespace lmopt::link
