#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tiny ModernBERT fixture: a sentence-transformers folder with random weights, and the vectors that PyTorch computes.

Windows of 5 tokens to each side: texts below, at and above.
Usage: make_modernbert.py OUT_DIR. Needs torch, transformers, tokenizers, sentence-transformers.
"""
import pathlib
import sys

import torch
from transformers import ModernBertConfig, ModernBertModel

import common
import make_bert

SETTINGS = dict(hidden_size=48, num_attention_heads=3, intermediate_size=72, num_hidden_layers=3, vocab_size=251, max_position_embeddings=64,
                local_attention=10, global_attn_every_n_layers=2, pad_token_id=0, bos_token_id=None, eos_token_id=None, cls_token_id=None,
                sep_token_id=None)
OPTIONS = {"pooling": "mean_tokens", "normalize": True, "limit": 40}

if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1]) / "modernbert-windows"
    rng = common.seeded(folder.name)
    model = ModernBertModel(ModernBertConfig(**SETTINGS)).eval()
    common.randomize(model)
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.float16).save_pretrained(folder)
    make_bert.finish(folder, SETTINGS, OPTIONS, rng, common.wordpiece_tokenizer(SETTINGS["vocab_size"]), make_bert.WORDPIECE)
