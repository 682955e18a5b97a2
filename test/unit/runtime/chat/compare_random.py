#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares lmopt's chat templates with transformers on random templates; a tool for development, not run by ctest.

Usage: compare_random.py LIBLMOPT.SO [COUNT [SEED]]
Templates are grown from a grammar of what lmopt supports. Both must give the same text or both must fail; what lmopt refuses as
unsupported is left out. Needs what oracle.py needs.
"""
import ctypes
import json
import random
import sys
import warnings

import oracle
import snippets

NAMES = ["word", "wide", "number", "items", "map", "people", "missing", "x", "ns", "blank", "nested", "bos_token", "tools", "greek", "mixed"]
TEXTS = ["'a'", "'hello'", "' b '", "''", "'é\\n'", '"q\'"', "'1'", "'l'", "'%s-%5.2f'", "'{}:{:>5}'", "'ΑΣ ǆ ß'", "'a\\u200bb'", "'<&>'", "'name'"]
FILTERS = ["trim", "upper", "lower", "length", "first", "last", "list", "string", "int", "float", "tojson", "reverse", "join", "default('d')",
           "default('d', true)", "join('-')", "replace('l', 'LL')", "capitalize", "title", "items", "map('string')", "select('string')",
           "select", "reject('none')", "map(attribute='name')", "selectattr('age')", "rejectattr('age', 'gt', 20)", "tojson(indent=2)",
           "indent(2)", "abs", "trim('h')", "join(', ', 'name')", "list", "count", "sort", "sort(reverse=true)", "sort(attribute='name')",
           "sort(attribute='age,name', case_sensitive=true)", "unique", "unique(attribute='age')", "dictsort", "dictsort(by='value')",
           "dictsort(true, 'key', true)", "groupby('age')", "groupby('name', default='z')", "min", "max", "max(attribute='age')", "sum",
           "sum(attribute='age')", "sum(start=10)", "round", "round(1)", "round(1, 'floor')", "round(0, 'ceil')", "batch(2)", "batch(2, 0)",
           "slice(2)", "slice(2, 0)", "wordcount", "truncate(5)", "truncate(5, true)", "truncate(4, false, '', 0)", "center(9)", "escape", "safe",
           "e", "forceescape", "format(1, 2)", "format(word)", "urlencode", "attr('name')", "tojson(ensure_ascii=true)",
           "tojson(sort_keys=true, separators=(',', ':'))", "int(7, 16)", "float(1.5)", "indent(1, true, true)", "map('upper')", "map('int', 3)",
           "selectattr('tags.0', 'defined')", "map(attribute='tags.1', default='?')", "reject('in', [1, 2])", "select('divisibleby', 2)"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping", "iterable",
         "sequence", "odd", "even", "divisibleby(3)", "in [1, 'a', none]", "eq 1", "ne 'a'", "sameas none", "lower", "upper", "callable",
         "escaped", "filter", "test", "gt 1", "le 2", "lessthan(3)", "== 1", "in 'hello'"]
METHODS = [".strip()", ".upper()", ".split()", ".split('l')", ".startswith('h')", ".endswith('o')", ".replace('l', '')", ".items()", ".keys()",
           ".values()", ".get('a')", ".get('zz', 1)", ".find('l')", ".count('l')", ".rstrip('o')", ".lstrip()", ".title()", ".swapcase()",
           ".casefold()", ".center(8, '*')", ".ljust(7)", ".rjust(7, '.')", ".zfill(6)", ".partition('l')", ".rpartition('l')", ".rsplit('l', 1)",
           ".rsplit()", ".splitlines()", ".removeprefix('h')", ".removesuffix('o')", ".isdigit()", ".isalpha()", ".isalnum()", ".isupper()",
           ".islower()", ".istitle()", ".isspace()", ".isascii()", ".isprintable()", ".rfind('l')", ".index('l')", ".rindex('l')", ".format(1, 2)",
           ".format(a=1)", ".expandtabs(3)", ".capitalize()", ".index(1)", ".count(1)", ".copy()", ".append(1)", ".update({})", ".pop()",
           ".startswith(('x', 'h'))", ".find('l', 3)", ".split('l', maxsplit=1)", ".isidentifier()", ".join(['x', 'y'])"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or", "**"]
SPECS = ["5", "<5", ">7", "^6", "*^7", "05", "+", ",", "_", ".2f", "e", "g", "%", "x", "#b", "o", "s", ".1", "d", "08.3f", "+,.1f", "c", "X", ".3", "n"]
PERCENTS = ["%s", "%d", "%5d", "%-5d|", "%05d", "%+d", "%x", "%o", "%.2f", "%8.3f", "%e", "%g", "%r", "%%", "%c", "%10s", "%-10s|", "%.2s", "% d", "%(a)s",
            "%i", "%#x", "%*d", "%5.1f%%"]
FUNCTIONS = ["range({})", "range({}, 5)", "dict(a={})", "dict({})", "namespace(n={}).n", "strftime_now('%d %b %Y')", "m({})", "m({}, b=2)", "m()", "m(1, 2, 3)",
             "loop.index", "loop.cycle({}, 2)", "loop.changed({})", "loop.last", "loop.nextitem", "loop.length", "loop.depth", "loop.previtem",
             "caller()", "varargs", "kwargs", "m(*{})", "m(**{})"]


TEXT_FILTERS = ["trim", "upper", "lower", "capitalize", "title", "replace('l', 'LL')", "trim('h')", "indent(2)", "indent('> ', true)", "center(9)",
                "truncate(5)", "truncate(7, true, '~')", "urlencode", "reverse", "string", "escape", "tojson", "safe", "default('d')"]
TEXT_METHODS = [m for m in METHODS if not m.startswith((".items", ".keys", ".values", ".get", ".copy", ".append", ".update", ".pop", ".index(1", ".count(1",
                                                        ".isidentifier"))]
LIST_FILTERS = ["sort", "sort(reverse=true)", "unique|list", "reverse|list", "batch(2)|list", "slice(2, 0)|list", "map('string')|list", "select|list",
                "reject('none')|list", "list", "map('upper')|list", "select('in', [1, 2, 'a'])|list", "groupby(0)", "map('length')|list"]


def text(rng, depth):
    if depth <= 0 or rng.random() < 0.2:
        return rng.choice(["word", "wide", "greek", "bos_token", "people[0].name"] + TEXTS)
    kind = rng.randrange(9)
    if kind <= 1:
        return f"{text(rng, depth - 1)}|{rng.choice(TEXT_FILTERS)}"
    if kind <= 3:
        return f"({text(rng, depth - 1)}){rng.choice(TEXT_METHODS)}"
    if kind == 4:
        return f"({text(rng, depth - 1)} {rng.choice(['+', '~'])} {rng.choice([text, text, number])(rng, depth - 1)})"
    if kind == 5:
        return f"({text(rng, depth - 1)})[{rng.choice(['0', '-1', '1:', ':2', '::-1', '1:-1', '::2', '-2:'])}]"
    if kind == 6:
        return f"({items(rng, depth - 1)})|join({rng.choice(TEXTS)})"
    if kind == 7:
        return f"'{{:{rng.choice(SPECS)}}}'.format({rng.choice([text, number])(rng, depth - 1)})"
    return f"'{rng.choice(PERCENTS)}' % ({rng.choice([text, number])(rng, depth - 1)})"


def number(rng, depth):
    if depth <= 0 or rng.random() < 0.2:
        return rng.choice(["number", "1.5", "-2.25", "0.1", "1234567", "2.5", "true", "people[0].age", str(rng.randint(-3, 9)), "1e20", "0"])
    kind = rng.randrange(6)
    if kind <= 1:
        return f"({number(rng, depth - 1)} {rng.choice(['+', '-', '*', '/', '//', '%', '<', '==', 'and', 'or'])} {number(rng, depth - 1)})"
    if kind == 2:
        return f"({number(rng, depth - 1)})|{rng.choice(['abs', 'int', 'float', 'round', 'round(1)', 'round(1, ' + repr('ceil') + ')', 'round(0, ' + repr('floor') + ')'])}"
    if kind == 3:
        return f"({rng.choice([text, items])(rng, depth - 1)})|length"
    if kind == 4:
        return f"({text(rng, depth - 1)})|{rng.choice(['int', 'float', 'wordcount', 'int(3, 16)'])}"
    return f"({items(rng, depth - 1)})|{rng.choice(['sum', 'min', 'max', 'first', 'last'])}"


def items(rng, depth):
    if depth <= 0 or rng.random() < 0.2:
        return rng.choice(["items", "people", "nested", "mixed", "[]", "[1, 'a', none]", "(1, 2)", "map.items()", "map", "range(4)", "people|map(attribute='age')",
                           "people|groupby('age')", "map|dictsort", "people|selectattr('tags')|list", "word"])
    kind = rng.randrange(4)
    if kind == 0:
        return f"({items(rng, depth - 1)})|{rng.choice(LIST_FILTERS)}"
    if kind == 1:
        return f"[{number(rng, depth - 1)}, {number(rng, depth - 1)}]"
    if kind == 2:
        return f"({text(rng, depth - 1)}).{rng.choice(['split()', 'split(' + repr('l') + ')', 'splitlines()', 'rsplit(none, 1)', 'partition(' + repr('l') + ')'])}"
    return f"({items(rng, depth - 1)})[{rng.choice(['1:', ':2', '::-1', '-2:'])}]"


def expression(rng, depth):
    if rng.random() < 0.7:
        return rng.choice([text, text, number, items])(rng, depth)
    return wild(rng, depth)


def wild(rng, depth):
    if depth == 0 or rng.random() < 0.2:
        return rng.choice([rng.choice(NAMES), rng.choice(TEXTS), str(rng.randint(-3, 9)), rng.choice(["1.5", "-2.25", "1e20", "0.1", "1234567", "2.5"]),
                           "true", "none", "[]", "{}"])
    sub = lambda: expression(rng, depth - 1)
    kind = rng.randrange(18)
    if kind <= 2:
        return f"{sub()} {rng.choice(BINARY)} {sub()}"
    if kind == 3:
        return f"({sub()})"
    if kind <= 6:
        chosen = rng.choice(FILTERS)
        lazy = chosen.split("(")[0] in ("map", "select", "reject", "selectattr", "rejectattr", "reverse", "items", "unique", "batch", "slice")
        return f"{sub()}|{chosen}" + ("|list" if lazy else "")
    if kind == 7:
        return f"({sub()} is {rng.choice(['', 'not '])}{rng.choice(TESTS)})"
    if kind == 8:
        return f"{rng.choice(NAMES)}[{rng.choice(['0', '-1', '1:', ':2', '::-1', '1:-1', '::2', repr('a'), '5', '-2:', repr('items'), 'x'])}]"
    if kind == 9:
        return f"{sub()}.{rng.choice(['a', 'b', 'name', 'zz', 'n', '0', 'items', 'grouper', 'list', '_x'])}"
    if kind <= 11:
        return f"{sub()}{rng.choice(METHODS)}"
    if kind == 12:
        return f"{sub()} if {sub()} else {sub()}"
    if kind == 13:
        return rng.choice([f"[{sub()}, {sub()}]", "{'a': " + sub() + ", 'b': " + sub() + "}", f"({sub()}, {sub()})", f"[{sub()}]"])
    if kind == 14:
        return f"(not {sub()})" if rng.random() < 0.5 else f"-{sub()}"
    if kind == 15:
        return f"'{{:{rng.choice(SPECS)}}}'.format({sub()})" if rng.random() < 0.7 else f"'{{0!r:>9}}{{0}}'.format({sub()})"
    if kind == 16:
        return f"('{rng.choice(PERCENTS)}' % {sub()})"
    return rng.choice(FUNCTIONS).replace("{}", sub())


def block(rng, depth):
    open_, close = rng.choice(["{%", "{%-", "{%", "{%+"]), rng.choice(["%}", "-%}", "%}", "+%}"])
    tag = lambda text: f"{open_} {text} {close}"
    body = lambda: template(rng, depth - 1)
    kind = rng.randrange(12)
    if kind == 0:
        return tag("if " + expression(rng, 2)) + body() + (tag("else") + body() if rng.random() < 0.5 else "") + tag("endif")
    if kind <= 2:
        condition = rng.choice(["", " if x", " if x is not none", " if ns.n < 3"])
        recursive = rng.choice(["", "", " recursive"])
        target = rng.choice(["x", "x", "x, y", "word"])
        return (tag(f"for {target} in {expression(rng, 1)}{condition}{recursive}") + body()
                + rng.choice(["", "{{ loop.index }}", "{{ loop.last }}", "{% break %}", "{% set ns.n = ns.n + 1 %}", "{{ loop([1]) if loop.depth < 2 }}",
                              "{% continue %}", "{{ loop.revindex }}"])
                + (tag("else") + body() if rng.random() < 0.3 else "") + tag("endfor"))
    if kind == 3:
        return tag(f"set {rng.choice(['x', 'word', 'ns.n', 'bos_token', 'x, y'])} = {expression(rng, 2)}")
    if kind == 4:
        return rng.choice(["{#", "{#-"]) + " note " + rng.choice(["#}", "-#}"])
    if kind == 5:
        return tag("set x" + rng.choice(["", " | upper", " | trim | length"])) + body() + tag("endset")
    if kind == 6:
        return tag("raw") + "{{ raw }}" + tag("endraw")
    if kind == 7:
        return tag("filter " + rng.choice(["upper", "trim|title", "replace('a', 'b')", "indent(2)", "tojson"])) + body() + tag("endfilter")
    if kind == 8:
        return tag("with " + rng.choice(["x = 1", "x = word, y = x", "word = " + expression(rng, 1)])) + body() + tag("endwith")
    if kind == 9:
        signature = rng.choice(["m()", "m(a)", "m(a, b=1)", "m(x, b=x)", "m(caller)"])
        return tag("macro " + signature) + body() + rng.choice(["", "{{ caller() }}", "{{ a }}{{ b }}", "{{ varargs }}", "{{ kwargs }}"]) + tag("endmacro")
    if kind == 10:
        return tag(rng.choice(["call m()", "call m(1)", "call(x) m(2)", "call(x=3) m(b=2)"])) + body() + tag("endcall")
    return tag("generation") + body() + tag("endgeneration")


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
                ("eos_token", ctypes.c_char_p), ("variables", ctypes.c_char_p), ("continue_field", ctypes.c_char_p), ("now", ctypes.c_int64)]


class Failure(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("message", ctypes.c_char * 512)]


def render_ours(library, source, variables):
    options = Options(ctypes.sizeof(Options), 0, b"<s>", b"</s>", json.dumps(variables).encode(), None, oracle.NOW)
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
    variables = {**snippets.VARIABLES, "blank": None, "messages": [{"role": "user", "content": "Hi"}]}
    counts = {"same text": 0, "both fail": 0, "left out": 0, "DIFFERENT": 0}
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 10000):
        source = "{% set ns = namespace(n=1) %}" + template(rng, 3)
        expected = oracle.render(source, variables)
        status, ours, message = render_ours(library, source, variables)
        # What Python shows of places in memory is no text anybody wants.
        if status == 4 or " object at 0x" in (expected or "") or " at 0x" in (expected or ""):
            counts["left out"] += 1
        elif ours == expected:
            counts["both fail" if ours is None else "same text"] += 1
        else:
            counts["DIFFERENT"] += 1
            if counts["DIFFERENT"] <= 10:
                print(f"--- {source!r}\n  oracle: {expected!r}\n  lmopt:  {ours!r} {message}")
    print(counts)
    return counts["DIFFERENT"] > 0


if __name__ == "__main__":
    sys.exit(main())
