#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels that Triton compiles for a named GPU on a machine without one: products of bf16 and int8, a product whose left
side is converted in registers, and flash attention, for sm_80 (mma.sync, ldmatrix, cp.async) and sm_90 (wgmma).

In: a folder. Out: NAME_80.ptx, NAME_90.ptx in it, whose first line says the dynamic shared memory in a comment.
Nothing of it is kept in the repository: test/ptx/unit/TritonTest.cpp runs this.
"""
import pathlib
import sys

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def product(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, IS_INT: tl.constexpr,
            WIDEN: tl.constexpr):
    # c[M][N] = a[M][K] b[N][K]^T
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    rn = tl.program_id(1) * BN + tl.arange(0, BN)
    rk = tl.arange(0, BK)
    pa = a + rm[:, None] * K + rk[None, :]
    pb = b + rn[None, :] * K + rk[:, None]
    acc = tl.zeros((BM, BN), dtype=tl.int32 if IS_INT else tl.float32)
    for _ in range(0, K, BK):
        x = tl.load(pa)
        y = tl.load(pb)
        if WIDEN:
            x = x.to(tl.bfloat16)
        acc = tl.dot(x, y, acc, out_dtype=tl.int32) if IS_INT else tl.dot(x, y, acc)
        pa += BK
        pb += BK
    tl.store(c + rm[:, None] * N + rn[None, :], acc)


@triton.jit
def attention(q, k, v, o, L, scale, D: tl.constexpr, BQ: tl.constexpr, BK: tl.constexpr):
    # causal, one head: o[L][D] = softmax2(q k^T scale) v
    rq = tl.program_id(0) * BQ + tl.arange(0, BQ)
    rd = tl.arange(0, D)
    rk = tl.arange(0, BK)
    rows = tl.load(q + rq[:, None] * D + rd[None, :])
    m = tl.full((BQ,), -1e30, tl.float32)
    total = tl.zeros((BQ,), tl.float32)
    acc = tl.zeros((BQ, D), tl.float32)
    for s in range(0, L, BK):
        keys = tl.load(k + (s + rk)[None, :] * D + rd[:, None])
        scores = tl.dot(rows, keys) * scale
        scores = tl.where((s + rk)[None, :] <= rq[:, None], scores, -1e30)
        new = tl.maximum(m, tl.max(scores, 1))
        p = tl.exp2(scores - new[:, None])
        shrink = tl.exp2(m - new)
        total = total * shrink + tl.sum(p, 1)
        acc = acc * shrink[:, None]
        values = tl.load(v + (s + rk)[:, None] * D + rd[None, :])
        acc = tl.dot(p.to(tl.bfloat16), values, acc)
        m = new
    tl.store(o + rq[:, None] * D + rd[None, :], acc / total[:, None])


def emit(folder, name, function, types, constants, arguments, stages):
    aligned = {(i,): [["tt.divisibility", 16]] for i in range(arguments)}
    signature = types | {constant: "constexpr" for constant in constants}
    for capability in (80, 90):
        source = ASTSource(fn=function, signature=signature, constexprs=constants, attrs=aligned)
        kernel = triton.compile(source, target=GPUTarget("cuda", capability, 32),
                                options={"num_warps": 4, "num_stages": stages})
        text = f"// shared {kernel.metadata.shared}\n{kernel.asm['ptx']}"
        (folder / f"{name}_{capability}.ptx").write_text(text, encoding="utf8")


def main():
    folder = pathlib.Path(sys.argv[1])
    tile = {"BM": 64, "BN": 64, "BK": 64}
    for name, a, b, c, is_int, widen in (("bf16", "*bf16", "*bf16", "*fp32", False, False),
                                         ("int8", "*i8", "*i8", "*i32", True, False),
                                         ("mixed", "*i8", "*bf16", "*fp32", False, True)):
        types = {"a": a, "b": b, "c": c, "M": "i32", "N": "i32", "K": "i32"}
        emit(folder, name, product, types, tile | {"IS_INT": is_int, "WIDEN": widen}, 6, 3)
    types = {"q": "*bf16", "k": "*bf16", "v": "*bf16", "o": "*fp32", "L": "i32", "scale": "fp32"}
    emit(folder, "attention", attention, types, {"D": 64, "BQ": 64, "BK": 64}, 5, 2)


if __name__ == "__main__":
    main()
