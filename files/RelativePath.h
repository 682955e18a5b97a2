// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Paths that a file of a checkpoint gives for another one: the folder of a module, the file of a shard.
//
// In: text from a stranger. Out: the path in its shortest spelling ("./a//b/" is "a/b"), or nothing when it could lead
// out of the directory. Links inside the directory are the user's own. Tested by test/unit/files/FileTest.cpp.
#ifndef LMOPT_FILES_RELATIVEPATH_H
#define LMOPT_FILES_RELATIVEPATH_H

#include <optional>
#include <string>
#include <string_view>

namespace lmopt {

/// Empty text stands for the directory itself and gives "".
std::optional<std::string> pathInside(std::string_view path);

} // namespace lmopt

#endif // LMOPT_FILES_RELATIVEPATH_H
