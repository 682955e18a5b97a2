// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layouts of conditional layers. Tested by test/codegen/cpu/layouts.mlir and test/unit/codegen/PackWeightsTest.cpp.

#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_CONDITIONAL_TD
#define LMOPT_CODEGEN_CPU_CONDITIONAL_CONDITIONAL_TD

include "codegen/cpu/CpuDialect.td"

def Cpu_NeuronsAttr : Cpu_Layout<"Neurons", "neurons"> {
  let summary = "neuron by neuron: what it is multiplied with, then what it adds";
  let description = [{
    `#cpu.neurons<tensor<7x4xf32> to tensor<7x8xbf16>, bias = true>`: the params of the weight are the first matrix, with
    `bias` its biases, and, if `to` is given, the second matrix. The picture is in NeuronTree.h.

    Constraints:
    - C1: the types are matrices of f32 or bf16, the second also of !lm.int8, of as many rows.
  }];
  let parameters = (ins "::mlir::Type":$keys, OptionalParameter<"::mlir::Type">:$values,
                        DefaultValuedParameter<"bool", "false">:$bias);
  let assemblyFormat = "`<` $keys (`to` $values^)? (`,` `bias` `=` $bias^)? `>`";
  let genVerifyDecl = 1;
}

#endif // LMOPT_CODEGEN_CPU_CONDITIONAL_CONDITIONAL_TD
