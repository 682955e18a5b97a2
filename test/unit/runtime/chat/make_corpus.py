#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes corpus.json: chat templates, conversations and what transformers makes of them.

In: templates/*.jinja, families.py, snippets.py. Out: corpus.json, read by ChatTemplateTest.cpp. The oracle is oracle.py; run this again
when a list changes: python3 make_corpus.py
"""
import json
import pathlib
import warnings

import families
import oracle
import snippets

HERE = pathlib.Path(__file__).parent


def case(name, variables, prompt=False, continue_field=None, **where):
    """A case: the template by name or its source, the variables by name in "variables" of the corpus."""
    given = {**VARIABLES[variables], "add_generation_prompt": prompt, "continue_field": continue_field}
    source = where["source"] if "source" in where else (HERE / "templates" / f"{where['template']}.jinja").read_text(encoding="utf-8")
    result = {"name": name, **where, "variables": variables, "expected": oracle.render(source, given)}
    return {**result, **({"prompt": True} if prompt else {}), **({"continue": continue_field} if continue_field else {})}


def characters():
    """Characters at which some property changes, from U+80 on, and all that have another form."""
    def seen(c):
        return [c.isalpha(), c.isdecimal(), c.isdigit(), c.isnumeric(), c.isprintable(), c.isspace(), c.islower(), c.isupper(), c.istitle()]

    texts = [chr(c) for c in range(0x80, 0x110000) if not 0xD800 <= c < 0xE000]
    return "".join(c for before, c in zip(texts, texts[1:]) if seen(before) != seen(c) or {c.upper(), c.lower(), c.title(), c.casefold()} != {c})


VARIABLES = {**{f"plain/{name}": value for name, value in families.PLAIN.items()},
             **{f"rich/{name}": value for name, value in families.RICH.items()},
             **{f"continued/{name}": value for name, (_, value) in families.CONTINUED.items()},
             **{f"refused/{name}": value for name, value in families.REFUSED.items()},
             "snippets": {**snippets.VARIABLES, **families.PLAIN["one"]},
             "characters": {"text": characters(), **families.PLAIN["one"]}}


def family_cases(template):
    for name in families.PLAIN:
        for prompt in (False, True):
            yield case(f"{template}/{name}/{prompt}", f"plain/{name}", prompt, template=template)
    for name, variables in families.RICH.items():
        prompt = variables["messages"][-1]["role"] != "assistant"
        yield case(f"{template}/{name}", f"rich/{name}", prompt, template=template)
    for name, (field, _) in families.CONTINUED.items():
        yield case(f"{template}/continued/{name}", f"continued/{name}", False, field, template=template)


def main():
    warnings.simplefilter("ignore")
    cases = []
    for path in sorted((HERE / "templates").glob("*.jinja")):
        cases += family_cases(path.stem)
    cases += [case(f"refused/{name}", f"refused/{name}", source="x") for name in families.REFUSED]
    cases += [case("continued/with-prompt", "continued/answer", True, "content", source="{{ messages[-1].content }}")]
    cases += [case(f"snippet/{i}", "snippets", source=source) for i, source in enumerate(snippets.SNIPPETS + snippets.BLOCKS)]
    cases += [case(f"characters/{i}", "characters", source=source) for i, source in enumerate(snippets.CHARACTERS)]
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in cases)
    variables = ",\n".join(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in VARIABLES.items())
    head = json.dumps({"transformers": oracle.VERSIONS, "now": oracle.NOW})[1:-1]
    (HERE / "corpus.json").write_text(f'{{{head},\n"variables": {{\n{variables}}},\n"cases": [\n{lines}]}}\n', encoding="utf-8")
    failing = sum(one["expected"] is None for one in cases)
    print(f"{len(cases)} cases, {failing} of them errors")


if __name__ == "__main__":
    main()
