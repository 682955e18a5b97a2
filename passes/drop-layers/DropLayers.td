// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models with fewer layers, or halves of layers. Tested by test/passes/drop-layers.
#ifndef LMOPT_PASSES_DROPLAYERS_DROPLAYERS_TD
#define LMOPT_PASSES_DROPLAYERS_DROPLAYERS_TD

include "mlir/Pass/PassBase.td"

def LmDropLayersPass : Pass<"lm-drop-layers", "::mlir::ModuleOp"> {
  let summary = "remove whole layers, or the attention or the feed-forward half of one";
  let description = [{
    A layer is two halves, each of which adds something to the rows that pass by. A half whose last linear `layers` names
    goes, and what reads its sum reads the rows before it. The attentions that are left are numbered anew from 0, so that the
    cache has no gaps; names of parts stay those of the source.

    ```mlir
    %n = lm.rms_norm %x, @norm {eps = 1.0e-5} : tensor<?x?x576xf32>
    ...
    %y = lm.linear %a, @o {lm.part = "layers.7.attn.o"} : ...
    %s = lm.add %x, %y : tensor<?x?x576xf32>
    // after, with layers=layers.7.*: %s is %x
    ```

    Where the norm stands behind the sum, as in BERT, it goes with its half.

    With `ratio` that share of the halves (of those that `layers` names, or of all) goes: those that change the rows least, by what
    calibration measured: 1 - the mean cosine of rows before and behind a half. A half that writes little beside what is there
    already is a half that little depends on (Men et al., "ShortGPT", 2024, use this measure for whole layers). Each is measured in
    the model as it was: what later halves would do without it is not.

    Approximate, by how much only the model as a whole tells: measure it with `lmopt eval`. A half stays, with remark
    `NotDropped`, when others also use what it computes, or it reads more than the rows before it. At least one attention
    must be left. Remarks: `DroppedHalf`, one for each; `LeastChange`, with how much it changed the rows. Statistics of `lmopt calibrate` are of the model with all layers:
    calibrate anew behind this pass.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"stats", "stats", "std::string", /*default=*/"", "Statistics that `lmopt calibrate` made of this model; without `ratio` nobody looks at them">,
    Option<"ratio", "ratio", "double", /*default=*/"0", "Share of the halves that goes, in (0, 1), those that change the rows least; 0: all that `layers` names">,
    ListOption<"layers", "layers", "std::string",
               "Patterns over names of linears: halves go whose last linear one matches, e.g. layers.7.*, layers.*.attn.o">,
    ListOption<"skip", "skip", "std::string", "Patterns over names of linears whose halves stay">
  ];
}

#endif // LMOPT_PASSES_DROPLAYERS_DROPLAYERS_TD
