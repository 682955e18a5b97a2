// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layouts of what lm.top_linear knows of its preview, of which words are in which class, and of trees of words. Tested by test/codegen/cpu/layouts.mlir and
// test/unit/codegen/PackWeightsTest.cpp.

#ifndef LMOPT_CODEGEN_CPU_RANKING_RANKING_TD
#define LMOPT_CODEGEN_CPU_RANKING_RANKING_TD

include "codegen/cpu/CpuDialect.td"

def Cpu_BoundsAttr : Cpu_Layout<"Bounds", "bounds"> {
  let summary = "how far each row of a matrix is from its preview, and how long it is";
  let description = [{
    `#cpu.bounds<49152, block = 64>`: the params of the weight are a matrix of so many rows, in f32 or bf16, and its int8
    codes, of the matrix rotated in blocks (0: not rotated). The picture is in TopLinear.h.

    Constraints:
    - C1: there is a row, and the block is 0 or a power of two from 2 to 65536.
  }];
  let parameters = (ins "int64_t":$rows, DefaultValuedParameter<"int64_t", "0">:$block);
  let assemblyFormat = "`<` $rows (`,` `block` `=` $block^)? `>`";
  let genVerifyDecl = 1;
}

def Cpu_ClassesAttr : Cpu_Layout<"Classes", "classes"> {
  let summary = "which words each class has";
  let description = [{
    `#cpu.classes<#lm.classes<words = [2, 0, 1], sizes = [1, 2]>>`: there are no params, the attribute says all. The
    picture is in ClassLogits.h.
  }];
  let parameters = (ins "::lmopt::lm::ClassesAttr":$classes);
  let assemblyFormat = "`<` qualified($classes) `>`";
}

def Cpu_WordTreeAttr : Cpu_Layout<"WordTree", "word_tree"> {
  let summary = "the sides of each node of a tree of words, and the way to each word";
  let description = [{
    `#cpu.word_tree<#lm.word_tree<left = [4, 1], right = [0, 2]>>`: there are no params, the attribute says all. The
    picture is in WordTree.h.
  }];
  let parameters = (ins "::lmopt::lm::WordTreeAttr":$tree);
  let assemblyFormat = "`<` qualified($tree) `>`";
}

#endif // LMOPT_CODEGEN_CPU_RANKING_RANKING_TD
