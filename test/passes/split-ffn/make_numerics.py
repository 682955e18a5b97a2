"""Writes numerics.mlir: feed-forward blocks whose neurons fire in clusters, and what NumPy computes of them.

In: nothing. Out: the file beside this one. Neuron i of 16 belongs to cluster i % 4, whose rows are positive in two
dimensions of its own and in one that it shares with a neighbour; rows of x are positive in the dimensions of one cluster (or
two) and not in others, so ReLU lets only its neurons through. Numbers are drawn from a fixed seed.
"""

import pathlib

import numpy as np

WIDTH, NEURONS, OUTPUTS, CLUSTERS = 10, 16, 5, 4
rng = np.random.default_rng(7)


def text(array):
    array = np.asarray(array, dtype=np.float32)
    return f'dense<"0x{array.tobytes().hex().upper()}"> : tensor<{"x".join(map(str, array.shape))}xf32>'


def param(name, array):
    shape = "x".join(map(str, np.shape(array)))
    return f"lm.param @{name} : tensor<{shape}xf32> = {text(array).rsplit(' : ', 1)[0]}\n"


def rows():
    w = np.zeros((NEURONS, WIDTH))
    for i in range(NEURONS):
        c = i % CLUSTERS
        w[i, 2 * c : 2 * c + 2] = rng.uniform(0.5, 1.5, 2)
        w[i, 8 + c // 2] = 0.5
        w[i] *= 1 + i % 5
    return w.astype(np.float32)


def inputs(clusters):
    """A row for each set of clusters: the first is the strongest."""
    x = -rng.uniform(0.1, 1, (len(clusters), WIDTH))
    x[:, 8:] = 0
    for row, chosen in zip(x, clusters):
        for rank, c in enumerate(chosen):
            row[2 * c : 2 * c + 2] = rng.uniform(1, 2, 2) / (1 + 3 * rank)
    return x[None].astype(np.float32)


def silu(u):
    return u / (1 + np.exp(-u))


def block(x, w, b, v, c, keep=None, f=lambda u: np.maximum(u, 0), up=None):
    x, w, v = (a.astype(np.float64) for a in (x, w, v))
    a = f(x @ w.T + b)
    if up is not None:
        a = a * (x @ up.astype(np.float64).T)
    if keep is not None:
        a = a * keep
    return a @ v.T + c


def function(name, x, w, b, v, c, expected, kind="relu", up=None):
    k, n, m, t = WIDTH, NEURONS, OUTPUTS, x.shape[1]
    out = param(f"{name}.up", w) + param(f"{name}.up.bias", b) + param(f"{name}.down", v) + param(f"{name}.down.bias", c)
    if up is not None:
        out += param(f"{name}.times", up)
    out += f"func.func @{name}() -> tensor<1x{t}x{m}xf32> attributes {{lm.expect = [{text(expected)}], lm.tolerance = 1.0e-6}} {{\n"
    out += f"  %x = arith.constant {text(x)}\n"
    linear = f"tensor<1x{t}x{k}xf32>) -> tensor<1x{t}x{n}xf32>"
    out += f"  %u = lm.linear %x, @{name}.up bias @{name}.up.bias : ({linear}\n"
    if up is None:
        out += f"  %a = lm.activation %u {{kind = {kind}}} : tensor<1x{t}x{n}xf32>\n"
    else:
        out += f"  %t = lm.linear %x, @{name}.times : ({linear}\n"
        out += f"  %a = lm.gated_product %u, %t {{kind = {kind}}} : tensor<1x{t}x{n}xf32>\n"
    out += f'  %y = lm.linear %a, @{name}.down bias @{name}.down.bias attributes {{lm.part = "{name}.down"}}'
    out += f" : (tensor<1x{t}x{n}xf32>) -> tensor<1x{t}x{m}xf32>\n  return %y : tensor<1x{t}x{m}xf32>\n}}\n"
    return out


def weights():
    v, c = rng.normal(size=(OUTPUTS, NEURONS)), rng.normal(size=OUTPUTS)
    return rows(), *(a.astype(np.float32) for a in (-rng.uniform(0, 0.1, NEURONS), v, c))


HEAD = """// Written by make_numerics.py: what NumPy computes. Neurons that fire in clusters: one expert of four is all that a row needs,
// by either router, and the error is 0 but for rounding, which sums of 16 numbers and a bias move by at most 17 x 2^-24. Where two
// clusters fire (@left_out), the weaker one is missing: LEFT of the results' size. With all experts any block is what it was.
// RUN: lmopt-opt %s --lm-split-ffn='experts=4 count=1 most=0.5 pays=false skip=whole.*,gated.*' > %t.means.mlir
// RUN: lmopt-opt %s --lm-split-ffn='experts=4 count=1 most=0.5 pays=false router=tree skip=whole.*,gated.*' > %t.tree.mlir
// RUN: lmopt-opt %s --lm-split-ffn='experts=4 count=4 most=0.5 pays=false layers=whole.*,gated.*' > %t.whole.mlir
// RUN: lmopt-opt %s --lm-split-ffn='experts=8 count=8 most=0.5 pays=false router=tree layers=whole.*,gated.*' > %t.whole-tree.mlir
// RUN: lmopt-opt %t.means.mlir --lm-interpret -o /dev/null | FileCheck %s
// RUN: lmopt-opt %t.tree.mlir --lm-interpret -o /dev/null | FileCheck %s
// RUN: lmopt-opt %t.whole.mlir --lm-interpret='entry=whole' -o /dev/null | FileCheck %s --check-prefix=WHOLE
// RUN: lmopt-opt %t.whole.mlir --lm-interpret='entry=gated' -o /dev/null | FileCheck %s --check-prefix=GATED
// RUN: lmopt-opt %t.whole-tree.mlir --lm-interpret='entry=whole' -o /dev/null | FileCheck %s --check-prefix=WHOLE
// RUN: lmopt-opt %t.means.mlir --lm-run-compiled=tolerance=2e-6 -o /dev/null | FileCheck %s
// RUN: lmopt-opt %t.tree.mlir --lm-run-compiled=tolerance=2e-6 -o /dev/null | FileCheck %s
// RUN: FileCheck %s --check-prefix=EXPERTS < %t.means.mlir
// EXPERTS-COUNT-2: lm.experts
// CHECK: @clusters: as expected
// CHECK-NEXT: @left_out: as expected
// WHOLE: @whole: as expected
// GATED: @gated: as expected

"""


def main():
    w, b, v, c = weights()
    x = inputs([[0], [1], [2], [3], [2]])
    body = function("clusters", x, w, b, v, c, block(x, w, b, v, c))
    w, b, v, c = weights()
    x = inputs([[0, 2], [3, 1], [1]])
    keep = np.array([[[i % CLUSTERS == chosen for i in range(NEURONS)] for chosen in (0, 3, 1)]])
    part, all_ = block(x, w, b, v, c, keep), block(x, w, b, v, c)
    left = np.linalg.norm(part - all_) / np.linalg.norm(all_)
    body += function("left_out", x, w, b, v, c, part)
    w, b, v, c = (rng.normal(size=np.shape(a)).astype(np.float32) for a in weights())
    x = rng.normal(size=(1, 6, WIDTH)).astype(np.float32)
    body += function("whole", x, w, b, v, c, block(x, w, b, v, c, f=silu), kind="silu")
    up = rng.normal(size=np.shape(w)).astype(np.float32)
    body += function("gated", x, w, b, v, c, block(x, w, b, v, c, f=silu, up=up), kind="silu", up=up)
    head = HEAD.replace("LEFT", f"{left:.3f}")
    pathlib.Path(__file__).with_name("numerics.mlir").write_text(head + body)


if __name__ == "__main__":
    main()
