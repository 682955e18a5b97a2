#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tiny DistilBERT fixture (a sentence-transformers folder with random weights) and the vectors that PyTorch computes.

The checkpoint is one with a head: names begin with "distilbert.", and the head's tensors must not matter.
Usage: make_distilbert.py OUT_DIR. Needs torch, transformers, tokenizers, sentence-transformers.
"""
import pathlib
import sys

from transformers import DistilBertConfig, DistilBertForMaskedLM

import common
import make_bert

NAME = "distilbert-mean"
SETTINGS = dict(dim=48, n_heads=3, hidden_dim=72, n_layers=2, vocab_size=251, max_position_embeddings=40, activation="gelu")
OPTIONS = {"pooling": "mean_tokens", "normalize": True, "limit": 24}


def main():
    folder = pathlib.Path(sys.argv[1]) / NAME
    rng = common.seeded(NAME)
    model = DistilBertForMaskedLM(DistilBertConfig(**SETTINGS)).eval()
    common.randomize(model)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    make_bert.finish(folder, dict(SETTINGS, hidden_size=SETTINGS["dim"]), OPTIONS, rng,
                     common.wordpiece_tokenizer(SETTINGS["vocab_size"]),
                     dict(make_bert.WORDPIECE, tokenizer_class="DistilBertTokenizer"))


if __name__ == "__main__":
    main()
