// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout of conditional layers. Tested by test/unit/codegen/ptx/NeuronTreeTest.cpp and all models compiled for GPUs.

#ifndef LMOPT_CODEGEN_PTX_CONDITIONAL_CONDITIONAL_TD
#define LMOPT_CODEGEN_PTX_CONDITIONAL_CONDITIONAL_TD

include "codegen/ptx/PtxDialect.td"

def Ptx_NeuronsAttr : Ptx_Layout<"Neurons", "neurons"> {
  let summary = "neuron by neuron: what it is multiplied with, then what it adds, rows of f32 in whole sectors of 32 bytes";
  let description = [{
    `#ptx.neurons<keys = tensor<8x16xf32>, values = tensor<8x24xf32>, bias = true, up = true, added = 4>`: the params of the
    weight are, as far as they are given, the matrix of keys, the neurons' biases (`bias`), a second matrix of keys (`up`), the
    matrix of values, and a vector or matrix of `added` rows that results get. The picture is in NeuronRows.h.

    Constraints:
    - C1: there are keys or values, matrices of f32 of as many rows.
    - C2: a bias and `up` are of keys, `added` is of values.
  }];
  let parameters = (ins OptionalParameter<"::mlir::RankedTensorType">:$keys,
                        OptionalParameter<"::mlir::RankedTensorType">:$values,
                        DefaultValuedParameter<"bool", "false">:$bias, DefaultValuedParameter<"bool", "false">:$up,
                        DefaultValuedParameter<"int64_t", "0">:$added);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // LMOPT_CODEGEN_PTX_CONDITIONAL_CONDITIONAL_TD
