#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tiny BERT fixtures (sentence-transformers folders with random weights) and the vectors that PyTorch computes.

Lengths reach from 1 token to the limit; a text that is longer is truncated. tokenizer.json of bert-mean carries a truncation and
padding setting that must not be obeyed (real folders do: the limit is max_seq_length of sentence_bert_config.json).
Usage: make_bert.py OUT_DIR [NAME...]. Needs torch, transformers, tokenizers, sentence-transformers.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertModel

import common

BASE = dict(hidden_size=48, num_attention_heads=3, intermediate_size=72, num_hidden_layers=2, vocab_size=251,
            max_position_embeddings=40, type_vocab_size=2, layer_norm_eps=1e-12, hidden_act="gelu", pad_token_id=0)
MODELS = {
    "bert-mean": (dict(BASE), "float32", {"pooling": "mean_tokens", "normalize": True, "limit": 24, "odd_tokenizer": True,
                                               "pooler": True}),
    "bert-cls": (dict(BASE, hidden_size=64, num_attention_heads=2, intermediate_size=100, num_hidden_layers=1, hidden_act="gelu_new",
                      vocab_size=253), "float16", {"pooling": "cls_token", "normalize": False, "limit": 40}),
    "bert-max-relu": (dict(BASE, hidden_size=80, num_attention_heads=1, intermediate_size=36, num_hidden_layers=1, hidden_act="relu",
                           vocab_size=247, type_vocab_size=1, layer_norm_eps=1e-5), "float16",
                      {"pooling": "max_tokens", "normalize": True, "limit": 40}),
    # Heads of 26 numbers, as TinyBERT (312 in 12) has: no vector of any width divides them.
    "bert-tiny": (dict(BASE, hidden_size=78, num_attention_heads=3, intermediate_size=100), "float16",
                  {"pooling": "mean_tokens", "normalize": False, "limit": 40}),
    "bert-pooled": (dict(BASE, num_hidden_layers=1), "float16",
                    {"pooling": ["lasttoken", "weightedmean", "cls", "mean_sqrt_len_tokens", "max"], "normalize": False, "limit": 40}),
}
WORDPIECE = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "unk_token": "[UNK]", "sep_token": "[SEP]",
             "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def write_sentence_files(folder, width, options):
    stages = [("", "Transformer"), ("1_Pooling", "Pooling")] + ([("2_Normalize", "Normalize")] if options["normalize"] else [])
    write_json(folder / "modules.json", [{"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
                                         for index, (path, kind) in enumerate(stages)])
    modes = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]
    if isinstance(options["pooling"], list):
        write_json(folder / "1_Pooling" / "config.json", {"embedding_dimension": width, "pooling_mode": options["pooling"]})
    else:
        write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": width,
                                                          **{f"pooling_mode_{mode}": mode == options["pooling"] for mode in modes}})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": options["limit"], "do_lower_case": False})


def make(name, folder):
    settings, storage, options = MODELS[name]
    rng = common.seeded(name)
    # Real folders carry BERT's own pooler, which sentence vectors do not use.
    model = BertModel(BertConfig(**settings), add_pooling_layer=options.get("pooler", False)).eval()
    common.randomize(model)
    folder.mkdir(parents=True, exist_ok=True)
    model.to(getattr(torch, storage)).save_pretrained(folder)
    finish(folder, settings, options, rng, common.wordpiece_tokenizer(settings["vocab_size"]), WORDPIECE)


def finish(folder, settings, options, rng, tokenizer, tokenizer_config):
    """The files beside a saved encoder, and what sentence-transformers makes of all."""
    write_sentence_files(folder, settings["hidden_size"], options)
    texts = common.tokenizer_cases(tokenizer)
    if options.get("odd_tokenizer"):
        tokenizer.enable_truncation(9)
        tokenizer.enable_padding(length=9, pad_token="[PAD]")
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", tokenizer_config)
    expect(folder, settings, options, rng, texts)
    print(f"{folder.name}: {sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) / 1000:.0f} kB")


def expect(folder, settings, options, rng, texts):
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"attn_implementation": "eager", "dtype": torch.float32}).eval()
    expected = common.Expectations("encoder")

    def run(ids):
        features = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids), dtype=torch.long)}
        return model(features)["sentence_embedding"][0].numpy()

    lengths = [1, 2, 3, 7, 15, 16, 17, options["limit"]]
    cases = [{"ids": rng.integers(5, settings["vocab_size"], length).tolist()} for length in lengths]
    for entry in texts:
        row = entry["ids"] if len(entry["ids"]) <= options["limit"] else entry["ids"][:options["limit"] - 1] + entry["ids"][-1:]
        cases.append({"ids": row, "text": entry["text"]})
    with torch.inference_mode():
        fp32 = [run(case["ids"]) for case in cases]
        model.double()
        fp64 = [run(case["ids"]) for case in cases]
        model.float()
        for case, single, double in zip(cases, fp32, fp64):
            expected.tolerance(single, double)
            case["offset"] = expected.append(single)
            if "text" in case:  # the whole way from text agrees with the ids stated here
                assert np.abs(model.encode([case["text"]], show_progress_bar=False)[0] - single).max() < 1e-5, case
    expected.json.update(cases=cases, width=len(fp32[0]), limit=options["limit"], tokenizer=texts)
    expected.write(folder)


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    for wanted in sys.argv[2:] or MODELS:
        make(wanted, out / wanted)
