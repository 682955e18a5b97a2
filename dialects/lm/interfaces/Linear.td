// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LinearLikeOpInterface: a product of activations and a matrix of weights in any format. Who is about linears asks for it
// and names none of them; who makes or replaces one format names that one. Tested by test/unit/dialects/StepTest.cpp.

#ifndef LMOPT_DIALECTS_LM_INTERFACES_LINEAR_TD
#define LMOPT_DIALECTS_LM_INTERFACES_LINEAR_TD

include "mlir/IR/Interfaces.td"

def LM_LinearLikeOpInterface : OpInterface<"LinearLikeOpInterface"> {
  let cppNamespace = "::lmopt::lm";
  let description = [{
    y = x Wᵀ + b, x and W each in a format of its own, y in f32. An op has the methods when its arguments are called
    `input`, `weight` and `bias`.
  }];
  let methods = [
    InterfaceMethod<"The activations.", "::mlir::Value", "getInput">,
    InterfaceMethod<"The matrix W.", "::mlir::FlatSymbolRefAttr", "getWeightAttr">,
    InterfaceMethod<"The f32 vector b, or null.", "::mlir::FlatSymbolRefAttr", "getBiasAttr">,
    InterfaceMethod<"Null takes it away.", "void", "setBiasAttr", (ins "::mlir::FlatSymbolRefAttr":$bias)>
  ];
}

#endif // LMOPT_DIALECTS_LM_INTERFACES_LINEAR_TD
