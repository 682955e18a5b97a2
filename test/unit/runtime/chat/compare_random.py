#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares lmopt's chat templates with Jinja2 on random templates; a tool for development, not run by ctest.

Usage: compare_random.py LIBLMOPT.SO [COUNT [SEED]]
Templates are grown from a grammar of what lmopt supports. Both must give the same text or both must fail; what lmopt refuses as
unsupported is left out. Needs the Python package jinja2.
"""
import ctypes
import json
import random
import sys
import warnings

import make_corpus

NAMES = ["word", "wide", "number", "items", "map", "people", "missing", "x", "ns", "blank"]
TEXTS = ["'a'", "'hello'", "' b '", "''", "'é\\n'", '"q\'"', "'1'", "'l'"]
FILTERS = ["trim", "upper", "lower", "length", "first", "last", "list", "string", "int", "float", "tojson", "reverse", "join", "default('d')",
           "default('d', true)", "join('-')", "replace('l', 'LL')", "capitalize", "title", "items", "map('string')", "select('string')",
           "select", "reject('none')", "map(attribute='name')", "selectattr('age')", "rejectattr('age', 'gt', 20)", "tojson(indent=2)",
           "indent(2)", "abs", "trim('h')", "join(', ', 'name')", "list", "count"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping", "iterable",
         "sequence", "odd", "even", "divisibleby(3)", "in [1, 'a', none]", "eq 1", "ne 'a'", "sameas none", "lower", "upper"]
METHODS = [".strip()", ".upper()", ".split()", ".split('l')", ".startswith('h')", ".endswith('o')", ".replace('l', '')", ".items()", ".keys()",
           ".values()", ".get('a')", ".get('zz', 1)", ".find('l')", ".count('l')", ".rstrip('o')", ".lstrip()", ".title()"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]


def expression(rng, depth):
    if depth == 0 or rng.random() < 0.2:
        return rng.choice([rng.choice(NAMES), rng.choice(TEXTS), str(rng.randint(-3, 9)), "1.5", "true", "none", "[]", "{}"])
    sub = lambda: expression(rng, depth - 1)
    kind = rng.randrange(13)
    if kind <= 2:
        return f"{sub()} {rng.choice(BINARY)} {sub()}"
    if kind == 3:
        return f"({sub()})"
    if kind <= 5:
        chosen = rng.choice(FILTERS)
        lazy = chosen.split("(")[0] in ("map", "select", "reject", "selectattr", "rejectattr", "reverse", "items")
        return f"{sub()}|{chosen}" + ("|list" if lazy else "")
    if kind == 6:
        return f"({sub()} is {rng.choice(['', 'not '])}{rng.choice(TESTS)})"
    if kind == 7:
        return f"{rng.choice(NAMES)}[{rng.choice(['0', '-1', '1:', ':2', '::-1', '1:-1', '::2', repr('a'), '5', '-2:'])}]"
    if kind == 8:
        return f"{sub()}.{rng.choice(['a', 'b', 'name', 'zz', 'n', '0'])}"
    if kind == 9:
        return f"{sub()}{rng.choice(METHODS)}"
    if kind == 10:
        return f"{sub()} if {sub()} else {sub()}"
    if kind == 11:
        return f"[{sub()}, {sub()}]" if rng.random() < 0.6 else "{'a': " + sub() + ", 'b': " + sub() + "}"
    return f"(not {sub()})" if rng.random() < 0.5 else f"-{sub()}"


def block(rng, depth):
    open_, close = rng.choice(["{%", "{%-", "{%", "{%+"]), rng.choice(["%}", "-%}", "%}", "+%}"])
    tag = lambda text: f"{open_} {text} {close}"
    body = lambda: template(rng, depth - 1)
    kind = rng.randrange(6)
    if kind == 0:
        return tag("if " + expression(rng, 2)) + body() + (tag("else") + body() if rng.random() < 0.5 else "") + tag("endif")
    if kind == 1:
        condition = rng.choice(["", " if x", " if x is not none"])
        return (tag(f"for x in {expression(rng, 1)}{condition}") + body() + rng.choice(["", "{{ loop.index }}", "{{ loop.last }}", "{% break %}"])
                + (tag("else") + body() if rng.random() < 0.3 else "") + tag("endfor"))
    if kind == 2:
        return tag(f"set {rng.choice(['x', 'word', 'ns.n'])} = {expression(rng, 2)}")
    if kind == 3:
        return rng.choice(["{#", "{#-"]) + " note " + rng.choice(["#}", "-#}"])
    if kind == 4:
        return tag("set x") + body() + tag("endset")
    return tag("raw") + "{{ raw }}" + tag("endraw")


def template(rng, depth):
    parts = []
    for _ in range(rng.randint(1, 4)):
        kind = rng.randrange(4)
        if kind == 0 or depth == 0:
            parts.append(rng.choice(["text", "\n", "  ", " \n  ", "a\n\n", "\t", "é"]))
        elif kind == 1:
            parts.append(block(rng, depth))
        else:
            parts.append(rng.choice(["{{ ", "{{- "]) + expression(rng, 3) + rng.choice([" }}", " -}}"]))
    return "".join(parts)


class Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("add_generation_prompt", ctypes.c_int32), ("bos_token", ctypes.c_char_p),
                ("eos_token", ctypes.c_char_p), ("variables", ctypes.c_char_p)]


class Failure(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("message", ctypes.c_char * 512)]


def render_ours(library, source, variables):
    options = Options(ctypes.sizeof(Options), 0, b"<s>", b"</s>", json.dumps(variables).encode())
    text, size, error = ctypes.c_void_p(), ctypes.c_size_t(), Failure()
    data = source.encode()
    status = library.lmopt_chat_render(data, ctypes.c_size_t(len(data)), None, ctypes.c_size_t(0), ctypes.byref(options),
                                       ctypes.byref(text), ctypes.byref(size), ctypes.byref(error))
    result = ctypes.string_at(text, size.value).decode() if status == 0 else None
    if status == 0:
        library.lmopt_free(text)
    return status, result, error.message.decode(errors="replace")


def main():
    warnings.simplefilter("ignore")
    library = ctypes.CDLL(sys.argv[1])
    library.lmopt_free.argtypes = [ctypes.c_void_p]
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    variables = {**make_corpus.SNIPPET_VARIABLES, "blank": None}
    counts = {"same text": 0, "both fail": 0, "left out": 0, "DIFFERENT": 0}
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 10000):
        source = "{% set ns = namespace(n=1) %}" + template(rng, 3)
        expected = make_corpus.render(source, {"messages": [], "add_generation_prompt": False, "bos_token": "<s>", "eos_token": "</s>", **variables})
        status, ours, message = render_ours(library, source, variables)
        # What Python shows of its iterators is no text anybody wants.
        if status == 4 or "<generator" in (expected or "") or "dict_" in (expected or ""):
            counts["left out"] += 1
        elif ours == expected:
            counts["both fail" if ours is None else "same text"] += 1
        else:
            counts["DIFFERENT"] += 1
            if counts["DIFFERENT"] <= 10:
                print(f"--- {source!r}\n  jinja2: {expected!r}\n  lmopt:  {ours!r} {message}")
    print(counts)
    return counts["DIFFERENT"] > 0


if __name__ == "__main__":
    sys.exit(main())
