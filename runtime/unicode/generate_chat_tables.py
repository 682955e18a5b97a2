#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes runtime/src/chat/characters_tables.c: what Python's str says about characters, for chat templates.

In: the Python that runs it (3.11, Unicode 14.0). Out: C text on stdout.
    runtime/unicode/generate_chat_tables.py > runtime/src/chat/characters_tables.c

Chat templates are written for Python, so Python is asked, character by character: classes (isalpha, isprintable, ...), and the upper,
title, folded and lower forms of one to three characters. Lower case follows lmopt_char_lower (unicode.h), which must agree here.
One property that decides about the Greek sigma at the end of a word has no method of its own and is found through one: a
character is "case-ignorable" when a sigma looks through it.
Tested by the chat corpus (test/unit/runtime/chat: every character at which a property changes or that has another form).
"""
import sys
import unicodedata

assert unicodedata.unidata_version == "14.0.0", unicodedata.unidata_version

BLOCK = 128
FLAGS = ["ALPHA", "DECIMAL", "DIGIT", "NUMERIC", "PRINTABLE", "SPACE", "LOWER", "UPPER", "TITLE", "IGNORABLE"]


def is_cased(c):
    return (c + "a").title()[-1] == "a" and (c + "a").title() != c.title() + "A"


def is_ignorable(c):
    return ("a" + c + "\u03a3").lower().endswith("\u03c2") and (not is_cased(c) or ("." + c + "\u03a3").lower().endswith("\u03c3"))


def flags(c):
    tests = [c.isalpha(), c.isdecimal(), c.isdigit(), c.isnumeric(), c.isprintable(), c.isspace(), c.islower(), c.isupper(), c.istitle() and not c.isupper(),
             is_ignorable(c)]
    return sum(1 << i for i, holds in enumerate(tests) if holds)


def print_numbers(numbers, width):
    line = ""
    for number in numbers:
        text = f"{number},"
        if len(line) + len(text) > width:
            print(line)
            line = ""
        line += text
    print(line)


def print_forms(name, pairs):
    print(f"const chat_form_t tpl_{name}[] = {{")
    line = ""
    for c, form in pairs:
        points = [ord(x) for x in form] + [0] * (3 - len(form))
        text = f"{{{ord(c)},{{{','.join(map(str, points))}}}}},"
        if len(line) + len(text) > 150:
            print(line)
            line = ""
        line += text
    print(line + "};")
    print(f"const uint32_t tpl_{name}_count = {len(pairs)};")


def main():
    characters = [chr(c) if not 0xD800 <= c < 0xE000 else "\ue000" for c in range(0x110000)]
    values = [flags(c) for c in characters]
    classes = sorted(set(values))
    blocks, places = [], []
    for base in range(0, len(values), BLOCK):
        block = tuple(classes.index(v) for v in values[base : base + BLOCK])
        if block not in blocks:
            blocks.append(block)
        places.append(blocks.index(block))
    assert len(classes) < 256
    print("/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n *\n * What Python's str says about characters (Unicode "
          f"{unicodedata.unidata_version}). Written by\n * runtime/unicode/generate_chat_tables.py: do not edit by hand. */\n/* clang-format off */")
    print('#include "characters.h"\n')
    print("const uint16_t tpl_character_flags[] = {")
    print_numbers(classes, 150)
    print("};\nconst uint16_t tpl_character_blocks[] = {")
    print_numbers(places, 150)
    print("};\nconst uint8_t tpl_character_classes[] = {")
    print_numbers([c for block in blocks for c in block], 150)
    print("};")
    print_forms("upper_forms", [(c, c.upper()) for c in characters if c.upper() != c])
    print_forms("title_forms", [(c, c.title()) for c in characters if c.title() != c.upper()])
    print_forms("folded_forms", [(c, c.casefold()) for c in characters if c.casefold() != c.lower()])


if __name__ == "__main__":
    sys.exit(main())
