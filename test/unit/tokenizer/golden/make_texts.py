#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `tokenizers` makes of texts and of pairs of them: writes texts.json beside this file (tokenizers 0.23.3).

Usage: make_texts.py
A token is [id, type, text or -1, word or -1, begin, end], the last two in bytes of UTF-8 as `tokenizers` has them.
"""
import json
import os

from tokenizers import Tokenizer

LETTERS = [chr(c) for c in range(ord("a"), ord("z") + 1)]
WORDS = ["paris", "is", "nice", "in", "spring", "who", "lives", "there", "cafe", "##s", "##ing", "##er", "2", "0", "##2", ".", ",", "?", "'", "!", "-", "東", "京"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TEXTS = ["Paris is nice", "Caf\u00e9s  in spring?", "Who LIVES there, in 2022!", "cafe\u0301 [MASK] 東京-paris", "\u01c4 is\tnice \u0130n", "", " ", "xyzzy\u2603 is"]
PAIRS = [("Who lives there?", "Paris is nice, in spring."), ("a", ""), ("", "b"), ("Caf\u00e9", "東京")]
LONG = [("paris is nice " * 3, "in spring"), ("in", "paris is nice " * 4), ("in spring " * 4, "paris is nice " * 3), ("is " * 5, "in " * 5)]


def added(text, id):
    return {"id": id, "content": text, "single_word": False, "lstrip": text == "<mask>", "rstrip": False, "normalized": False, "special": True}


def base(model, normalizer, pre, post, special):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [added(t, i) for i, t in enumerate(special)],
            "normalizer": normalizer, "pre_tokenizer": pre, "post_processor": post, "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True} if model["type"] == "BPE" else None, "model": model}


def bert(post):
    vocab = {t: i for i, t in enumerate(SPECIAL + LETTERS + ["##" + c for c in LETTERS] + WORDS)}
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab}
    normalizer = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    return base(model, normalizer, {"type": "BertPreTokenizer"}, post, SPECIAL)


def roberta(prefix):
    alphabet = sorted(__import__("tokenizers").pre_tokenizers.ByteLevel.alphabet())
    merges = [("i", "s"), ("i", "n"), ("\u0120", "in"), ("\u0120", "is"), ("p", "a"), ("r", "is"), ("pa", "ris"), ("\u0120", "paris")]
    vocab = {t: i for i, t in enumerate(ROBERTA + alphabet + [a + b for a, b in merges])}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": [f"{a} {b}" for a, b in merges]}
    post = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": prefix}
    return base(model, None, {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": True}, post, ROBERTA)


def piece(kind, id, type):
    return {kind: {"id": id, "type_id": type}}


TEMPLATE = {"type": "TemplateProcessing",
            "single": [piece("SpecialToken", "[CLS]", 0), piece("Sequence", "A", 0), piece("SpecialToken", "[SEP]", 0)],
            "pair": [piece("SpecialToken", "[CLS]", 0), piece("Sequence", "B", 1), piece("SpecialToken", "[SEP]", 1), piece("Sequence", "A", 0), piece("SpecialToken", "[SEP]", 0)],
            "special_tokens": {t: {"id": t, "ids": [SPECIAL.index(t)], "tokens": [t]} for t in ("[CLS]", "[SEP]")}}
BERT = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}


def tokens(tokenizer, texts, special):
    encoding = tokenizer.encode(*texts, add_special_tokens=special)
    result = []
    for id, type, text, word, (begin, end) in zip(encoding.ids, encoding.type_ids, encoding.sequence_ids, encoding.word_ids, encoding.offsets):
        if text is None:
            result.append([id, type, -1, -1, 0, 0])
            continue
        characters = texts[text]
        result.append([id, type, text, word, len(characters[:begin].encode()), len(characters[:end].encode())])
    return result


def group(name, file, length, texts):
    tokenizer = Tokenizer.from_str(json.dumps(file))
    if length:
        tokenizer.enable_truncation(length, strategy="longest_first")
    cases = [{"texts": list(t), "special": s, "tokens": tokens(tokenizer, t, s)} for t in texts for s in (True, False)]
    return {"name": name, "tokenizer": file, "max_length": length, "cases": cases}


def main():
    usual = [(t,) for t in TEXTS] + PAIRS
    groups = [group("bert", bert(BERT), 0, usual), group("template", bert(TEMPLATE), 0, PAIRS), group("none", bert(None), 0, PAIRS),
              group("roberta", roberta(False), 0, usual), group("roberta prefix", roberta(True), 0, [t for t in usual if t != (" ",)])]
    groups += [group(f"cut to {n}", bert(BERT), n, LONG + [(LONG[0][0],)]) for n in (4, 5, 8, 9, 14)]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "texts.json"), "w", encoding="utf-8") as file:
        json.dump(groups, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


main()
