// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One call that makes every pass and recipe of lmopt known to MLIR's pass registry.
//
// In: nothing. Out: passes by their flags (`lm-rotate`) and recipes as pipelines (`lm-recipe-int8`).
// The body is generated from the folders under passes/ (cmake/LmoptTechnique.cmake), so that tools never list passes.
// Tested by test/unit/passes/RecipesTest.cpp and by every test in test/passes.
#ifndef LMOPT_PASSES_ALLPASSES_H
#define LMOPT_PASSES_ALLPASSES_H

namespace lmopt {

/// Safe to call once per process; the registry is global.
void registerAllPasses();

} // namespace lmopt

#endif // LMOPT_PASSES_ALLPASSES_H
