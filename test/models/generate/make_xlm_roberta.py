#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tiny XLM-R fixture (a sentence-transformers folder with random weights) and the vectors that PyTorch computes.

RoBERTa's shape behind a Unigram tokenizer; fp16, first-token pooling.
Usage: make_xlm_roberta.py OUT_DIR. Needs torch, transformers, tokenizers, sentence-transformers.
"""
import pathlib
import sys

from transformers import XLMRobertaConfig, XLMRobertaModel

import common
import make_bert

NAME = "xlmroberta-cls"
SETTINGS = dict(hidden_size=48, num_attention_heads=3, intermediate_size=72, num_hidden_layers=1, vocab_size=131,
                max_position_embeddings=42, type_vocab_size=1, layer_norm_eps=1e-5, hidden_act="gelu", pad_token_id=1, bos_token_id=0,
                eos_token_id=2)
OPTIONS = {"pooling": "cls_token", "normalize": True, "limit": 40}
TOKENIZER = {"tokenizer_class": "XLMRobertaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>",
             "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}


def main():
    folder = pathlib.Path(sys.argv[1]) / NAME
    rng = common.seeded(NAME)
    model = XLMRobertaModel(XLMRobertaConfig(**SETTINGS), add_pooling_layer=False).eval()
    common.randomize(model)
    folder.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(folder)
    make_bert.finish(folder, SETTINGS, OPTIONS, rng, common.unigram_tokenizer("xlm-roberta", SETTINGS["vocab_size"]), TOKENIZER)


if __name__ == "__main__":
    main()
