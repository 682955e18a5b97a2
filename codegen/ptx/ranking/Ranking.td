// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layouts of trees and classes of words, and of what lm.top_linear knows of its preview. Tested by
// test/codegen/ptx/layouts.mlir, test/unit/codegen/ptx/TreeLogitsTest.cpp, ClassLogitsTest.cpp and
// test/e2e/device_heads.py.

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

def Ptx_ClassesAttr : Ptx_Layout<"Classes", "classes"> {
  let summary = "the product and the class of each word";
  let description = [{
    `#ptx.classes<#lm.classes<words = [2, 0, 1], sizes = [1, 2]>>`: there are no params, the attribute says all. The
    picture is in ClassLogits.h.
  }];
  let parameters = (ins "::lmopt::lm::ClassesAttr":$classes);
  let assemblyFormat = "`<` qualified($classes) `>`";
}

def Ptx_BoundsAttr : Ptx_Layout<"Bounds", "bounds"> {
  let summary = "how far each row of a matrix is from its preview, and how long it is";
  let description = [{
    `#ptx.bounds<49152, block = 64>`: params and bytes of `#cpu.bounds`.

    Constraints:
    - C1: there is a row, and the block is 0 or a power of two from 2 to 65536.
  }];
  let parameters = (ins "int64_t":$rows, DefaultValuedParameter<"int64_t", "0">:$block);
  let assemblyFormat = "`<` $rows (`,` `block` `=` $block^)? `>`";
  let genVerifyDecl = 1;
}

#endif // LMOPT_CODEGEN_PTX_RANKING_RANKING_TD
