// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of architectures; see Target.h.
#include "codegen/ptx/Target.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

namespace lmopt::nvptx {

static const std::vector<Target> &architectures() {
  static const std::vector<Target> table = {{"sm_80", 71}, {"sm_90a", 84}};
  return table;
}

bool makeTargets(const std::string &text, std::vector<Target> &targets, std::string &error) {
  auto [name, list] = llvm::StringRef(text).split(':');
  bool isList = text.find(':') != std::string::npos;
  if (name != "nvptx") {
    error = "'" + text + "': expected nvptx, or nvptx:sm_80,sm_90a";
    return false;
  }
  targets.clear();
  if (!isList) {
    targets = architectures();
    return true;
  }
  llvm::SmallVector<llvm::StringRef> chips;
  list.split(chips, ',');
  for (llvm::StringRef chip : chips) {
    auto isIt = [&](const Target &target) { return target.chip == chip; };
    auto found = llvm::find_if(architectures(), isIt);
    if (found == architectures().end() || llvm::any_of(targets, isIt)) {
      error = "'" + text + "': '" + chip.str() +
              "' is no architecture, or is there twice; there are sm_80 (runs on all from 8.0 on) and sm_90a (9.0)";
      return false;
    }
    targets.push_back(*found);
  }
  return true;
}

} // namespace lmopt::nvptx
