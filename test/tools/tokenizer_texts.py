#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The texts on which tokenizers are compared with the programs that define them, and the comparison itself.

For tokenizer_parity.py and sentencepiece_parity.py. Texts (fixed seed): translations of the system's programs in all
languages under /usr/share/locale (many scripts), Python sources (code), made-up lines of emoji, white space of all kinds,
digits, contractions, combining marks and special tokens, characters of all of Unicode at random, every code point in six
surroundings, and random and mutilated UTF-8. Every text is cut at line ends into pieces of up to 4 KB.
"""

import gettext
import glob
import os
import random
import struct
import subprocess
import tempfile

SPACES = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\ufeff\u180e\x1c\x1f"


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


EDGES = [
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


def running_texts(size):
    """Translations, code and made-up lines, `size` bytes of them."""
    texts = [p for t in translations(size // 2) for p in cut(t)] + [p for t in sources(size // 4) for p in cut(t)]
    return texts + list(made_up(size // 4, 1))


def ours(tool, arguments, texts):
    source = tempfile.TemporaryFile()
    for text in texts:
        source.write(struct.pack("<I", len(text)) + text)
    source.seek(0)
    out = subprocess.run([tool, *arguments], stdin=source, stdout=subprocess.PIPE, check=True).stdout
    at = 0
    for _ in texts:
        (count,) = struct.unpack_from("<I", out, at)
        yield list(struct.unpack_from(f"<{count}i", out, at + 4))
        at += 4 + 4 * count


def compare(options, name, arguments, texts, oracle):
    """Whether any text differs. `options`: tool, only, show."""
    if options.only not in name:
        return 0
    texts = [t if isinstance(t, bytes) else t.encode() for t in texts]
    bad = tokens = 0
    for text, found in zip(texts, ours(options.tool, arguments, texts)):
        expected = oracle(text)
        tokens += len(expected)
        if found != expected:
            bad += 1
            if bad <= options.show:
                at = next(
                    (i for i, (a, b) in enumerate(zip(expected, found)) if a != b), min(len(expected), len(found))
                )
                print(f"  {text[:200]!r}: at id {at}, expected {expected[at:at+8]}, found {found[at:at+8]}")
    size = sum(map(len, texts))
    print(f"{name}: {len(texts)} texts, {size / 1e6:.1f} MB, {tokens} tokens, {bad} texts differ", flush=True)
    return bad > 0
