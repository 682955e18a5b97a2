#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""generate.py: writes ../<family>/meaning.mlir (and a few more): random inputs, and what NumPy computes in float64.

The functions and their expectations: cases.py. The formulas, here and in formulas.py, are written from the definitions (full matrices, explicit
masks), not from the interpreter. Tolerances, relative to the largest number of a result: inputs are float32 exactly, sums are
float64 on both sides, so a result differs by its own rounding to float32, 2^-24 = 6.0e-8; ops that round twice on the way
(rotary keys and queries, then the result) get 2^-24 for each rounded factor. Run by hand with NumPy; the files are kept.
"""
import pathlib

import codebook_cases
import numpy as np
from attention_cases import attention, biases, groups, halves, lengths, projections, windows
from cases import Case, codes_type, dense, f32, run_lines, t, write
from conditional_cases import conditional
from formulas import (SMALL, code_range_text, quantize_dynamic, quantize_groups, quantize_rows,
                      quantize_weight_groups, quantized_linear, rotate, trained_codes)
from ranking_cases import ranking

ROOM = pathlib.Path(__file__).parent.parent


# The forms of a grouped weight, with groups of 4: name, bits, minima (SMALL: they and the scales in 8 bits), attribute.
GROUPED = [(f"{bits}bit{suffix}", bits, has_min, "#lm.quantize_groups<{}, bits = %d, group = 4%s>" % (bits, text))
           for bits, has_min, suffix, text in ((4, False, "", ""), (4, True, "_min", ", min"), (8, False, "", ""),
                                               (4, SMALL, "_small", ", min, scales = 8"))]


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
        # A scale of 24 bits times a code is rounded, and then the sum.
        cases.append(c.finish([("y", quantize_weight_groups(table, bits, 4, has_min)[ids])], 2 if has_min == SMALL else 0))
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
    edge[1, 0, 4:8] = 2.0**-121  # too small for a scale: codes 0
    edge[1, 1] *= 2.0**-10  # a token of small numbers
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
        "mean_sqrt": lambda s: s.sum(0) / np.sqrt(len(s)),
        "weighted": lambda s: np.average(s, axis=0, weights=np.arange(1, len(s) + 1)),
    }
    pick["last + weighted"] = lambda s: np.concatenate([pick["last"](s), pick["weighted"](s)])
    for kind, function in pick.items():
        width = 6 * (1 + kind.count("+"))
        c = Case("pool_" + kind.replace(" + ", "_and_"))
        c.constant("x", x)
        c.constant("n", lengths)
        c.op(f"%y = lm.pool %x, %n {{kind = {kind}}} : (tensor<4x5x6xf32>, tensor<4xi32>) -> tensor<4x{width}xf32>")
        expected = [function(x[b, : n[b]].astype(np.float64)) if n[b] else np.zeros(width) for b in range(4)]
        cases.append(c.finish([("y", np.array(expected))], 1))
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
    # Two matrices one behind the other, each turned; the rows of each part of 8 lie in blocks of two between those of others.
    pair = np.ascontiguousarray(w.reshape(2, 4, 16).transpose(0, 2, 1))
    matrix("transpose_each", f"#lm.reshape<#lm.transpose_each<{typed(pair)}>, shape = [8, 16]>", d, 0)
    matrix("reshape", f"#lm.reshape<{typed(w.reshape(16, 8))}, shape = [8, 16]>", d, 0)
    fused = np.stack([u.reshape(4, 2, 16), w.reshape(4, 2, 16), -w.reshape(4, 2, 16)], axis=1).reshape(24, 16)
    matrix("take_blocks", f"#lm.take_blocks<{typed(fused)}, size = 2, first = 1, step = 3>", d, 0)
    angles = np.arange(8.0)[:, None] / 10000.0 ** (np.arange(0, 16, 2) / 16)
    table = np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(8, 16) * np.float64(np.float32(0.3))
    # Rounded once; where the table's number is near to zero, sine and cosine of different libraries differ by more of their ulp.
    matrix("sinusoids", f"#lm.sinusoids<{typed(np.array([0.3], np.float32))}, rows = 8, columns = 16>", table, 1)
    matrix("take_rows", f"#lm.take_rows<{typed(np.concatenate([u[:1], w[:3], u[1:3], w[3:]]))}, kept = [1, 2, 3, 6, 7, 8, 9, 10]>", d, 0)
    order = [3, 0, 7, 1, 2, 6, 4, 5]
    matrix("reorder_rows", f"#lm.reorder_rows<{typed(w[np.argsort(order)])}, order = [{', '.join(map(str, order))}]>", d, 0)
    vector("row", "#lm.row<{}, 5>", w[5], 0)
    vector("take_numbers", "#lm.take_rows<#lm.row<{}, 5>, kept = [0, 2, 3, 7, 8, 11, 12, 15]>", w[5, [0, 2, 3, 7, 8, 11, 12, 15]], 0)
    vector("matvec", f"#lm.matvec_add<{{}}, {typed(v)}>", d @ v.astype(np.float64), 1)
    vector("matvec_bias", f"#lm.matvec_add<{{}}, {typed(v)}, {typed(b)}>", d @ v.astype(np.float64) + b, 1)
    # Rows are seen through a product; its sums are of f64, so that what is rounded is a factor of each and the result.
    vector("scale_rows", f"#lm.matvec_add<#lm.scale_rows<{{}}, {typed(b)}>, {typed(v)}>", (d @ v.astype(np.float64)) * b, 2)
    vector("scale_numbers", f"#lm.scale_rows<#lm.row<{{}}, 5>, {typed(v)}>", d[5] * v, 1)
    matrix("concat_rows", "#lm.concat_rows<[#lm.take_rows<{0}, kept = [0, 1, 2]>, #lm.take_rows<{0}, kept = [3, 4, 5, 6, 7]>]>", d, 0)
    vector("concat_numbers", f"#lm.concat_rows<[{typed(b)}, {typed(v)}]>", np.concatenate([b, v]), 0)
    # 4 heads of 2 rows, of which two read one head of the factor; sums are of f64.
    absorb = lambda source, factor: np.concatenate(
        [factor[h // 2 * 2:h // 2 * 2 + 2].astype(np.float64).T @ source[2 * h:2 * h + 2] for h in range(4)])
    heads = "heads = 4, kv_heads = 2"
    matrix("absorb_heads", f"#lm.absorb_heads<{{}}, factor = {typed(u[:4, :2].copy())}, {heads}>", absorb(d, u[:4, :2]), 1)
    vector("absorb_numbers", f"#lm.absorb_heads<{typed(b)}, factor = {typed(u[:4, :3].copy())}, {heads}>", absorb(b, u[:4, :3]), 1)
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
        cases.append(c.finish([("y", quantize_weight_groups(edge, bits, 4, has_min)[None])], 2 if has_min == SMALL else 0))
    # The nearest matrix of rank 3, by NumPy's singular value decomposition; and its factors, one behind the other.
    left, values, right = np.linalg.svd(d)
    nearest = (left[:, :3] * values[:3]) @ right[:3]
    matrix("low_rank", "#lm.low_rank<{}, plain, rank = 3>", nearest, 4)
    c = Case("low_rank_factors")
    c.constant("x", np.eye(16, dtype=np.float32)[None])
    inner = c.param("b", w, "#lm.low_rank_right<<{}, plain, rank = 3>>", shape=(3, 16))
    c.op(f"%z = lm.linear %x, {inner} : (tensor<1x16x16xf32>) -> tensor<1x16x3xf32>")
    outer = c.param("a", w, "#lm.low_rank_left<<{}, plain, rank = 3>>", shape=(8, 3))
    c.op(f"%y = lm.linear %z, {outer} : (tensor<1x16x3xf32>) -> tensor<1x16x8xf32>")
    cases.append(c.finish([("y", nearest.T[None])], 4))
    return cases


def trained():
    """Ranges of quantization-aware training, as #lm.code_range and #lm.fake_quantize say."""
    random = np.random.default_rng(7)  # of its own
    draw = lambda *shape: random.standard_normal(shape).astype(np.float32)  # noqa: E731
    cases = []
    x, w, b = draw(2, 3, 16), draw(5, 16), draw(5)
    x[0, 0, :6] = [2.5, 3.5, -2.5, 1000, -1000, 0]  # with a step of 1: halves to even; beyond both ends
    ranges = {"affine": (np.float32(0.02), 1, 100, 0, 255), "reduced": (np.float32(0.037), 1, 60, 0, 127),
              "signed": (np.float32(2.7), 127, 128, 0, 255), "whole": (np.float32(1), 1, 128, 1, 255)}
    for name, values in ranges.items():
        codes, step, zero = trained_codes(x, *values)
        text, kind = code_range_text(*values), codes_type(codes, step, zero)
        fake = f"%f = lm.fake_quantize %x {{codes = {text}}} : {t(16)}"
        c = Case(f"fake_quantize_{name}")
        c.constant("x", x)
        c.op(fake)
        cases.append(c.finish([("f", (codes.astype(np.float32) - np.float32(values[2])) * step[..., None])], 0))
        c = Case(f"quantize_static_{name}")
        c.constant("x", x)
        c.op(fake)
        c.op(f"%q = lm.quantize_static %x {{range = {text}}} : ({t(16)}) -> {kind}")
        c.op(f"%r = lm.quantize_static %f {{range = {text}}} : ({t(16)}) -> {kind}")
        cases.append(c.finish([("q", (codes, step, zero)), ("r", (codes, step, zero))], 0))
    c = Case("fake_quantize_vectors")
    c.constant("x", x[:, 0])
    c.op(f"%y = lm.fake_quantize %x {{codes = {code_range_text(*ranges['affine'])}}} : tensor<2x16xf32>")
    codes, step, _ = trained_codes(x, *ranges["affine"])
    cases.append(c.finish([("y", ((codes.astype(np.float32) - np.float32(100)) * step[..., None])[:, 0])], 0))
    w[1] = 0
    w[2, :4] = [0.5, -0.5, 1.5, -1.5]  # half way between codes of a range of 127
    w[3, :2] = [-3, 3]  # beyond the range
    tops = np.array([[2.1], [0.3], [127], [2.0], [2.5]], np.float32)
    scales = np.abs(w).max(-1).astype(np.float32) / np.float32(127.5) + np.float32(1e-3)
    for name, (numbers, steps, least) in {"magnitudes": (tops, 127, -128), "narrow": (tops[3:4, 0], 127, -127),
                                          "scales": (scales, 1, -128)}.items():
        wrap = f"#lm.fake_quantize<{{}}, ranges = {' : '.join(dense(numbers))}, steps = {steps}, least = {least}>"
        rows = np.broadcast_to(numbers.reshape(-1), 5).astype(np.float32)
        s = (rows / np.float32(steps))[:, None]
        codes_w = np.clip(np.rint(w * (np.float32(steps) / rows)[:, None]), least, 127)
        affine = ranges["affine"]
        codes, step, zero = trained_codes(x, *affine)
        y = quantized_linear(codes, step, zero, codes_w, s, b)
        c = Case(f"trained_product_{name}")
        c.constant("x", x)
        c.op(f"%f = lm.fake_quantize %x {{codes = {code_range_text(*affine)}}} : {t(16)}")
        c.op(f"%y = lm.linear %f, {c.param('w', w, wrap)} bias {c.param('b', b)} : ({t(16)}) -> {t(5)}")
        cases.append(c.finish([("y", y)], 3))  # numbers of both sides are rounded to float32, and the result
        moved = f"#lm.quantize_rows<#lm.reorder_rows<#lm.scale<{wrap}, 5.0e-1>, order = [1, 0, 2, 4, 3]>>"
        c = Case(f"trained_codes_{name}")
        c.constant("x", x)
        kind = codes_type(codes, step, zero)
        c.op(f"%q = lm.quantize_static %x {{range = {code_range_text(*affine)}}} : ({t(16)}) -> {kind}")
        c.op(f"%y = lm.quantized_linear %q, {c.param('w', w, '#lm.quantize_rows<' + wrap + '>')} bias {c.param('b', b)} : ({kind}) -> {t(5)}")
        c.op(f"%z = lm.quantized_linear %q, {c.param('m', w, moved)} : ({kind}) -> {t(5)}")
        z = quantized_linear(codes, step, zero, codes_w, s * np.float32(0.5), 0)[..., [1, 0, 2, 4, 3]]
        cases.append(c.finish([("y", y), ("z", z)], 1))
    return cases


def heads():
    """Norms of parts of a row; the heads of 4 have no kernel."""
    cases = []
    for name, width, count, weighted in (("4", 4, 3, True), ("16", 16, 2, True), ("48", 48, 3, True), ("plain", 32, 2, False)):
        x, w = f32(2, 3, count * width), f32(width)
        c = Case(f"norm_heads_{name}")
        c.constant("x", x)
        text = f", {c.param('w', w)}" if weighted else ""
        c.op(f"%y = lm.rms_norm %x{text} {{eps = 1.0e-5, heads = {count}}} : {t(count * width)}")
        parts = x.astype(np.float64).reshape(2, 3, count, width)
        y = parts / np.sqrt((parts**2).mean(-1, keepdims=True) + 1e-5) * (w if weighted else 1)
        cases.append(c.finish([("y", y.reshape(x.shape))], 1))
    return cases


def caps():
    x = f32(2, 3, 8, scale=20)
    c = Case("soft_cap")
    c.constant("x", x)
    c.op(f"%y = lm.soft_cap %x {{cap = 30.0}} : {t(8)}")
    return [c.finish([("y", 30 * np.tanh(x.astype(np.float64) / 30))], 1)]


# Which functions --lm-run-compiled runs, too (none named: all; None: no function); the others have shapes that no kernel has. Its sums are
# float32: one of n numbers, here up to 16, is rounded n times by 2^-24 of itself, and its functions are right to 3 ulp.
COMPILED = {
    "embedding/meaning": ["embedding", "embedding_rotated", "embedding_int8", "add_positions"],
    "linear/meaning": ["linear", "linear_bias", "linear_vectors"],
    "quantize/meaning": ["rotate_2", "rotate_4", "rotate_16"],
    "quantize/trained": [f"fake_quantize_{name}" for name in ("affine", "reduced", "signed", "whole", "vectors")] +
                        [f"trained_{what}_{name}" for name in ("magnitudes", "narrow", "scales") for what in ("product", "codes")],
    "norm/meaning": [], "elementwise/meaning": [], "pooling/meaning": [],
    "attention/meaning": ["attention_decoder_half", "attention_decoder_partial", "attention_decoder_none", "attention_encoder_full", "attention_encoder_causal"],
    "interpret/weights": ["sum", "scale", "scale_columns", "add_to_rows", "rotate_columns", "permute_from_interleaved",
                          "permute_from_half", "permute_partial", "drop_rows", "transpose", "transpose_each", "reshape", "take_blocks", "sinusoids", "take_rows", "reorder_rows", "row",
                          "take_numbers", "matvec", "matvec_bias", "scale_rows", "scale_numbers", "concat_rows", "concat_numbers",
                          "absorb_heads", "absorb_numbers", "low_rank", "low_rank_factors"],
    "attention/lengths": ["longrope_decoder_4", "longrope_decoder_5", "longrope_decoder_8", "longrope_encoder",
                          "dynamic_decoder_4"],
    "attention/halves": ["halves_encoder_full", "halves_encoder_causal"],
    "attention/groups": [],
    "ranking/meaning": ["top_linear", "top_linear_bias_rotated", "class_logits", "top_class_linear", "top_class_linear_bf16",
                        "top_class_linear_int8", "top_class_linear_grouped", "preview_linear", "preview_linear_bias",
                        "preview_linear_bf16"],
    "linear/codebooks": None,
    "attention/projections": [],
    "conditional/meaning": [],
    "attention/windows": [], "norm/heads": ["norm_heads_16", "norm_heads_48", "norm_heads_plain"], "elementwise/caps": [],
    "attention/biases": [],
}
# Sums of sums: of numbers of neurons, which are sums of 9, times what they add.
TOLERANCES = {"conditional/meaning": "5e-6"}


def buckets():
    """The table that T5 and MPNet learn for ranges of distances, as one of distances: of a vector of ones its numbers are sums."""
    table, most = f32(32, 2), 24
    c = Case("distance_buckets")
    symbol = c.param("t", table, f"#lm.distance_buckets<{{}}, max = {most}>", (2, 2 * most + 1))
    x = np.eye(2 * most + 1, dtype=np.float32)[None]
    c.constant("x", x)
    c.op(f"%y = lm.linear %x, {symbol} : ({t(2 * most + 1, 1, 2 * most + 1)}) -> {t(2, 1, 2 * most + 1)}")
    expected = np.array([table[bucket_of(distance, 32, most)] for distance in range(-most, most + 1)])
    return [c.finish([("y", expected[None])], 0)]


def bucket_of(distance, buckets, most):
    """As transformers computes it (relative_position_bucket), in f32."""
    side, far = buckets // 2, abs(distance)
    exact = side // 2
    if far >= exact:
        part = np.log(np.float32(far) / np.float32(exact)) / np.float32(np.log(most / exact))
        far = min(side - 1, exact + int(part * np.float32(side - exact)))
    return far + (side if distance > 0 else 0)


def main():
    # One stream of random numbers: what is added goes behind, so that all before stays as it is.
    written = {"embedding/meaning": embedding(), "linear/meaning": linear(), "norm/meaning": norm(),
               "elementwise/meaning": elementwise(), "pooling/meaning": pooling(), "attention/meaning": attention(),
               "interpret/weights": weights(), "attention/lengths": lengths(), "attention/halves": halves(),
               "attention/groups": groups(), "ranking/meaning": ranking(),
               "linear/codebooks": codebook_cases.products(5, 16, 4) + codebook_cases.tables(7, 16, 4, 4),
               "attention/projections": projections(), "quantize/trained": trained(), "conditional/meaning": conditional(),
               "attention/windows": windows(), "norm/heads": heads(), "elementwise/caps": caps(),
               "attention/biases": biases() + buckets()}
    is_rotate = lambda case: "func.func @rotate_" in case
    written["quantize/meaning"] = [case for case in written["linear/meaning"] if is_rotate(case)]
    written["linear/meaning"] = [case for case in written["linear/meaning"] if not is_rotate(case)]
    for name, cases in written.items():
        lines = ["// Written by interpret/generate.py: what NumPy computes.", 
                 *run_lines(f"tolerance={TOLERANCES.get(name, '1e-6')}", COMPILED[name])]
        write(ROOM / f"{name}.mlir", cases, lines)


if __name__ == "__main__":
    main()
