// A plan reads and prints itself at every stage, with all that a schedule says.
// RUN: lmopt-opt %S/../../codegen/lower/decoder.mlir --plan-form-steps | lmopt-opt | lmopt-opt | FileCheck %s --check-prefix=STEPS
// RUN: lmopt-opt %S/../../codegen/lower/decoder.mlir --plan-form-steps --cpu-choose-layouts --cpu-schedule > %t.1
// RUN: lmopt-opt %t.1 > %t.2
// RUN: diff %t.1 %t.2
// RUN: lmopt-opt %t.1 --mlir-print-op-generic | lmopt-opt > %t.3
// RUN: diff %t.1 %t.3

// STEPS: plan.program @forward(%{{.*}}: tensor<?x?xi32>, %{{.*}}: !lm.cache) attributes {max_positions = 128 : i64} {
// STEPS: plan.return %{{.*}} as ["logits"] : !plan.rows<outputs, 24 x f32>
