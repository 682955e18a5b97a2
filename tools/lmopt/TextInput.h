// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text that a user hands to a command: a whole file, or a file of lines. Every option that names such a file takes `-`
// for standard input.
//
// In: a path or "-". Out: bytes. A file that is one text is taken byte for byte. In a file of lines the line breaks (LF
// or CRLF) and a byte order mark at the beginning belong to the file, not to its texts. Interrupted reads end as the
// user asked. Tested by test/unit/tools/TextInputTest.cpp and test/tools/lmopt/input.sh.
#ifndef LMOPT_TOOLS_LMOPT_TEXTINPUT_H
#define LMOPT_TOOLS_LMOPT_TEXTINPUT_H

#include "files/Status.h"

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lmopt::driver {

/// All of a file. A directory, or a file that cannot be read, is an error with the system's reason.
Result<std::string> readFile(const std::string &path);

class LineReader {
public:
  static Result<LineReader> open(const std::string &path);

  /// Fetches the next line without its break; false at the end. A last line needs no break.
  Result<bool> next(std::string &line);

private:
  using Stream = std::unique_ptr<std::FILE, int (*)(std::FILE *)>;

  LineReader(std::string path, Stream stream) : path(std::move(path)), stream(std::move(stream)) {}

  std::string path;
  Stream stream;
  bool first = true;
};

/// Hands on the texts, then the lines of the file where one is named, until one is refused.
Result<void> forEachText(const std::vector<std::string> &texts, const std::string &file,
                         const std::function<Result<void>(const std::string &text)> &take);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_TEXTINPUT_H
