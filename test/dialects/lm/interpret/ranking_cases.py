# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ranking_cases.py: heads that give logits by classes, a preview or a tree, their greatest or one of them, by the definitions, and cases
with them. Used by generate.py and by ../../../codegen/run-compiled/generate.py.
"""
import numpy as np
from cases import Case, codes_type, f32, t
from formulas import quantize_dynamic, quantize_groups, quantize_rows, quantize_weight_groups, quantized_linear


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


def class_logits(z, scores, words, sizes):
    """log p(word | class) + log p(class), by the definition, in the order of ids. Classes of one word, which come first,
    have no products."""
    singles = sizes.count(1)
    z, scores = z.astype(np.float64), scores.astype(np.float64)
    z = np.concatenate([np.zeros((*z.shape[:-1], singles)), z], -1)
    y = np.empty_like(z)
    log_sum = lambda x: np.log(np.exp(x).sum(-1, keepdims=True))  # noqa: E731
    for c, (begin, size) in enumerate(zip(np.cumsum([0, *sizes]), sizes)):
        part = z[..., begin : begin + size]
        y[..., words[begin : begin + size]] = part - log_sum(part) + scores[..., c : c + 1] - log_sum(scores)
    return y


def classes_text(words, sizes):
    numbers = lambda x: ", ".join(map(str, x))  # noqa: E731
    return f"<words = [{numbers(words)}], sizes = [{numbers(sizes)}]>"


# What makes the input of a product, the type of it, how the weight is wrapped: f32, bf16, 8 bits, groups.
CLASS_FORMATS = {
    "": (None, None, "{}"),
    "_bf16": ("lm.narrow", "bf16", "#lm.narrow<{}>"),
    "_int8": ("lm.quantize_dynamic", "u8", "#lm.quantize_rows<{}>"),
    "_grouped": ("lm.quantize_groups", "s8, group = 16", "#lm.quantize_groups<{}, bits = 4, group = 16, min>"),
}


def class_product(x, w, kind):
    """The product that goes with the format, in float64."""
    x64, w64 = x.astype(np.float64), w.astype(np.float64)
    if kind == "_int8":
        return quantized_linear(*quantize_dynamic(x), *quantize_rows(w), np.zeros(len(w), np.float32))
    if kind == "_grouped":
        codes, scale = quantize_groups(x, 16)
        return (codes.astype(np.float64) * np.repeat(scale.astype(np.float64), 16, -1)) @ quantize_weight_groups(w, 4, 16, True).T
    return x64 @ w64.T


def by_classes(name, x, w, b, scores, words, sizes, count=None, kind=""):
    """x (2, 3, K); all logits, or the `count` greatest. `kind` bf16: x and w are numbers of bf16."""
    c = Case(name)
    c.constant("x", x)
    c.constant("s", scores)
    op, element, wrap = CLASS_FORMATS[kind]
    width, outputs, classes = x.shape[-1], len(w), len(sizes)
    type_ = t(width) if not op else t(width, kind="bf16") if element == "bf16" else f"!lm.codes<2x3x{width}, {element}>"
    read = "%q" if op else "%x"
    if op:
        c.op(f"%q = {op} %x : ({t(width)}) -> {type_}")
    weight = c.param("w", w, wrap)
    bias = f" bias {c.param('b', b)}" if b is not None else ""
    logits = outputs + sizes.count(1)
    text = f"classes = {classes_text(words, sizes)}"
    if count is None:
        c.op(f"%z = lm.linear %x, {weight}{bias} : ({t(width)}) -> {t(outputs)}")
        c.op(f"%y = lm.class_logits %z, %s {{{text}}} : ({t(outputs)}, {t(classes)}) -> {t(logits)}")
    else:
        c.op(f"%y = lm.top_class_linear {read}, {weight}{bias} of %s {{count = {count}, {text}}} "
             f": ({type_}, {t(classes)}) -> {t(logits)}")
    y = class_logits(class_product(x, w, kind) + (0 if b is None else b), scores, words, sizes)
    # A product is rounded once, and what is subtracted from it may leave less than a quarter of it: 4 2^-24.
    return c.finish([("y", y if count is None else keep_greatest(y, count))], 4)


def preview_linear(name, x, w, b, count, random, narrow=False):
    """x (2, 3, K). The preview is coarse, so that some of its numbers are equal where products are not, and has a NaN."""
    c = Case(name)
    width, outputs = x.shape[-1], len(w)
    y = x.astype(np.float64) @ w.T.astype(np.float64) + (0 if b is None else b)
    p = np.round(y + 0.3 * random.standard_normal(y.shape)).astype(np.float32)
    p[0, 1, 2], p[1, 2, 3] = np.nan, -np.inf
    c.constant("x", x)
    c.constant("p", p)
    kind = t(width, kind="bf16") if narrow else t(width)
    if narrow:
        c.op(f"%n = lm.narrow %x : ({t(width)}) -> {kind}")
    weight = c.param("w", w, "#lm.narrow<{}>" if narrow else "{}")
    bias = f" bias {c.param('b', b)}" if b is not None else ""
    c.op(f"%y = lm.preview_linear {'%n' if narrow else '%x'}, {weight}{bias} preview %p {{count = {count}}} "
         f": ({kind}, {t(outputs)}) -> {t(outputs)}")
    kept = np.isfinite(keep_greatest(np.where(np.isnan(p), -np.inf, p), count))
    return c.finish([("y", np.where(kept, y, p))], 1)


def word_tree(words, random):
    """Sides of the nodes of a random tree, parents first; a word by its id, node n as words + n."""
    left, right, waiting = [], [], [(list(random.permutation(words)), None, 0)]
    while waiting:
        ids, parent, side = waiting.pop(0)
        number = ids[0] if len(ids) == 1 else words + len(left)
        if parent is not None:
            (left, right)[side][parent] = int(number)
        if len(ids) > 1:
            cut, node = int(random.integers(1, len(ids))), len(left)
            left.append(-1)
            right.append(-1)
            waiting += [(ids[:cut], node, 0), (ids[cut:], node, 1)]
    return left, right


def tree_logits(scores, left, right):
    """Sums of log sigmoid on the way to each word, by the definition."""
    scores, words = scores.astype(np.float64), len(left) + 1
    logs = np.zeros((*scores.shape[:-1], words + len(left)))
    for node, sides in enumerate(zip(left, right)):
        for side, sign in zip(sides, (1, -1)):
            logs[..., side] = logs[..., words + node] - np.logaddexp(0, -sign * scores[..., node])
    return logs[..., :words]


def by_tree(name, x, w, b, tree, targets=None, kind=""):
    """x (2, 3, K), w a row for each node; all logits, or those of the targets (2, 3)."""
    c = Case(name)
    c.constant("x", x)
    op, element, wrap = CLASS_FORMATS[kind]
    width, nodes = x.shape[-1], len(w)
    type_ = t(width) if not op else t(width, kind="bf16") if element == "bf16" else f"!lm.codes<2x3x{width}, {element}>"
    if op:
        c.op(f"%q = {op} %x : ({t(width)}) -> {type_}")
    weight = c.param("w", w, wrap)
    bias = f" bias {c.param('b', b)}" if b is not None else ""
    numbers = lambda sides: ", ".join(map(str, sides))  # noqa: E731
    text = f"tree = <left = [{numbers(tree[0])}], right = [{numbers(tree[1])}]>"
    y = tree_logits(class_product(x, w, kind) + (0 if b is None else b), *tree)
    if targets is None:
        c.op(f"%s = lm.linear %x, {weight}{bias} : ({t(width)}) -> {t(nodes)}")
        c.op(f"%y = lm.tree_logits %s {{{text}}} : ({t(nodes)}) -> {t(nodes + 1)}")
    else:
        c.op(f"%t = arith.constant dense<{targets.tolist()}> : tensor<2x3xi32>")
        c.op(f"%y = lm.tree_score {'%q' if op else '%x'}, {weight}{bias} of %t {{{text}}} : ({type_}, tensor<2x3xi32>) -> {t(1)}")
        y = np.take_along_axis(y, targets[..., None], -1)
    # Scores are rounded once; a sum may be a quarter of the greatest of them.
    return c.finish([("y", y)], 4)


def bf16(x):
    """Numbers of bf16, towards zero."""
    return (x.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def ranking():
    x, w, b = f32(2, 3, 16), f32(40, 16), f32(40)
    w[30] = w[3]  # equal results, of which the first counts first
    x[0, 0] = 0
    cases = [top_linear("top_linear", x, w, None, 7, 0), top_linear("top_linear_bias_rotated", x, w, b, 2, 16)]
    random = np.random.default_rng(5)  # of its own: those that follow stay as they are
    words, sizes, scores = random.permutation(42), [1, 1, 20, 3, 17], random.standard_normal((2, 3, 5)).astype(np.float32)
    cases += [by_classes("class_logits", x, w, b, scores, words, sizes),
              by_classes("top_class_linear", x, w, b, scores, words, sizes, 7)]
    for kind in ("_bf16", "_int8", "_grouped"):
        a, m = (bf16(x), bf16(w)) if kind == "_bf16" else (x, w)
        cases.append(by_classes("top_class_linear" + kind, a, m, None, scores, words, sizes, 5, kind))
    cases += [preview_linear("preview_linear", x, w, None, 7, random), preview_linear("preview_linear_bias", x, w, b, 1, random),
              preview_linear("preview_linear_bf16", bf16(x), bf16(w), b, 3, random, narrow=True)]
    tree, targets = word_tree(41, random), random.integers(0, 41, (2, 3))
    cases += [by_tree("tree_logits", x, w, b, tree), by_tree("tree_score", x, w, b, tree, targets)]
    for kind in ("_bf16", "_int8", "_grouped"):
        a, m = (bf16(x), bf16(w)) if kind == "_bf16" else (x, w)
        cases.append(by_tree("tree_score" + kind, a, m, None, tree, targets, kind))
    return cases
