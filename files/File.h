// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files as the front ends read them: a file mapped read-only, and a small file read whole under a limit. Files are
// written through files/AtomicFile.h.
//
// In: paths. Out: bytes, or an Error with exit code 5 for what the system refuses (missing, no permission).
// Relies on: nobody shortening a mapped file while it is read (the kernel then ends the program).
// Tested by test/unit/files/FileTest.cpp.
#ifndef LMOPT_FILES_FILE_H
#define LMOPT_FILES_FILE_H

#include "files/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lmopt {

/// A text for error messages: quoted, control characters and bytes beyond ASCII as \xNN, cut after 80 characters, so
/// that a hostile name cannot write to a terminal or fill a log.
std::string printable(std::string_view text);

/// The contents of a file, mapped read-only; nothing is read before it is touched.
class MappedFile {
public:
  static Result<MappedFile> open(const std::string &path);

  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  std::string_view bytes() const { return {data, size}; }

  /// Says that a part of bytes() has been read: its pages no longer count as memory of this process. Who looks at it
  /// again finds the same. Files of several gigabytes are read like this, piece by piece.
  void release(std::string_view part) const;

private:
  MappedFile(const char *data, size_t size) : data(data), size(size) {}

  const char *data;
  size_t size;
};

/// Reads a small file whole; a file larger than `limit` is malformed (exit code 3).
Result<std::string> readSmallFile(const std::string &path, uint64_t limit);

/// Whether something exists at `path` (anything: only the front ends' choice between files depends on it).
bool fileExists(const std::string &path);
bool isDirectory(const std::string &path);

} // namespace lmopt

#endif // LMOPT_FILES_FILE_H
