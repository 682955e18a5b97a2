#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes test/unit/tokenizer/golden/llama_cpp_ends.json: the spellings by which llama.cpp knows special tokens.

In: src/llama-vocab.cpp of llama.cpp (the golden file: of the source package llama-cpp-python 0.3.36). Out: JSON on stdout, for each
role the spellings that llama_vocab::impl::load compares with, and under "eog" those that end a generation.
    test/tools/llama_cpp_ends.py LLAMA_VOCAB_CPP > test/unit/tokenizer/golden/llama_cpp_ends.json
Read by test/unit/tokenizer/GgufEndTest.cpp.
"""
import json
import re
import sys

COMPARED = re.compile(r't\.first == "((?:[^"\\]|\\.)*)"')


def block(text, start):
    """The condition `if (false || t.first == ... )` that follows `start`."""
    begin = text.index("if (false", text.index(start))
    return COMPARED.findall(text[begin:text.index(") {", begin)])


def main():
    text = open(sys.argv[1], encoding="utf8").read()
    result = {role: block(text, f"if (special_{role}_id == LLAMA_TOKEN_NULL) {{")
              for role in ("eot", "eom", "fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep")}
    result["eog"] = block(text, "special_eog_ids.insert(special_fim_sep_id);")
    hack = text.index("always render these tokens")
    result["text"] = COMPARED.findall(text[hack:text.index(") {", text.index("if (t.first", hack))])
    assert all(result.values()), result
    print(json.dumps(result, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
