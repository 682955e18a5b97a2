#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tiny ALBERT fixture (a sentence-transformers folder with random weights) and the vectors that PyTorch computes.

Five layers share two sets of weights, which do not divide them; the tables are narrower than the layers. The checkpoint is one with a
head: names begin with "albert.", and the head's tensors must not matter.
Usage: make_albert.py OUT_DIR. Needs torch, transformers, tokenizers, sentence-transformers.
"""
import pathlib
import sys

from transformers import AlbertConfig, AlbertForPreTraining

import common
import make_bert

NAME = "albert-mean"
SETTINGS = dict(hidden_size=48, embedding_size=32, num_attention_heads=3, intermediate_size=72, num_hidden_layers=5, num_hidden_groups=2,
                vocab_size=119, max_position_embeddings=40, type_vocab_size=2, hidden_act="gelu_new", pad_token_id=0)
OPTIONS = {"pooling": "mean_tokens", "normalize": True, "limit": 24}
TOKENIZER = {"tokenizer_class": "AlbertTokenizer", "bos_token": "[CLS]", "eos_token": "[SEP]", "cls_token": "[CLS]", "sep_token": "[SEP]",
             "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "[MASK]", "do_lower_case": True, "keep_accents": False}


def main():
    folder = pathlib.Path(sys.argv[1]) / NAME
    rng = common.seeded(NAME)
    model = AlbertForPreTraining(AlbertConfig(**SETTINGS)).eval()
    common.randomize(model)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    make_bert.finish(folder, SETTINGS, OPTIONS, rng, common.unigram_tokenizer("albert", SETTINGS["vocab_size"]), TOKENIZER)


if __name__ == "__main__":
    main()
