// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// WeightTypeInterface: a type of weights that are not plain numbers, as !lm.int8. A format of weights is such a type; who
// only reports or checks weights asks the type (or ParamOp, which answers for tensors too) and lists no formats.
// Tested by test/dialects/lm/param and test/unit/dialects/BuildersTest.cpp.

#ifndef LMOPT_DIALECTS_LM_INTERFACES_WEIGHTTYPE_TD
#define LMOPT_DIALECTS_LM_INTERFACES_WEIGHTTYPE_TD

include "mlir/IR/Interfaces.td"

def LM_WeightTypeInterface : TypeInterface<"WeightTypeInterface"> {
  let cppNamespace = "::lmopt::lm";
  let methods = [
    InterfaceMethod<"Rows x columns of the matrix.", "::llvm::SmallVector<int64_t>", "getWeightShape">,
    InterfaceMethod<"For people: `int8`, `int4 g32 min`.", "std::string", "getFormatName">,
    InterfaceMethod<"With scales and minima.", "int64_t", "getStoredBytes">,
    InterfaceMethod<"Whether a weight of that form is of this format; its shape is another question.", "bool", "holds",
                    (ins "const ::lmopt::lm::WeightForm &":$form)>
  ];
}

#endif // LMOPT_DIALECTS_LM_INTERFACES_WEIGHTTYPE_TD
