// Names of parts are in every print form, go through every general pass, and are made by those of lmopt.
// RUN: lmopt-opt %s | lmopt-opt | FileCheck %s
// RUN: lmopt-opt %s --mlir-print-op-generic | lmopt-opt | FileCheck %s
// RUN: lmopt-opt %s --emit-bytecode | lmopt-opt | FileCheck %s
// RUN: lmopt-opt %s --strip-debuginfo --canonicalize --cse --symbol-dce | FileCheck %s
// RUN: lmopt-opt %s --inline | FileCheck %s --check-prefix=INLINE
// RUN: lmopt-opt %s --lm-rotate --lm-quantize-weights | FileCheck %s --check-prefix=MADE
// RUN: lmopt-opt %s -o %t.mlir
// RUN: lmopt-opt %t.mlir --lm-rotate=layers=layers.*.q -o %t.mlir
// RUN: lmopt-opt %t.mlir --lm-quantize-weights=skip=layers.1.* | FileCheck %s --check-prefix=PIECES
// RUN: lmopt-opt %s --canonicalize | FileCheck %s --check-prefix=BIAS

lm.param @w : tensor<32x32xf32> = dense<0.5>
lm.param @v : tensor<32x32xf32> = dense<0.25>
lm.param @b : tensor<32xf32> = dense<1.0>

// CHECK-LABEL: func.func @forward
// INLINE-LABEL: func.func @forward
// MADE-LABEL: func.func @forward
// PIECES-LABEL: func.func @forward
func.func @forward(%x: tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  // CHECK: lm.linear %{{.*}}, @w attributes {lm.part = "layers.0.q"} :
  // MADE: lm.rotate %{{.*}} {block = 32} : tensor<?x?x32xf32>
  // MADE: lm.quantize_dynamic %{{[0-9]+}} : (
  // MADE: lm.quantized_linear {{.*}}, @w attributes {lm.part = "layers.0.q"} :
  // PIECES: lm.rotate
  // PIECES: lm.quantized_linear {{.*}}, @w attributes {lm.part = "layers.0.q"} :
  %q = lm.linear %x, @w attributes {lm.part = "layers.0.q"} : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  // Names in locations, as modules from before have them.
  // CHECK: lm.linear %{{.*}}, @v attributes {lm.part = "layers.1.up"} :
  // MADE: lm.rotate %{{.*}} {block = 32} attributes {lm.part = "layers.0.q.rotate"}
  // MADE: lm.quantize_dynamic %{{.*}} attributes {lm.part = "layers.0.q.rotate.quantize"}
  // MADE: lm.quantized_linear {{.*}}, @v attributes {lm.part = "layers.1.up"} :
  // PIECES: lm.linear {{.*}}, @v attributes {lm.part = "layers.1.up"} :
  %u = lm.linear %q, @v : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("layers.1.up")
  // Two parts may have one name, and parts of different names are not merged.
  // CHECK: lm.add {{.*}} attributes {lm.part = "layers.1.add"} :
  // CHECK: lm.add {{.*}} attributes {lm.part = "layers.1.\22other\22"} :
  // CHECK: lm.add {{.*}} attributes {lm.part = "layers.1.\22other\22"} :
  %a = lm.add %u, %q attributes {lm.part = "layers.1.add"} : tensor<?x?x32xf32>
  %c = lm.add %u, %q attributes {lm.part = "layers.1.\"other\""} : tensor<?x?x32xf32>
  %d = lm.add %a, %c attributes {lm.part = "layers.1.\"other\""} : tensor<?x?x32xf32>
  // None is fine.
  // CHECK: lm.add %{{[0-9]+}}, %{{[0-9]+}} : tensor<?x?x32xf32>
  %e = lm.add %d, %c : tensor<?x?x32xf32>
  // INLINE: lm.activation {{.*}} attributes {lm.part = "called"} :
  %f = func.call @called(%e) : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  return %f : tensor<?x?x32xf32>
}

func.func @called(%x: tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  %y = lm.activation %x {kind = relu} attributes {lm.part = "called"} : tensor<?x?x32xf32>
  return %y : tensor<?x?x32xf32>
}

// A bias that joins its linear leaves the linear's name, which patterns know.
// BIAS-LABEL: func.func @biased
// BIAS-NEXT: lm.linear %{{.*}}, @w bias @b attributes {lm.part = "layers.2.q"} :
// BIAS-NEXT: return
func.func @biased(%x: tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  %q = lm.linear %x, @w attributes {lm.part = "layers.2.q"} : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %y = lm.bias_add %q, @b attributes {lm.part = "layers.2.bias"} : tensor<?x?x32xf32>
  return %y : tensor<?x?x32xf32>
}
