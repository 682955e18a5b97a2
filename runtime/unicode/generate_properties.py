#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes frontends/tokenizer/SplitProperties.cpp: what \\p{..} of `tokenizers` has that an older PCRE2 lacks.

In: the Python packages `tokenizers` 0.23.3, whose Oniguruma has Unicode 16.0, and `unicodedata2` 15.1.0, which knows the characters of
llama.cpp; the library PCRE2 10.42, which has 14.0. Out: C++ text on stdout.
    pip install tokenizers==0.23.3 unicodedata2==15.1.0
    runtime/unicode/generate_properties.py > frontends/tokenizer/SplitProperties.cpp

Both are asked for every code point. Characters that only Oniguruma knows are listed by property, those that 15.1 did not have by
themselves; a newer PCRE2 has them anyway. Properties that lose a character are not possible this way: the only one is U+1171E, which Unicode 15 took from
Mn to Mc. \\w of Oniguruma has letters, marks, digits, letter numbers, connectors, and others that are listed as "w"; outside
of [ ] it has six more (U+00B2 and the like), listed as "w outside".
Tested by test/tools/pattern_parity.py (all code points).
"""
import ctypes
import sys

import unicodedata2
from tokenizers import Regex, pre_tokenizers

CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()
SCRIPTS = "Arabic Armenian Bengali Cyrillic Devanagari Georgian Greek Han Hangul Hebrew Hiragana Katakana Latin Tamil Thai".split()
WORD = r"[\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}]"
EXCEPTIONS = {("Mn", 0x1171E)}
TEXT = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
UTF, UCP, NO_UTF_CHECK = 0x00080000, 0x00020000, 0x40000000


def oniguruma(expression):
    split = pre_tokenizers.Split(Regex(expression + "+"), "removed", invert=True)
    return {ord(c) for part, _ in split.pre_tokenize_str(TEXT) for c in part}


def pcre2(expression):
    library = ctypes.CDLL("libpcre2-8.so.0")
    for name in ("pcre2_compile_8", "pcre2_match_data_create_8"):
        getattr(library, name).restype = ctypes.c_void_p
    library.pcre2_get_ovector_pointer_8.restype = ctypes.POINTER(ctypes.c_size_t)
    pattern, data, unused = (expression + "++").encode(), TEXT.encode(), ctypes.c_size_t()
    compiled = library.pcre2_compile_8(pattern, ctypes.c_size_t(len(pattern)), UTF | UCP, ctypes.byref(unused), ctypes.byref(unused), None)
    assert compiled, expression
    code, matches = ctypes.c_void_p(compiled), ctypes.c_void_p(library.pcre2_match_data_create_8(1, None))
    place, found = 0, set()
    while library.pcre2_match_8(code, data, ctypes.c_size_t(len(data)), ctypes.c_size_t(place), NO_UTF_CHECK, matches, None) >= 0:
        begin, place = library.pcre2_get_ovector_pointer_8(matches)[0:2]
        found.update(map(ord, data[begin:place].decode()))
    return found


def ranges(points):
    runs = []
    for c in sorted(points):
        if runs and c == runs[-1][1] + 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return runs


def class_text(points):
    single = lambda c: f"\\x{{{c:X}}}"
    return "".join(single(a) if a == b else single(a) + "-" + single(b) for a, b in ranges(points))


def lines_of(points):
    text, lines, line = class_text(points), [], ""
    for item in text.replace("\\", " \\").replace("- ", "-").split():
        if len(line) + len(item) > 100:
            lines.append(line)
            line = ""
        line += item
    return "\n".join(f'     R"({each})"' for each in lines + [line])


def row(name, points):
    new = {c for c in points if unicodedata2.category(chr(c)) == "Cn"}
    print(f'    {{"{name}",\n{lines_of(points - new)},\n{lines_of(new)}}},')


def main():
    assert unicodedata2.unidata_version == "15.1.0"
    print("// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception")
    print("//")
    print("// Characters by property that an older PCRE2 does not know. Made by runtime/unicode/generate_properties.py; not")
    print("// to be changed by hand. In, out: SplitPattern.h.")
    print('#include "frontends/tokenizer/SplitPattern.h"')
    print("\nusing namespace lmopt;\n")
    print("// clang-format off")
    print("const std::vector<SplitProperty> &lmopt::splitProperties() {")
    print("  static const std::vector<SplitProperty> table = {")
    for name in CATEGORIES + SCRIPTS:
        theirs, ours = oniguruma(f"\\p{{{name}}}"), pcre2(f"\\p{{{'sc:' if name in SCRIPTS else ''}{name}}}")
        assert {(name, c) for c in ours - theirs} <= EXCEPTIONS and oniguruma(f"[\\p{{{name}}}]") == theirs, name
        row(name, theirs - ours)
    assert oniguruma(r"\d") == oniguruma(r"[\d]") == oniguruma(r"\p{Nd}") and oniguruma(r"\s") == oniguruma(r"[\s]")
    assert not oniguruma(WORD) - oniguruma(r"[\w]") and not oniguruma(r"[\w]") - oniguruma(r"\w")
    row("w", oniguruma(r"[\w]") - oniguruma(WORD))
    row("w outside", oniguruma(r"\w") - oniguruma(r"[\w]"))
    print("  };\n  return table;\n}")


if __name__ == "__main__":
    sys.exit(main())
