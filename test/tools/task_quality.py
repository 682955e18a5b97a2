#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What compression costs an encoder in tasks, beside its distance to fp32.

In: compiled encoders, the files of two packages. Out: a line for each artifact:
  lee      Pearson correlation of cosines and people's judgements, all pairs of the 50 documents of Lee (2005)
  wordsim  Spearman correlation, the 353 pairs of words of WordSim-353
  simlex   Spearman correlation, the 999 pairs of SimLex-999
  movie    accuracy of a logistic regression on vectors of movie snippets whose mean rating (-4 to 4) is at least 0.5 in size: 3000
           to fit, 1000 others to score, drawn by numpy's generator of seed 0, L2 penalty 1 / C with C = 10
The first three are in the wheel of gensim 4.4.0, the last in the source distribution of vaderSentiment 3.3.2:
  pip download --no-deps -d DATA gensim==4.4.0 && pip download --no-deps --no-binary :all: -d DATA vaderSentiment==3.3.2
Run by hand; needs numpy, scipy and scikit-learn.
Usage: task_quality.py LMOPT DATA M.so...
"""
import argparse
import json
import pathlib
import subprocess
import tarfile
import zipfile

import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import LogisticRegression

GENSIM = "gensim/test/test_data/"
RATINGS = "additional_resources/hutto_ICWSM_2014.tar.gz"  # an archive in the archive
MOVIES = "/movieReviewSnippets_GroundTruth.txt"


def only(folder, pattern):
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise SystemExit(f"{folder}: expected one file {pattern}, found {len(found)}; see --help for how to get it")
    return found[0]


def ending(archive, name):
    """The one file of the archive whose name ends so; not the shadow that macOS puts beside it."""
    return next(m for m in archive.getmembers() if m.name.endswith(name) and "/._" not in m.name)


class Tasks:
    def __init__(self, folder):
        wheel = zipfile.ZipFile(only(folder, "gensim-*.whl"))
        read = lambda name, encoding="utf8": wheel.read(GENSIM + name).decode(encoding).strip().splitlines()
        self.documents = read("lee.cor", "latin1")
        self.judged = np.array([[float(x) for x in line.split()] for line in read("similarities0-1.txt")])
        self.pairs = {name: [line.split("\t") for line in read(file) if not line.startswith("#")]
                      for name, file in (("wordsim", "wordsim353.tsv"), ("simlex", "simlex999.txt"))}
        with tarfile.open(only(folder, "vader*.tar.gz")) as archive, \
                tarfile.open(fileobj=archive.extractfile(ending(archive, RATINGS))) as ratings:
            lines = ratings.extractfile(ending(ratings, MOVIES)).read().decode("utf8", "replace").split("\n")
        rated = [line.rstrip("\r").split("\t") for line in lines if line.count("\t") >= 2]
        rated = [row for row in rated if abs(float(row[1])) >= 0.5]
        np.random.RandomState(0).shuffle(rated)
        self.movies = [row[2] for row in rated[:4000]]
        self.likes = np.array([float(row[1]) > 0 for row in rated[:4000]])

    def texts(self):
        words = [word for pairs in self.pairs.values() for pair in pairs for word in pair[:2]]
        return self.documents + words + self.movies

    def scores(self, vectors):
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        documents, rest = vectors[:len(self.documents)], vectors[len(self.documents):]
        upper = np.triu_indices(len(documents), 1)
        scores = {"lee": pearsonr((documents @ documents.T)[upper], self.judged[upper])[0]}
        for name, pairs in self.pairs.items():
            words, rest = rest[:2 * len(pairs)], rest[2 * len(pairs):]
            scores[name] = spearmanr((words[0::2] * words[1::2]).sum(1), [float(pair[2]) for pair in pairs])[0]
        probe = LogisticRegression(max_iter=2000, C=10).fit(rest[:3000], self.likes[:3000])
        scores["movie"] = probe.score(rest[3000:], self.likes[3000:])
        return scores


def embed(lmopt, artifact, texts):
    lines = "".join(" ".join(text.split()) + "\n" for text in texts)
    ran = subprocess.run([lmopt, "embed", artifact, "--file", "-"], input=lines, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{artifact}: {ran.stderr.strip()}")
    vectors = np.array([json.loads(line) for line in ran.stdout.splitlines()])
    assert len(vectors) == len(texts)
    return vectors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lmopt")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("artifacts", nargs="+")
    arguments = parser.parse_args()
    tasks = Tasks(arguments.data)
    texts = tasks.texts()
    for artifact in arguments.artifacts:
        scores = tasks.scores(embed(arguments.lmopt, artifact, texts))
        print(artifact, "  ".join(f"{name} {score:.4f}" for name, score in scores.items()), flush=True)


if __name__ == "__main__":
    main()
