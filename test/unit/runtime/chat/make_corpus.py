#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes corpus.json: chat templates, conversations and what transformers makes of them.

In: templates/*.jinja, families.py, snippets.py. Out: corpus.json, read by ChatTemplateTest.cpp. The oracle is the function behind
apply_chat_template of transformers 5.24 with Jinja2 3.1.6 and Python 3.11 (letters of Unicode 14); its clock is stopped at NOW.
Needs these two packages; run it again when a list changes: python3 make_corpus.py
"""
import datetime
import json
import pathlib

import families
import jinja2
import snippets
import transformers
import transformers.utils.chat_template_utils as oracle

HERE = pathlib.Path(__file__).parent
NOW = 1767323045  # Friday, 2026-01-02 03:04:05 on the clock on the wall


class StoppedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=NOW)


oracle.datetime = StoppedClock
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def apply(template, messages, add_generation_prompt=False, continue_field=None, **variables):
    """The text of apply_chat_template(tokenize=False) for a tokenizer that has TOKENS; raises where it does."""
    if not messages:
        raise ValueError("empty conversation")
    messages = oracle._normalize_chat_messages(messages)
    if continue_field and add_generation_prompt:
        raise ValueError("not both")
    rendered, _ = oracle.render_jinja_template([messages], chat_template=template, add_generation_prompt=add_generation_prompt,
                                               continue_final_message=continue_field or False, **{**TOKENS, **variables})
    return rendered[0]


def render(template, variables):
    """The text, or None where transformers fails (then we only ask for an error)."""
    try:
        return apply(template, **variables)
    except Exception:  # every kind of failure counts as one
        return None


def say(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


CONVERSATIONS = {
    "one": say(("user", "Hi")),
    "system": say(("system", "Be brief."), ("user", "What is 2+2?")),
    "turns": say(("user", "  Hello there \n"), ("assistant", " Hi! "), ("user", "How are you?\n\n")),
    "system-turns": say(("system", "You are a pirate."), ("user", "Ahoy"), ("assistant", "Arr"), ("user", "Again")),
    "unicode": say(("user", "Grüße aus 東京 🗼\u00a0"), ("assistant", "<think>hm\n</think>\n\nÉtè {{ x }}"), ("user", "{% if %}")),
    "unordered": say(("assistant", "I begin"), ("assistant", "and go on"), ("user", "stop")),
    "empty-content": say(("user", ""), ("assistant", "")),
    "quotes": say(("system", "'\"\\"), ("user", "a\tb\r\nc")),
}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Weather <of> a \"city\"", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 3}},
    "required": ["city"]}}}]
VARIABLES = {
    "plain": {},
    "tools": {"tools": TOOLS, "tools_in_user_message": False},
    "thinking-off": {"enable_thinking": False, "documents": [{"text": "one"}, {"text": "two"}], "controls": {"length": "short"}},
    "tool-calls": {"tools": TOOLS, "messages": [
        {"role": "user", "content": "Weather in Oslo?"},
        {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {
            "name": "weather", "arguments": {"city": "Oslo", "days": 1.5, "exact": True, "unit": None}}}]},
        {"role": "tool", "content": "{\"celsius\": -3}"},
        {"role": "assistant", "content": "Cold."}]},
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": " See "}, {"type": "image"}]}]},
}

# One feature each. Rendered with the variables below.
SNIPPETS = r"""
{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 2 ** 10 }} {{ 7 / 2 }} {{ 6 / 3 }}
{{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 1.5 + 1 }} {{ 1e3 }} {{ 1.0 }} {{ 1e16 }} {{ 1e15 }} {{ 0.1 + 0.2 }} {{ 1e-5 }} {{ 0.0001 }}
{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 1_000 }} {{ 10 // 2.5 }} {{ 123456789.125 }} {{ 5e-324 }} {{ 1.7976931348623157e308 }}
{{ true }} {{ True }} {{ false }} {{ none }} {{ None }} {{ true + 1 }}
{{ "a" ~ 1 ~ none ~ true ~ 1.5 }} {{ 'a' 'b' "c" }} {{ 'a' * 3 }} {{ 3 * 'ab' }} {{ [1] * 2 }} {{ [1] + [2] }} {{ (1,) + (2,) }}
{{ [1, 'a', "it's", 'q"', none, 2.0, [], {}, (1,), {'k': 'v', 2: true}] }}
{{ "\n\t\\\"\x41\u00e9\U0001F600\q" }}
{{ ['\n', 'é', '\x07', "'\""] }}
{{ 1 < 2 }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ 'Z' < 'a' }} {{ [1,2] < [1,3] }} {{ none == none }} {{ 'a' != 1 }}
{{ 1 in [1] }} {{ 'b' in 'abc' }} {{ 'k' in {'k': 1} }} {{ 4 not in [1] }} {{ 1 in missing }} {{ not 1 in [2] }}
{{ 1 and 0 }} {{ 0 or 'x' }} {{ not '' }} {{ '' or none or 'last' }} {{ 1 and 2 and 3 }} {{ not not 1 }} {{ 1 or 1/0 }}
{{ 'yes' if 1 else 'no' }} {{ 'yes' if 0 else 'no' }} {{ 'yes' if 0 }}| {{ 'a' if false else 'b' if false else 'c' }}
{{ missing }}| {{ missing is defined }} {{ missing is undefined }} {{ missing == missing }} {{ not missing }} {{ missing ~ 'x' }} {{ missing | length }} {{ missing | upper }}|
{{ missing.x }}
{{ missing['x'] }}
{{ missing + 1 }}
{{ missing() }}
{{ number.x }}| {{ none.x }}| {{ word.x is defined }} {{ items.x }}| {{ none['x'] }}|
{{ 1 + 'a' }}
{{ 1 < 'a' }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 5 % 0.0 }}
{{ word[0] }} {{ word[-1] }} {{ word[9] }}| {{ items[0] }} {{ items[-1] }} {{ items[7] }}| {{ map['a'] }} {{ map.b }} {{ map['zz'] }}| {{ items.0 }} {{ map.b[0] }}
{{ word[1:3] }} {{ word[:2] }} {{ word[2:] }} {{ word[::-1] }} {{ word[::2] }} {{ word[-2:] }} {{ word[5:1] }}| {{ word[-100:100] }} {{ word[4:0:-2] }} {{ word[:] }}
{{ items[1:] }} {{ items[:-1] }} {{ items[::-1] }} {{ items[10:] }} {{ items[-2::-1] }} {{ (1,2,3)[1:] }} {{ items[::5] }} {{ items[::-5] }}
{{ wide[1] }} {{ wide[:2] }} {{ wide[::-1] }} {{ wide | length }} {{ wide[-1] }} {{ wide | list }}
{{ items[::0] }}
{{ number[1:] }}
{{ word | upper }} {{ word | capitalize }} {{ 'hELLO wORLD-foo (bar)' | title }} {{ word | lower }} {{ 'hELLO wORLD x1y' .title() }} {{ word.upper() }} {{ 'ABC def'.capitalize() }}
{{ '  a b \n' | trim }}| {{ 'xxaxx' | trim('x') }} {{ '  a '.strip() }}| {{ '  a '.lstrip() }}| {{ '  a '.rstrip() }}| {{ 'abcba'.strip('ab') }} {{ 'é\u00a0' | trim }}| {{ 5 | trim }} {{ none | trim }}
{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ ' a b  c '.split(none, 1) }} {{ ''.split(',') }} {{ ''.split() }} {{ 'abc'.split('abc') }} {{ 'a b c d'.split(maxsplit=2) }}
{{ ''.split('') }}
{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith('bc') }} {{ 'abc'.startswith(('x', 'a')) }} {{ 'abc'.startswith('') }} {{ 'a'.endswith('abc') }}
{{ 'banana'.replace('a', 'o') }} {{ 'banana'.replace('a', 'o', 2) }} {{ 'banana' | replace('an', '') }} {{ 'ab' | replace('', '-') }} {{ 'aé'.replace('', '.', 2) }} {{ 'aaa' | replace('a', 'b', 1) }} {{ 121 | replace(1, 3) }} {{ 'ab'.replace('', '-', 9) }}
{{ 'banana'.find('n') }} {{ 'banana'.find('x') }} {{ 'éa'.find('a') }} {{ 'banana'.count('an') }} {{ 'aaa'.count('') }} {{ ', '.join(['a', 'b']) }} {{ ''.join([]) }}|
{{ ','.join([1]) }}
{{ items | length }} {{ map | length }} {{ word | count }} {{ '' | length }} {{ items | first }} {{ items | last }} {{ [] | first }}| {{ items | join(', ') }} {{ items | join }} {{ people | join('+', attribute='name') }}
{{ missing | default('d') }} {{ none | default('d') }} {{ none | default('d', true) }} {{ '' | d('e', boolean=true) }} {{ missing | default }}| {{ 0 | default(5) }}
{{ map | tojson }} {{ map | tojson(indent=2) }} {{ [] | tojson(indent=2) }} {{ {} | tojson(indent=2) }} {{ [1, [2, {'a': none}], "é\n\"\\\u0001/<>&'"] | tojson }} {{ 1.5 | tojson }} {{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }} {{ (1, 2) | tojson }} {{ [1, [], {}] | tojson(indent=1) }} {{ [1] | tojson(indent=0) }}
{{ missing | tojson }}
{{ '12' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ 3.9 | int }} {{ '3.9' | int }} {{ -3.9 | int }} {{ true | int }} {{ none | int }} {{ '1.5' | float }} {{ 2 | float }} {{ 'x' | float }} {{ ' 12 ' | int }} {{ 5 | string + '!' }} {{ -5 | abs }}
{{ items | reverse | list }} {{ word | reverse }} {{ items | list }} {{ map | list }} {{ word | list }} {{ map | items | list }} {{ word | safe }}
{{ people | map(attribute='name') | list }} {{ ['a', 'b'] | map('upper') | join }} {{ people | selectattr('age') | map(attribute='name') | list }} {{ people | selectattr('name', 'equalto', 'Bo') | list | length }} {{ people | rejectattr('age', 'gt', 20) | map(attribute='name') | list }} {{ [1, 2, 3] | select('odd') | list }} {{ [1, 2, 3] | reject('odd') | list }} {{ ['', 'a'] | select | list }} {{ people | map(attribute='zip', default='-') | list }} {{ [1, 2, 3] | select('in', [1, 3]) | list }} {{ people | selectattr('zip', 'defined') | list }} {{ people | selectattr('name', '==', 'Bo') | map(attribute='age') | first }}
{{ 'a\nb\n\nc' | indent }}| {{ 'a\nb' | indent(2) }} {{ 'a\nb' | indent(2, true) }} {{ 'a\n\nb' | indent(2, blank=true) }} {{ 'a\nb' | indent('> ') }} {{ 'a\n' | indent }}|
{{ 1 is number }} {{ 1 is integer }} {{ true is integer }} {{ 1.5 is float }} {{ 'a' is string }} {{ map is mapping }} {{ items is sequence }} {{ 'a' is iterable }} {{ 1 is iterable }} {{ none is none }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ true is boolean }} {{ items is mapping }} {{ map is sequence }}
{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is in [1] }} {{ 1 is not in [1] }} {{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 2 is gt 1 }} {{ 2 is lt(1) }} {{ none is sameas none }} {{ 'AB' is upper }} {{ 'ab' is lower }} {{ '1' is lower }} {{ 1 is ne 2 }} {{ 2 is ge 2 }} {{ 2 is le 1 }}
{{ 1 is not none }} {{ not 1 is none }} {{ missing is not defined }} {{ word is string and number is number }} {{ 'a' is string == true }}
{{ raise_exception('no ' ~ word) }}
{% if false %}{{ raise_exception('x') }}{% endif %}fine
{% for x in items %}{{ x }}{{ ',' if not loop.last }}{% endfor %}
{% for x in items %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}
{% for x in items %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.cycle('a', 'b') }}{% endfor %}
{% for x in items if x > 1 %}{{ x }}/{{ loop.length }}{% else %}none{% endfor %} {% for x in [] %}x{% else %}none{% endfor %} {% for x in items if x > 9 %}{{ x }}{% else %}none{% endfor %}
{% for k, v in map.items() %}{{ k }}={{ v }};{% endfor %} {% for k in map %}{{ k }}{% endfor %} {% for k in map.keys() %}{{ k }}{% endfor %} {% for v in map.values() %}{{ v }}{% endfor %} {{ map.get('a') }} {{ map.get('q') }} {{ map.get('q', 5) }}
{% for a, b in [(1, 2), [3, 4]] %}{{ a }}-{{ b }} {% endfor %}{% for (a, b) in [(1, 2)] %}{{ a + b }}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}
{% for c in 'aé' %}[{{ c }}]{% endfor %}{% for c in missing %}x{% endfor %}
{% for x in number %}{% endfor %}
{% for x in items %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in range(5) %}{{ x }}{% endfor %} {{ range(2, 5) | list }} {{ range(5, 0, -2) | list }} {{ range(0) | list }}
{% for a in [1, 2] %}{% for b in [3, 4] %}{{ loop.index }}{{ a }}{{ b }} {% endfor %}{{ loop.index }}{% endfor %}
{% set x = 1 %}{% for i in items %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}
{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }} {% set a, b = 1, 2 %}{{ a }}{{ b }} {% set t = 1, 2 %}{{ t }}
{% set ns = namespace(n=0, s='') %}{% for i in items %}{% set ns.n = ns.n + i %}{% set ns.s = ns.s ~ i %}{% endfor %}{{ ns.n }} {{ ns.s }} {{ ns.q }}| {{ ns.n is defined }} {{ ns.q is defined }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a + ns.b }} {{ dict(a=1, b='x') }}
{% set word.x = 1 %}
{% set x %}a{{ word }}{% endset %}{{ x }}|{{ x | length }}
{% if 0 %}a{% elif 1 %}b{% else %}c{% endif %}{% if 0 %}a{% elif 0 %}b{% else %}c{% endif %}{% if missing %}x{% endif %}
a {#- comment -#} b {# {{ x }} #} c
{% raw %}{{ not }} {% this %}{% endraw %} {%- raw -%}  x {% endraw %}|
a {{- ' b ' -}} c {{ 'd' }} e
a {%- if true -%} b {%- endif -%} c
{{ {'a': {'b': 1}}['a']['b'] }}{{ {'a': {'b': 1}}}}
{{ "}}" }}{{ '%}' }}{{ [1, 2,] }}{{ {'a': 1,} }}{{ (1) }}{{ () }}{{ (1,) }}{{ 1, 2 }}
{{ word|upper|lower|title }}{{ 'a'|upper ~ 'b'|upper }}{{ 1 + 2|string|length }}{{ -1|abs }}{{ 'x' in 'xyz' and 'y' not in 'abc' }}
{{ messages is defined }}{{ bos_token }}{{ eos_token }}{{ add_generation_prompt }}
{{ namespace is defined }} {{ raise_exception is callable }} {{ range is defined }} {{ nothing is callable }} {{ namespace is string }}
{{ items[0] if items else 'none' }}{{ (items | first) + 1 }}{{ items[items | length - 1] }}{{ items[-1] - items[0] * 2 }}
{% generation %}said {{ word }}{% endgeneration %}
{{ 'a' if word == 'hello' and number > 3 or false else 'b' }}{{ 1 if 2 is even else 0 }}
{{ people[0].name }} {{ people[0]['age'] }} {{ people[-1].name.upper() }} {{ people | length > 1 }} {{ people[0].tags[1:] | join('/') }} {{ 'x' in people[0].tags }} {{ people[0]['tags'][0] }}
{{ word.upper().lower().strip('h')[1:3] }} {{ ' a '.strip().upper() ~ 'b' }} {{ (word ~ 'x').upper() }} {{ 'a-b'.split('-')[1] }} {{ ('a' ~ 'b')[0] }}
{{ items is defined and items | length > 0 }}{{ [] is defined and [] | length > 0 }}{{ 1 == 1 == 1 }}{{ 3 > 2 > 1 }}{{ 'a' < 'b' == true }}
{{ none | string }} {{ true | string }} {{ [none] | string }} {{ missing | string }}| {{ [missing] }} {{ 1.0 | string }}
{{ 9223372036854775807 }} {{ -9223372036854775807 }} {{ 4 * 1000000000000000000 }} {{ 3 - -3 }} {{ +5 }} {{ - 5 }} {{ 2--1 }}
{{ x.y.z is defined }}
{{ map.a is defined }} {{ map.zz is defined }} {{ map['zz'] is defined }} {{ map.zz | default('q') }} {{ (map.zz or map.a) }} {{ map.zz.q is defined }}
{{ "%s" }} {{ '#' }} {{ '{{' }} {{ '{%' }} {{ "{#" }}
{{ {} | indent }}
{{ missing | int }}
{{ missing | float }}
{{ none | map('upper') | list }} {{ 0 | select | list }} {{ none | selectattr('a') | list }}
{{ 1.5 is even }} {{ 1.5 is odd }} {{ 4.0 is even }} {{ 4.5 is divisibleby(1) }}
{{ [] in {} }}
{{ map[[]] }}| {{ map[(1,)] }}| {{ people.0.tags.1 }} {{ [[1, [2, 3]]].0.1.1 }}
{% raw +%}{% endraw %}
{{ }}
{{ 1 +
{% if %}x{% endif %}
{% if 1 %}
{% endif %}
{% for x in items %}
{% foo %}
{{ 'abc }}
{{ 1 2 }}
{{ a b }}
{# no end
{{ (1 }}
{{ [1 }}
{{ x | }}
{{ x is }}
{{ 1.x }}
{{ f(a=1, 2) }}
{% set 1 = 2 %}
{% set %}
{% for in items %}{% endfor %}
{% else %}
{% if true %}a{% else %}b{% elif %}c{% endif %}
{% raw %}
{{ $ }}
{{ a ? b }}
{{ 'a' | nofilter }}
{{ 'a' is notest }}
{% macro m() %}x{% endmacro %}
{% include 'x' %}
{{ items.append(4) }}
{{ word.encode() }}
{{ '%d' % 3 }}
{{ f(*items) }}
""".strip("\n").split("\n")

# Templates of several lines: white space around tags.
BLOCKS = [
    "a\n{% if true %}\nb\n{% endif %}\nc\n",
    "a\n  {% if true %}  \n  b\n  {% endif %}\nc\n\n",
    "  {% if true %}x{% endif %}  {% if true %}y{% endif %}\n",
    "a\n  {%+ if true %}b{% endif %}\n{% if true +%}\nc{% endif %}\n",
    "a  \n\n  {%- if true %}\n\n b {% endif -%}  \n\n c",
    "{{ 'x' }}\n{{ 'y' }}\n",
    "  {{ 'x' }}  \n  {{- 'y' -}}  \n z",
    "  {# c #}  \n  {# d #}\nx\n{#- e -#}\n  y",
    "{% for i in items %}\n  {{ i }}\n{% endfor %}\n",
    "{%- for i in items -%}\n  {{ i }}\n{%- endfor -%}\n",
    "x {% raw %}\n {{ a }}\n {% endraw %}\n y",
    "x\n  {% raw %}  q  {%- endraw %}\n y\n  {%- raw -%}\n z {% endraw -%} \n w",
    "a\r\n{% if true %}\r\nb\r{% endif %}\r\n",
    "{% if true %}\n\nb{% endif %}\n\n",
    "{{ '\n' }}|{{ 'a\nb' }}\n\n",
    "a\n\t {% set x = 1 %}\n\t {{ x }} {% set y = 2 %}\nb",
    "{{ 1 }}  {% if true %}z{% endif %}",
    "{%- if true -%}\n\u00a0 x \u2003{%- endif -%}",
    "{{ [1,\n 2,\n 3] | join(\n ',') }}\n{% set x =\n 5 %}{{ x }}",
    "{% if true -%}\n  a\n{%- else -%}\n  b\n{%- endif %}\n  tail  \n",
    "", "\n", "\n\n", " ", "plain", "a{b}c{", "{", "{{'{'}}",
]

SNIPPET_VARIABLES = {
    "word": "hello", "wide": "aé東🗼", "number": 5, "items": [1, 2, 3], "map": {"a": 1, "b": [True, None], "c": "x"},
    "people": [{"name": "Al", "age": 20, "tags": ["x", "y", "z"]}, {"name": "Bo", "age": 30, "tags": []}],
}


def render(template, variables):
    """The text, or None where Jinja2 fails (then we only ask for an error)."""
    try:
        return ENVIRONMENT.from_string(template).render(**variables)
    except Exception as error:  # every kind of failure counts as one
        return None


def main():
    cases = []
    for path in sorted((HERE / "templates").glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        for conversation, messages in CONVERSATIONS.items():
            for name, extra in VARIABLES.items():
                if name != "plain" and conversation not in ("one", "system-turns"):
                    continue
                for prompt in (False, True):
                    variables = {"messages": messages, "add_generation_prompt": prompt, "bos_token": "<s>", "eos_token": "</s>", **extra}
                    cases.append({"name": f"{path.stem}/{conversation}/{name}/{prompt}", "template": path.stem,
                                  "messages": messages, "prompt": prompt, "variables": extra,
                                  "expected": render(template, variables)})
    for i, template in enumerate(SNIPPETS + BLOCKS):
        variables = {"messages": CONVERSATIONS["one"], "add_generation_prompt": False, "bos_token": "<s>", "eos_token": "</s>", **SNIPPET_VARIABLES}
        cases.append({"name": f"snippet/{i}", "source": template, "messages": CONVERSATIONS["one"], "prompt": False,
                      "variables": SNIPPET_VARIABLES, "expected": render(template, variables)})
    corpus = {"jinja2": jinja2.__version__, "cases": cases}
    (HERE / "corpus.json").write_text(json.dumps(corpus, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    failing = sum(case["expected"] is None for case in cases)
    print(f"{len(cases)} cases, {failing} of them errors")


if __name__ == "__main__":
    main()
