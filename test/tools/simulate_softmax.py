#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What an adaptive softmax costs a model when it is made from the dense head, before any of it is built.

In: a GGUF model, statistics of `lmopt calibrate` to fit on (what the head reads, for some tokens), statistics of
another text to report on. Out: for 1 to 4 clusters the cuts that dynamic programming finds, the share of the head that a
step reads on average, and KL(dense || adaptive) in nats.
  - Words are ordered by mean probability. Head: the first words, exact, and a logit for each cluster of the others.
  - Cuts: the least expected bytes of a step of one token, g(k) = k rows, over candidate cuts. F_0(V) = 0;
    F_j(v) = min over u > v of [P(v..u) g(u - v) + F_{j-1}(u)]; in all g(head + clusters) + F_J(head).
  - Cluster logits: v h + b, by multinomial logistic regression to the true probabilities of the clusters (Newton's
    steps by cluster, from the ridge regression of their log-sum-exp). Within a cluster the words are exact, so this KL is
    KL of the cluster distributions: no choice of ranks makes it smaller. KL on the text of the fit is below what any
    amount of text could reach, KL on the other text above it.
  - `rank`: tails factored by SVD, whitened with the moments of the inputs.
From techniques 5.2, 5.3. Needs numpy, gguf. With --check the program finds the cuts of the worked example there, and
those that trying all finds for few words.

  simulate_softmax.py smol.gguf fit.st report.st
  simulate_softmax.py --check
"""
import argparse
import itertools
import json
import sys
import struct

import gguf
import numpy as np

CHUNK = 128


def read_statistics(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        tensors = {}
        for key in ("head.rows", "head.lse"):
            begin, end = header[key]["data_offsets"]
            file.seek(8 + size + begin)
            kind = {"F32": np.float32, "F64": np.float64}[header[key]["dtype"]]
            tensors[key] = np.frombuffer(file.read(end - begin), dtype=kind).reshape(header[key]["shape"])
    return tensors["head.rows"], tensors["head.lse"]


def read_head(path):
    tensors = {t.name: t for t in gguf.GGUFReader(path).tensors}
    tensor = tensors.get("output.weight", tensors["token_embd.weight"])
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)


def probabilities(rows, lse, weight):
    for i in range(0, len(rows), CHUNK):
        yield i, np.exp(rows[i : i + CHUNK] @ weight.T - lse[i : i + CHUNK, None].astype(np.float32))


def block_sums(rows, lse, weight, edges):
    """Probability between neighbouring edges, a row for each token."""
    sums = np.zeros((len(rows), len(edges)))
    for i, p in probabilities(rows, lse, weight):
        sums[i : i + CHUNK] = np.add.reduceat(p, edges, axis=1, dtype=np.float64)
    return sums


def best_cuts(edges, mass, vocabulary, clusters, cost=lambda rows: rows):
    """Indices into edges, and the cost; `mass` is the mean probability from each edge to the next."""
    ends = np.append(edges, vocabulary)
    before = np.concatenate([[0.0], np.cumsum(mass)])
    n = len(edges)
    least = np.full((clusters + 1, n + 1), np.inf)
    choice = np.zeros((clusters + 1, n + 1), int)
    least[0, n] = 0
    for j in range(1, clusters + 1):
        for v in range(1, n):
            found = (before[v + 1 :] - before[v]) * cost(ends[v + 1 :] - ends[v]) + least[j - 1, v + 1 :]
            choice[j, v] = v + 1 + int(np.argmin(found))
            least[j, v] = found.min()
    totals = cost(ends[1:n] + clusters) + least[clusters, 1:n]
    at, cuts = 1 + int(np.argmin(totals)), []
    total = totals[at - 1]
    for j in range(clusters, 0, -1):
        cuts.append(at)
        at = choice[j, at]
    return cuts, total


def check():
    plateau = lambda rows: 0.2 + 0.001 * np.maximum(rows, 50)  # noqa: E731
    mass = 1 / np.arange(1, 2001)
    mass /= mass.sum()
    for clusters, expected, least in (1, [301], 0.941), (2, [129, 760], 0.681), (3, [82, 421, 1059], 0.576):
        cuts, total = best_cuts(np.arange(2000), mass, 2000, clusters, plateau)
        assert cuts == expected and abs(total - least) < 5e-4, (cuts, total)
    random = np.random.default_rng(1)
    for clusters in (1, 2, 3):
        mass = np.sort(random.random(12) ** 3)[::-1]
        mass /= mass.sum()
        all_cuts = itertools.combinations(range(1, 12), clusters)
        price = lambda cuts: plateau(cuts[0] + clusters) + sum(  # noqa: E731
            mass[b:e].sum() * plateau(e - b) for b, e in zip(cuts, cuts[1:] + (12,)))
        least = min(price(cuts) for cuts in all_cuts)
        assert abs(best_cuts(np.arange(12), mass, 12, clusters, plateau)[1] - least) < 1e-12
    print("cuts as expected")


class Clusters:
    """Probabilities of head and clusters; the head's own log-sum-exp is exact."""

    def __init__(self, rows, lse, sums, cuts):
        self.inputs = np.concatenate([rows, np.ones((len(rows), 1))], 1).astype(np.float64)
        self.true = np.maximum(np.add.reduceat(sums, [0] + cuts, axis=1), 1e-30)
        self.true /= self.true.sum(1, keepdims=True)
        self.logs = np.log(self.true) + lse[:, None]

    def predict(self, weights, scale):
        logits = np.concatenate([self.logs[:, :1], (self.inputs / scale) @ weights], 1)
        logits -= logits.max(1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(1, keepdims=True))

    def divergence(self, weights, scale):
        return (self.true * (np.log(self.true) - self.predict(weights, scale))).sum(1)


def fit(data, scale, ridge):
    inputs = data.inputs / scale
    count, width = inputs.shape
    penalty = ridge * np.eye(width)
    weights = np.linalg.solve(inputs.T @ inputs / count + penalty, inputs.T @ data.logs[:, 1:] / count)
    for _ in range(12):
        p = np.exp(data.predict(weights, scale))
        for j in range(weights.shape[1]):
            slope = inputs.T @ (p[:, j + 1] - data.true[:, j + 1]) / count
            curvature = (inputs * (p[:, j + 1] * (1 - p[:, j + 1]) + 1e-4)[:, None]).T @ inputs / count + penalty
            weights[:, j] -= np.linalg.solve(curvature, slope)
    return weights


def low_rank(weight, moments, rank):
    """W L V V^T L^-1 with L L^T the moments and V the first right singular vectors of W L."""
    lower = np.linalg.cholesky(moments + 1e-6 * np.trace(moments) / len(moments) * np.eye(len(moments)))
    white = weight @ lower
    first = np.linalg.eigh(white.T @ white)[1][:, -rank:]
    return ((white @ first) @ np.linalg.solve(lower.T, first).T).astype(np.float32)


def tail_divergence(rows, lse, weight, cuts, moments, rank):
    """Sum over clusters of p(cluster) KL(words within || their low-rank words), mean over rows."""
    total = 0.0
    for begin, end in zip(cuts, cuts[1:] + [len(weight)]):
        factored = low_rank(weight[begin:end].astype(np.float64), moments, rank)
        for i, p in probabilities(rows, lse, weight[begin:end]):
            p = p.astype(np.float64)
            mass = p.sum(1, keepdims=True)
            other = (rows[i : i + CHUNK] @ factored.T).astype(np.float64)
            other -= other.max(1, keepdims=True)
            other -= np.log(np.exp(other).sum(1, keepdims=True))
            total += (p * (np.log(np.maximum(p, 1e-30) / mass) - other)).sum()
    return total / len(rows)


def main():
    if sys.argv[1:] == ["--check"]:
        return check()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("fit")
    parser.add_argument("report")
    parser.add_argument("--cuts", type=int, nargs="*", default=[], help="also one cluster behind so many words")
    parser.add_argument("--ranks", type=int, nargs="*", default=[144, 288])
    parser.add_argument("--ridge", type=float, default=1e-3)
    args = parser.parse_args()

    weight, (rows, lse), (other, other_lse) = read_head(args.model), read_statistics(args.fit), read_statistics(args.report)
    sample = slice(None, None, max(1, len(rows) // 2000))
    mean = sum(p.sum(0, dtype=np.float64) for _, p in probabilities(rows[sample], lse[sample], weight))
    weight = weight[np.argsort(-mean)].copy()
    vocabulary = len(weight)
    edges = np.unique(np.concatenate([[0], np.geomspace(64, vocabulary - 1, 256).astype(int), args.cuts])).astype(int)
    sums, other_sums = block_sums(rows, lse, weight, edges), block_sums(other, other_lse, weight, edges)
    moments = rows.T.astype(np.float64) @ rows / len(rows)
    scale = np.sqrt(np.append((rows.astype(np.float64) ** 2).mean(0), 1.0))
    print(f"{vocabulary} words, fitted on {len(rows)} rows, reported on {len(other)}")
    print("cuts | mass behind | head read | KL of clusters: text of the fit, other text | KL within: "
          + ", ".join(f"rank {r}" for r in args.ranks))
    plans = [best_cuts(edges, sums.mean(0), vocabulary, clusters) for clusters in (1, 2, 3, 4)]
    for cut in args.cuts:
        at = int(np.searchsorted(edges, cut))
        plans.append(([at], cut + 1 + sums[:, at:].sum(1).mean() * (vocabulary - cut)))
    for cuts, cost in plans:
        here, there = Clusters(rows, lse, sums, cuts), Clusters(other, other_lse, other_sums, cuts)
        weights = fit(here, scale, args.ridge)
        words = [int(edges[c]) for c in cuts]
        within = [tail_divergence(other[::8], other_lse[::8], weight, words, moments, rank) for rank in args.ranks]
        print(f"{words} | {there.true[:, 1:].sum(1).mean():.4f} | {cost / vocabulary:.3f} | {here.divergence(weights, scale).mean():.4f}, "
              f"{there.divergence(weights, scale).mean():.4f} | " + ", ".join(f"{k:.4f}" for k in within), flush=True)


if __name__ == "__main__":
    main()
