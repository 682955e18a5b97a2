#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""generate.py: writes ../<family>/meaning.mlir (and a few more): random inputs, and what NumPy computes in float64.

The functions and their expectations: cases.py. The formulas, here and in formulas.py, are written from the definitions (full matrices, explicit
masks), not from the interpreter. Tolerances, relative to the largest number of a result: inputs are float32 exactly, sums are
float64 on both sides, so a result differs by its own rounding to float32, 2^-24 = 6.0e-8; ops that round twice on the way
(rotary keys and queries, then the result) get 2^-24 for each rounded factor. Run by hand with NumPy; the files are kept.
"""
import pathlib

import numpy as np
from cases import Case, codes_type, dense, f32, run_lines, t, write
from formulas import (attend, quantize_dynamic, quantize_groups, quantize_rows, quantize_weight_groups, quantized_linear,
                      rope, rotate)

ROOM = pathlib.Path(__file__).parent.parent


# The forms of a grouped weight, with groups of 4: name, bits, minima, attribute.
GROUPED = [(f"{bits}bit{'_min' if has_min else ''}", bits, has_min,
            "#lm.quantize_groups<{}, bits = %d, group = 4%s>" % (bits, ", min" if has_min else ""))
           for bits, has_min in ((4, False), (4, True), (8, False))]


def embedding():
    cases = []
    ids = np.array([[3, 0, 6], [6, 6, 1]], np.int32)
    table = f32(7, 8)
    c = Case("embedding")
    c.constant("ids", ids)
    c.op(f"%y = lm.embedding %ids, {c.param('w', table)} : (tensor<2x3xi32>) -> {t(8)}")
    cases.append(c.finish([("y", table[ids])], 0))
    c = Case("embedding_rotated")
    c.constant("ids", ids)
    w = c.param("w", table)
    c.op(f"%y = lm.embedding %ids, {w} {{rotated = 4}} : (tensor<2x3xi32>) -> {t(8)}")
    cases.append(c.finish([("y", rotate(table[ids], 4))], 1))
    c = Case("embedding_int8")
    c.constant("ids", ids)
    codes, scale = quantize_rows(table)
    w = c.param("w", table, "#lm.quantize_rows<{}>")
    c.op(f"%y = lm.embedding %ids, {w} : (tensor<2x3xi32>) -> {t(8)}")
    cases.append(c.finish([("y", (codes * scale.astype(np.float64))[ids])], 1))
    for name, bits, has_min, wrap in GROUPED:
        c = Case(f"embedding_grouped_{name}")
        c.constant("ids", ids)
        c.op(f"%y = lm.embedding %ids, {c.param('w', table, wrap)} : (tensor<2x3xi32>) -> {t(8)}")
        cases.append(c.finish([("y", quantize_weight_groups(table, bits, 4, has_min)[ids])], 0))
    c = Case("embedding_grouped_rotated")
    c.constant("ids", ids)
    w = c.param("w", table, GROUPED[1][3])
    c.op(f"%y = lm.embedding %ids, {w} {{rotated = 4}} : (tensor<2x3xi32>) -> {t(8)}")
    # The row is rounded to float32 before it is turned: one rounding more.
    cases.append(c.finish([("y", rotate(quantize_weight_groups(table, 4, 4, True)[ids], 4))], 2))
    c = Case("add_positions")
    x, p = f32(2, 3, 8), f32(5, 8)
    c.constant("x", x)
    c.op(f"%y = lm.add_positions %x, {c.param('w', p)} : {t(8)}")
    cases.append(c.finish([("y", x.astype(np.float64) + p[:3])], 1))
    return cases


def linear():
    cases = []
    x, w, b = f32(2, 3, 16), f32(5, 16), f32(5)
    for name, bias in (("linear", None), ("linear_bias", b)):
        c = Case(name)
        c.constant("x", x)
        text = f" bias {c.param('b', b)}" if bias is not None else ""
        c.op(f"%y = lm.linear %x, {c.param('w', w)}{text} : ({t(16)}) -> {t(5)}")
        cases.append(c.finish([("y", x.astype(np.float64) @ w.T.astype(np.float64) + (0 if bias is None else b))], 1))
    c = Case("linear_vectors")
    c.constant("x", x[:, 0])
    c.op(f"%y = lm.linear %x, {c.param('w', w)} bias {c.param('b', b)} : (tensor<2x16xf32>) -> tensor<2x5xf32>")
    cases.append(c.finish([("y", x[:, 0].astype(np.float64) @ w.T.astype(np.float64) + b)], 1))
    for block in (2, 4, 16):
        c = Case(f"rotate_{block}")
        c.constant("x", x)
        c.op(f"%y = lm.rotate %x {{block = {block}}} : {t(16)}")
        cases.append(c.finish([("y", rotate(x, block))], 1))
    edge = x.copy()
    edge[0, 0] = 0  # all zero: scale 1
    edge[0, 1] = np.abs(edge[0, 1])  # all positive: zero point 0
    edge[0, 2] = -np.abs(edge[0, 2])  # all negative: zero point 255
    c = Case("quantized_linear")
    quantized = quantize_dynamic(edge)
    c.constant("x", edge)
    kind = codes_type(*quantized)
    c.op(f"%q = lm.quantize_dynamic %x : ({t(16)}) -> {kind}")
    c.op(f"%y = lm.quantized_linear %q, {c.param('w', w, '#lm.quantize_rows<{}>')} bias {c.param('b', b)} "
         f": ({kind}) -> {t(5)}")
    y = quantized_linear(*quantized, *quantize_rows(w), b)
    cases.append(c.finish([("q", quantized), ("y", y)], 1))
    edge[1, 0, 4:8] = 2.0**-121  # beside greater numbers: the least scale, codes 0
    edge[1, 1] *= 2.0**-10  # a power of two times the greatest magnitude: the next scale
    edge[1, 1, :4] = np.abs(edge[1, 1, 4:]).max() / 4
    edge[1, 2, :4] = [127, 2.5, -3.5, -127]  # scale 1: both ends, and halves to even
    for name, bits, has_min, wrap in GROUPED:
        c = Case(f"grouped_linear_{name}")
        codes, sa = quantize_groups(edge, 4)
        x_hat = codes.astype(np.float64) * np.repeat(sa.astype(np.float64), 4, -1)
        bias = b if has_min else None
        text = f" bias {c.param('b', b)}" if has_min else ""
        c.constant("x", edge)
        kind = codes_type(codes, sa)
        c.op(f"%q = lm.quantize_groups %x : ({t(16)}) -> {kind}")
        c.op(f"%y = lm.grouped_linear %q, {c.param('w', w, wrap)}{text} : ({kind}) -> {t(5)}")
        y = x_hat @ quantize_weight_groups(w, bits, 4, has_min).T + (0 if bias is None else bias)
        cases.append(c.finish([("q", (codes, sa)), ("y", y)], 1))
    return cases


def norm():
    cases = []
    x, w, b = f32(2, 3, 8), f32(8), f32(8)
    d = x.astype(np.float64)
    rms = d / np.sqrt((d**2).mean(-1, keepdims=True) + 1e-5)
    ln = (d - d.mean(-1, keepdims=True)) / np.sqrt(d.var(-1, keepdims=True) + 1e-3)
    for name, expected, weight, bias in (("rms_norm", rms * w, True, False), ("rms_norm_plain", rms, False, False)):
        c = Case(name)
        c.constant("x", x)
        c.op(f"%y = lm.rms_norm %x{', ' + c.param('w', w) if weight else ''} {{eps = 1.0e-5}} : {t(8)}")
        cases.append(c.finish([("y", expected)], 1))
    for name, expected, weight, bias in (("layer_norm", ln * w + b, True, True),
                                         ("layer_norm_weight", ln * w, True, False),
                                         ("layer_norm_plain", ln, False, False)):
        c = Case(name)
        c.constant("x", x)
        affine = (", " + c.param("w", w) if weight else "") + (", " + c.param("b", b) if bias else "")
        c.op(f"%y = lm.layer_norm %x{affine} {{eps = 1.0e-3}} : {t(8)}")
        cases.append(c.finish([("y", expected)], 1))
    c = Case("layer_norm_vectors")
    c.constant("x", x[:, 0])
    c.op(f"%y = lm.layer_norm %x, {c.param('w', w)}, {c.param('b', b)} {{eps = 1.0e-3}} : tensor<2x8xf32>")
    cases.append(c.finish([("y", (ln * w + b)[:, 0])], 1))
    c = Case("l2_normalize")
    v = x[0].copy()
    v[1] = 0
    c.constant("x", v)
    c.op("%y = lm.l2_normalize %x : tensor<3x8xf32>")
    n = np.sqrt((v.astype(np.float64) ** 2).sum(-1, keepdims=True))
    cases.append(c.finish([("y", v / np.maximum(n, 1e-12))], 1))
    return cases


def functions():
    erf = np.vectorize(__import__("math").erf)
    return {
        "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
        "gelu_tanh": lambda x: x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
        "silu": lambda x: x / (1 + np.exp(-x)),
        "relu": lambda x: np.maximum(x, 0),
        "tanh": np.tanh,
    }


def elementwise():
    cases = []
    x, y, v = f32(2, 3, 8, scale=3), f32(2, 3, 8), f32(8)
    d = x.astype(np.float64)
    c = Case("add")
    c.constant("x", x)
    c.constant("z", y)
    c.op(f"%y = lm.add %x, %z : {t(8)}")
    cases.append(c.finish([("y", d + y)], 1))
    c = Case("bias_add")
    c.constant("x", x)
    c.op(f"%y = lm.bias_add %x, {c.param('v', v)} : {t(8)}")
    cases.append(c.finish([("y", d + v)], 1))
    c = Case("activation_vectors")
    c.constant("x", x[:, 0])
    c.op("%y = lm.activation %x {kind = tanh} : tensor<2x8xf32>")
    cases.append(c.finish([("y", functions()["tanh"](d[:, 0]))], 1))
    for kind, function in functions().items():
        c = Case(f"activation_{kind}")
        c.constant("x", x)
        c.op(f"%y = lm.activation %x {{kind = {kind}}} : {t(8)}")
        cases.append(c.finish([("y", function(d))], 1))
        if kind == "tanh":
            continue
        c = Case(f"gated_product_{kind}")
        c.constant("x", x)
        c.constant("u", y)
        c.op(f"%y = lm.gated_product %x, %u {{kind = {kind}}} : {t(8)}")
        cases.append(c.finish([("y", function(d) * y)], 1))
    return cases


def pooling():
    cases = []
    x = f32(4, 5, 6)
    lengths = np.array([5, 2, 0, 9], np.int32)  # full, short, empty, longer than the sequence
    n = np.clip(lengths, 0, 5)
    pick = {
        "mean": lambda s: s.mean(0), "max": lambda s: s.max(0), "cls": lambda s: s[0], "last": lambda s: s[-1],
    }
    for kind, function in pick.items():
        c = Case(f"pool_{kind}")
        c.constant("x", x)
        c.constant("n", lengths)
        c.op(f"%y = lm.pool %x, %n {{kind = {kind}}} : (tensor<4x5x6xf32>, tensor<4xi32>) -> tensor<4x6xf32>")
        expected = [function(x[b, : n[b]].astype(np.float64)) if n[b] else np.zeros(6) for b in range(4)]
        cases.append(c.finish([("y", np.array(expected))], 1))
    return cases


def attention():
    cases = []
    # Decoder: 4 heads read 2 kv heads of width 8 (values 6), a prompt of 3 and then 2 more, two layouts, partial rotary.
    for name, layout, dims in (("half", "half", 8), ("interleaved", "interleaved", 8), ("partial", "half", 4),
                               ("none", None, 0)):
        q, k, v = f32(2, 5, 32), f32(2, 5, 16), f32(2, 5, 12)
        c = Case(f"attention_decoder_{name}")
        c.caches = 1
        text = f", rope = #lm.rope<base = 1.0e4, dims = {dims}, layout = {layout}>" if layout else ""
        for step, (a, b) in enumerate(((0, 3), (3, 5))):
            for label, array in (("q", q), ("k", k), ("v", v)):
                c.constant(f"{label}{step}", array[:, a:b])
            n = b - a
            c.op(f"%y{step}, %cache{step + 1} = lm.attention %q{step}, %k{step}, %v{step}, %cache{step} "
                 f"{{layer = 3, heads = 4, kv_heads = 2, scale = 0.25, mask = #lm.causal{text}}} "
                 f": ({t(32, n=n)}, {t(16, n=n)}, {t(12, n=n)}, !lm.cache) -> ({t(24, n=n)}, !lm.cache)")
        turn = (lambda x, h: rope(x, h, 0, dims, 1e4, layout == "interleaved")) if layout else (
            lambda x, h: x.astype(np.float64).reshape(2, 5, h, -1))
        visible = np.tril(np.ones((5, 5), bool))[None].repeat(2, 0)
        y = attend(turn(q, 4), turn(k, 2), v.astype(np.float64).reshape(2, 5, 2, 6), 4, 2, 0.25, visible)
        # Queries and keys are rounded to float32 after rotation; a score moves by at most |q||k| scale 2^-23, here < 8
        # such units, and the result by as many 2^-24 relative to the largest value.
        cases.append(c.finish([("y0", y[:, :3]), ("y1", y[:, 3:])], 16))
    # Encoder: lengths full, short and zero; full and causal mask.
    for name, mask, layout in (("full", "full", None), ("causal", "causal", "half")):
        q, k, v = f32(3, 4, 16), f32(3, 4, 8), f32(3, 4, 8)
        lengths = np.array([4, 2, 0], np.int32)
        c = Case(f"attention_encoder_{name}")
        for label, array in (("q", q), ("k", k), ("v", v), ("n", lengths)):
            c.constant(label, array)
        text = ", rope = #lm.rope<base = 1.0e4, dims = 4, layout = half>" if layout else ""
        c.op(f"%y = lm.attention %q, %k, %v lengths %n {{layer = 0, heads = 4, kv_heads = 2, scale = 0.5, "
             f"mask = #lm.{mask}{text}}} : ({t(16, 3, 4)}, {t(8, 3, 4)}, {t(8, 3, 4)}, tensor<3xi32>) -> {t(16, 3, 4)}")
        inside = np.arange(4)[None] < lengths[:, None]
        visible = inside[:, :, None] & inside[:, None, :]
        if mask == "causal":
            visible &= np.tril(np.ones((4, 4), bool))[None]
        turn = (lambda x, h: rope(x, h, 0, 4, 1e4, False)) if layout else (
            lambda x, h: x.astype(np.float64).reshape(3, 4, h, -1))
        y = attend(turn(q, 4), turn(k, 2), v.astype(np.float64).reshape(3, 4, 2, 4), 4, 2, 0.5, visible)
        cases.append(c.finish([("y", y)], 16 if layout else 1))
    return cases


def weights():
    """Derived weights, seen through lm.linear of the unit vectors (y = W^T) and lm.bias_add of zero."""
    cases = []
    w, u, v, b = f32(8, 16), f32(8, 16), f32(16), f32(8)

    def matrix(name, wrap, expected, ulps):
        c = Case(name)
        c.constant("x", np.eye(16, dtype=np.float32)[None])
        w_ = c.param("w", w, wrap)
        c.op(f"%y = lm.linear %x, {w_} : (tensor<1x16x16xf32>) -> tensor<1x16x8xf32>")
        cases.append(c.finish([("y", expected.T[None])], ulps))

    def vector(name, wrap, expected, ulps):
        c = Case(name)
        c.constant("x", np.zeros((1, 1, len(expected)), np.float32))
        text, type_ = dense(w)
        c.params.append(f"lm.param @{name}.v : tensor<{len(expected)}xf32> = " + wrap.format(f"{text} : {type_}"))
        c.op(f"%y = lm.bias_add %x, @{name}.v : tensor<1x1x{len(expected)}xf32>")
        cases.append(c.finish([("y", expected[None, None])], ulps))

    d = w.astype(np.float64)
    typed = lambda a: "{} : {}".format(*dense(a))
    matrix("sum", f"#lm.sum<{{}}, {typed(u)}>", d + u, 1)
    matrix("scale", "#lm.scale<{}, 3.0e-1>", d * 0.3, 1)
    matrix("scale_columns", f"#lm.scale_columns<{{}}, {typed(v)}>", d * v, 1)
    matrix("add_to_rows", f"#lm.add_to_rows<{{}}, {typed(v)}>", d + v, 1)
    # log2(16) = 4 butterfly stages in float32, each rounding sums of growing size, and one multiplication.
    matrix("rotate_columns", "#lm.rotate_columns<{}, block = 16>", rotate(w, 16), 5)
    swap = lambda order: w.reshape(2, 4, 16)[:, order].reshape(8, 16)
    matrix("permute_from_interleaved", "#lm.permute_rope<{}, heads = 2, from = interleaved>", swap([0, 2, 1, 3]), 0)
    matrix("permute_from_half", "#lm.permute_rope<{}, heads = 1, from = half>", w[[0, 4, 1, 5, 2, 6, 3, 7]], 0)
    matrix("permute_partial", "#lm.permute_rope<{}, heads = 1, from = half, dims = 4>", w[[0, 2, 1, 3, 4, 5, 6, 7]], 0)
    matrix("drop_rows", f"#lm.drop_rows<{typed(np.concatenate([u[:2], w]))}, 2>", d, 0)
    matrix("transpose", f"#lm.transpose<{typed(np.ascontiguousarray(w.T))}>", d, 0)
    matrix("take_rows", f"#lm.take_rows<{typed(np.concatenate([u[:1], w[:3], u[1:3], w[3:]]))}, kept = [1, 2, 3, 6, 7, 8, 9, 10]>", d, 0)
    vector("row", "#lm.row<{}, 5>", w[5], 0)
    vector("take_numbers", "#lm.take_rows<#lm.row<{}, 5>, kept = [0, 2, 3, 7, 8, 11, 12, 15]>", w[5, [0, 2, 3, 7, 8, 11, 12, 15]], 0)
    vector("matvec", f"#lm.matvec_add<{{}}, {typed(v)}>", d @ v.astype(np.float64), 1)
    vector("matvec_bias", f"#lm.matvec_add<{{}}, {typed(v)}, {typed(b)}>", d @ v.astype(np.float64) + b, 1)
    # Grouped weights are seen through lm.embedding of all rows, with groups that have ends of their own.
    edge = w.copy()
    edge[0, :4] = 0  # scale 0
    edge[0, 4:8] = 0.3  # all equal: scale 0 beside a minimum, which is rounded
    edge[1, :4] = [1e-7, -1e-7, 5e-8, 0]  # a scale below the least f16, a minimum that is not
    edge[1, 4:8] = [3e-6, -2e-6, 1e-6, 1e-6]  # a scale of few bits: codes would pass their ends
    edge[2, :4] = [60000, -60000, 30000, 7]  # near the greatest f16
    edge[3, :4] = [-1, 1, 0.5, -0.5]  # two numbers of the greatest magnitude
    edge[3, 4:8] = [-2, 1, 1.75, 0.125]  # the greatest magnitude is negative: a positive scale
    edge[4, :4] = [0, 15, 0.5, 1.5]  # minimum 0 and scale 1: halves to even
    edge[4, 4:8] = [127, 2.5, -3.5, -127]  # the same for 8 bits
    edge[4, 8:12] = [-8, 2.5, -3.5, 7.5]  # and for 4 bits without minimum; 7.5 stays within 7
    for name, bits, has_min, wrap in GROUPED:
        c = Case(f"grouped_{name}")
        c.constant("ids", np.arange(8, dtype=np.int32)[None])
        c.op(f"%y = lm.embedding %ids, {c.param('w', edge, wrap)} : (tensor<1x8xi32>) -> {t(16, 1, 8)}")
        # A code times a scale is exact in float32, and so both sides round the same sum once.
        cases.append(c.finish([("y", quantize_weight_groups(edge, bits, 4, has_min)[None])], 0))
    return cases


def lengths():
    """Rotary scaling that depends on the length of the sequence: all positions are turned as those of the whole."""
    cases = []
    short, long, gain = [1.0, 1.5], [2.0, 5.0], np.sqrt(1 + np.log(4.0) / np.log(4.0))
    longrope = (f"#lm.rope_scaling<longrope, factor = 4.0, original_positions = 4, short_factors = {short}, "
                f"long_factors = {long}>")
    dynamic = "#lm.rope_scaling<dynamic, factor = 2.0, original_positions = 4>"

    def turned(scaling, x, heads, length):
        if scaling == longrope:
            return rope(x, heads, 0, 4, 1e4, False, np.array(long if length > 4 else short), gain)
        return rope(x, heads, 0, 4, 1e4 * (max(2.0 * length / 4 - 1, 1) ** (4 / 2)), False)

    def both(name, scaling):
        text = f"rope = #lm.rope<base = 1.0e4, dims = 4, layout = half, scaling = {scaling}>"
        # Decoder: as many as the original length, in pieces; one more, at once; and more in pieces, whose first is long enough.
        for pieces in ([3, 1], [5], [7]) if scaling == dynamic else ([3, 1], [5], [6, 2]):
            total = sum(pieces)
            q, k, v = f32(1, total, 8), f32(1, total, 4), f32(1, total, 4)
            c, begin, outs = Case(f"{name}_decoder_{total}"), 0, []
            c.caches = 1
            y = attend(turned(scaling, q, 2, total), turned(scaling, k, 1, total), v.astype(np.float64).reshape(1, total, 1, 4),
                       2, 1, 0.5, np.tril(np.ones((total, total), bool))[None])
            for step, n in enumerate(pieces):
                for label, array in (("q", q), ("k", k), ("v", v)):
                    c.constant(f"{label}{step}", array[:, begin:begin + n])
                c.op(f"%y{step}, %cache{step + 1} = lm.attention %q{step}, %k{step}, %v{step}, %cache{step} "
                     f"{{layer = 0, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.causal, {text}}} "
                     f": ({t(8, 1, n)}, {t(4, 1, n)}, {t(4, 1, n)}, !lm.cache) -> ({t(8, 1, n)}, !lm.cache)")
                outs.append((f"y{step}", y[:, begin:begin + n]))
                begin += n
            cases.append(c.finish(outs, 16))
        # Encoder: each sequence by its own length.
        q, k, v, n = f32(3, 6, 8), f32(3, 6, 4), f32(3, 6, 4), np.array([4, 6, 5], np.int32)
        c = Case(f"{name}_encoder")
        for label, array in (("q", q), ("k", k), ("v", v), ("n", n)):
            c.constant(label, array)
        c.op(f"%y = lm.attention %q, %k, %v lengths %n {{layer = 0, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.full, {text}}} "
             f": ({t(8, 3, 6)}, {t(4, 3, 6)}, {t(4, 3, 6)}, tensor<3xi32>) -> {t(8, 3, 6)}")
        inside = np.arange(6)[None] < n[:, None]
        own = [attend(turned(scaling, q[b:b + 1], 2, n[b]), turned(scaling, k[b:b + 1], 1, n[b]),
                      v[b:b + 1].astype(np.float64).reshape(1, 6, 1, 4), 2, 1, 0.5,
                      (inside[:, :, None] & inside[:, None, :])[b:b + 1]) for b in range(3)]
        cases.append(c.finish([("y", np.concatenate(own))], 16))

    both("longrope", longrope)
    both("dynamic", dynamic)
    return cases


def halves():
    """lm.cache_append and lm.attend apart: two layers in one cache, read where lm.attention would not."""
    cases = []
    text = ", rope = #lm.rope<base = 1.0e4, dims = 4, layout = half>"
    turn = lambda x, h: rope(x, h, 0, 4, 1e4, False)
    split = lambda x, h: x.astype(np.float64).reshape(*x.shape[:2], h, -1)
    visible = np.tril(np.ones((5, 5), bool))[None].repeat(2, 0)
    # Decoder: 3 rows, then 2; heads of values are wider than those of keys, those of layer 1 are other ones. Layer 0 is read
    # by its queries, by others when layer 1 has been appended (shared keys), and by the last row alone.
    c = Case("halves_decoder")
    c.caches = 1
    q, r, k, v, k1, v1 = f32(2, 5, 16), f32(2, 5, 8), f32(2, 5, 8), f32(2, 5, 12), f32(2, 5, 4), f32(2, 5, 2)
    outs = []

    def append(kept, cache, layer, kv, step, keys, values, n):
        c.op(f"%{kept} = lm.cache_append %{keys}{step}, %{values}{step}, %{cache} {{layer = {layer}, kv_heads = {kv}{text}}} "
             f": ({t({'k': 8, 'k1_': 4}[keys], n=n)}, {t({'v': 12, 'v1_': 2}[values], n=n)}, !lm.cache) -> !lm.cache")

    def read(y, query, cache, layer, heads, kv, widths, n, expected):
        c.op(f"%{y} = lm.attend %{query}, %{cache} {{layer = {layer}, heads = {heads}, kv_heads = {kv}, scale = 0.25, "
             f"mask = #lm.causal{text}}} : ({t(widths[0], n=n)}, !lm.cache) -> {t(widths[1], n=n)}")
        outs.append((y, expected))

    whole = attend(turn(q, 4), turn(k, 2), split(v, 2), 4, 2, 0.25, visible)
    other = attend(turn(r, 2), turn(k, 2), split(v, 2), 2, 2, 0.25, visible)
    second = attend(turn(r, 2), turn(k1, 1), split(v1, 1), 2, 1, 0.25, visible)
    for step, (a, b) in enumerate(((0, 3), (3, 5))):
        for label, array in (("q", q), ("r", r), ("k", k), ("v", v), ("k1_", k1), ("v1_", v1)):
            c.constant(f"{label}{step}", array[:, a:b])
        append(f"one{step}", f"two{step - 1}" if step else "cache0", 0, 2, step, "k", "v", b - a)
        read(f"y{step}", f"q{step}", f"one{step}", 0, 4, 2, (16, 24), b - a, whole[:, a:b])
        append(f"two{step}", f"one{step}", 1, 1, step, "k1_", "v1_", b - a)
        read(f"z{step}", f"r{step}", f"two{step}", 1, 2, 1, (8, 4), b - a, second[:, a:b])
        read(f"x{step}", f"r{step}", f"one{step}", 0, 2, 2, (8, 12), b - a, other[:, a:b])
    c.constant("last", q[:, 4:])
    read("w", "last", "one1", 0, 4, 2, (16, 24), 1, whole[:, 4:])
    cases.append(c.finish(outs, 16))
    # Encoder: lengths full, short and zero; two sorts of queries read one cache.
    for mask in ("full", "causal"):
        q, r, k, v = f32(3, 4, 16), f32(3, 4, 8), f32(3, 4, 8), f32(3, 4, 8)
        lengths = np.array([4, 2, 0], np.int32)
        c = Case(f"halves_encoder_{mask}")
        for label, array in (("q", q), ("r", r), ("k", k), ("v", v), ("n", lengths)):
            c.constant(label, array)
        c.op(f"%kept = lm.cache_append %k, %v lengths %n {{layer = 7, kv_heads = 2{text}}} "
             f": ({t(8, 3, 4)}, {t(8, 3, 4)}, tensor<3xi32>) -> !lm.cache")
        inside = np.arange(4)[None] < lengths[:, None]
        seen = inside[:, :, None] & inside[:, None, :]
        if mask == "causal":
            seen &= np.tril(np.ones((4, 4), bool))[None]
        outs = []
        for y, label, array, heads in (("y", "q", q, 4), ("z", "r", r, 2)):
            kind = t(4 * heads, 3, 4)
            c.op(f"%{y} = lm.attend %{label}, %kept lengths %n {{layer = 7, heads = {heads}, kv_heads = 2, scale = 0.5, "
                 f"mask = #lm.{mask}{text}}} : ({kind}, !lm.cache, tensor<3xi32>) -> {kind}")
            outs.append((y, attend(turn(array, heads), turn(k, 2), split(v, 2), heads, 2, 0.5, seen)))
        cases.append(c.finish(outs, 16))
    return cases


def keep_greatest(y, count):
    """The count greatest of each row, those of smaller index first where equal; -infinity elsewhere."""
    order = np.argsort(-y, axis=-1, kind="stable")[..., :count]
    kept = np.full_like(y, -np.inf)
    np.put_along_axis(kept, order, np.take_along_axis(y, order, -1), -1)
    return kept


def top_linear(name, x, w, b, count, block):
    """x (2, 3, K); the preview as a model computes it."""
    c = Case(name)
    c.constant("x", x)
    width, outputs = x.shape[-1], len(w)
    turned = f"%r = lm.rotate %x {{block = {block}}} : {t(width)}" if block else ""
    if block:
        c.op(turned)
    r = "%r" if block else "%x"
    codes = codes_type(*quantize_dynamic(x))
    wrap = f"#lm.quantize_rows<#lm.rotate_columns<{{}}, block = {block}>>" if block else "#lm.quantize_rows<{}>"
    weight, preview = c.param("w", w), c.param("preview", w, wrap)
    bias = f" bias {c.param('b', b)}" if b is not None else ""
    c.op(f"%c = lm.quantize_dynamic {r} : ({t(width)}) -> {codes}")
    c.op(f"%p = lm.quantized_linear %c, {preview}{bias} : ({codes}) -> {t(outputs)}")
    text = f", block = {block}" if block else ""
    c.op(f"%y = lm.top_linear %x, {weight}{bias} preview %p of {r}, %c, {preview} {{count = {count}{text}}} "
         f": ({t(width)}, {t(outputs)}, {t(width)}, {codes}) -> {t(outputs)}")
    y = x.astype(np.float64) @ w.T.astype(np.float64) + (0 if b is None else b)
    return c.finish([("y", keep_greatest(y, count))], 1)


def ranking():
    x, w, b = f32(2, 3, 16), f32(40, 16), f32(40)
    w[30] = w[3]  # equal results, of which the first counts first
    x[0, 0] = 0
    return [top_linear("top_linear", x, w, None, 7, 0), top_linear("top_linear_bias_rotated", x, w, b, 2, 16)]


# Which functions --lm-run-compiled runs, too (none named: all; None: no function); the others have shapes that no kernel has. Its sums are
# float32: one of n numbers, here up to 16, is rounded n times by 2^-24 of itself, and its functions are right to 3 ulp.
COMPILED = {
    "embedding/meaning": ["embedding", "embedding_rotated", "embedding_int8", "add_positions"],
    "linear/meaning": ["linear", "linear_bias", "linear_vectors"],
    "quantize/meaning": ["rotate_2", "rotate_4", "rotate_16"],
    "norm/meaning": [], "elementwise/meaning": [], "pooling/meaning": [],
    "attention/meaning": ["attention_encoder_full", "attention_encoder_causal"],
    "interpret/weights": ["sum", "scale", "scale_columns", "add_to_rows", "rotate_columns", "permute_from_interleaved",
                          "permute_from_half", "permute_partial", "drop_rows", "transpose", "take_rows", "row", "take_numbers", "matvec",
                          "matvec_bias"],
    "attention/lengths": ["longrope_decoder_4", "longrope_decoder_5", "longrope_decoder_8", "longrope_encoder",
                          "dynamic_decoder_4"],
    "attention/halves": ["halves_encoder_full", "halves_encoder_causal"],
    "ranking/meaning": [],
}


def main():
    # One stream of random numbers: what is added goes behind, so that all before stays as it is.
    written = {"embedding/meaning": embedding(), "linear/meaning": linear(), "norm/meaning": norm(),
               "elementwise/meaning": elementwise(), "pooling/meaning": pooling(), "attention/meaning": attention(),
               "interpret/weights": weights(), "attention/lengths": lengths(), "attention/halves": halves(),
               "ranking/meaning": ranking()}
    is_rotate = lambda case: "func.func @rotate_" in case
    written["quantize/meaning"] = [case for case in written["linear/meaning"] if is_rotate(case)]
    written["linear/meaning"] = [case for case in written["linear/meaning"] if not is_rotate(case)]
    for name, cases in written.items():
        lines = ["// Written by interpret/generate.py: what NumPy computes.", *run_lines("tolerance=1e-6", COMPILED[name])]
        write(ROOM / f"{name}.mlir", cases, lines)


if __name__ == "__main__":
    main()
