#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares lmopt's tokenizers with the programs that define them, id by id. Not run by script/test.

    pip install llama-cpp-python tokenizers gguf
    ninja -C build tokenize-lines
    test/tools/tokenizer_parity.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --hf all-MiniLM-L6-v2 [--megabytes 8] [--text ...]

Oracles: llama.cpp for the GGUF file, in addition the `tokenizers` package with a byte-level BPE made of the same
vocabulary and each pre-tokenizer; `tokenizers` for the directory. For the pre-tokenizers that no model at hand uses,
GGUF files with the same vocabulary and another tokenizer.ggml.pre are written to a temporary directory. (bloom and viking: `ulimit -s
unlimited` before, since llama.cpp runs their expressions by std::regex, which recurses for each character.)

Texts: tokenizer_texts.py; bad UTF-8 where the oracle takes bytes. Prints one line for each comparison; the exit code is the number of comparisons that differ.
"""

import argparse
import gzip
import os
import sys
import tempfile

import llama_cpp
import tokenizers
from tokenizer_texts import EDGES, bad_bytes, code_points, compare, cut, running_texts
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# One of each kind, and a second name of those that have several.
PRE_TOKENIZERS = ("gpt-2", "olmo", "refact", "llama-bpe", "falcon3", "dbrx", "qwen2", "stablelm2", "bloom", "viking", "tekken", "gpt-4o", "llama4",
                  "deepseek-llm", "deepseek-coder", "deepseek-v3", "hunyuan-dense", "falcon", "seed-coder", "qwen35")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def llama_oracle(path, add, special):
    model = llama_cpp.Llama(path, vocab_only=True, verbose=False)
    return lambda text: model.tokenize(text, add_bos=add, special=special)


def read_gguf(path):
    import gguf

    fields = gguf.GGUFReader(path).fields
    return {key: field.contents() for key, field in fields.items() if key.startswith("tokenizer.")}


def other_gguf(path, pre, folder):
    """The vocabulary of `path` under another pre-tokenizer."""
    import gguf

    keys = read_gguf(path)
    target = os.path.join(folder, pre + ".gguf")
    writer = gguf.GGUFWriter(target, "llama")
    for name in ("block_count", "context_length", "embedding_length", "feed_forward_length"):
        writer.add_uint32("llama." + name, 64)
    writer.add_uint32("llama.attention.head_count", 1)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(keys["tokenizer.ggml.tokens"])
    writer.add_token_types(keys["tokenizer.ggml.token_type"])
    writer.add_token_merges(keys["tokenizer.ggml.merges"])
    for role in ("bos", "eos"):
        writer.add_uint32(f"tokenizer.ggml.{role}_token_id", keys[f"tokenizer.ggml.{role}_token_id"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return target


def other_json(path, pre_tokenizer, folder, normalizer=None, prefix_space=False):
    """The vocabulary of a GGUF file as tokenizer.json; the oracle and lmopt read the same file."""
    keys = read_gguf(path)
    tokens, types = keys["tokenizer.ggml.tokens"], keys["tokenizer.ggml.token_type"]
    merges = [tuple(m.split(" ")) for m in keys["tokenizer.ggml.merges"]]
    oracle = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    oracle.add_special_tokens([AddedToken(t, special=True) for t, kind in zip(tokens, types) if kind == 3])
    oracle.pre_tokenizer = pre_tokenizer
    if normalizer:
        oracle.normalizer = normalizer
    os.makedirs(folder)
    oracle.save(folder + "/tokenizer.json")
    return oracle


def main():
    size = ARGS.megabytes * 1_000_000
    texts = running_texts(size)
    for path in ARGS.text:
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
            texts += cut(file.read())
    every = list(code_points())
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        if ARGS.gguf:
            for add, special in [(True, True), (False, False)]:
                flags = ([] if add else ["--no-add"]) + ([] if special else ["--no-parse"])
                oracle = llama_oracle(ARGS.gguf, add, special)
                name = f"llama.cpp, {os.path.basename(ARGS.gguf)}, special tokens {special}"
                failures += compare(ARGS, name, [ARGS.gguf, *flags], texts + EDGES, oracle)
                failures += compare(ARGS, name + ", bad UTF-8", [ARGS.gguf, *flags], list(bad_bytes(size // 8, 2)), oracle)
                failures += compare(ARGS, name + ", all code points", [ARGS.gguf, *flags], every, oracle)
            for pre in PRE_TOKENIZERS:
                path = other_gguf(ARGS.gguf, pre, folder)
                oracle = llama_oracle(path, True, True)
                failures += compare(ARGS, f"llama.cpp, pre-tokenizer {pre}", [path], texts[::4] + EDGES, oracle)
                failures += compare(ARGS, f"llama.cpp, pre-tokenizer {pre}, all code points", [path], every, oracle)
            level = lambda regex, prefix=False: pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)
            split = lambda regex: pre_tokenizers.Split(Regex(regex), "isolated")
            sequence = pre_tokenizers.Sequence
            for name, rule, normalizer in [
                ("smollm", sequence([pre_tokenizers.Digits(True), level(True)]), None),
                ("digit runs", sequence([pre_tokenizers.Digits(False), level(True)]), None),
                ("gpt2 with prefix space", level(True, True), None),
                ("llama3", sequence([split(LLAMA3), level(False)]), None),
                ("qwen2 with NFC", sequence([split(QWEN2), level(False)]), normalizers.NFC()),
                (
                    "gpt2, NFD, lower case",
                    level(True),
                    normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase()]),
                ),
            ]:
                where = os.path.join(folder, name)
                made = other_json(ARGS.gguf, rule, where, normalizer)
                oracle = lambda text: made.encode(text.decode()).ids
                failures += compare(ARGS, f"tokenizers, BPE, {name}", [where], texts[::4] + EDGES, oracle)
                failures += compare(ARGS, f"tokenizers, BPE, {name}, all code points", [where], every, oracle)
        if ARGS.hf:
            model = Tokenizer.from_file(ARGS.hf + "/tokenizer.json")
            model.no_padding()
            model.no_truncation()
            oracle = lambda text: model.encode(text.decode()).ids
            failures += compare(ARGS, "tokenizers, " + os.path.basename(ARGS.hf), [ARGS.hf], texts + EDGES, oracle)
            failures += compare(ARGS, "tokenizers, all code points", [ARGS.hf], every, oracle)
            model.enable_truncation(256)
            failures += compare(ARGS, "tokenizers, cut to 256", [ARGS.hf, "--max-length", "256"], texts[::4] + EDGES, oracle)
            model.no_truncation()
            model.encode_special_tokens = True
            plain = lambda text: model.encode(text.decode(), add_special_tokens=False).ids
            failures += compare(ARGS, 
                "tokenizers, no special tokens", [ARGS.hf, "--no-add", "--no-parse"], texts[::4] + EDGES, plain
            )
    print(
        f"llama-cpp-python {llama_cpp.__version__}, tokenizers {tokenizers.__version__}; {failures} comparisons differ"
    )
    return failures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf")
    parser.add_argument("--hf")
    parser.add_argument("--megabytes", type=int, default=8)
    parser.add_argument("--text", nargs="*", default=[], help="further texts, such as prose; .gz is unpacked")
    parser.add_argument("--only", default="", help="do the comparisons whose name holds this")
    parser.add_argument("--tool", default="build/bin/tokenize-lines")
    parser.add_argument("--show", type=int, default=3, help="differences printed for each comparison")
    ARGS = parser.parse_args()
    sys.exit(main())
