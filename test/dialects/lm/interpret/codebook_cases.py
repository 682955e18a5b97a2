# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""codebook_cases.py: matrices with codebooks, by the definition of #lm.quantize_codebook, and cases with them.

The optimum is found by the plain table of costs (all m for each i), not by divide and conquer. Random numbers of its own stream.
"""
import numpy as np
from cases import Case, codes_type, t
from formulas import half, quantize_groups, rotate

CELLS = 4096
rng = np.random.default_rng(20261129)


def numbers(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def best_entries(u, h, count, reach):
    """The best `count` entries for numbers u with weights h, cells of equal width never divided."""
    u, h = u.ravel(), h.ravel()
    cell = np.clip(np.floor((u + reach) / (2 * reach) * CELLS), 0, CELLS - 1).astype(int)
    sums = [np.bincount(cell, x, CELLS) for x in (h, h * u, h * u * u)]
    used = sums[0] > 0
    w, s, q = (np.concatenate([[0], np.cumsum(x[used])]) for x in sums)
    n = used.sum()
    if n <= count:
        means = (sums[1] / np.where(used, sums[0], 1))[used]
        return np.concatenate([means, np.full(count - n, means[-1])])
    i, m = np.meshgrid(np.arange(n + 1), np.arange(n + 1))  # cost[m, i] of cells m .. i - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        cost = np.where(m < i, q[i] - q[m] - (s[i] - s[m]) ** 2 / (w[i] - w[m]), np.inf)
    least, starts = np.where(np.arange(n + 1) == 0, 0, np.inf), []
    for _ in range(count):
        all_ways = least[:, None] + cost
        starts.append(all_ways.argmin(0))
        least = all_ways.min(0)
    entries, end = [], n
    for start in reversed(starts):
        entries.append((s[end] - s[start[end]]) / (w[end] - w[start[end]]))
        end = start[end]
    return np.array(entries[::-1])


def nearest(x, table):
    table = table.astype(np.float32)
    bounds = ((table[1:].astype(np.float64) + table[:-1]) / 2).astype(np.float32)
    return np.searchsorted(bounds, x.astype(np.float32), side="left")


def row_codebook(w):
    """What remains of w with 256 entries."""
    scale = np.abs(w).max(1, keepdims=True)
    divisor = np.where(scale == 0, 1, scale)
    u = w.astype(np.float64) / divisor
    table = best_entries(u, np.where(scale == 0, 0, np.ones_like(u) * scale.astype(np.float64) ** 2), 256, 1)
    table = table.astype(np.float32)
    return table[nearest(w / divisor, table)].astype(np.float64) * scale


def group_codebook(w, entries, group):
    parts = w.reshape(-1, group)
    extreme = np.take_along_axis(parts, np.abs(parts).argmax(1)[:, None], 1)
    scale = half(extreme / np.float32(127))

    def table():
        divisor = np.where(scale == 0, 1, scale).astype(np.float64)
        h = np.where(scale == 0, 0, np.ones_like(parts, np.float64) * scale.astype(np.float64) ** 2)
        return np.rint(np.clip(best_entries(parts / divisor, h, entries, 127), -127, 127))

    def scales():
        tried = [half(sign * (extreme / np.float32(127) * np.float32(p) / np.float32(100)))
                 for p in range(60, 129, 4) for sign in (np.float32(1), np.float32(-1))]
        missed = lambda s: np.abs(parts[:, :, None] - s[:, :, None] * found.astype(np.float64)).min(-1)
        costs = np.stack([(missed(s) ** 2).sum(1) for s in tried])
        return np.take_along_axis(np.stack(tried)[:, :, 0], costs.argmin(0)[None], 0)[0][:, None]

    for _ in range(5):
        found = table()
        scale = scales()
    codes = nearest(parts / np.where(scale == 0, 1, scale), found)
    return (found[codes] * scale.astype(np.float64)).reshape(w.shape)


def forms(group):
    """Name, attribute, what remains."""
    text = "#lm.quantize_codebook<{}, entries = %d%s>"
    some = [(f"codebook{n}", text % (n, f", group = {group}"), lambda w, n=n: group_codebook(w, n, group)) for n in (16, 8, 4)]
    return [("codebook256", text % (256, ""), row_codebook), *some]


def tables(rows, width, group, rotated):
    """Embeddings; `rotated`: blocks of a table that is stored rotated."""
    cases = []
    ids, table = np.array([[3, 0, rows - 1], [rows - 1, 1, 1]], np.int32), numbers(rows, width)
    table[1] = 0  # scales of 0
    for name, wrap, remains in forms(group):
        c = Case(f"embedding_{name}")
        c.constant("ids", ids)
        c.op(f"%y = lm.embedding %ids, {c.param('w', table, wrap)} : (tensor<2x3xi32>) -> {t(width)}")
        # A scale times an entry of 24 bits is rounded; of an entry of 8 bits it is not.
        cases.append(c.finish([("y", remains(table)[ids])], 1))
    c = Case("embedding_codebook_rotated")
    name, wrap, remains = forms(group)[1]
    c.constant("ids", ids)
    c.op(f"%y = lm.embedding %ids, {c.param('w', table, wrap)} {{rotated = {rotated}}} : (tensor<2x3xi32>) -> {t(width)}")
    cases.append(c.finish([("y", rotate(remains(table).astype(np.float32), rotated)[ids])], 2))
    return cases


def products(rows, width, group):
    """Linears, with a bias and without."""
    cases = []
    x, w, b = numbers(2, 3, width), numbers(rows, width), numbers(rows)
    for name, wrap, remains in forms(group):
        with_bias = name in ("codebook256", "codebook16")
        c = Case(f"linear_{name}")
        text = f" bias {c.param('b', b)}" if with_bias else ""
        c.constant("x", x)
        if name == "codebook256":
            taken = x.astype(np.float64)
            c.op(f"%y = lm.codebook_linear %x, {c.param('w', w, wrap)}{text} : ({t(width)}) -> {t(rows)}")
        else:
            codes, scale = quantize_groups(x, group)
            kind = codes_type(codes, scale)
            taken = codes.astype(np.float64) * np.repeat(scale.astype(np.float64), group, -1)
            c.op(f"%q = lm.quantize_groups %x : ({t(width)}) -> {kind}")
            c.op(f"%y = lm.grouped_linear %q, {c.param('w', w, wrap)}{text} : ({kind}) -> {t(rows)}")
        cases.append(c.finish([("y", taken @ remains(w).T + (b if with_bias else 0))], 1))
    return cases
