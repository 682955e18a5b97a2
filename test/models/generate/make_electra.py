#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tiny ELECTRA fixture (a sentence-transformers folder with random weights) and the vectors that PyTorch computes.

The tables are narrower than the layers. The checkpoint is one with a head: names begin with "electra.", and the head's tensors must
not matter.
Usage: make_electra.py OUT_DIR. Needs torch, transformers, tokenizers, sentence-transformers.
"""
import pathlib
import sys

from transformers import ElectraConfig, ElectraForPreTraining

import common
import make_bert

NAME = "electra-cls"
SETTINGS = dict(hidden_size=48, embedding_size=36, num_attention_heads=3, intermediate_size=72, num_hidden_layers=2, vocab_size=251,
                max_position_embeddings=40, type_vocab_size=2, hidden_act="gelu", pad_token_id=0)
OPTIONS = {"pooling": "cls_token", "normalize": False, "limit": 24}


def main():
    folder = pathlib.Path(sys.argv[1]) / NAME
    rng = common.seeded(NAME)
    model = ElectraForPreTraining(ElectraConfig(**SETTINGS)).eval()
    common.randomize(model)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    make_bert.finish(folder, SETTINGS, OPTIONS, rng, common.wordpiece_tokenizer(SETTINGS["vocab_size"]),
                     dict(make_bert.WORDPIECE, tokenizer_class="ElectraTokenizer"))


if __name__ == "__main__":
    main()
