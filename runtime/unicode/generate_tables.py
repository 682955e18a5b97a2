#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes runtime/src/tokenizer/unicode_tables.c, the character tables of the tokenizer.

In: the Python packages `tokenizers` 0.23.3, `unicodedata2` 16.0.0 and `sentencepiece` 0.2.3, which compiles the
replacements of characters that clusters are asked with. Out: C text on stdout.
    pip install tokenizers==0.23.3 unicodedata2==16.0.0 sentencepiece==0.2.3 protobuf
    runtime/unicode/generate_tables.py > runtime/src/tokenizer/unicode_tables.c

Which Unicode version, and why not simply one: a tokenizer must cut text as the program did that trained or runs the
model, and those carry tables of different age. Base version is 16.0.0. The other ages are marked on top of it:
  letters and numbers   16.0 in the regular expressions of `tokenizers` (Oniguruma); 15.1 in llama.cpp, hence
                        NEW_IN_16 below; the `Digits` pre-tokenizer asks the Rust library, which has 17.0
  BERT's classes        control, punctuation and marks of the Rust crate unicode_categories (about Unicode 8), and a
                        CJK range that starts at U+2B920 where U+2B820 was meant
  normalization         the Rust crate unicode-normalization-alignments, Unicode 9: later characters neither decompose
                        nor reorder
  lower case            the Rust library, 17.0
  grapheme clusters     of the Precompiled rule: the crate unicode-segmentation; only what can be a cluster of less
                        than six bytes is asked, since longer ones are taken character by character
  combining marks       of the StripAccents rule: the crate unicode-normalization-alignments again; unlike BERT's marks
                        they include spacing and enclosing ones
All of these are asked of the package itself, code point by code point, so that the tables are what it does and not what
it is said to do; whatever Unicode 16.0 also defines is compared with unicodedata2 and must be equal.
Tested by test/unit/tokenizer/UnicodeTest.cpp and by test/tools/tokenizer_parity.py (all code points).
"""

import io
import sys
import tempfile

import sentencepiece
import unicodedata2 as ucd
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

assert ucd.unidata_version == "16.0.0", ucd.unidata_version

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
BLOCK = 128

# Letters and numbers that Unicode 16.0 added to 15.1 (unicodedata2 16.0.0 against 15.1.0).
NEW_IN_16 = """
1C89-1C8A A7CB-A7CD A7DA-A7DC 105C0-105F3 10D40-10D65 10D6F-10D85 10EC2-10EC4 11380-11389 1138B 1138E 11390-113B5
113B7 113D1 113D3 116D0-116E3 11BC0-11BE0 11BF0-11BF9 13460-143FA 16100-1611D 16130-16139 16D40-16D6C 16D70-16D79
18CFF 1CCF0-1CCF9 1E5D0-1E5ED 1E5F0-1E5FA"""

# The bits of a character, in the order of enum in runtime/src/tokenizer/unicode.h.
FLAGS = [
    "LETTER_15",
    "LETTER_16",
    "NUMBER_15",
    "NUMBER_16",
    "NUMBER_17",
    "SPACE",
    "WORD",
    "BERT_CONTROL",
    "BERT_PUNCTUATION",
    "BERT_MARK",
    "BERT_CJK",
    "COMBINING",
    "GRAPHEME_EXTEND",
    "GRAPHEME_CONTROL",
    "GRAPHEME_PREPEND",
]


def ranges(text):
    result = set()
    for part in text.split():
        first, _, last = part.partition("-")
        result.update(range(int(first, 16), int(last or first, 16) + 1))
    return result


def regex_class(pattern):
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    found = set()
    for base in range(0, len(CODE_POINTS), 4096):
        chunk = CODE_POINTS[base : base + 4096]
        left = set("".join(word for word, _ in split.pre_tokenize_str("".join(map(chr, chunk)))))
        found.update(c for c in chunk if chr(c) not in left)
    return found


def where(predicate):
    return {c for c in CODE_POINTS if predicate(chr(c))}


def bert(**on):
    options = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**options, **on}).normalize_str


def precompiled(rules):
    """The Precompiled normalizer that replaces characters by others."""
    model = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as table:
        table.writelines(f"{ord(a):X}\t{ord(b):X}\n" for a, b in rules.items())
        table.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["b c"] * 9),
            model_writer=model,
            vocab_size=6,
            hard_vocab_limit=False,
            normalization_rule_tsv=table.name,
            minloglevel=2,
        )
    spec = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue()).normalizer_spec
    return normalizers.Precompiled(spec.precompiled_charsmap).normalize_str


def clusters():
    """A cluster of less than six bytes becomes as a whole what the shortest of its beginnings becomes."""
    base = precompiled({"a": "X"})
    extend = where(lambda ch: ch != "a" and base("a" + ch) == "X")
    # Where a character leads: those of four bytes make no short cluster with a mark of two.
    short = [chr(c) for c in CODE_POINTS if 0 < c < 0x10000 and c not in extend and chr(c) not in "Xbc "]
    each = precompiled({ch: "X" for ch in short})
    control = {ord(ch) for ch in short if each(ch + "\u0301") != "X"}
    prepend = {ord(ch) for ch in short if ch not in "\r" and each(ch + "a") == "X"}
    assert each("\r\n") == "X" and {10, 13} <= control
    return {"GRAPHEME_EXTEND": extend, "GRAPHEME_CONTROL": control, "GRAPHEME_PREPEND": prepend}


def category(prefix):
    return where(lambda ch: ucd.category(ch).startswith(prefix))


def flags():
    new = ranges(NEW_IN_16)
    letter, number, space = regex_class(r"\p{L}"), regex_class(r"\p{N}"), regex_class(r"\s")
    assert letter == category("L") and number == category("N")
    clean, cjk, strip = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
    words, digits = pre_tokenizers.BertPreTokenizer().pre_tokenize_str, pre_tokenizers.Digits(True).pre_tokenize_str
    word = Tokenizer(models.WordLevel({"?": 0, "zz": 1}, unk_token="?"))
    word.add_tokens([AddedToken("zz", single_word=True, normalized=False)])
    by_name = {
        "LETTER_15": letter - new,
        "LETTER_16": letter,
        "NUMBER_15": number - new,
        "NUMBER_16": number,
        "NUMBER_17": where(lambda ch: len(digits("a" + ch + "b")) == 3),
        "SPACE": space,
        "WORD": where(lambda ch: word.encode("zz" + ch).ids == [0]),
        "BERT_CONTROL": where(lambda ch: clean("a" + ch + "b") == "ab"),
        "BERT_PUNCTUATION": where(lambda ch: len(words("a" + ch + "b")) == 3),
        "BERT_MARK": where(lambda ch: strip(ch) == ""),
        "BERT_CJK": where(lambda ch: cjk("a" + ch + "b") == f"a {ch} b"),
        "COMBINING": where(lambda ch: normalizers.StripAccents().normalize_str(ch) == ""),
    }
    by_name.update(clusters())
    assert space == where(lambda ch: len(words("a" + ch + "b")) == 2)
    assert space == where(lambda ch: clean("a" + ch + "b") == "a b") | {0x0B, 0x0C, 0x85}
    value = [0] * 0x110000
    for bit, name in enumerate(FLAGS):
        for c in by_name[name]:
            value[c] |= 1 << bit
    return value


def lowercase():
    lower = bert(lowercase=True)
    pairs = [(c, lower(chr(c))) for c in CODE_POINTS if lower(chr(c)) != chr(c)]
    # The only one that grows; runtime/src/tokenizer/normalize.c spells it out.
    assert [(c, to) for c, to in pairs if len(to) > 1] == [(0x130, "i\u0307")]
    return [(c, ord(to[0])) for c, to in pairs]


def normalization():
    nfd, nfc = normalizers.NFD().normalize_str, normalizers.NFC().normalize_str
    split, classes = {}, {}
    for c in CODE_POINTS:
        text = ucd.decomposition(chr(c))
        hangul = 0xAC00 <= c < 0xAC00 + 11172
        if text and not text.startswith("<") and nfd(chr(c)) != chr(c):
            split[c] = [int(part, 16) for part in text.split()]
        elif ucd.combining(chr(c)):
            # Known to the package if it sorts against U+0345 (class 240, the highest).
            moved = not nfd("\u0345" + chr(c)).startswith("\u0345")
            if moved or ucd.combining(chr(c)) == 240:
                classes[c] = ucd.combining(chr(c))
        elif not hangul:
            assert nfd(chr(c)) == chr(c), hex(c)
    pairs = {}
    for c, parts in split.items():
        if len(parts) == 2 and nfc("".join(map(chr, parts))) == chr(c):
            pairs[tuple(parts)] = c

    def full(c):
        return "".join(full(p) for p in split[c]) if c in split else chr(c)

    assert all(full(c) == nfd(chr(c)) for c in split)
    return split, classes, pairs


def compatibility():
    """Characters whose compatibility decomposition is another than the canonical one: all of it."""
    nfkd, nfd = normalizers.NFKD().normalize_str, normalizers.NFD().normalize_str
    return {c: list(map(ord, nfkd(chr(c)))) for c in CODE_POINTS if nfkd(chr(c)) != nfd(chr(c))}


def emit(declaration, items):
    print(f"\n{declaration} = {{")
    line = ""
    for item in items:
        if len(line) + len(item) + 1 > 118:
            print(line)
            line = ""
        line += item + ","
    print(line + "};")


def runs(table):
    """(first, last, value) of equal neighbours."""
    result = []
    for key in sorted(table):
        if result and result[-1][1] == key - 1 and result[-1][2] == table[key]:
            result[-1][1] = key
        else:
            result.append([key, key, table[key]])
    return result


def main():
    value = flags()
    kinds = sorted(set(value))
    assert len(kinds) <= 256
    index = {kind: i for i, kind in enumerate(kinds)}
    blocks, order = {}, []
    for base in range(0, 0x110000, BLOCK):
        block = tuple(index[v] for v in value[base : base + BLOCK])
        order.append(blocks.setdefault(block, len(blocks)))
    split, classes, pairs = normalization()
    lower = lowercase()
    compatible = compatibility()
    print("/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception")
    print(
        " * Character tables of the tokenizer. Written by runtime/unicode/generate_tables.py, which says from what: do not"
    )
    print(" * edit by hand. */")
    print("/* clang-format off */")
    print('#include "runtime/src/tokenizer/unicode.h"')
    emit("const uint16_t lmopt_unicode_flags[]", [str(k) for k in kinds])
    emit("const uint16_t lmopt_unicode_blocks[]", [str(b) for b in order])
    emit("const uint8_t lmopt_unicode_classes[]", [str(v) for block in blocks for v in block])
    emit("const lmopt_unicode_pair_t lmopt_unicode_lower[]", [f"{{{a},{b}}}" for a, b in lower])
    print(f"const uint32_t lmopt_unicode_lower_count = {len(lower)};")
    emit(
        "const lmopt_unicode_triple_t lmopt_unicode_split[]",
        ["{%d,%d,%d}" % (c, p[0], p[1] if len(p) > 1 else 0) for c, p in sorted(split.items())],
    )
    print(f"const uint32_t lmopt_unicode_split_count = {len(split)};")
    emit(
        "const lmopt_unicode_triple_t lmopt_unicode_join[]", ["{%d,%d,%d}" % (*k, v) for k, v in sorted(pairs.items())]
    )
    print(f"const uint32_t lmopt_unicode_join_count = {len(pairs)};")
    texts, rows = [], []
    for c, text in sorted(compatible.items()):
        rows.append("{%d,%d,%d}" % (c, len(texts), len(text)))
        texts += text
    emit("const lmopt_unicode_triple_t lmopt_unicode_compatible[]", rows)
    print(f"const uint32_t lmopt_unicode_compatible_count = {len(rows)};")
    emit("const uint32_t lmopt_unicode_compatible_text[]", [str(c) for c in texts])
    order = runs(classes)
    emit("const lmopt_unicode_triple_t lmopt_unicode_order[]", ["{%d,%d,%d}" % tuple(r) for r in order])
    print(f"const uint32_t lmopt_unicode_order_count = {len(order)};")
    print(f"{len(kinds)} kinds, {len(blocks)} blocks, {len(order)} order runs", file=sys.stderr)


if __name__ == "__main__":
    main()
