#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tiny MPNet fixture (a sentence-transformers folder with random weights) and the vectors that PyTorch computes.

The longest texts are longer than the largest distance that has a bias of its own (128), so that both ends of the table count. The
checkpoint is one with a head: names begin with "mpnet.", and the head's tensors must not matter.
Usage: make_mpnet.py OUT_DIR. Needs torch, transformers, tokenizers, sentence-transformers.
"""
import pathlib
import sys

from transformers import MPNetConfig, MPNetForMaskedLM

import common
import make_bert

NAME = "mpnet-mean"
SETTINGS = dict(hidden_size=48, num_attention_heads=3, intermediate_size=72, num_hidden_layers=2, vocab_size=251,
                max_position_embeddings=162, layer_norm_eps=1e-5, hidden_act="gelu")
OPTIONS = {"pooling": "mean_tokens", "normalize": True, "limit": 160}
TOKENIZER = {"tokenizer_class": "MPNetTokenizer", "do_lower_case": True, "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>",
             "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "[UNK]", "mask_token": "<mask>"}


def randomize(model):
    """The biases of distances as large as scores are."""
    common.randomize(model)
    model.mpnet.encoder.relative_attention_bias.weight.data.normal_(0, 1)


def main():
    folder = pathlib.Path(sys.argv[1]) / NAME
    rng = common.seeded(NAME)
    model = MPNetForMaskedLM(MPNetConfig(**SETTINGS)).eval()
    randomize(model)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    make_bert.finish(folder, SETTINGS, OPTIONS, rng, common.wordpiece_tokenizer(SETTINGS["vocab_size"], "mpnet"), TOKENIZER)


if __name__ == "__main__":
    main()
