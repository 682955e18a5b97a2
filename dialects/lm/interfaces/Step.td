// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// StepOpInterface: what whoever plans the work of an op must know of it, whatever the target. Every op that computes has
// it (LM_Op in LmDialect.td); the methods are dialects/lm/<family>/Step.cpp. What an op does not say does not link: only
// accesses and state have a default. Tested by test/unit/dialects/StepTest.cpp and OpsTest.cpp.

#ifndef LMOPT_DIALECTS_LM_INTERFACES_STEP_TD
#define LMOPT_DIALECTS_LM_INTERFACES_STEP_TD

include "mlir/IR/Interfaces.td"

def LM_StepOpInterface : OpInterface<"StepOpInterface"> {
  let cppNamespace = "::lmopt::lm";
  let description = [{
    A row is what stands in the last dimension of a value: a token's numbers, or a sequence's. Facts are those of the op
    alone; what neighbours change is the business of who plans.
  }];
  let methods = [
    StaticInterfaceMethod<"Whether the op works row by row and may run fused with its neighbours, or is a kernel.",
                          "::lmopt::lm::Motion", "getMotion">,
    StaticInterfaceMethod<"Whether a row of the results depends on other rows than its own of the operands.", "bool",
                          "mixesRows">,
    InterfaceMethod<"Which rows of operands, results and state are touched when one row of the results is made.",
                    "void", "getAccesses", (ins "::llvm::SmallVectorImpl<::lmopt::lm::Access> &":$accesses), "",
                    [{ ::lmopt::lm::addOwnRows($_op, accesses); }]>,
    InterfaceMethod<"The weights and how they are read, in the order of the op's text.", "void", "getWeightUses",
                    (ins "::llvm::SmallVectorImpl<::lmopt::lm::WeightUse> &":$uses)>,
    InterfaceMethod<"Multiplications and additions of products.", "::lmopt::lm::Cost", "getCost">,
    InterfaceMethod<"What is kept for later steps.", "::lmopt::lm::State", "getState", (ins), "",
                    [{ return {}; }]>
  ];
}

#endif // LMOPT_DIALECTS_LM_INTERFACES_STEP_TD
