# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cases of attention for generate.py: whole, with lengths, in halves, with uneven groups of heads, with biases of positions."""
import numpy as np
from cases import Case, f32, t
from formulas import attend, rope


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


def groups():
    """Heads of keys and values that different numbers of queries read: 3, 1 and 2 of 6."""
    cases = []
    text = ", rope = #lm.rope<base = 1.0e4, dims = 8, layout = half>"
    turn = lambda x, h: rope(x, h, 0, 8, 1e4, False)
    reads = [0, 0, 0, 1, 2, 2]
    heads = "heads = 6, kv_heads = 3 groups = [3, 1, 2], scale = 0.3"
    # Decoder: a prompt of 17, which fills a block of the cache, and 2 tokens more.
    q, k, v = f32(2, 19, 48), f32(2, 19, 24), f32(2, 19, 24)
    c = Case("groups_decoder")
    c.caches = 1
    for step, (a, b) in enumerate(((0, 17), (17, 19))):
        for label, array in (("q", q), ("k", k), ("v", v)):
            c.constant(f"{label}{step}", array[:, a:b])
        n = b - a
        c.op(f"%y{step}, %cache{step + 1} = lm.attention %q{step}, %k{step}, %v{step}, %cache{step} "
             f"{{layer = 0, {heads}, mask = #lm.causal{text}}} "
             f": ({t(48, n=n)}, {t(24, n=n)}, {t(24, n=n)}, !lm.cache) -> ({t(48, n=n)}, !lm.cache)")
    split = lambda x: x.astype(np.float64).reshape(*x.shape[:2], 3, 8)
    visible = np.tril(np.ones((19, 19), bool))[None].repeat(2, 0)
    y = attend(turn(q, 6), turn(k, 3)[:, :, reads], split(v)[:, :, reads], 6, 6, 0.3, visible)
    cases.append(c.finish([("y0", y[:, :17]), ("y1", y[:, 17:])], 16))
    # Encoder, in halves: lengths full, short and zero.
    q, k, v = f32(3, 4, 48), f32(3, 4, 24), f32(3, 4, 24)
    lengths = np.array([4, 2, 0], np.int32)
    c = Case("groups_encoder")
    for label, array in (("q", q), ("k", k), ("v", v), ("n", lengths)):
        c.constant(label, array)
    c.op(f"%kept = lm.cache_append %k, %v lengths %n {{layer = 0, kv_heads = 3{text}}} "
         f": ({t(24, 3, 4)}, {t(24, 3, 4)}, tensor<3xi32>) -> !lm.cache")
    c.op(f"%y = lm.attend %q, %kept lengths %n {{layer = 0, {heads}, mask = #lm.full{text}}} "
         f": ({t(48, 3, 4)}, !lm.cache, tensor<3xi32>) -> {t(48, 3, 4)}")
    inside = np.arange(4)[None] < lengths[:, None]
    y = attend(turn(q, 6), turn(k, 3)[:, :, reads], split(v)[:, :, reads], 6, 6, 0.3, inside[:, :, None] & inside[:, None, :])
    cases.append(c.finish([("y", y)], 16))
    return cases


def projections():
    """Keys and values of a sequence that become few: means of neighbours, or by matrices; more and fewer than tokens."""
    cases = []
    lengths = np.array([7, 3, 0, 2], np.int32)
    inside = np.arange(7)[None] < lengths[:, None]

    def means(n, rank):
        r = min(n, rank)
        e = np.zeros((r, 7))
        for s in range(r):
            begin, end = s * n // r, (s + 1) * n // r
            e[s, begin:end] = 1 / (end - begin)
        return e

    def seen(q, k, v, keys, values):
        """Each sequence by itself: keys(n), values(n) are what its rows are multiplied by."""
        outs = []
        for b, n in enumerate(lengths):
            split = lambda x, h: x[b:b + 1].astype(np.float64).reshape(1, 7, h, -1)
            few = lambda e, x: np.einsum("sn,bnhd->bshd", e[:, :n], x[:, :n])
            kept = few(keys(n), split(k, 2))
            visible = inside[b][None, :, None] & np.ones((1, 1, kept.shape[1]), bool)
            if n == 0:
                outs.append(np.zeros((1, 7, 4 * v.shape[2] // 2)))
            else:
                outs.append(attend(split(q, 4), kept, few(values(n), split(v, 2)), 4, 2, 0.5, visible))
        return np.concatenate(outs)

    def case(name, project, matrices, keys, values, halves):
        q, k, v = f32(4, 7, 16), f32(4, 7, 8), f32(4, 7, 12)
        c = Case(f"projected_{name}")
        for label, array in (("q", q), ("k", k), ("v", v), ("n", lengths)):
            c.constant(label, array)
        names = [c.param(label, array) for label, array in matrices]
        by = f" by {names[0]}, {names[-1]}" if names else ""
        heads = "heads = 4, kv_heads = 2, scale = 0.5, mask = #lm.full"
        kinds = f"{t(8, 4, 7)}, {t(12, 4, 7)}, tensor<4xi32>"
        if halves:
            c.op(f"%kept = lm.cache_append %k, %v lengths %n {{layer = 1, kv_heads = 2 project = {project}{by}}} "
                 f": ({kinds}) -> !lm.cache")
            c.op(f"%y = lm.attend %q, %kept lengths %n {{layer = 1, {heads} project = {project}}} "
                 f": ({t(16, 4, 7)}, !lm.cache, tensor<4xi32>) -> {t(24, 4, 7)}")
        else:
            c.op(f"%y = lm.attention %q, %k, %v lengths %n {{layer = 0, {heads} project = {project}{by}}} "
                 f": ({t(16, 4, 7)}, {kinds}) -> {t(24, 4, 7)}")
        # A projected number is rounded once more, and moves a score and a result by as much.
        cases.append(c.finish([("y", seen(q, k, v, keys, values))], 16))

    for rank in (3, 7):
        case(f"means_{rank}", f"#lm.projection<means, rank = {rank}>", [], lambda n: means(n, rank),
             lambda n: means(n, rank), rank == 3)
    e, f = f32(5, 9) / 2, f32(5, 9) / 2
    learned = "#lm.projection<learned, rank = 5>"
    case("learned", learned, [("e", e), ("f", f)], lambda n: e, lambda n: f, False)
    case("shared", learned, [("e", e)], lambda n: e, lambda n: e, True)
    return cases


def windows():
    """The last positions only, and scores with a cap: a prompt of 5 and then 3 more, in halves, too; in an encoder."""
    cases = []
    for name, window, cap, head in (("3", 3, None, 8), ("1", 1, None, 8), ("9", 9, None, 8), ("4_cap", 4, 0.75, 16), ("cap", 0, 2.0, 8)):
        q, k, v = f32(2, 8, 4 * head), f32(2, 8, 2 * head), f32(2, 8, 2 * head)
        c = Case(f"window_{name}")
        c.caches = 1
        mask = f"#lm.causal<window = {window}>" if window else "#lm.causal"
        text = f" soft_cap = {cap}" if cap else ""
        for step, (a, b) in enumerate(((0, 5), (5, 8))):
            for label, array in (("q", q), ("k", k), ("v", v)):
                c.constant(f"{label}{step}", array[:, a:b])
            n = b - a
            c.op(f"%y{step}, %cache{step + 1} = lm.attention %q{step}, %k{step}, %v{step}, %cache{step} "
                 f"{{layer = 0, heads = 4, kv_heads = 2, scale = 0.25{text}, mask = {mask}}} "
                 f": ({t(4 * head, n=n)}, {t(2 * head, n=n)}, {t(2 * head, n=n)}, !lm.cache) -> ({t(4 * head, n=n)}, !lm.cache)")
        visible = np.tril(np.ones((8, 8), bool))
        if window:
            visible &= ~np.tril(np.ones((8, 8), bool), -window)
        split = lambda x, heads: x.astype(np.float64).reshape(2, 8, heads, head)
        y = attend(split(q, 4), split(k, 2), split(v, 2), 4, 2, 0.25, visible[None].repeat(2, 0), cap)
        cases.append(c.finish([("y0", y[:, :5]), ("y1", y[:, 5:])], 1))
    q, lengths = f32(2, 6, 16), np.array([6, 4], np.int32)
    c = Case("window_encoder")
    c.constant("q", q)
    c.constant("n", lengths)
    c.op(f"%kept = lm.cache_append %q, %q lengths %n {{layer = 0, kv_heads = 2}} : ({t(16, 2, 6)}, {t(16, 2, 6)}, tensor<2xi32>) -> !lm.cache")
    c.op(f"%y = lm.attend %q, %kept lengths %n {{layer = 0, heads = 2, kv_heads = 2, scale = 0.5 soft_cap = 1.5, mask = #lm.causal<window = 2>}} "
         f": ({t(16, 2, 6)}, !lm.cache, tensor<2xi32>) -> {t(16, 2, 6)}")
    inside = np.arange(6)[None] < lengths[:, None]
    near = np.tril(np.ones((6, 6), bool)) & ~np.tril(np.ones((6, 6), bool), -2)
    x = q.astype(np.float64).reshape(2, 6, 2, 8)
    cases.append(c.finish([("y", attend(x, x, x, 2, 2, 0.5, inside[:, :, None] & inside[:, None, :] & near[None], 1.5))], 1))
    c = Case("window_both_ways")
    c.constant("q", q)
    c.constant("n", lengths)
    c.op(f"%y = lm.attention %q, %q, %q lengths %n {{layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full<window = 2>}} "
         f": ({t(16, 2, 6)}, {t(16, 2, 6)}, {t(16, 2, 6)}, tensor<2xi32>) -> {t(16, 2, 6)}")
    both = np.abs(np.arange(6)[:, None] - np.arange(6)[None]) <= 2
    cases.append(c.finish([("y", attend(x, x, x, 2, 2, 0.5, inside[:, :, None] & inside[:, None, :] & both[None], None))], 1))
    return cases


def slope_bias(slopes, queries, keys):
    """slopes[h] (j - i)"""
    return np.array(slopes)[:, None, None] * (np.arange(keys)[None, None] - np.arange(queries)[None, :, None])


def table_bias(table, length):
    """table[h, clamp(j - i, -D, D) + D]"""
    most = table.shape[1] // 2
    distance = np.arange(length)[None] - np.arange(length)[:, None]
    return table.astype(np.float64)[:, np.clip(distance, -most, most) + most]


def biases():
    """Of distances: slopes in decoders, with all else that decides about scores; tables in encoders, shorter and longer than texts."""
    cases = []
    slopes = [0.5, 0.0883883461356163, 0.00390625, 2.0]
    causal = np.tril(np.ones((40, 40), bool))
    for name, begin, window, cap in (("slopes", 21, 0, None), ("slopes_window_cap", 33, 6, 1.5)):
        q, k, v = f32(1, 40, 32), f32(1, 40, 16), f32(1, 40, 16)
        c = Case(f"bias_{name}")
        c.caches = 1
        mask, text = (f"#lm.causal<window = {window}>", f" soft_cap = {cap}") if window else ("#lm.causal", "")
        for step, (a, b) in enumerate(((0, begin), (begin, 40))):
            for label, array in (("q", q), ("k", k), ("v", v)):
                c.constant(f"{label}{step}", array[:, a:b])
            n = b - a
            c.op(f"%y{step}, %cache{step + 1} = lm.attention %q{step}, %k{step}, %v{step}, %cache{step} "
                 f"{{layer = 0, heads = 4, kv_heads = 2, scale = 0.25{text}, mask = {mask} bias = #lm.alibi<slopes = {slopes}>}} "
                 f": ({t(32, 1, n)}, {t(16, 1, n)}, {t(16, 1, n)}, !lm.cache) -> ({t(32, 1, n)}, !lm.cache)")
        visible = causal & ~np.tril(np.ones((40, 40), bool), -window) if window else causal
        split = lambda x, heads: x.astype(np.float64).reshape(1, 40, heads, 8)
        y = attend(split(q, 4), split(k, 2), split(v, 2), 4, 2, 0.25, visible[None], cap, slope_bias(slopes, 40, 40))
        cases.append(c.finish([("y0", y[:, :begin]), ("y1", y[:, begin:])], 1))
    for name, most in (("table_3", 3), ("table_17", 17), ("table_60", 60)):
        x, lengths, table = f32(2, 40, 16), np.array([40, 7], np.int32), f32(2, 2 * most + 1)
        c = Case(f"bias_{name}")
        symbol = c.param("t", table)
        c.constant("x", x)
        c.constant("n", lengths)
        c.op(f"%y = lm.attention %x, %x, %x lengths %n {{layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full bias = {symbol}}} "
             f": ({t(16, 2, 40)}, {t(16, 2, 40)}, {t(16, 2, 40)}, tensor<2xi32>) -> {t(16, 2, 40)}")
        inside = np.arange(40)[None] < lengths[:, None]
        h = x.astype(np.float64).reshape(2, 40, 2, 8)
        cases.append(c.finish([("y", attend(h, h, h, 2, 2, 0.5, inside[:, :, None] & inside[:, None, :], None, table_bias(table, 40)))], 1))
    # In halves, and groups of two sizes.
    q, x, lengths = f32(2, 20, 24), f32(2, 20, 16), np.array([20, 17], np.int32)
    c = Case("bias_halves")
    c.constant("q", q)
    c.constant("x", x)
    c.constant("n", lengths)
    c.op(f"%kept = lm.cache_append %x, %x lengths %n {{layer = 0, kv_heads = 2}} : ({t(16, 2, 20)}, {t(16, 2, 20)}, tensor<2xi32>) -> !lm.cache")
    c.op(f"%y = lm.attend %q, %kept lengths %n {{layer = 0, heads = 3, kv_heads = 2 groups = [2, 1], scale = 0.5, mask = #lm.causal "
         f"bias = #lm.alibi<slopes = {slopes[:3]}>}} : ({t(24, 2, 20)}, !lm.cache, tensor<2xi32>) -> {t(24, 2, 20)}")
    inside = np.arange(20)[None] < lengths[:, None]
    keys = x.astype(np.float64).reshape(2, 20, 2, 8)[:, :, [0, 0, 1]]
    visible = inside[:, :, None] & inside[:, None, :] & causal[None, :20, :20]
    y = attend(q.astype(np.float64).reshape(2, 20, 3, 8), keys, keys, 3, 3, 0.5, visible, None, slope_bias(slopes[:3], 20, 20))
    cases.append(c.finish([("y", y)], 1))
    return cases
