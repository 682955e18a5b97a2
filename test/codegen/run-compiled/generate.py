#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""generate.py: writes <theme>.mlir beside itself, as test/dialects/lm/interpret/generate.py does, for kernels.

The functions have shapes that kernels know where those there have not: groups of 32, products as
the only readers of codes; and sizes beyond one register, panel or block of the cache. Both --lm-interpret and
--lm-run-compiled run them. Run by hand with NumPy; the files are kept.
"""
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "dialects/lm/interpret"))
from cases import Case, codes_type, f32, run_lines, t, write
import codebook_cases
import conditional_cases
from formulas import (attend, quantize_dynamic, quantize_groups, quantize_rows, quantize_weight_groups, quantized_linear, rope,
                      rotate)
from generate import GROUPED
from ranking_cases import by_classes, by_tree, preview_linear, top_linear, word_tree


def bf16(x):
    """The nearest bf16 number, half to even, as float32."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def in_32(wrap):
    """A grouped form with groups of 32."""
    return wrap.replace("group = 4", "group = 32")


def products():
    """Linears of all formats on rows of 64: two groups of 32, and two panels of 16 outputs, the last of them ragged."""
    cases = []
    x, w, b = f32(2, 3, 64), f32(20, 64), f32(20)
    x[0, 0] = 0  # no scale
    x[0, 1] = np.abs(x[0, 1])  # zero point 0
    x[1, 0, 32:] *= 2.0**-10  # groups of other scales
    d = x.astype(np.float64)
    c = Case("linear")
    c.constant("x", x)
    c.op(f"%y = lm.linear %x, {c.param('w', w)} bias {c.param('b', b)} : ({t(64)}) -> {t(20)}")
    cases.append(c.finish([("y", d @ w.T.astype(np.float64) + b)], 1))
    c = Case("narrow_linear")
    c.constant("x", x)
    c.op(f"%n = lm.narrow %x : ({t(64)}) -> {t(64, kind='bf16')}")
    c.op(f"%y = lm.narrow_linear %n, {c.param('w', w, '#lm.narrow<{}>')} bias {c.param('b', b)} "
         f": ({t(64, kind='bf16')}) -> {t(20)}")
    cases.append(c.finish([("y", bf16(x).astype(np.float64) @ bf16(w).T.astype(np.float64) + b)], 1))
    c = Case("quantized_linear")
    quantized = quantize_dynamic(x)
    kind = codes_type(*quantized)
    c.constant("x", x)
    c.op(f"%q = lm.quantize_dynamic %x : ({t(64)}) -> {kind}")
    c.op(f"%y = lm.quantized_linear %q, {c.param('w', w, '#lm.quantize_rows<{}>')} bias {c.param('b', b)} "
         f": ({kind}) -> {t(20)}")
    cases.append(c.finish([("y", quantized_linear(*quantized, *quantize_rows(w), b))], 1))
    for name, bits, has_min, wrap in GROUPED:
        c = Case(f"grouped_linear_{name}")
        codes, sa = quantize_groups(x, 32)
        text = f" bias {c.param('b', b)}" if has_min else ""
        kind = codes_type(codes, sa)
        c.constant("x", x)
        c.op(f"%q = lm.quantize_groups %x : ({t(64)}) -> {kind}")
        c.op(f"%y = lm.grouped_linear %q, {c.param('w', w, in_32(wrap))}{text} : ({kind}) -> {t(20)}")
        y = codes.astype(np.float64) * np.repeat(sa.astype(np.float64), 32, -1) @ quantize_weight_groups(w, bits, 32, has_min).T
        cases.append(c.finish([("y", y + (b if has_min else 0))], 1))
    return cases


def tables():
    """Embeddings from tables in all formats; 20 rows are two panels of 16."""
    cases = []
    ids, table = np.array([[3, 0, 19], [16, 16, 1]], np.int32), f32(20, 64)
    forms = [("bf16", "#lm.narrow<{}>", bf16(table))]
    codes, scale = quantize_rows(table)
    forms.append(("int8", "#lm.quantize_rows<{}>", codes * scale.astype(np.float64)))
    for name, bits, has_min, wrap in GROUPED:
        forms.append((f"grouped_{name}", in_32(wrap), quantize_weight_groups(table, bits, 32, has_min)))
    for rotated in ("", " {rotated = 32}"):
        for name, wrap, rows in forms:
            c = Case(f"embedding_{name}{'_rotated' if rotated else ''}")
            c.constant("ids", ids)
            c.op(f"%y = lm.embedding %ids, {c.param('w', table, wrap)}{rotated} : (tensor<2x3xi32>) -> {t(64)}")
            cases.append(c.finish([("y", rotate(rows.astype(np.float32), 32)[ids] if rotated else rows[ids])], 2))
    # A table that is the matrix of a product, too, exists once.
    c = Case("tied")
    c.constant("ids", ids)
    w = c.param("w", table)
    c.op(f"%x = lm.embedding %ids, {w} : (tensor<2x3xi32>) -> {t(64)}")
    c.op(f"%y = lm.linear %x, {w} : ({t(64)}) -> {t(20)}")
    cases.append(c.finish([("y", table[ids].astype(np.float64) @ table.T.astype(np.float64))], 1))
    return cases


def cached(name, text, scores, element=""):
    """Decoder: 4 heads read 2 kv heads of width 8; a prompt of 17, which fills a block of the cache, and 2 tokens more."""
    q, k, v = f32(2, 19, 32), f32(2, 19, 16), f32(2, 19, 16)
    c = Case(name)
    c.caches = 1
    for step, (a, b) in enumerate(((0, 17), (17, 19))):
        for label, array in (("q", q), ("k", k), ("v", v)):
            c.constant(f"{label}{step}", array[:, a:b])
        n = b - a
        c.op(f"%y{step}, %cache{step + 1} = lm.attention %q{step}, %k{step}, %v{step}, %cache{step} "
             f"{{layer = 0, heads = 4, kv_heads = 2, scale = 0.3, mask = #lm.causal{text}}}{element} "
             f": ({t(32, n=n)}, {t(16, n=n)}, {t(16, n=n)}, !lm.cache) -> ({t(32, n=n)}, !lm.cache)")
    y = scores(q, k, v, np.tril(np.ones((19, 19), bool))[None].repeat(2, 0))
    return c.finish([("y0", y[:, :17]), ("y1", y[:, 17:])], 16)


def attention_cache():
    """Attention of decoders in f32: pairs in halves, of a part of the head, none."""
    def turned(dims):
        def scores(q, k, v, visible):
            turn = lambda x, h: rope(x, h, 0, dims, 1e4, False)
            return attend(turn(q, 4), turn(k, 2), v.astype(np.float64).reshape(2, 19, 2, 8), 4, 2, 0.3, visible)
        return scores

    rotary = lambda dims: f", rope = #lm.rope<base = 1.0e4, dims = {dims}, layout = half>"
    return [cached("half", rotary(8), turned(8)), cached("partial", rotary(4), turned(4)), cached("none", "", turned(0))]


def attention_cache_narrow():
    """The same with keys and values in 16 and 8 bits."""
    def in_bf16(q, k, v, visible):
        split = lambda x, h: x.astype(np.float64).reshape(2, 19, h, 8)
        q, k, v = split(bf16((q * 0.3).astype(np.float32)), 4), split(bf16(k), 2), split(bf16(v), 2)
        k, v = np.repeat(k, 2, 2), np.repeat(v, 2, 2)
        s = np.where(visible[:, None], np.einsum("bihd,bjhd->bhij", q, k), -np.inf)
        p = np.exp(s - s.max(-1, keepdims=True))
        y = np.einsum("bhij,bjhd->bihd", bf16(p) / p.sum(-1, keepdims=True), v)
        return y.reshape(2, 19, 32)

    def in_int8(q, k, v, visible):
        def kept(x):
            x = x.reshape(2, 19, 2, 8)
            most = np.abs(x).max(-1, keepdims=True)
            return np.rint(x * (np.float32(127) / most)) * (most / np.float32(127)).astype(np.float64)
        return attend(q.astype(np.float64).reshape(2, 19, 4, 8), kept(k), kept(v), 4, 2, 0.3, visible)

    return [cached("bf16", "", in_bf16, " as bf16"), cached("int8", "", in_int8, " as i8")]


def encoder():
    """What an encoder ends in: attention by lengths, a sum, a norm, pooling, vectors of length 1."""
    q, k, v, x, w = f32(3, 6, 16), f32(3, 6, 8), f32(3, 6, 8), f32(3, 6, 16), f32(16)
    lengths = np.array([6, 2, 0], np.int32)
    c = Case("encoder")
    for label, array in (("q", q), ("k", k), ("v", v), ("x", x), ("n", lengths)):
        c.constant(label, array)
    c.op(f"%a = lm.attention %q, %k, %v lengths %n {{layer = 0, heads = 4, kv_heads = 2, scale = 0.5, mask = #lm.full}} "
         f": ({t(16, 3, 6)}, {t(8, 3, 6)}, {t(8, 3, 6)}, tensor<3xi32>) -> {t(16, 3, 6)}")
    c.op(f"%s = lm.add %a, %x : {t(16, 3, 6)}")
    c.op(f"%l = lm.layer_norm %s, {c.param('w', w)} {{eps = 1.0e-3}} : {t(16, 3, 6)}")
    c.op(f"%p = lm.pool %l, %n {{kind = mean}} : ({t(16, 3, 6)}, tensor<3xi32>) -> tensor<3x16xf32>")
    c.op("%y = lm.l2_normalize %p : tensor<3x16xf32>")
    inside = np.arange(6)[None] < lengths[:, None]
    split = lambda x, h: x.astype(np.float64).reshape(3, 6, h, 4)
    s = attend(split(q, 4), split(k, 2), split(v, 2), 4, 2, 0.5, inside[:, :, None] & inside[:, None, :]) + x
    normed = (s - s.mean(-1, keepdims=True)) / np.sqrt(s.var(-1, keepdims=True) + 1e-3) * w
    y = np.stack([normed[b, : n].mean(0) if n else np.zeros(16) for b, n in enumerate(lengths)])
    return [c.finish([("y", y / np.maximum(np.sqrt((y**2).sum(-1, keepdims=True)), 1e-12))], 8)]


def ranking():
    """More panels of 16 outputs than a block of them, the last one ragged; equal results; all of them equal."""
    x, w, b = f32(2, 3, 64), f32(300, 64), f32(300)
    w[150] = w[3]
    x[0, 0] = 0
    return [top_linear("top", x, w, None, 40, 0), top_linear("top_bias_rotated", x, w, b, 3, 64),
            top_linear("best", x, w, b, 1, 32), top_linear("all", x, w, b, 300, 64)]


def classes():
    """Classes that begin and end within panels, two of a single word, one of most."""
    random = np.random.default_rng(7)
    normal = lambda *shape: random.standard_normal(shape).astype(np.float32)  # noqa: E731
    x, w, b, scores = normal(2, 3, 64), normal(300, 64), normal(300), 3 * normal(2, 3, 7)
    words, sizes = random.permutation(302), [1, 1, 41, 30, 16, 200, 13]
    cases = [by_classes("class_logits", x, w, b, scores, words, sizes),
             by_classes("class_top", x, w, b, scores, words, sizes, 40),
             by_classes("class_best", x, w, None, scores, words, sizes, 1),
             by_classes("class_all", x, w, b, scores, words, sizes, 302)]
    for kind in ("_bf16", "_int8", "_grouped"):
        a, m = (bf16(x), bf16(w)) if kind == "_bf16" else (x, w)
        cases.append(by_classes("class_top" + kind, a, m, None, scores, words, sizes, 9, kind))
    return cases


def previews():
    """Previews with equal numbers, one that is none; products of 64 inputs, 300 outputs."""
    random = np.random.default_rng(8)
    normal = lambda *shape: random.standard_normal(shape).astype(np.float32)  # noqa: E731
    x, w, b = normal(2, 3, 64), normal(300, 64), normal(300)
    return [preview_linear("preview", x, w, None, 40, random), preview_linear("preview_bias", x, w, b, 1, random),
            preview_linear("preview_all", x, w, b, 300, random),
            preview_linear("preview_bf16", bf16(x), bf16(w), b, 17, random, narrow=True)]


def trees():
    """All logits by a tree of 301 words; scores of one each need targets, which only an entry of its own has
    (test/unit/codegen/WordTreeKernelTest.cpp, test/e2e)."""
    random = np.random.default_rng(9)
    normal = lambda *shape: random.standard_normal(shape).astype(np.float32)  # noqa: E731
    x, w, b = normal(2, 3, 64), normal(300, 64), normal(300)
    return [by_tree("tree", x, w, b, word_tree(301, random)), by_tree("tree_no_bias", x, w, None, word_tree(301, random))]


def codebooks():
    """Products and tables with codebooks."""
    return codebook_cases.products(20, 64, 32) + codebook_cases.tables(20, 64, 32, 32)


def conditional():
    """Trees of neurons for batches around the border between few tokens, which walk one by one, and many, which walk
    together; rows of two and a half registers, results of one and a ragged one."""
    random = np.random.default_rng(12)
    draw = lambda *shape: random.standard_normal(shape).astype(np.float32)  # noqa: E731
    batches, trees = (1, 2, 15, 16, 17, 40), lambda *form: conditional_cases.Trees(draw, *form)  # noqa: E731
    case = lambda name, *form: conditional_cases.neuron_tree_batches(  # noqa: E731
        f"neuron_tree_{name}", draw, *form, THEMES[conditional][0])
    return [case("f32", batches, trees(4, 1, 40, 20), "gelu", False),
            case("bf16", batches, trees(5, 1, 40, 20, True, "bf16", "bf16"), "silu", False),
            case("int8", batches, trees(4, 1, 40, 20, False, "f32", "int8"), "gelu_tanh", True),
            case("trees", (2, 40), trees(3, 3, 40, 20), "relu", False),
            case("one_level", (15, 16), trees(1, 1, 40, 20, True, "bf16", "int8"), "silu", False)]


# The tolerance of compiled code, and why.
THEMES = {
    products: (4e-6, "sums of 64 numbers in float32: 64 2^-24"),
    tables: (4e-6, "sums of 64 numbers in float32: 64 2^-24"),
    attention_cache: (2e-6, "sums of 8 and 19 numbers in float32, between them exp, which takes on the error of a score"),
    attention_cache_narrow: (8e-3, "a weight of bf16 that tips moves by 2^-8, a query of 8 bits by 1/127 of the largest"),
    encoder: (2e-6, "sums of at most 16 numbers in float32, one behind another"),
    codebooks: (4e-6, "sums of 64 numbers in float32: 64 2^-24"),
    ranking: (4e-6, "sums of 64 numbers in float32: 64 2^-24"),
    previews: (4e-6, "sums of 64 numbers in float32: 64 2^-24"),
    trees: (8e-6, "sums of 64 numbers in float32 and of some 20 logarithms"),
    conditional: (5e-6, "numbers of neurons are sums of 40 in float32; what that moves, and sums of a way, generate.py bounds"),
    classes: (8e-6, "a sum of 64 numbers in float32, less the greatest of such sums: twice 64 2^-24"),
}

for theme, (tolerance, why) in THEMES.items():
    lines = [f"// Written by generate.py: what NumPy computes. Compiled: {why}.", *run_lines(f"tolerance={tolerance:.0e}", [])]
    write(HERE / f"{theme.__name__.replace(chr(95), chr(45))}.mlir", theme(), lines)
