// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model that also gives what its linears read. In: a module. Out: @encode with further results. From techniques 15.1.
// Tested by test/passes/observe.
#ifndef LMOPT_PASSES_OBSERVE_OBSERVE_TD
#define LMOPT_PASSES_OBSERVE_OBSERVE_TD

include "mlir/Pass/PassBase.td"

def LmObservePass : Pass<"lm-observe", "::mlir::ModuleOp"> {
  let summary = "make what linears read results of the model, for calibration";
  let description = [{
    The function becomes `@encode`, whose results are the distinct inputs of the selected linears, each named after the first
    linear that reads it, and behind them what it returned. A decoder's attention takes whole sequences instead of a cache,
    with the same numbers; its result is named `logits`.

    ```mlir
    func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x100xf32>, !lm.cache) {
      %x = lm.embedding %ids, @embed : ...
      %y = lm.linear %x, @head {lm.part = "head"} : ...
      return %y, %cache : ...
    }
    // after:
    func.func @encode(%ids: tensor<?x?xi32>, %lengths: tensor<?xi32>)
        -> (tensor<?x?x64xf32> {lm.result = "head"}, tensor<?x?x100xf32> {lm.result = "logits"}) {
      ...
      return %x, %y : ...
    }
    ```

    Changes no number. `lmopt calibrate` runs such models, a few layers at a time. A module without linears to observe, without
    exactly one function, or with the halves of attention is an error.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect", "::mlir::func::FuncDialect"];
  let options = [
    ListOption<"layers", "layers", "std::string", "Patterns over names of layers, e.g. layers.*.ffn.*; default: all">,
    ListOption<"skip", "skip", "std::string", "Patterns over names of layers to leave out">
  ];
}

#endif // LMOPT_PASSES_OBSERVE_OBSERVE_TD
