// Every mistake in the options is an error that says what was found.
// RUN: not lmopt-opt %s --lm-sparsify 2>&1 | FileCheck %s --check-prefix=STATS
// RUN: not lmopt-opt %s --lm-sparsify=method=random 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude ratio=0' 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude ratio=1' 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude ratio=-0.5' 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude ratio=nan' 2>&1 | FileCheck %s --check-prefix=NAN
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude pattern=4:2' 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude pattern=2' 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude pattern=0:4' 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude pattern=1:257' 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude pattern=2:4 ratio=0.3' 2>&1 | FileCheck %s --check-prefix=BOTH
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude block=16' 2>&1 | FileCheck %s --check-prefix=BLOCK
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude block=0x4' 2>&1 | FileCheck %s --check-prefix=BLOCK
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude block=16x4 pattern=2:4' 2>&1 | FileCheck %s --check-prefix=BLOCKS
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude layers=decoder.*' 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not lmopt-opt %s --lm-sparsify='method=magnitude damping=0' 2>&1 | FileCheck %s --check-prefix=DAMPING
// RUN: not lmopt-opt %s --lm-sparsify=stats=missing 2>&1 | FileCheck %s --check-prefix=MISSING

// STATS: error: lm-sparsify: method 'obs' needs option 'stats', a file that `lmopt calibrate` made of this model; without one take method=magnitude
// METHOD: error: lm-sparsify: option 'method' must be obs or magnitude, found 'random'
// ZERO: error: lm-sparsify: option 'ratio' must be above 0 and below 1, found 0.0
// ONE: error: lm-sparsify: option 'ratio' must be above 0 and below 1, found 1.0
// NEGATIVE: error: lm-sparsify: option 'ratio' must be above 0 and below 1, found -0.5
// NAN: error: lm-sparsify: option 'ratio' must be above 0 and below 1, found nan
// PATTERN: error: lm-sparsify: option 'pattern' must be n:m, n of m weights that stay, 1 <= n < m <= 256, found '
// BOTH: error: lm-sparsify: option 'ratio' must be that of the pattern 2:4, 0.5{{0*}}, or be left out, found 0.3
// BLOCK: error: lm-sparsify: option 'block' must be RxC, outputs x inputs from 1 to 65536, found '
// BLOCKS: error: lm-sparsify: a pattern is of single weights; leave out 'pattern' or 'block'
// NOTHING: error: option 'layers': pattern 'decoder.*' matches none of the 1 linears
// DAMPING: error: lm-sparsify: option 'damping' must be positive, found 0
// MISSING: error: {{.*}}missing
lm.param @q : tensor<8x64xf32> = #lm.gguf<"missing.gguf", "q", f32>
func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x8xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x64xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.q")
  return %q : tensor<?x?x8xf32>
}
