// Every mistake in the options is an error that says what was found.
// RUN: not lmopt-opt %s --lm-quantize-groups=bits=5 2>&1 | FileCheck %s --check-prefix=BITS
// RUN: not lmopt-opt %s --lm-quantize-groups=group=48 2>&1 | FileCheck %s --check-prefix=GROUP
// RUN: not lmopt-opt %s --lm-quantize-groups=group=0 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not lmopt-opt %s --lm-quantize-groups='bits=8 min=true' 2>&1 | FileCheck %s --check-prefix=MIN
// RUN: not lmopt-opt %s --lm-quantize-groups='scales=8' 2>&1 | FileCheck %s --check-prefix=SCALES
// RUN: not lmopt-opt %s --lm-quantize-groups='min=true scales=4' 2>&1 | FileCheck %s --check-prefix=FOUR
// RUN: not lmopt-opt %s --lm-quantize-groups=layers=decoder.* 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not lmopt-opt %s --lm-quantize-groups=skip=head 2>&1 | FileCheck %s --check-prefix=SKIP

// BITS: error: lm-quantize-groups: option 'bits' must be 4 or 8, found 5
// GROUP: error: lm-quantize-groups: option 'group' must be 32, 64 or 128, found 48
// ZERO: error: lm-quantize-groups: option 'group' must be 32, 64 or 128, found 0
// MIN: error: lm-quantize-groups: option 'min' goes with bits=4 only
// SCALES: error: lm-quantize-groups: option 'scales' must be 16, or 8 with min=true, found 8
// FOUR: error: lm-quantize-groups: option 'scales' must be 16, or 8 with min=true, found 4
// NOTHING: error: option 'layers': pattern 'decoder.*' matches none of the 1 linears
// SKIP: error: option 'skip': pattern 'head' matches none of the 1 linears
lm.param @q : tensor<8x64xf32> = #lm.gguf<"missing.gguf", "q", f32>
func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x8xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x64xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.q")
  return %q : tensor<?x?x8xf32>
}
