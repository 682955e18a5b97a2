#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes numerics.mlir: a linear whose matrix has rank 3, and one whose nearest matrices of rank 2 and 4 NumPy computes.

Usage: make_numerics.py > numerics.mlir
"""
import numpy as np

HEAD = """// Written by make_numerics.py. A matrix of rank 3 loses nothing with rank 3; another becomes what NumPy's singular value
// decomposition makes of it. Tolerances: two rounded factors and two sums of at most 24 numbers in f32, 30 * 2^-24.
// RUN: lmopt-opt %s --lm-low-rank='method=plain rank=3 layers=exact' --lm-low-rank='method=plain rank=2 layers=two' --lm-low-rank='method=plain rank=4 layers=four' > %t.mlir
// RUN: FileCheck %s --check-prefix=FACTORS < %t.mlir
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null | FileCheck %s
// RUN: lmopt-opt %t.mlir --lm-run-compiled='tolerance=2e-6' | FileCheck %s --check-prefix=COMPILED
// FACTORS-COUNT-3: #lm.low_rank_right<
// CHECK: @exact: as expected
// CHECK-NEXT: @two: as expected
// CHECK-NEXT: @four: as expected
// COMPILED-COUNT-3: as expected
"""
rng = np.random.default_rng(8)


def text(a):
    a = np.asarray(a, "<f4")
    return f'dense<"0x{a.tobytes().hex().upper()}"> : tensor<{"x".join(map(str, a.shape))}xf32>'


def kind(a):
    return f'tensor<{"x".join(map(str, a.shape))}xf32>'


def case(name, w, nearest, bias):
    x = rng.standard_normal((1, 3, w.shape[1])).astype(np.float32)
    y = x.astype(np.float64) @ nearest.T + bias
    print(f"""
lm.param @{name}.w : {kind(w)} = {text(w).split(" : ")[0]}
lm.param @{name}.b : {kind(bias)} = {text(bias).split(" : ")[0]}
func.func @{name}() -> {kind(y)} attributes {{lm.expect = [{text(y)}], lm.tolerance = 1.8e-06 : f64}} {{
  %x = arith.constant {text(x)}
  %y = lm.linear %x, @{name}.w bias @{name}.b : ({kind(x)}) -> {kind(y)} loc("{name}")
  return %y : {kind(y)}
}}""")


def nearest(w, rank):
    u, s, v = np.linalg.svd(w.astype(np.float64), full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ v[:rank]


print(HEAD, end="")
f32 = lambda *shape: rng.standard_normal(shape).astype(np.float32)
low = (f32(16, 3).astype(np.float64) @ f32(3, 24)).astype(np.float32)
case("exact", low, low.astype(np.float64), f32(16))
wide, tall = f32(12, 20), f32(24, 10)
case("two", wide, nearest(wide, 2), f32(12))
case("four", tall, nearest(tall, 4), f32(24))
