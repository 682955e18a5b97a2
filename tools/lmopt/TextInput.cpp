// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files and standard input as text. See TextInput.h.
#include "tools/lmopt/TextInput.h"
#include "tools/lmopt/Context.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <sys/types.h>

namespace lmopt::driver {

using Stream = std::unique_ptr<std::FILE, int (*)(std::FILE *)>;

static int leaveOpen(std::FILE *) { return 0; } // standard input is not ours

static Stream openText(const std::string &path) {
  return path == "-" ? Stream(stdin, leaveOpen) : Stream(std::fopen(path.c_str(), "rb"), std::fclose);
}

static Error readError(const std::string &path) {
  if (errno == EINTR) // only the signals that ask lmopt to stop interrupt a read
    return interruption();
  std::string name = path == "-" ? "standard input" : "'" + path + "'";
  return resourceError("cannot read " + name + ": " + std::strerror(errno));
}

Result<std::string> readFile(const std::string &path) {
  Stream file = openText(path);
  if (!file)
    return readError(path);
  std::string text;
  char block[1 << 16];
  size_t size;
  do {
    size = std::fread(block, 1, sizeof block, file.get());
    text.append(block, size);
  } while (size == sizeof block);
  if (std::ferror(file.get()))
    return readError(path);
  return text;
}

Result<LineReader> LineReader::open(const std::string &path) {
  Stream stream = openText(path);
  if (!stream)
    return readError(path);
  return LineReader(path, std::move(stream));
}

Result<bool> LineReader::next(std::string &line) {
  char *bytes = nullptr;
  size_t room = 0;
  ssize_t size = ::getline(&bytes, &room, stream.get());
  std::unique_ptr<char, void (*)(void *)> owner(bytes, std::free);
  if (size < 0)
    return std::ferror(stream.get()) ? Result<bool>(readError(path)) : Result<bool>(false);
  line.assign(bytes, static_cast<size_t>(size));
  if (line.back() == '\n')
    line.pop_back();
  if (!line.empty() && line.back() == '\r')
    line.pop_back();
  if (first && line.compare(0, 3, "\xEF\xBB\xBF") == 0)
    line.erase(0, 3);
  first = false;
  return true;
}

Result<void> forEachText(const std::vector<std::string> &texts, const std::string &file,
                         const std::function<Result<void>(const std::string &text)> &take) {
  for (const std::string &text : texts)
    if (Result<void> taken = take(text); !taken.ok())
      return taken;
  if (file.empty())
    return {};
  Result<LineReader> lines = LineReader::open(file);
  if (!lines.ok())
    return lines.error();
  for (std::string text;;) {
    Result<bool> more = lines->next(text);
    if (!more.ok() || !*more)
      return more.ok() ? Result<void>() : more.error();
    if (Result<void> taken = take(text); !taken.ok())
      return taken;
  }
}

} // namespace lmopt::driver
