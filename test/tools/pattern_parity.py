#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares where expressions cut a text, by PCRE2 in lmopt and by Oniguruma in `tokenizers`. Not run by script/test.

    pip install tokenizers
    ninja -C build tokenize-lines
    test/tools/pattern_parity.py [--megabytes 2] [--only NAME]

The expressions are those of models (o200k, DeepSeek, Falcon, ...) and ones made up to have every construct that is
supported, and every property. So that each cut shows, the model is a WordPiece of single characters: a word is the piece of its
first character and then inner pieces, and one with a rare character is unknown as a whole. Properties: their characters are
removed, or all others. Texts: tokenizer_texts.py. Prints one line for each comparison; the exit code
is the number of comparisons that differ.
"""
import argparse
import collections
import os
import sys
import tempfile

import tokenizers
from tokenizer_texts import EDGES, code_points, compare, running_texts
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

CASE = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
LETTERS = "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕ"
MODELS = {
    "o200k": [
        rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CASE}?|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CASE}?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ],
    "DeepSeek-V3": [
        r"\p{N}{1,3}",
        "[一-龥぀-ゟ゠-ヿ]+",
        r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
        r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ],
    "DeepSeek-LLM": [r"[\r\n]", rf"\s?[{LETTERS}]+", r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"],
    "Falcon": [
        r"[\p{P}\$\+<=>\^~\|`]+",
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
        "[0-9][0-9][0-9]",
    ],
    "BLOOM": [r" ?[^(\s|[.,!?…。，、।۔،])]+"],
    "StarCoder": [r"\p{N}", r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+?"],
}
MADE_UP = [
    (r"\w+|[^\w\s]+", "isolated", False),
    (r"\s+", "removed", False),
    (r"\S+", "removed", True),
    (r"^\s+|\S$|\A\d|\d\z", "isolated", False),
    (r"(?i)the|A.|[k-t]x", "isolated", False),
    (r"(?<=[a-z])(?=[A-Z])|(?<!\d)\D{2,3}?x", "isolated", False),
    (r"[\s\S]{1,5}", "isolated", False),
    (r"\W|[^\d\p{Han}\-a-c&-]+", "isolated", False),
    (r"(a|b)?+c|\x41\x{42}+|\u00e9|\.\t", "isolated", False),
    ("", "isolated", False),
]
PROPERTIES = (
    "L M N P S Z Lu Ll Lt Lm Lo Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Arabic Armenian Bengali "
    "Cyrillic Devanagari Georgian Greek Han Hangul Hebrew Hiragana Katakana Latin Tamil Thai"
).split()


def characters_of(texts):
    counts = collections.Counter("".join(texts))
    common = sorted(c for c, count in counts.items() if count > 4) + [chr(c) for c in range(128) if counts[chr(c)] <= 4]
    vocabulary = {"[UNK]": 0}
    for c in common:
        vocabulary[c] = len(vocabulary)
        vocabulary["##" + c] = len(vocabulary)
    return Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=1000))


def cut(made, folder, splits):
    made.pre_tokenizer = pre_tokenizers.Sequence(splits)
    os.makedirs(folder)
    made.save(folder + "/tokenizer.json")
    return lambda text: made.encode(text.decode()).ids


def main():
    texts, every = running_texts(int(ARGS.megabytes * 1_000_000)), list(code_points())
    made = characters_of(texts)
    split = lambda pattern, behavior="isolated", invert=False: pre_tokenizers.Split(Regex(pattern), behavior, invert)
    failures = 0
    with tempfile.TemporaryDirectory() as root:
        for name, patterns in MODELS.items():
            folder = os.path.join(root, name)
            oracle = cut(made, folder, [split(pattern) for pattern in patterns])
            failures += compare(ARGS, name, [folder], texts + EDGES, oracle)
            failures += compare(ARGS, name + ", all code points", [folder], every, oracle)
        for number, (pattern, behavior, invert) in enumerate(MADE_UP):
            folder = os.path.join(root, str(number))
            rule = split(pattern, behavior, invert) if pattern else pre_tokenizers.Split(".\n", "removed")
            oracle = cut(made, folder, [rule])
            failures += compare(ARGS, f"{pattern or 'the text .'} {behavior} {invert}", [folder], texts[::4] + EDGES, oracle)
        for name in PROPERTIES:
            folder = os.path.join(root, "p " + name)
            oracle = cut(made, folder, [split(rf"\p{{{name}}}+", "removed")])
            failures += compare(ARGS, "property " + name, [folder], every, oracle)
            oracle = cut(made, folder + ", others", [split(rf"\P{{{name}}}", "removed")])
            failures += compare(ARGS, f"property {name}, others", [folder + ", others"], every, oracle)
    print(f"tokenizers {tokenizers.__version__}; {failures} comparisons differ")
    return failures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=2)
    parser.add_argument("--only", default="", help="do the comparisons whose name holds this")
    parser.add_argument("--tool", default="build/bin/tokenize-lines")
    parser.add_argument("--show", type=int, default=3, help="differences printed for each comparison")
    ARGS = parser.parse_args()
    sys.exit(main())
