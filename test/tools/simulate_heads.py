#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What forms of a decoder's head cost: before they are built an SVD preview and a binary tree; and how much a head of
classes reads.

In: a GGUF model, statistics of `lmopt calibrate` (what the head reads, for some tokens). Out: tables.
  preview: W - its mean row = U S Vᵀ in the basis in which what the head reads is white (`power` 0.5; 0: as it is). The first
    `rank` numbers of a row give a preview of its product. Certified: a panel of 16 rows is computed in full where
    preview + |rest of w| |rest of h| reaches the k-th greatest product (k known: the best that any bound on the rest by its
    length can do); with 8 bits also + |u| |w - v| + |w| |h - u|, as codegen/cpu/ranking/TopLinear.cpp. Classical
    (uncertified): the N greatest previews are computed in full, the others keep theirs. A word in full reads its panel, unless
    rows are stored a second time one by one.
  tree: Huffman's, from the mean probabilities over the rows; each inner node splits by sigma(v h + b), fitted by ridge regression
    to lse(left) - lse(right) over the first rows. KL of words is the sum over nodes of p(node) KL(split || fitted split).
  classes: of a module whose head is divided (lmopt-opt --lm-factorize-softmax=method=classes), how many classes the best-first
    search opens for the best word and for the best 40, and the share of the head's rows in them; and how often the best word is that
    of the dense head.
From techniques 5.2, 5.4 (b), 5.5. Needs numpy, gguf. --check: code lengths of the worked example.

  simulate_heads.py smol.gguf smol.st preview
  simulate_heads.py smol.gguf smol.st tree
  simulate_heads.py smol.gguf smol.st classes --module M.mlir
  simulate_heads.py --check
"""
import argparse
import heapq
import re
import sys

import numpy as np

PANEL = 16


def huffman(counts):
    """Children of the inner nodes, which are numbered behind the words in the order in which they are made."""
    heap = [(count, number) for number, count in enumerate(counts)]
    heapq.heapify(heap)
    children = []
    while len(heap) > 1:
        (a, left), (b, right) = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (a + b, len(counts) + len(children)))
        children.append((left, right))
    return np.array(children)


def code_lengths(children, words):
    lengths = np.zeros(words + len(children), int)
    for node in reversed(range(len(children))):
        lengths[children[node]] = lengths[words + node] + 1
    return lengths[:words]


def check():
    counts = [10, 6, 4, 3, 2]
    lengths = code_lengths(huffman(counts), 5)
    assert list(lengths) == [1, 2, 3, 4, 4], lengths
    assert abs(np.average(lengths, weights=counts) - 2.16) < 1e-12
    print("code lengths as expected")


def masses(probability, children, words):
    """Probability below each node, words first: [nodes, rows]."""
    below = np.empty((words + len(children), len(probability)), np.float32)
    below[:words] = probability.T
    for node, (left, right) in enumerate(children):
        below[words + node] = below[left] + below[right]
    return below


def tree(weight, rows, lse, ridge):
    probabilities = lambda some: np.exp(rows[some] @ weight.T - lse[some, None].astype(np.float32))  # noqa: E731
    chunks = [np.arange(i, min(i + 128, len(rows))) for i in range(0, len(rows), 128)]
    words, fit, report = len(weight), chunks[: len(chunks) * 7 // 8], chunks[len(chunks) * 7 // 8 :]
    mean = sum(probabilities(some).sum(0, dtype=np.float64) for some in chunks[::8])
    children = huffman(mean / mean.sum())
    lengths = code_lengths(children, words)
    inputs = np.concatenate([rows, np.ones((len(rows), 1), np.float32)], 1).astype(np.float64)
    products = np.zeros((len(children), inputs.shape[1]), np.float32)
    least = np.float32(1e-30)

    def splits(some):
        below = masses(probabilities(some), children, words)
        left, right = np.maximum(below[children[:, 0]], least), np.maximum(below[children[:, 1]], least)
        return left, right, np.log(left) - np.log(right)

    for some in fit:
        products += splits(some)[2] @ inputs[some].astype(np.float32)
    fitted = np.concatenate(fit)
    moments = inputs[fitted].T @ inputs[fitted] / len(fitted)
    moments += ridge * np.trace(moments) / len(moments) * np.eye(len(moments))
    vectors = np.linalg.solve(moments, products.T.astype(np.float64) / len(fitted)).astype(np.float32)
    for name, part in ("of the fit", fit[::7]), ("others", report):
        total = count = 0
        for some in part:
            left, right, _ = splits(some)
            score = (inputs[some].astype(np.float32) @ vectors).T
            mass = left + right
            total += (left * (np.log(left / mass) + np.logaddexp(0, -score))
                      + right * (np.log(right / mass) + np.logaddexp(0, score))).sum()
            count += len(some)
        print(f"tree: KL {total / count:.4f} on rows {name}")
    print(f"mean code length {np.average(lengths, weights=mean):.2f}, longest {lengths.max()}")


def in_basis(weight, rows, power):
    """Rows of W less their mean, and the rows h, in a basis in which products stay and W's first numbers matter most; and
    what the mean adds."""
    moments = rows.T.astype(np.float64) @ rows / len(rows)
    moments += 1e-4 * np.trace(moments) / len(moments) * np.eye(len(moments))
    values, vectors = np.linalg.eigh(moments)
    mean = weight.mean(0, dtype=np.float64)
    w = (weight - mean) @ ((vectors * values**power) @ vectors.T)
    basis = np.linalg.eigh(w.T @ w)[1][:, ::-1]
    turn = ((vectors * values**-power) @ vectors.T) @ basis
    return (w @ basis).astype(np.float32), (rows @ turn).astype(np.float32), (rows @ mean).astype(np.float32)[:, None]


def hadamard(x):
    """By the largest blocks up to 256 that divide the width."""
    width, block = x.shape[1], 1
    while width % (2 * block) == 0 and block < 256:
        block *= 2
    x, size = x.reshape(-1, width // block, block), 1
    while size < block:
        pairs = x.reshape(len(x), width // block, block // (2 * size), 2, size)
        a, b = pairs[:, :, :, 0], pairs[:, :, :, 1]
        x, size = np.stack([a + b, a - b], 3).reshape(x.shape), 2 * size
    return x.reshape(-1, width) / np.float32(np.sqrt(block))


def norms(x):
    return np.linalg.norm(x, axis=1)


def preview(weight, rows, lse, ranks):
    chosen = np.arange(200) * max(1, len(rows) // 200)
    exact = rows[chosen] @ weight.T
    logs = exact - lse[chosen, None]
    best, ordered, width = exact.argmax(1), np.sort(exact, 1), weight.shape[1]
    panels = lambda need: np.add.reduceat(need, np.arange(0, len(weight), PANEL), 1, dtype=int).astype(bool).mean()  # noqa: E731
    print("form | share of panels computed for the best, the best 40 | share of the f32 head read, the same")
    for power in (0.0, 0.5):
        w, turned, offset = in_basis(weight, rows, power)
        h, offset = turned[chosen], offset[chosen]
        for rank in ranks:
            slack = norms(h[:, rank:])[:, None] * norms(w[:, rank:])
            guess = h[:, :rank] @ w[:, :rank].T + offset
            found = [panels(guess + slack >= ordered[:, -k, None]) for k in (1, 40)]
            print(f"f32, power {power}, rank {rank} | " + ", ".join(f"{x:.4f}" for x in found) + " | "
                  + ", ".join(f"{rank / width + x:.3f}" for x in found), flush=True)
            if power == 0:
                continue
            a, b = hadamard(w[:, :rank]), hadamard(h[:, :rank])
            scale, step = np.abs(a).max(1, keepdims=True) / 127, (b.max(1) - b.min(1))[:, None] / 255
            v, u = np.rint(a / scale) * scale, np.rint(b / step) * step
            rough = norms(u)[:, None] * norms(a - v) + norms(b - u)[:, None] * norms(a)
            found = [panels(u @ v.T + offset + slack + rough >= ordered[:, -k, None]) for k in (1, 40)]
            print(f"8 bits, power {power}, rank {rank} | " + ", ".join(f"{x:.4f}" for x in found) + " | "
                  + ", ".join(f"{rank / width / 4 + x:.3f}" for x in found), flush=True)
            for count in (256, 1024, 4096):
                mixed, first = guess.copy(), np.argpartition(-guess, count, 1)[:, :count]
                np.put_along_axis(mixed, first, np.take_along_axis(exact, first, 1), 1)
                mixed_logs = mixed - mixed.max(1, keepdims=True)
                mixed_logs -= np.log(np.exp(mixed_logs).sum(1, keepdims=True))
                divergence = (np.exp(logs) * (logs - mixed_logs)).sum(1).mean()
                rows_read, read = count / len(weight), np.mean([len(np.unique(row // PANEL)) for row in first]) * PANEL / len(weight)
                print(f"classical, rank {rank}, {count} in full | reads by rows, by panels, the preview in 8 bits: "
                      f"{rank / width / 4 + rows_read:.3f}, {rank / width / 4 + read:.3f} | KL {divergence:.4f} | same best "
                      f"{(mixed.argmax(1) == best).mean():.3f}", flush=True)


def read_classes(path):
    """Words, sizes, and the scores of classes: weight and bias."""
    text = open(path).read()
    numbers = lambda found: np.array(found.group(1).split(","), int)  # noqa: E731
    words = numbers(re.search(r"lm.class_logits[^\n]*words = \[([^]]*)\]", text))
    sizes = numbers(re.search(r"lm.class_logits[^\n]*sizes = \[([^]]*)\]", text))
    dense = lambda name: np.frombuffer(  # noqa: E731
        bytes.fromhex(re.search(r"lm.param @[^\n]*" + name + r' : [^\n]*dense<"0x([0-9A-F]*)">', text).group(1)), np.float32)
    bias = dense(r"\.classes\.bias")
    return words, sizes, dense(r"\.classes").reshape(len(bias), -1), bias


def opened_by(logits, begins, chances, count):
    """Classes of a row that are opened, likeliest first, until none can have one of the `count` greatest."""
    order, best = np.argsort(-chances, kind="stable"), np.full(count, -np.inf)
    for done, c in enumerate(order):
        if chances[c] < best[0]:
            return order[:done]
        best = np.sort(np.concatenate([best, logits[begins[c] : begins[c + 1]]]))[-count:]
    return order


def classes(weight, rows, path):
    words, sizes, scores, bias = read_classes(path)
    begins = np.concatenate([[0], np.cumsum(sizes)])
    sample = rows[:: max(1, len(rows) // 2000)]
    counts, shares, same = {1: [], 40: []}, {1: [], 40: []}, 0
    for row in sample:
        z = (weight @ row)[words].astype(np.float64)
        score = (scores @ row + bias).astype(np.float64)
        chances = score - score.max() - np.log(np.exp(score - score.max()).sum())
        powers = np.exp(z - z.max())
        within = np.log(np.add.reduceat(powers, begins[:-1])) + z.max()
        logits = z + np.repeat(chances - within, sizes)
        same += words[logits.argmax()] == words[z.argmax()]
        for count in counts:
            found = opened_by(logits, begins, chances, count)
            counts[count].append(len(found))
            shares[count].append(sizes[found].sum() / len(words))
    print(f"{len(sizes)} classes, largest {sizes.max()}; {len(sample)} rows; best word that of the dense head: {same / len(sample):.4f}")
    for count in counts:
        print(f"best {count}: classes opened {np.mean(counts[count]):.2f} (median {np.median(counts[count]):.0f}, most "
              f"{max(counts[count])}), share of rows {np.mean(shares[count]):.4f}")


def main():
    if sys.argv[1:] == ["--check"]:
        return check()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("statistics")
    parser.add_argument("form", choices=["preview", "tree", "classes"])
    parser.add_argument("--ranks", type=int, nargs="*", default=[144, 288, 432, 576])
    parser.add_argument("--module", help="classes: the text of the module")
    parser.add_argument("--ridge", type=float, default=1e-3)
    args = parser.parse_args()
    from simulate_softmax import read_head, read_statistics
    weight, (rows, lse) = read_head(args.model), read_statistics(args.statistics)
    if args.form == "preview":
        preview(weight, rows, lse, args.ranks)
    elif args.form == "classes":
        classes(weight, rows, args.module)
    else:
        tree(weight, rows, lse, args.ridge)


if __name__ == "__main__":
    main()
