#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares lmopt's tokenizers with the programs that define them, id by id. Not run by script/test.

    pip install llama-cpp-python tokenizers gguf
    ninja -C build tokenize-lines
    test/tools/tokenizer_parity.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --hf all-MiniLM-L6-v2 [--megabytes 8] [--text ...]

Oracles: llama.cpp for the GGUF file, in addition the `tokenizers` package with a byte-level BPE made of the same
vocabulary and each pre-tokenizer; `tokenizers` for the directory. For the pre-tokenizers that no model at hand uses,
GGUF files with the same vocabulary and another tokenizer.ggml.pre are written to a temporary directory.

Texts (fixed seed): translations of the system's programs in all languages under /usr/share/locale (many scripts), their
Python sources (code), made-up lines of emoji, white space of all kinds, digits, contractions, combining marks and
special tokens, characters of all of Unicode at random, every code point in six surroundings, and, where the oracle takes
bytes, random and mutilated UTF-8. Every text is cut at line ends into pieces of up to 4 KB.
Prints one line for each comparison; the exit code is the number of comparisons that differ.
"""

import argparse
import gettext
import glob
import gzip
import os
import random
import struct
import subprocess
import sys
import tempfile

import llama_cpp
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

SPACES = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\ufeff\u180e\x1c\x1f"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def cut(text, size=4096):
    """Pieces of about `size` characters that end at line ends where there are any."""
    pieces, start = [], 0
    while start < len(text):
        stop = min(len(text), start + size)
        newline = text.rfind("\n", start, stop)
        if stop < len(text) and newline > start:
            stop = newline + 1
        pieces.append(text[start:stop])
        start = stop
    return pieces


def translations(limit):
    """Message catalogs, a share for each language."""
    by_language = {}
    for path in sorted(glob.glob("/usr/share/locale/*/LC_MESSAGES/*.mo")):
        by_language.setdefault(path.split("/")[4], []).append(path)
    share = limit // max(1, len(by_language))
    for paths in by_language.values():
        taken = 0
        for path in paths:
            try:
                catalog = gettext.GNUTranslations(open(path, "rb"))._catalog
            except Exception:
                continue
            text = "\n".join(v for v in catalog.values() if isinstance(v, str))[: share - taken]
            taken += len(text.encode("utf-8", "ignore"))
            yield text.encode("utf-8", "ignore").decode()
            if taken >= share:
                break


def sources(limit):
    taken = 0
    for path in sorted(glob.glob(os.path.dirname(os.__file__) + "/**/*.py", recursive=True)):
        text = open(path, encoding="utf-8", errors="ignore").read()
        yield text[: limit - taken]
        taken += len(text)
        if taken >= limit:
            break


def made_up(limit, seed):
    rng = random.Random(seed)
    emoji = [chr(c) for r in [(0x1F300, 0x1FAFF), (0x2600, 0x27BF), (0x1F1E6, 0x1F200)] for c in range(*r)]
    marks = [
        chr(c)
        for r in [
            (0x300, 0x370),
            (0x483, 0x488),
            (0x591, 0x5BE),
            (0x64B, 0x660),
            (0x1AB0, 0x1AFF),
            (0x1DC0, 0x1E00),
            (0x20D0, 0x20F1),
            (0x3099, 0x309B),
        ]
        for c in range(*r)
    ]
    words = "don't I'M we've THEY'RE you'll he'd It's ſ'ſ 's'S'T'd ''s naïve Ångström İstanbul ΑΒΣ ﬁ ǅ Straße".split()
    special = [
        "<|im_start|>",
        "<|im_end|>",
        "<|endoftext|>",
        "<|im_",
        "|>",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "[UNK]",
        "[mask]",
        "<repo_name>",
        "<file_sep>",
        "[PAD",
        "]",
    ]

    def some(choices, most):
        return "".join(rng.choice(choices) for _ in range(rng.randint(1, most)))

    def anywhere():
        while True:
            c = rng.choice(
                [
                    rng.randrange(0x250),
                    rng.randrange(0x3000),
                    rng.randrange(0x10000),
                    rng.randrange(0x20000),
                    rng.randrange(0xAC00, 0xD7A4),
                    rng.randrange(0x110000),
                ]
            )
            if not 0xD800 <= c < 0xE000:
                return chr(c)

    kinds = [
        lambda: some(emoji, 6),
        lambda: some(emoji, 2) + "\u200d" + some(emoji, 2) + "\ufe0f",
        lambda: some(SPACES, 9),
        lambda: " " * rng.randint(1, 20),
        lambda: "\n" * rng.randint(1, 4),
        lambda: some("0123456789٠१²Ⅷ½", 8),
        lambda: rng.choice(words),
        lambda: rng.choice(special),
        lambda: some("aeiou", 3) + some(marks, 5),
        lambda: some("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 6),
        lambda: "".join(anywhere() for _ in range(rng.randint(1, 9))),
        lambda: some("abcdefghij", 300),
        lambda: some("ab", 40),
        lambda: some("中文字日本語한국어", 8),
    ]
    taken = 0
    while taken < limit:
        line = "".join(rng.choice(kinds)() for _ in range(rng.randint(1, 60)))
        taken += len(line.encode())
        yield line


def code_points():
    """Every code point, 32 to a text, each in surroundings where its class shows."""
    for base in range(0, 0x110000, 32):
        chars = [chr(c) for c in range(base, base + 32) if not 0xD800 <= c < 0xE000]
        if chars:
            yield "".join(f"a{c}b 1{c}2  {c} .{c}! '{c}e" for c in chars)


def bad_bytes(limit, seed):
    rng = random.Random(seed)
    good = "naïve 世界 🤗 don't\n".encode()
    taken = 0
    while taken < limit:
        if rng.random() < 0.5:
            text = bytearray(rng.randbytes(rng.randint(1, 200)))
        else:
            text = bytearray(good * rng.randint(1, 8))
            for _ in range(rng.randint(1, 12)):
                text[rng.randrange(len(text))] = rng.randrange(256)
        # Four-byte forms beyond U+10FFFF end llama.cpp with an exception; lmopt takes each byte as U+FFFD.
        for i in range(len(text)):
            if text[i] > 0xF4 or (text[i] == 0xF4 and i + 1 < len(text) and 0x90 <= text[i + 1] < 0xC0):
                text[i] = 0x80
        taken += len(text)
        yield bytes(text)


def ours(arguments, texts):
    source = tempfile.TemporaryFile()
    for text in texts:
        source.write(struct.pack("<I", len(text)) + text)
    source.seek(0)
    out = subprocess.run([ARGS.tool, *arguments], stdin=source, stdout=subprocess.PIPE, check=True).stdout
    at = 0
    for _ in texts:
        (count,) = struct.unpack_from("<I", out, at)
        yield list(struct.unpack_from(f"<{count}i", out, at + 4))
        at += 4 + 4 * count


def compare(name, arguments, texts, oracle):
    if ARGS.only not in name:
        return 0
    texts = [t if isinstance(t, bytes) else t.encode() for t in texts]
    bad = tokens = 0
    for text, found in zip(texts, ours(arguments, texts)):
        expected = oracle(text)
        tokens += len(expected)
        if found != expected:
            bad += 1
            if bad <= ARGS.show:
                at = next(
                    (i for i, (a, b) in enumerate(zip(expected, found)) if a != b), min(len(expected), len(found))
                )
                print(f"  {text[:200]!r}: at id {at}, expected {expected[at:at+8]}, found {found[at:at+8]}")
    size = sum(map(len, texts))
    print(f"{name}: {len(texts)} texts, {size / 1e6:.1f} MB, {tokens} tokens, {bad} texts differ", flush=True)
    return bad > 0


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
    texts = [p for t in translations(size // 2) for p in cut(t)] + [p for t in sources(size // 4) for p in cut(t)]
    texts += list(made_up(size // 4, 1))
    for path in ARGS.text:
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
            texts += cut(file.read())
    every = list(code_points())
    edges = [
        "",
        " ",
        "\n",
        "  ",
        "a",
        "\0",
        "a\0b",
        "'",
        "'s",
        " '",
        "x" * 5000,
        "ab" * 20000,
        " " * 5000,
        "é" * 3000,
        "9" * 3000,
    ]
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        if ARGS.gguf:
            for add, special in [(True, True), (False, False)]:
                flags = ([] if add else ["--no-add"]) + ([] if special else ["--no-parse"])
                oracle = llama_oracle(ARGS.gguf, add, special)
                name = f"llama.cpp, {os.path.basename(ARGS.gguf)}, special tokens {special}"
                failures += compare(name, [ARGS.gguf, *flags], texts + edges, oracle)
                failures += compare(name + ", bad UTF-8", [ARGS.gguf, *flags], list(bad_bytes(size // 8, 2)), oracle)
                failures += compare(name + ", all code points", [ARGS.gguf, *flags], every, oracle)
            for pre in ("gpt-2", "llama-bpe", "qwen2"):
                path = other_gguf(ARGS.gguf, pre, folder)
                oracle = llama_oracle(path, True, True)
                failures += compare(f"llama.cpp, pre-tokenizer {pre}", [path], texts[::4] + edges, oracle)
                failures += compare(f"llama.cpp, pre-tokenizer {pre}, all code points", [path], every, oracle)
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
                failures += compare(f"tokenizers, BPE, {name}", [where], texts[::4] + edges, oracle)
                failures += compare(f"tokenizers, BPE, {name}, all code points", [where], every, oracle)
        if ARGS.hf:
            model = Tokenizer.from_file(ARGS.hf + "/tokenizer.json")
            model.no_padding()
            model.no_truncation()
            oracle = lambda text: model.encode(text.decode()).ids
            failures += compare("tokenizers, " + os.path.basename(ARGS.hf), [ARGS.hf], texts + edges, oracle)
            failures += compare("tokenizers, all code points", [ARGS.hf], every, oracle)
            model.enable_truncation(256)
            failures += compare("tokenizers, cut to 256", [ARGS.hf, "--max-length", "256"], texts[::4] + edges, oracle)
            model.no_truncation()
            model.encode_special_tokens = True
            plain = lambda text: model.encode(text.decode(), add_special_tokens=False).ids
            failures += compare(
                "tokenizers, no special tokens", [ARGS.hf, "--no-add", "--no-parse"], texts[::4] + edges, plain
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
