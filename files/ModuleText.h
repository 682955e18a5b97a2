// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a text must be before MLIR's parser may see it. That parser (and what prints and walks its attributes) recurses
// without a limit and expands aliases, so a few kilobytes from a stranger could end the process or fill its memory.
//
// In: the text of a module. Out: nothing, or an Error (exit code 3) with file, line, what was found, and what to do.
// The bounds, far above any module of lmopt (whose texts are less than ten brackets deep):
//   - brackets and aliases together at most 256 deep; an alias counts as deep as what it stands for
//   - aliases add at most 16 MiB to the text when each is written out (#b = [#a, #a], #c = [#b, #b], ... doubles)
//   - at most 256 minus signs in a row (of affine expressions)
//   - numbers of at most 256 characters, integer types of at most 128 bits (their memory is bits times elements)
// ModuleSource::Stranger also refuses what no module of lmopt holds and what the parser is weak at: affine maps and
// sets (their operators recurse without brackets), resource sections, bytecode (whose reader trusts its input). Cost:
// one pass over the text, 200 MB/s. Tested by test/unit/files/ModuleTextTest.cpp, test/tools/lmopt/nested.sh, and
// fuzz-lm-mlir.
#ifndef LMOPT_FILES_MODULETEXT_H
#define LMOPT_FILES_MODULETEXT_H

#include "files/Status.h"

#include <string>
#include <string_view>

namespace lmopt {

enum class ModuleSource {
  Stranger, ///< import, inspect, compile: anything may come
  Engineer, ///< lmopt-opt, lmopt-reduce: any IR is welcome, a crash is not
};

Result<void> checkModuleText(std::string_view text, const std::string &path, ModuleSource source);

} // namespace lmopt

#endif // LMOPT_FILES_MODULETEXT_H
