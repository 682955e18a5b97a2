#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cuts the small stored expectations of the two real models out of what the reference scripts made.

In: a folder with smol_greedy.json (test/tools/reference_smollm2.py), minilm_sentences.json and minilm_vectors.npy
(reference_minilm.py). Out: test/models/real/{smollm2,minilm}.json. Usage: make_real.py REFERENCE_DIR OUT_DIR
"""
import json
import pathlib
import sys

import numpy as np

# Prompts whose continuation is decided: between best and second best lies more than an fp32 implementation may err.
PROMPTS = ["The capital of France is", "def fibonacci(n):", "<|im_start|>"]
SENTENCES = ["The cat sits on the mat.", "A cat is sitting on a mat.", "Die Katze sitzt auf der Matte.",
             "Compilers translate programs into machine code.", "An optimizing compiler makes programs faster."]


def main(source, out):
    out.mkdir(parents=True, exist_ok=True)
    records = json.loads((source / "smol_greedy.json").read_text(encoding="utf8"))
    chosen = [next(record for record in records if record["prompt"].startswith(prompt)) for prompt in PROMPTS]
    assert min(min(record["margins"]) for record in chosen) > 0.02
    (out / "smollm2.json").write_text(json.dumps(chosen, ensure_ascii=False) + "\n", encoding="utf8")
    sentences = json.loads((source / "minilm_sentences.json").read_text(encoding="utf8"))
    vectors = np.load(source / "minilm_vectors.npy")
    rows = [next(index for index, record in enumerate(sentences) if record["text"] == text) for text in SENTENCES]
    similarity = (vectors[rows].astype(float) @ vectors[rows].astype(float).T).round(6).tolist()
    (out / "minilm.json").write_text(json.dumps({
        "sentences": [dict(sentences[row], vector=vectors[row].astype(float).round(6).tolist()) for row in rows], "similarity": similarity}) + "\n",
        encoding="utf8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
