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
    make_bert.write_sentence_files(folder, SETTINGS["dim"], OPTIONS)
    tokenizer = common.wordpiece_tokenizer(SETTINGS["vocab_size"])
    texts = common.tokenizer_cases(tokenizer)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    make_bert.write_json(folder / "tokenizer_config.json",
                         {"tokenizer_class": "DistilBertTokenizer", "do_lower_case": True, "unk_token": "[UNK]", "sep_token": "[SEP]",
                          "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"})
    make_bert.expect(folder, dict(SETTINGS, hidden_size=SETTINGS["dim"]), OPTIONS, rng, texts)
    print(f"{NAME}: {sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
