// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MeaningOpInterface: what an op computes, for the reference interpreter. The models are dialects/lm/<family>/Meaning.cpp.
// They are attached from outside (registerMeanings): they need the readers of files, which the dialect must not link.
// Tested by test/unit/dialects/OpsTest.cpp (every op has one) and test/dialects/lm.

#ifndef LMOPT_DIALECTS_LM_INTERFACES_MEANING_TD
#define LMOPT_DIALECTS_LM_INTERFACES_MEANING_TD

include "mlir/IR/Interfaces.td"

def LM_MeaningOpInterface : OpInterface<"MeaningOpInterface"> {
  let cppNamespace = "::lmopt::lm";
  let description = [{
    The interpreter has checked that batch and sequence of the operands agree; it checks that the results fit their types.
  }];
  let methods = [
    InterfaceMethod<"The results, one for each of the op, or failure with a message at the op.",
                    "::mlir::FailureOr<::lmopt::lm::RuntimeValues>", "evaluate", (ins "::lmopt::lm::Frame &":$frame)>
  ];
}

#endif // LMOPT_DIALECTS_LM_INTERFACES_MEANING_TD
