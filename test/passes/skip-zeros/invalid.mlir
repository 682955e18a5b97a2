// Every mistake in the options is an error that says what was found.
// RUN: not lmopt-opt %s --lm-skip-zeros=most=0 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not lmopt-opt %s --lm-skip-zeros=most=1.5 2>&1 | FileCheck %s --check-prefix=ABOVE
// RUN: not lmopt-opt %s --lm-skip-zeros=most=nan 2>&1 | FileCheck %s --check-prefix=NAN
// RUN: not lmopt-opt %s --lm-skip-zeros=layers=decoder.* 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not lmopt-opt %s --lm-skip-zeros=stats=%t.absent 2>&1 | FileCheck %s --check-prefix=ABSENT

// ZERO: error: lm-skip-zeros: option 'most' must be above 0 and at most 1, found 0
// ABOVE: error: lm-skip-zeros: option 'most' must be above 0 and at most 1, found 1.5
// NAN: error: lm-skip-zeros: option 'most' must be above 0 and at most 1, found nan
// NOTHING: error: option 'layers': pattern 'decoder.*' matches none of the 1 linears
// ABSENT: error: statistics: {{.*}}absent
lm.param @w : tensor<2x2xf32> = dense<1.0>
func.func @f(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %a = lm.activation %x {kind = relu} : tensor<?x?x2xf32>
  %y = lm.linear %a, @w attributes {lm.part = "w"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}
