// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout of trees of words. Tested by test/codegen/ptx/layouts.mlir and test/unit/codegen/ptx/TreeLogitsTest.cpp.

#ifndef LMOPT_CODEGEN_PTX_RANKING_RANKING_TD
#define LMOPT_CODEGEN_PTX_RANKING_RANKING_TD

include "codegen/ptx/PtxDialect.td"
include "dialects/lm/LmAttributes.td"

def Ptx_WordTreeAttr : Ptx_Layout<"WordTree", "word_tree"> {
  let summary = "the way to each word of a tree";
  let description = [{
    `#ptx.word_tree<#lm.word_tree<left = [4, 1], right = [0, 2]>>`: there are no params, the attribute says all. The
    picture is codegen/cpu/ranking/WordTree.h.
  }];
  let parameters = (ins "::lmopt::lm::WordTreeAttr":$tree);
  let assemblyFormat = "`<` qualified($tree) `>`";
}

#endif // LMOPT_CODEGEN_PTX_RANKING_RANKING_TD
