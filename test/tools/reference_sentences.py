#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares the vectors that `lmopt embed` makes with those of sentence-transformers, and the tokens.

Texts are consecutive words of TEXT, 5, 20, 80 and 300 at a time in turn, COUNT in all: from below to beyond what models take.
Prints the largest difference of a number, the least and mean cosine, and how many texts have the same tokens.
Usage: reference_sentences.py LMOPT MODEL_DIR TEXT [--recipe f32] [--count 32]. Needs torch, transformers, sentence-transformers.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

WORDS = (5, 20, 80, 300)


def texts_of(path, count):
    words, texts, begin = pathlib.Path(path).read_text(encoding="utf8").split(), [], 0
    for i in range(count):
        size = WORDS[i % len(WORDS)]
        texts.append(" ".join(words[begin:begin + size]))
        begin += size
    assert begin <= len(words), f"{path}: expected {begin} words, found {len(words)}; take a smaller --count"
    return texts


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout


def same_tokens(lmopt, artifact, model, text):
    """As the library feeds them: cut where the model ends, with the last one kept."""
    mine = json.loads(run(lmopt, "tokenize", artifact, "--text", text))["tokens"]
    theirs = model.tokenizer(text, truncation=True, max_length=model.max_seq_length)["input_ids"]
    return mine[:len(theirs) - 1] == theirs[:-1] and mine[-1] == theirs[-1]


def main():
    parser = argparse.ArgumentParser()
    for name in ("lmopt", "model", "text"):
        parser.add_argument(name)
    parser.add_argument("--recipe", default="f32")
    parser.add_argument("--count", type=int, default=32)
    options = parser.parse_args()
    texts = texts_of(options.text, options.count)
    model = SentenceTransformer(options.model, device="cpu", model_kwargs={"attn_implementation": "eager", "dtype": torch.float32})
    expected = np.stack([model.encode([text], show_progress_bar=False)[0] for text in texts])
    with tempfile.TemporaryDirectory() as folder:
        artifact, lines = pathlib.Path(folder, "m.so"), pathlib.Path(folder, "lines")
        run(options.lmopt, "--quiet", "compile", options.model, "--recipe", options.recipe, "-o", artifact)
        lines.write_text("\n".join(texts) + "\n", encoding="utf8")
        found = np.array([json.loads(line) for line in run(options.lmopt, "embed", artifact, "--file", lines).splitlines()])
        same = sum(same_tokens(options.lmopt, artifact, model, text) for text in texts)
    cosines = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    print(f"{len(texts)} texts: largest difference {np.abs(found - expected).max():.2e}, cosine least {cosines.min():.6f}, "
          f"mean {cosines.mean():.6f}; the same tokens: {same}")


if __name__ == "__main__":
    main()
