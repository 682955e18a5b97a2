// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layouts of conditional layers. Tested by test/codegen/cpu/layouts.mlir and test/unit/codegen/PackNeuronsTest.cpp.

#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_CONDITIONAL_TD
#define LMOPT_CODEGEN_CPU_CONDITIONAL_CONDITIONAL_TD

include "codegen/cpu/CpuDialect.td"

def Cpu_NeuronsAttr : Cpu_Layout<"Neurons", "neurons"> {
  let summary = "neuron by neuron: what it is multiplied with, then what it adds";
  let description = [{
    `#cpu.neurons<tensor<7x4xf32> to tensor<7x8xbf16> by !lm.int8<7x4>, bias = true>`: the params of the weight are the first
    matrix, with `bias` its biases, and those behind `to` and `by` if they are given. The picture is in NeuronTree.h.

    Constraints:
    - C1: the types are matrices of f32 or bf16, others than the first also of !lm.int8, of as many rows, and the one behind
      `by` of as many columns.
  }];
  let parameters = (ins "::mlir::Type":$keys, OptionalParameter<"::mlir::Type">:$values,
                        OptionalParameter<"::mlir::Type">:$narrow, DefaultValuedParameter<"bool", "false">:$bias);
  let assemblyFormat = "`<` $keys (`to` $values^)? (`by` $narrow^)? (`,` `bias` `=` $bias^)? `>`";
  let genVerifyDecl = 1;
}

def Cpu_ExpertsAttr : Cpu_Layout<"Experts", "experts"> {
  let summary = "the products of experts, one after the other";
  let description = [{
    `#cpu.experts<4, tensor<64x16xf32>, to tensor<64x24xf32>, bias = true, up = true, biases = true>`: of so many experts; the
    params of the weight are the first matrix, then as far as there are such the biases, the matrix of `up`, the second matrix (always)
    and a row of biases for each expert. The picture is in Experts.h.

    Constraints:
    - C1: the types are matrices of f32 of as many rows, which are a multiple of the number of experts.
  }];
  let parameters = (ins "int64_t":$experts, "::mlir::RankedTensorType":$keys, "::mlir::RankedTensorType":$values,
                        DefaultValuedParameter<"bool", "false">:$bias, DefaultValuedParameter<"bool", "false">:$up,
                        DefaultValuedParameter<"bool", "false">:$biases);
  let assemblyFormat = [{
    `<` $experts `,` $keys `,` `to` $values (`,` `bias` `=` $bias^)? (`,` `up` `=` $up^)? (`,` `biases` `=` $biases^)? `>`
  }];
  let genVerifyDecl = 1;
}

def Cpu_GroupedExpertsAttr : Cpu_Layout<"GroupedExperts", "grouped_experts"> {
  let summary = "the products of experts in codes, one after the other";
  let description = [{
    `#cpu.grouped_experts<4, !lm.grouped<128x32, bits = 4, group = 32> times !lm.grouped<128x32, bits = 4, group = 32> to
    !lm.grouped<96x32, bits = 6, group = 16>>`: of so many experts; the params of the weight are the first matrix, that behind `times`
    if there is one, and the second matrix, which has a row for each output of each expert. Each product is packed as
    `#cpu.panels` are; the picture is in Experts.h.

    Constraints:
    - C1: the types are `!lm.grouped` or `!lm.codebook`, in groups that `#cpu.panels` takes.
    - C2: the experts share the rows of each evenly, the one behind `times` has the sizes of the first, and the second as many
      columns as an expert has rows of the first.
  }];
  let parameters = (ins "int64_t":$experts, "::mlir::Type":$keys, OptionalParameter<"::mlir::Type">:$up,
                        "::mlir::Type":$values);
  let assemblyFormat = "`<` $experts `,` $keys (`times` $up^)? `to` $values `>`";
  let genVerifyDecl = 1;
}

def Cpu_AddedRowsAttr : Cpu_Layout<"AddedRows", "added_rows"> {
  let summary = "a row for each number of an input, which it adds, and a bias";
  let description = [{
    `#cpu.added_rows<tensor<64x16xf32>, bias = true>`: the params of the weight are the matrix and, with `bias`, the bias. The
    picture is in NonzeroLinear.h.

    Constraints:
    - C1: the type is a matrix of f32, bf16 or !lm.int8.
  }];
  let parameters = (ins "::mlir::Type":$matrix, DefaultValuedParameter<"bool", "false">:$bias);
  let assemblyFormat = "`<` $matrix (`,` `bias` `=` $bias^)? `>`";
  let genVerifyDecl = 1;
}

#endif // LMOPT_CODEGEN_CPU_CONDITIONAL_CONDITIONAL_TD
