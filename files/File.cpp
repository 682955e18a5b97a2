// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of files/File.h on POSIX calls. Every call that the system may interrupt or cut short is repeated.
#include "files/File.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lmopt;

std::string lmopt::printable(std::string_view text) {
  constexpr size_t limit = 80;
  std::string result = "'";
  for (unsigned char c : text.substr(0, limit)) {
    if (c >= 0x20 && c < 0x7f) {
      result += static_cast<char>(c);
    } else {
      char escape[5];
      std::snprintf(escape, sizeof(escape), "\\x%02x", c);
      result += escape;
    }
  }
  return result + (text.size() > limit ? "...'" : "'");
}

/// "PATH: cannot be opened: No such file or directory".
static Error systemError(const std::string &path, const char *action, int number) {
  return resourceError(path + ": cannot be " + action + ": " + std::strerror(number));
}

namespace {
/// A file descriptor that closes itself.
struct Descriptor {
  explicit Descriptor(int number) : number(number) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() {
    if (number >= 0)
      ::close(number);
  }
  int number;
};
} // namespace

/// Opens a regular file for reading and finds its size. O_NONBLOCK: a pipe under this name must not make us wait.
static Result<uint64_t> openForReading(const std::string &path, Descriptor &descriptor) {
  descriptor.number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor.number < 0)
    return systemError(path, "opened", errno);
  struct stat status;
  if (::fstat(descriptor.number, &status) != 0)
    return systemError(path, "examined", errno);
  if (!S_ISREG(status.st_mode))
    return resourceError(path + ": cannot be read: it is not a regular file");
  return static_cast<uint64_t>(status.st_size);
}

Result<MappedFile> MappedFile::open(const std::string &path) {
  Descriptor descriptor(-1);
  Result<uint64_t> size = openForReading(path, descriptor);
  if (!size)
    return size.error();
  if (*size == 0) // mmap refuses empty files
    return MappedFile("", 0);
  void *memory = ::mmap(nullptr, *size, PROT_READ, MAP_PRIVATE, descriptor.number, 0);
  if (memory == MAP_FAILED)
    return systemError(path, "mapped", errno);
  return MappedFile(static_cast<const char *>(memory), *size);
}

MappedFile::MappedFile(MappedFile &&other) noexcept : data(other.data), size(other.size) { other.size = 0; }

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(data, other.data);
  std::swap(size, other.size);
  return *this;
}

MappedFile::~MappedFile() {
  if (size)
    ::munmap(const_cast<char *>(data), size);
}

void MappedFile::release(std::string_view part) const {
  const uintptr_t page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(part.data()) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(part.data()) + part.size();
  if (!part.empty()) // pages of neighbours go as well, and come back when they are touched
    ::madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

Result<std::string> lmopt::readSmallFile(const std::string &path, uint64_t limit) {
  Descriptor descriptor(-1);
  Result<uint64_t> size = openForReading(path, descriptor);
  if (!size)
    return size.error();
  if (*size > limit)
    return malformed(path + ": the file has " + std::to_string(*size) + " bytes, at most " + std::to_string(limit) +
                     " are accepted for this kind of file");
  std::string contents(*size, '\0');
  size_t done = 0;
  while (done < contents.size()) {
    ssize_t count = ::read(descriptor.number, contents.data() + done, contents.size() - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(path, "read", errno);
    if (count == 0) // shortened meanwhile: what is there is what we parse
      contents.resize(done);
    done += count;
  }
  return contents;
}

bool lmopt::fileExists(const std::string &path) { return ::access(path.c_str(), F_OK) == 0; }

bool lmopt::isDirectory(const std::string &path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}
