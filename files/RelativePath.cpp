// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of files/RelativePath.h. Tested by test/unit/files/FileTest.cpp.
#include "files/RelativePath.h"

using namespace lmopt;

std::optional<std::string> lmopt::pathInside(std::string_view path) {
  // A backslash separates folders where the file may have been written; here it would be part of a name.
  if (path.find('\0') != path.npos || path.find('\\') != path.npos || path.substr(0, 1) == "/")
    return std::nullopt;
  std::string result;
  while (!path.empty()) {
    std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size() + (part.size() < path.size()));
    if (part == "..")
      return std::nullopt;
    if (!part.empty() && part != ".")
      result += (result.empty() ? "" : "/") + std::string(part);
  }
  return result;
}
