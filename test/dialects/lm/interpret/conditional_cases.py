# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""conditional_cases.py: trees of neurons, gates, experts and products without zeros, by the definitions, and cases with
them. Used by generate.py and by ../../../codegen/run-compiled/generate.py.

Where the definition goes one way, these compute all neurons and leave out those that are not on it. Numbers that decide
are sums in float64 rounded to float32 once, on both sides; such a number may yet differ in its last bit, where NumPy
adds in another order, so that a tolerance counts the rounding of the result and one of each number (`roundings`).
"""
import itertools
import math

import numpy as np
from cases import ULP, Case, codes_type, t
from codebook_cases import group_codebook
from formulas import quantize_groups, quantize_rows, quantize_weight_groups

KINDS = {
    "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2,
    "gelu_tanh": lambda x: x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
}
SLOPE = 1.2  # the greatest of these functions


def numbers(x, w, b=None):
    """x W^T + b, rounded to float32: what decides. Kept in float64."""
    with np.errstate(invalid="ignore", over="ignore"):
        a = (x[..., None, :].astype(np.float64) * w.astype(np.float64)).sum(-1)
        a = a if b is None else a + b.astype(np.float64)
        return a.astype(np.float32).astype(np.float64)


def rights(a, tie_right):
    """Where a number sends to the right; NaN is neither."""
    return a >= 0 if tie_right else a > 0


def ways(a, trees, tie_right):
    """Which of all neurons are on the way: the root, and each child on the side that its parent chose."""
    right, on = rights(a, tie_right), np.zeros(a.shape, bool)
    nodes = a.shape[-1] // trees
    for tree in range(trees):
        on[..., tree * nodes] = True
        for n in range(nodes // 2):
            parent, left = tree * nodes + n, tree * nodes + 2 * n + 1
            on[..., left] = on[..., parent] & ~right[..., parent]
            on[..., left + 1] = on[..., parent] & right[..., parent]
    return on


def neuron_sum(h, on, v):
    """Sum of h[n] V[n] over neurons that are on the way."""
    return np.where(on, h, 0) @ v.astype(np.float64)


def roundings(off, v, y):
    """In roundings of the largest number of y: its own, and factors of V that are off by so much of 2^-24."""
    return 1 + (off @ np.abs(v.astype(np.float64))).max() / np.abs(y[np.isfinite(y)]).max()


def formats(array, kind):
    """How a matrix is wrapped, and the numbers that remain of it; those of bf16 are such before."""
    if kind == "int8":
        codes, scale = quantize_rows(array)
        return "#lm.quantize_rows<{}>", codes * scale.astype(np.float64)
    return ("#lm.narrow<{}>" if kind == "bf16" else "{}"), array


def bf16(x):
    """Numbers of bf16, towards zero."""
    return (x.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


class Trees:
    """W, b and V of some trees: `levels`, `trees`, K and M as given; their formats f32, bf16 or (of V) int8."""

    def __init__(self, draw, levels, trees, width, outputs, bias=True, keys="f32", values="f32"):
        self.levels, self.trees, n = levels, trees, trees * (2**levels - 1)
        self.w, self.v = draw(n, width), draw(n, outputs)
        self.b = draw(n) if bias else None
        if keys == "bf16":
            self.w = bf16(self.w)
        if values == "bf16":
            self.v = bf16(self.v)
        self.keys, self.values = keys, values

    def params(self, c):
        """Text of the weights as they stand in an op, params in the case."""
        bias = f" bias {c.param('b', self.b)}" if self.b is not None else ""
        return (c.param("w", self.w, formats(self.w, self.keys)[0]) + bias +
                " to " + c.param("v", self.v, formats(self.v, self.values)[0]))

    def attributes(self, kind, tie_right=False):
        trees = f", trees = {self.trees}" if self.trees > 1 else ""
        return f"{{kind = {kind}{' tie_right' if tie_right else ''}{trees}}}"

    def result(self, x, kind, tie_right=False, u=None):
        """y, and how much of 2^-24 each factor is off where a number of a neuron is rounded once more. `u`: numbers of
        all neurons that stand in the place of those that decide."""
        a = numbers(x, self.w, self.b)
        on, u = ways(a, self.trees, tie_right), a if u is None else u
        with np.errstate(invalid="ignore"):
            h = KINDS[kind](u)
        off = SLOPE * np.abs(u) + (np.abs(h) if self.values == "int8" else 0)  # a code times its scale is rounded, too
        return neuron_sum(h, on, formats(self.v, self.values)[1]), np.where(on & np.isfinite(u), off, 0)


def tree_op(c, name, x, text, attributes, outputs, by=""):
    c.op(f"%{name} = lm.neuron_tree %x{name[1:]}, {text}{' by ' + by if by else ''} {attributes} "
         f": ({t(x.shape[-1], *x.shape[:2])}) -> {t(outputs, *x.shape[:2])}")


def neuron_tree(name, x, trees, kind, tie_right=False):
    c = Case(name)
    c.constant("x", x)
    y, off = trees.result(x, kind, tie_right)
    tree_op(c, "y", x, trees.params(c), trees.attributes(kind, tie_right), y.shape[-1])
    return c.finish([("y", y)], roundings(off, trees.v, y))


def neuron_tree_batches(name, draw, counts, trees, kind, tie_right, compiled):
    """The same trees for batches of so many rows, the first of the same ones, each a result of its own. Tolerances are
    relative to the greatest result, so the row that has it is the first. `compiled`: what code may be off."""
    c, results, ulps = Case(name), [], 0
    text, rows = trees.params(c), draw(1, max(counts), trees.w.shape[1])
    greatest = np.abs(trees.result(rows, kind, tie_right)[0]).max(-1)[0].argmax()
    rows[0, [0, greatest]] = rows[0, [greatest, 0]]
    rows[0, 3] = 0
    for i, count in enumerate(counts):
        x = rows[:, :count].copy()
        c.constant(f"x{i}", x)
        y, off = trees.result(x, kind, tie_right)
        tree_op(c, f"y{i}", x, text, trees.attributes(kind, tie_right), y.shape[-1])
        results.append((f"y{i}", y))
        ulps = max(ulps, roundings(off, trees.v, y))
        assert float_sums(x, trees, kind, tie_right) * ULP <= compiled
    return c.finish(results, ulps)


def float_sums(x, trees, kind, tie_right):
    """What float32 may be off, in the same measure as `roundings`: a number of a neuron by K / 16 + 7 roundings of the
    length of its products, f by 3 of its result, and the sum over neurons by one for each."""
    lengths = np.abs(x).astype(np.float64) @ np.abs(trees.w.astype(np.float64)).T
    y, _ = trees.result(x, kind, tie_right)
    a = numbers(x, trees.w, trees.b)
    h = np.abs(KINDS[kind](a)) * (3 + trees.trees * trees.levels)
    off = np.where(ways(a, trees.trees, tie_right), h + SLOPE * (x.shape[-1] / 16 + 7) * lengths, 0)
    return roundings(off, trees.v, y)


def neuron_tree_by(name, x, trees, u_matrix, kind, codes, tie_right=False):
    """By numbers of a matrix of its own, of bf16 or in codes, which decides nothing."""
    c = Case(name)
    c.constant("x", x)
    text = trees.params(c)
    narrow = c.param("u", u_matrix, "#lm.quantize_rows<{}>" if codes else "#lm.narrow<{}>")
    if codes:
        u_codes, scale = quantize_rows(u_matrix)
        u_matrix = (u_codes * scale).astype(np.float32)
    y, off = trees.result(x, kind, tie_right, u=numbers(x, u_matrix, trees.b))
    tree_op(c, "y", x, text, trees.attributes(kind, tie_right), y.shape[-1], narrow)
    return c.finish([("y", y)], roundings(off, trees.v, y))


def dense_masked(name, x, trees, kind):
    """The same by ops that there were before: all neurons, those on the way times 1 and others times 0."""
    c = Case(name)
    c.constant("x", x)
    a = numbers(x, trees.w, trees.b)
    c.constant("on", ways(a, trees.trees, False).astype(np.float32))
    y, off = trees.result(x, kind)
    width, all_, outputs = x.shape[-1], a.shape[-1], y.shape[-1]
    tree_op(c, "y", x, trees.params(c), trees.attributes(kind), outputs)
    bias = f" bias @{name}.b" if trees.b is not None else ""
    c.op(f"%a = lm.linear %x, @{name}.w{bias} : ({t(width)}) -> {t(all_)}")
    c.op(f"%h = lm.gated_product %a, %on {{kind = {kind}}} : {t(all_)}")
    turned = c.param("turned", trees.v, "#lm.transpose<{}>", shape=trees.v.shape[::-1])
    c.op(f"%d = lm.linear %h, {turned} : ({t(all_)}) -> {t(outputs)}")
    # f(a) is rounded as well: as much as a at most, whose slope counts.
    return c.finish([("y", y), ("d", y)], roundings(2 * off, trees.v, y))


def tree_gates(name, x, w, b, count, tie_right=False):
    """Leaves in the order of their costs: all |a| on the way to a leaf, at nodes that would have sent elsewhere."""
    a = numbers(x, w, b)
    leaves, right = a.shape[-1] + 1, rights(a, tie_right)
    magnitude = np.where(np.isnan(a), 0, np.abs(a))
    costs, reached = np.zeros((*a.shape[:-1], leaves)), np.zeros((*a.shape[:-1], leaves), bool)
    for leaf in range(leaves):
        node, on = a.shape[-1] + leaf, np.ones(a.shape[:-1], bool)
        while node:
            side, node = node % 2 == 0, (node - 1) // 2
            costs[..., leaf] += np.where(right[..., node] == side, 0, magnitude[..., node])
            on &= right[..., node] == side
        reached[..., leaf] = on
    y = reached.astype(np.float64)
    if count > 1:
        y = np.zeros_like(y)
        np.put_along_axis(y, np.argsort(costs, -1, kind="stable")[..., :count], 1, -1)
    c = Case(name)
    c.constant("x", x)
    bias = f" bias {c.param('b', b)}" if b is not None else ""
    c.op(f"%y = lm.tree_gates %x, {c.param('w', w)}{bias} {{count = {count}{', tie_right' if tie_right else ''}}} "
         f": ({t(x.shape[-1])}) -> {t(leaves)}")
    return c.finish([("y", y)], 0)


def top_gates(name, scores, count, softmax):
    s = scores.astype(np.float64)
    order = np.argsort(-s, -1, kind="stable")[..., :count]  # NaN behind all
    chosen = np.zeros(s.shape, bool)
    np.put_along_axis(chosen, order, True, -1)
    counted = np.where(chosen if softmax == "chosen" else True, np.exp(s), 0)
    y = np.ones_like(s) if softmax == "none" else counted / counted.sum(-1, keepdims=True)
    c = Case(name)
    c.constant("s", scores)
    c.op(f"%y = lm.top_gates %s {{count = {count}, softmax = \"{softmax}\"}} : {t(s.shape[-1])}")
    return c.finish([("y", np.where(chosen, y, 0))], 0 if softmax == "none" else 1)


class Experts:
    """E experts of H neurons each: W, b, U, V, c, of which b, U and c may be missing."""

    def __init__(self, draw, experts, neurons, width, outputs, bias=True, times=False, values_bias=True):
        n = experts * neurons
        self.w, self.v = draw(n, width), draw(n, outputs)
        self.b = draw(n) if bias else None
        self.u = draw(n, width) if times else None
        self.c = draw(experts, outputs) if values_bias else None

    def params(self, case):
        text = lambda word, name, array: "" if array is None else f" {word} {case.param(name, array)}"  # noqa: E731
        return (case.param("w", self.w) + text("bias", "b", self.b) + text("times", "u", self.u) +
                text("to", "v", self.v) + text("bias", "c", self.c))

    def result(self, x, g, kind):
        """y, and how much of 2^-24 factors of V are off. An expert whose gate is 0 is left out, whatever it has."""
        a, gate = numbers(x, self.w, self.b), np.repeat(g.astype(np.float64), len(self.w) // g.shape[-1], -1)
        times = np.ones_like(a) if self.u is None else numbers(x, self.u)
        with np.errstate(invalid="ignore", over="ignore"):
            h = np.where(gate == 0, 0, gate * KINDS[kind](a) * times)
            off = np.where(gate == 0, 0, SLOPE * np.abs(gate * a * times) * (1 if self.u is None else 2))
        finite = np.isfinite(self.v)
        y = (h[..., None] * np.where(finite | (gate[..., None] != 0), self.v, 0)).sum(-2)
        return y + (0 if self.c is None else g.astype(np.float64) @ self.c), off


def experts(name, x, g, layer, kind, dense=False):
    """`dense`: all gates are 1, and the same by ops that there were before."""
    c = Case(name)
    c.constant("x", x)
    c.constant("g", g)
    y, off = layer.result(x, g, kind)
    width, outputs, all_ = x.shape[-1], y.shape[-1], len(layer.w)
    c.op(f"%y = lm.experts %x by %g, {layer.params(c)} {{kind = {kind}}} "
         f": ({t(width)}, {t(g.shape[-1])}) -> {t(outputs)}")
    if not dense:
        return c.finish([("y", y)], roundings(off, np.where(np.isfinite(layer.v), layer.v, 0), y))
    bias = f" bias @{name}.b" if layer.b is not None else ""
    c.op(f"%a = lm.linear %x, @{name}.w{bias} : ({t(width)}) -> {t(all_)}")
    if layer.u is not None:
        c.op(f"%u = lm.linear %x, @{name}.u : ({t(width)}) -> {t(all_)}")
        c.op(f"%h = lm.gated_product %a, %u {{kind = {kind}}} : {t(all_)}")
    else:
        c.op(f"%h = lm.activation %a {{kind = {kind}}} : {t(all_)}")
    turned = c.param("turned", layer.v, "#lm.transpose<{}>", shape=layer.v.shape[::-1])
    # The biases of all experts are one, which is rounded to float32: once more, as each factor is.
    added = ""
    if layer.c is not None:
        added = f" bias {c.param('sum', layer.c.astype(np.float64).sum(0).astype(np.float32))}"
    c.op(f"%d = lm.linear %h, {turned}{added} : ({t(all_)}) -> {t(outputs)}")
    return c.finish([("y", y), ("d", y)], 1 + roundings(2 * off, layer.v, y))


GROUPED = {  # how a matrix is put in groups of a size: the attribute, and what remains of it
    "4bit": ("#lm.quantize_groups<{{}}, bits = 4, group = {0}>", lambda w, group: quantize_weight_groups(w, 4, group, False)),
    "4bit_min": ("#lm.quantize_groups<{{}}, bits = 4, group = {0}, min>", lambda w, group: quantize_weight_groups(w, 4, group, True)),
    "8bit": ("#lm.quantize_groups<{{}}, bits = 8, group = {0}>", lambda w, group: quantize_weight_groups(w, 8, group, False)),
    "codebook": ("#lm.quantize_codebook<{{}}, entries = 16, group = {0}>", lambda w, group: group_codebook(w, 16, group)),
}


class GroupedMatrix:
    def __init__(self, draw, rows, columns, form, group):
        wrap, remains = GROUPED[form]
        self.numbers, self.wrap, self.group = draw(rows, columns), wrap.format(group), group
        self.remains = remains(self.numbers, group)


def dequantized(x, group):
    """What is left of numbers that are codes in groups, and one step of each."""
    codes, scale = quantize_groups(x.astype(np.float32), group)
    steps = np.repeat(scale.astype(np.float64), group, -1)
    return codes * steps, steps


def grouped_experts(name, x, g, w, u, v, kind):
    """Experts in codes. A number between the products that is off in its last bit may get the next code: with functions
    that kernels take shorter ways for, the tolerance has a step of each."""
    experts, seen = g.shape[-1], dequantized(x, w.group)[0]
    neurons, outputs = len(w.remains) // experts, len(v.remains) // experts
    y, off = np.zeros((*x.shape[:2], outputs)), 0
    for e in range(experts):
        rows, gate = slice(e * neurons, (e + 1) * neurons), g[..., e:e + 1].astype(np.float64)
        h = KINDS[kind](numbers(seen, w.remains[rows])).astype(np.float32)
        h = h if u is None else h * numbers(seen, u.remains[rows]).astype(np.float32)
        own = v.remains[e * outputs:(e + 1) * outputs]
        h, steps = dequantized(h, v.group)
        y, off = y + gate * (h @ own.T), max(off, (np.abs(gate) * steps @ np.abs(own).T).max())
    c = Case(name)
    c.constant("x", x)
    c.constant("g", g)
    type_ = codes_type(*quantize_groups(x, w.group))
    times = "" if u is None else f" times {c.param('u', u.numbers, u.wrap)}"
    c.op(f"%q = lm.quantize_groups %x : ({t(x.shape[-1])}) -> {type_}")
    c.op(f"%y = lm.grouped_experts %q by %g, {c.param('w', w.numbers, w.wrap)}{times} to {c.param('v', v.numbers, v.wrap)} "
         f"{{kind = {kind}}} : ({type_}, {t(experts)}) -> {t(outputs)}")
    exact = 1 + 2 * experts  # a result of each expert is rounded
    return c.finish([("y", y)], exact if kind == "relu" else exact + 0.5 * off / np.abs(y).max() / ULP)


def nonzero_linear(name, x, v, b, kind="f32", dense=False):
    wrap, numbers_of_v = formats(v, kind)
    left_out = np.where((x[..., None] == 0), 0, np.asarray(numbers_of_v, np.float64))  # (B, T, K, M)
    y = (x.astype(np.float64)[..., None] * left_out).sum(-2) + (0 if b is None else b)
    c = Case(name)
    c.constant("x", x)
    types = f": ({t(x.shape[-1])}) -> {t(v.shape[-1])}"
    bias = f" bias {c.param('b', b)}" if b is not None else ""
    c.op(f"%y = lm.nonzero_linear %x, {c.param('v', v, wrap)}{bias} {types}")
    if not dense:  # a code times its scale is rounded
        return c.finish([("y", y)], roundings(np.abs(x).astype(np.float64), v, y) if kind == "int8" else 1)
    turned = c.param("turned", v, "#lm.transpose<{}>", shape=v.shape[::-1])
    c.op(f"%d = lm.linear %x, {turned}{bias} {types}")
    return c.finish([("y", y), ("d", y)], 1)


def example_of_the_description():
    """Conditional.td's tree of three levels, worked out by hand, to six digits."""
    c = Case("neuron_tree_by_hand")
    c.constant("x", np.array([[[0.5, -1], [-0.5, 0.25], [0, 1]]], np.float32))
    w = np.array([[1, 0], [0, 1], [1, 1], [1, -1], [-1, 1], [0.5, 0.5], [2, 0]], np.float32)
    b, v = np.array([0, 0.5, -0.25, 0, 0, 0.1, 0], np.float32), np.array([[1, 0], [0, 1]] * 3 + [[1, 0]], np.float32)
    c.op(f"%y = lm.neuron_tree %x, {c.param('w', w)} bias {c.param('b', b)} to {c.param('v', v)} {{kind = gelu}} "
         f": ({t(2, 1, 3)}) -> {t(2, 1, 3)}")
    y = np.array([[[0.175761, -0.0660573], [0.425761, 0.580029], [0.841345, 1.39979]]])
    return c.finish([("y", y)], 60)  # half of 1e-5, of 1.4


def trees(draw, whole):
    cases = [example_of_the_description()]
    x = draw(2, 3, 9)
    x[0, 1] = 0
    shapes = [(1, 1, "relu", False), (2, 1, "tanh", True), (3, 3, "gelu", True), (4, 1, "silu", False),
              (5, 1, "gelu_tanh", True), (6, 3, "gelu", False), (1, 3, "silu", True)]
    for levels, trees_, kind, bias in shapes:
        of_three = "_trees3" if trees_ > 1 else ""
        cases.append(neuron_tree(f"neuron_tree_l{levels}{of_three}", x, Trees(draw, levels, trees_, 9, 5, bias), kind))
    for keys, values in (("bf16", "f32"), ("f32", "bf16"), ("f32", "int8"), ("bf16", "int8")):
        form = Trees(draw, 4, 1, 9, 5, True, keys, values)
        cases.append(neuron_tree(f"neuron_tree_{keys}_{values}", x, form, "gelu"))
    # Small integers: many numbers are 0 exactly, and all of the row that is zero.
    tied, few = Trees(whole, 5, 2, 4, 5), whole(2, 3, 4)
    few[1, 2] = 0
    tied.b[0] = 0
    assert (numbers(few, tied.w, tied.b) == 0)[ways(numbers(few, tied.w, tied.b), 2, False)].sum() > 5
    cases += [neuron_tree("neuron_tree_ties", few, tied, "relu"),
              neuron_tree("neuron_tree_ties_right", few, tied, "relu", True)]
    # What is no number or infinite decides; what is added comes from other numbers.
    odd = x.copy()
    odd[0, 0, 3], odd[0, 2, 5], odd[1, 0, 1] = np.nan, np.inf, -np.inf
    odd[1, 1, :2], odd[1, 2] = [np.inf, -np.inf], 3e38
    for name, codes in (("bf16", False), ("codes", True)):
        by = Trees(draw, 4, 2, 9, 5)
        u = bf16(by.w + 0.2 * draw(*by.w.shape))
        cases.append(neuron_tree_by(f"neuron_tree_by_{name}", x, by, u, "gelu", codes))
        tied_u = tied.w + 0.2 * draw(*tied.w.shape)
        cases.append(neuron_tree_by(f"neuron_tree_by_{name}_ties", few, tied, bf16(tied_u), "silu", codes, True))
    cases.append(neuron_tree("neuron_tree_odd", odd, Trees(draw, 3, 1, 9, 5), "tanh"))
    cases += [dense_masked("neuron_tree_dense", x, Trees(draw, 5, 1, 9, 5), "gelu"),
              dense_masked("neuron_tree_dense_trees3", x, Trees(draw, 3, 3, 9, 5, False), "silu")]
    return cases


def gates(draw, whole):
    cases = []
    x, w, b = draw(2, 3, 9), draw(15, 9), draw(15)
    x[0, 1] = 0
    for count, bias in ((1, None), (1, b), (2, b), (5, None), (16, b)):
        cases.append(tree_gates(f"tree_gates_{count}{'' if bias is None else '_bias'}", x, w, bias, count))
    cases += [tree_gates(f"tree_gates_one_node_{count}", x, w[:1], b[:1], count) for count in (1, 2)]
    few, small = whole(2, 3, 4), whole(7, 4)
    few[1, 2] = 0  # all costs are 0
    for count, tie_right in itertools.product((1, 3), (False, True)):
        name = f"tree_gates_ties_{count}{'_right' if tie_right else ''}"
        cases.append(tree_gates(name, few, small, None, count, tie_right))
    odd = x.copy()
    odd[0, 0, 3], odd[0, 2, 5], odd[1, 0, 1], odd[1, 1, :2] = np.nan, np.inf, -np.inf, [np.inf, -np.inf]
    cases += [tree_gates(f"tree_gates_odd_{count}", odd, w, b, count) for count in (1, 4)]
    s = 3 * draw(2, 3, 8)
    s[0, 0] = 0.5  # all equal
    s[0, 1, [2, 5, 6]] = s[0, 1].max()
    s[1, 0, 3] = -np.inf
    for softmax, count in itertools.product(("chosen", "all", "none"), (1, 3, 8)):
        cases.append(top_gates(f"top_gates_{softmax}_{count}", s, count, softmax))
    s[1, 0, [1, 4]] = np.nan  # less than -inf
    s[1, 1] = np.nan
    s[1, 2, :3] = [np.nan, np.inf, -np.inf]
    cases += [top_gates(f"top_gates_odd_{count}", s, count, "none") for count in (2, 6, 8)]
    s[1, 1], s[1, 2, 1] = 0, 1  # what is no number is not chosen, and counts for nothing
    cases.append(top_gates("top_gates_odd_chosen", s, 5, "chosen"))
    return cases


def layers(draw, whole):
    cases = []
    x, g = draw(2, 3, 9), draw(2, 3, 4)
    g[np.abs(g) < 0.4] = 0
    g[0, 0], g[0, 1], g[1, 2, 0] = 0, [0, 1, 0, 0], -0.0
    for name, kind, *parts in (("", "gelu", False, False, False), ("_bias", "silu", True, False, True),
                               ("_times", "silu", False, True, False), ("_all", "gelu_tanh", True, True, True)):
        cases.append(experts(f"experts{name}", x, g, Experts(draw, 4, 3, 9, 5, *parts), kind))
    cases.append(experts("experts_of_one_neuron", x, g, Experts(draw, 4, 1, 9, 5, True, False, True), "relu"))
    # Behind gates that are 0 infinity adds nothing, neither what is multiplied nor what is added.
    unused = Experts(draw, 4, 3, 9, 5)
    unused.w[3:6], unused.v[6:9], unused.b[1] = np.inf, -np.inf, np.nan
    without = g.copy()
    without[..., :3], without[..., 3] = 0, 0.75
    cases.append(experts("experts_unused_infinite", x, without, unused, "tanh"))
    ones = np.ones((2, 3, 4), np.float32)
    cases += [experts("experts_dense", x, ones, Experts(draw, 4, 3, 9, 5), "gelu", dense=True),
              experts("experts_dense_times", x, ones, Experts(draw, 4, 3, 9, 5, True, True, False), "silu", dense=True)]
    sparse, v, b = np.maximum(draw(2, 3, 12), 0), draw(12, 5), draw(5)
    sparse[0, 1], sparse[0, 2, 3] = 0, -0.0
    sparse[..., 7] = 0
    cases += [nonzero_linear("nonzero_linear", sparse, v, None), nonzero_linear("nonzero_linear_bias", sparse, v, b),
              nonzero_linear("nonzero_linear_bf16", sparse, bf16(v), b, "bf16"),
              nonzero_linear("nonzero_linear_int8", sparse, v, b, "int8"),
              nonzero_linear("nonzero_linear_dense", sparse, v, b, dense=True)]
    infinite = v.copy()
    infinite[7, :3] = [np.inf, -np.inf, np.nan]
    cases.append(nonzero_linear("nonzero_linear_infinite", sparse, infinite, b))
    return cases


def in_codes():
    """Of four experts; groups that kernels know, so that compiled code runs them, too."""
    random = np.random.default_rng(13)
    draw = lambda *shape: random.standard_normal(shape).astype(np.float32)  # noqa: E731
    x, g = draw(2, 3, 64), draw(2, 3, 4)
    g[np.abs(g) < 0.4] = 0
    g[0, 0], g[0, 1], g[1, 2, 0] = 0, [0, 1, 0, 0], -0.0
    x[1, 0], x[1, 1, 16:32] = 0, 0
    cases = []
    for name, kind, first, second, last, groups in (
            ("", "relu", "4bit_min", None, "8bit", (32, 32)), ("_times", "relu", "4bit", "8bit", "codebook", (16, 32)),
            ("_silu", "silu", "4bit_min", "4bit_min", "4bit_min", (32, 16)), ("_gelu", "gelu", "codebook", None, "4bit", (64, 16))):
        matrix = lambda rows, columns, form, group: form and GroupedMatrix(draw, rows, columns, form, group)  # noqa: E731
        w, u, v = (matrix(4 * 32, 64, first, groups[0]), matrix(4 * 32, 64, second, groups[0]), matrix(4 * 20, 32, last, groups[1]))
        cases.append(grouped_experts(f"grouped_experts{name}", x, g, w, u, v, kind))
    return cases


def conditional():
    random = np.random.default_rng(11)  # of its own
    draw = lambda *shape: random.standard_normal(shape).astype(np.float32)  # noqa: E731
    whole = lambda *shape: random.integers(-2, 3, shape).astype(np.float32)  # noqa: E731
    return trees(draw, whole) + gates(draw, whole) + layers(draw, whole) + in_codes()
