// Every mistake in the options is an error that says what was found.
// RUN: not lmopt-opt %s --lm-quantize-weights=layers=decoder.* 2>&1 | FileCheck %s --check-prefix=NOTHING

// NOTHING: error: option 'layers': pattern 'decoder.*' matches none of the 1 linears
lm.param @q : tensor<8x64xf32> = #lm.gguf<"missing.gguf", "q", f32>
func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x8xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x64xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.q")
  return %q : tensor<?x?x8xf32>
}
