#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares BPE whose characters are marked inside or at the end of words (GPT-1, CLIP) with what defines it, id by id. Not run by script/test.

    pip install tokenizers transformers
    ninja -C build tokenize-lines
    test/tools/word_ends_parity.py [--megabytes 4]

Vocabularies of 6000 pieces are trained on a fifth of the texts: with a suffix at the end of words, with a prefix inside of them, with
both, and of bytes with a suffix, as CLIP has it. Oracles: `tokenizers`, and transformers for what OpenAIGPTTokenizer makes of
tokenizer.json (its rules replaced by ones that must not count).
Texts: tokenizer_texts.py. Prints one line for each comparison; the exit code is the number of comparisons that differ.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile

import tokenizers
import transformers
from tokenizer_texts import EDGES, code_points, compare, running_texts
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

# The expression of CLIP.
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
FORMS = {
    "suffix": {"end_of_word_suffix": "</w>"},
    "suffix, unknown ones fused": {"end_of_word_suffix": "</w>", "fuse_unk": True},
    "suffix, nothing for unknown ones": {"end_of_word_suffix": "</w>", "unk_token": None},
    "prefix": {"continuing_subword_prefix": "##"},
    "prefix and suffix": {"continuing_subword_prefix": "##", "end_of_word_suffix": "</w>"},
    "bytes": {"end_of_word_suffix": "</w>"},
}


def rules_of(form, tokenizer):
    """Where words are cut, and how they are written."""
    if form == "bytes":
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(CLIP), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
        tokenizer.decoder = decoders.ByteLevel()
        return
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder("</w>") if form.startswith("suffix") else decoders.Fuse()


def train(form, texts):
    settings = {"unk_token": "<unk>", **FORMS[form]}
    tokenizer = Tokenizer(models.BPE(**settings))
    rules_of(form, tokenizer)
    marks = {name: value for name, value in settings.items() if name in ("end_of_word_suffix", "continuing_subword_prefix")}
    if form == "bytes":
        marks["initial_alphabet"] = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=6000, special_tokens=["<unk>"], limit_alphabet=1500, show_progress=False, **marks)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def compare_form(form, texts, every, folder):
    made = train(form, texts[::5])
    os.makedirs(folder)
    made.save(folder + "/tokenizer.json")
    oracle = lambda text: made.encode(text.decode()).ids
    failures = compare(ARGS, f"tokenizers, {form}", [folder], texts + EDGES, oracle)
    return failures + compare(ARGS, f"tokenizers, {form}, all code points", [folder], every, oracle)


def compare_class(texts, folder):
    """Version 5 builds all rules itself."""
    made = train("suffix", texts[::5])
    made.normalizer, made.pre_tokenizer, made.decoder = normalizers.NFC(), pre_tokenizers.WhitespaceSplit(), decoders.Fuse()
    os.makedirs(folder)
    made.save(folder + "/tokenizer.json")
    config = {"tokenizer_class": "OpenAIGPTTokenizer", "unk_token": "<unk>", "backend": "tokenizers"}
    pathlib.Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
    pathlib.Path(folder, "config.json").write_text(json.dumps({"model_type": "openai-gpt"}))
    loaded = transformers.AutoTokenizer.from_pretrained(folder)
    oracle = lambda text: loaded(text.decode())["input_ids"]
    return compare(ARGS, f"transformers, {type(loaded).__name__}", [folder], texts[::4] + EDGES, oracle)


def main():
    texts, every = running_texts(int(ARGS.megabytes * 1_000_000)), list(code_points())
    with tempfile.TemporaryDirectory() as root:
        failures = sum(compare_form(form, texts, every, os.path.join(root, form)) for form in FORMS)
        failures += compare_class(texts, os.path.join(root, "class"))
    print(f"tokenizers {tokenizers.__version__}, transformers {transformers.__version__}; {failures} comparisons differ")
    return failures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=4)
    parser.add_argument("--only", default="", help="do the comparisons whose name holds this")
    parser.add_argument("--tool", default="build/bin/tokenize-lines")
    parser.add_argument("--show", type=int, default=3, help="differences printed for each comparison")
    ARGS = parser.parse_args()
    sys.exit(main())
