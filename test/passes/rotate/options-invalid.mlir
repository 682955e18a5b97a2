// Every mistake in the options is an error that says what was found and what is possible.
// RUN: not lmopt-opt %s --lm-rotate=block=48 2>&1 | FileCheck %s --check-prefix=POWER
// RUN: not lmopt-opt %s --lm-rotate=block=4 2>&1 | FileCheck %s --check-prefix=SMALL
// RUN: not lmopt-opt %s --lm-rotate=layers=layer.* 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not lmopt-opt %s --lm-rotate=skip=haed 2>&1 | FileCheck %s --check-prefix=SKIP
// RUN: not lmopt-opt %s --lm-rotate=layers=[a 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not lmopt-opt %s --lm-rotate=blocks=64 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// POWER: error: lm-rotate: option 'block' must be a power of two from 8 to 65536, found 48
// SMALL: error: lm-rotate: option 'block' must be a power of two from 8 to 65536, found 4
// NOTHING: error: option 'layers': pattern 'layer.*' matches none of the 1 linears of this model; the first is 'layers.0.attn.q'
// SKIP: error: option 'skip': pattern 'haed' matches none of the 1 linears
// PATTERN: error: option 'layers': '[a' is not a pattern
// UNKNOWN: no such option blocks
lm.param @q : tensor<8x64xf32> = dense<2.0>
func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x8xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x64xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.q")
  return %q : tensor<?x?x8xf32>
}
