// Every mistake in the options is an error that says what was found.
// RUN: not lmopt-opt %s --lm-quantize-codebook=entries=32 2>&1 | FileCheck %s --check-prefix=ENTRIES
// RUN: not lmopt-opt %s --lm-quantize-codebook=group=48 2>&1 | FileCheck %s --check-prefix=GROUP
// RUN: not lmopt-opt %s --lm-quantize-codebook='entries=256 group=32' 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not lmopt-opt %s --lm-quantize-codebook=layers=decoder.* 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not lmopt-opt %s --lm-quantize-codebook=skip=head 2>&1 | FileCheck %s --check-prefix=SKIP
// RUN: not lmopt-opt %s --lm-quantize-codebook=stats=%t.missing 2>&1 | FileCheck %s --check-prefix=STATS
// RUN: not lmopt-opt %s --lm-quantize-codebook='stats=%t.missing damping=-1' 2>&1 | FileCheck %s --check-prefix=DAMPING

// ENTRIES: error: lm-quantize-codebook: option 'entries' must be 256, 16, 8 or 4, found 32
// GROUP: error: lm-quantize-codebook: option 'group' must be 32, 64 or 128, found 48
// ROWS: error: lm-quantize-codebook: option 'group' goes with entries=16, 8 or 4 only: of 256 entries each row has one scale
// NOTHING: error: option 'layers': pattern 'decoder.*' matches none of the 1 linears
// SKIP: error: option 'skip': pattern 'head' matches none of the 1 linears
// STATS: error: {{.*}}.missing
// DAMPING: error: lm-quantize-codebook: option 'damping' must be positive, found -1
lm.param @q : tensor<8x64xf32> = #lm.gguf<"missing.gguf", "q", f32>
func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x8xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x64xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.q")
  return %q : tensor<?x?x8xf32>
}
