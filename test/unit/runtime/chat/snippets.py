# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small templates, one feature each, for make_corpus.py."""

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
{% include 'x' %}
{{ items.append(4) }}
{{ word.encode() }}
{{ f(*items) }}
{% macro m(a, b=2, c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(c=5, a=4) }}{{ m() }}{{ m.name }}{{ m is callable }}{{ m is mapping }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}{{ m() }}{{ m(*[1, 2], **{'z': 1}) }}
{% macro m(a) %}x{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}x{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}x{% endmacro %}{{ m(1, a=2) }}
{% macro outer(n) %}{{ n }}{% if n > 0 %},{{ outer(n - 1) }}{% endif %}{% endmacro %}{{ outer(5) }}
{% macro wrap(tag) %}<{{ tag }}>{{ caller() }}</{{ tag }}>{% endmacro %}{% call wrap('b') %}{{ word }}{% call wrap('i') %}in{% endcall %}{% endcall %}
{% macro rows(list) %}{% for x in list %}{{ caller(x, loop.index) }};{% endfor %}{% endmacro %}{% call(x, i=0) rows(items) %}{{ i }}:{{ x }}{% endcall %}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}
{% macro m() %}no caller{% endmacro %}{% call m() %}x{% endcall %}
{% macro m(caller) %}{{ caller() }}{% endmacro %}
{% macro m(caller=none) %}{{ caller() if caller else 'none' }}{% endmacro %}{{ m() }}{% call m() %}x{% endcall %}
{% call word %}x{% endcall %}
{% set x = 1 %}{% macro m() %}{{ x }}{% set x = 2 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}
{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{% for x in [5] %}{{ m() }}{% endfor %}
{% for i in [1] %}{{ word }}{% endfor %}{% set word = 'own' %}{{ word }}
{% if false %}{% set word = 'own' %}{% endif %}{{ word }}{% for i in [1] %}{{ word }}{% set word = i %}{{ word }}{% endfor %}{{ word }}
{% for i in [1, 2] %}{% for j in [1] %}{{ late }}{% endfor %}{% set late = i %}{% endfor %}
{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}
{% filter upper %}a{{ word }}{% filter replace('L', 'x') %}lL{% endfilter %}{% endfilter %}
{% filter indent(2) | trim %}a{{ '\n' }}b{% endfilter %}
{% set x | upper | replace('L', '-') %}{{ word }}{% endset %}{{ x }}
{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y }}
{% with %}{% set y = 1 %}{{ y }}{% endwith %}{{ y }}
{% with a = 1, b = word %}{{ a }}{{ b }}{% with a = a + 1 %}{{ a }}{% endwith %}{{ a }}{% endwith %}{{ a }}
{% with x = 1, y = x %}{{ y }}{% endwith %}
{% print 1, word %}
{% generation %}{% set y = 1 %}{{ y }}{% endgeneration %}{{ y }}
{% for x in [1] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{% for x in nested recursive %}{% if x is sequence %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{{ loop.depth0 }}{% endif %}{% endfor %}
{% for x in items %}{{ loop(x) }}{% endfor %}
{% for x in items %}{{ loop.changed(x // 2) }}{{ loop.changed(x // 2) }} {% endfor %}
{% for x in items %}{{ loop.depth }}{{ loop.nothing is defined }}{{ loop | length }}{% endfor %}
{% for x in items if loop %}{{ x }}{% endfor %}
{% set ns = namespace(n=0) %}{% for x in range(9) if ns.n < 3 %}{% set ns.n = ns.n + 1 %}{{ x }}{{ loop.last }}{% endfor %}
{% set ns = namespace(n=0) %}{% for x in range(9) if ns.n < 3 %}{{ loop.length }}{% set ns.n = ns.n + 1 %}{{ x }}{% endfor %}
{% for x in items %}{% continue %}{% else %}none{% endfor %}{% for x in items %}{% if x > 1 %}{% break %}{% endif %}{{ x }}{% else %}none{% endfor %}
{% for x in [] %}{% else %}{% set y = 1 %}{% endfor %}{{ y }}
{% for x in items %}{% set y %}a{% break %}{% endset %}{% endfor %}{{ y }}
{% break %}
{% for x in items %}{% macro m() %}{% continue %}{% endmacro %}{% endfor %}
{% for loop in items %}{% endfor %}
{% for x in items %}{% set loop = 1 %}{% endfor %}
{% set loop = 1 %}{{ loop }}
{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}{% set (a, b), c = (1, 2), 3 %}{{ a }}{{ b }}{{ c }}
{% set d, = [4] %}{{ d }}
{% for x, in [(1,)] %}{{ x }}{% endfor %}
{% if word: %}a{% elif 1: %}b{% else: %}c{% endif %}{% for x in items: %}{{ x }}{% endfor %}
{{ items | map('string') | list }} {{ items | map('string') | first }} {{ (items | map('string')) is iterable }} {{ (items | map('string')) is sequence }} {{ 'yes' if [] | map('upper') else 'no' }}
{% set g = items | select('odd') %}{{ g | list }}{{ g | list }}{{ g is defined }}{% set h = items | map('string') %}{{ h | first }}{{ h | list }}{{ 2 in (items | reject('odd')) }}
{{ (items | map('string')) | length }}
{{ (items | map('string'))[0] }}|{{ (items | map('string')).x }}|
{{ (items | map('string')) | last }}
{{ items | select | tojson }}
{{ map.items() }} {{ map.keys() }} {{ map.values() }} {{ map.keys() | length }} {{ map.keys() is sequence }} {{ map.items() | first }} {{ map.values() | last }} {{ 'a' in map.keys() }} {{ map.keys() | list }}
{{ map.keys()[0] }}|{{ map.keys() | tojson }}
{{ map['items']() | list }} {{ {'items': 1}.items() | list }} {{ {'items': 1}['items'] }} {{ {'get': 1}.get('get') }} {{ map.copy() }}
{{ range(3) }} {{ range(1, 9, 2) }} {{ range(5)[1] }} {{ range(5)[-1] }} {{ range(5)[9] }}| {{ range(5) | length }} {{ range(5).start }} {{ range(2, 5).stop }} {{ 3 in range(5) }} {{ range(3) == range(3) }} {{ range(3) is sequence }} {{ range(3) | sum }}
{{ range(100001) }}
{{ range(1000000000000) }}
{{ range(3) | tojson }}
{{ range(1.5) }}
{{ namespace(a=1).a }} {{ namespace({'a': 1}).a }} {{ namespace([('a', 1)], b=2).b }} {{ namespace() is mapping }}
{{ namespace(_a=1) }}
{% set ns = namespace() %}{% set ns._x = 1 %}
{{ dict([('a', 1)]) }} {{ dict({'a': 1}, b=2) }} {{ dict() }} {{ dict(items=3)['items'] }}
{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %H:%M:%S') }} {{ strftime_now('%A %B %j %U %p %I %y %%') }} {{ strftime_now('') }}| {{ strftime_now('%f|%z|%Z|%e|%-d') }} {{ strftime_now(format='%Y') }} {{ strftime_now is defined }}
{{ strftime_now() }}
{{ tools is none }} {{ documents is none }} {{ tools is defined }} {{ 'yes' if tools else 'no' }} {{ unk_token is defined }} {{ pad_token }}| {{ enable_thinking is defined }} {{ date_string is defined }}
{{ items.append(4) }}
{{ map.update({}) }}
{{ map.pop('a') }}
{{ items.append is defined }} {{ map.update }}| {{ items.sort is callable }}
{{ items.index(2) }} {{ items.count(1) }} {{ (1, 2, 1).count(1) }} {{ items.copy() }} {{ items.index(3, 1) }}
{{ items.index(9) }}
{{ word.__class__ }}| {{ word.__class__ is defined }} {{ items.__len__ is defined }} {{ map._x }}| {{ {'_x': 5}._x }}
{{ word.__class__() }}
{{ 'ß' | upper }} {{ 'GRÜSSE' | lower }} {{ 'straße éa' | title }} {{ 'ŉ' | capitalize }} {{ 'İI' | lower }} {{ 'ΑΣ ΑΣΑ Σ' | lower }} {{ 'ǆ' | title }} {{ 'ǆ' | upper }} {{ 'ﬃ' | upper }} {{ 'ა' | upper }}
{{ 'straße'.upper() }} {{ 'GRÜSSE'.lower() }} {{ 'éa ǆ ß'.title() }} {{ 'ΟΔΟΣ'.capitalize() }} {{ 'aB ß'.swapcase() }} {{ 'Straße ΣΑΣ'.casefold() }} {{ "they're o'neil".title() }}
{{ "they're (o'neil) <a> [b] {c} d-e" | title }} {{ 'x1y A2B' | title }} {{ '  a' | title }} {{ 'ὈΔΥΣΣΕΎΣ' | lower }}
{{ '12'.isdigit() }} {{ '١٢'.isdigit() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '½'.isnumeric() }} {{ ''.isdigit() }} {{ 'aé'.isalpha() }} {{ 'a1'.isalpha() }} {{ 'a1'.isalnum() }} {{ ' \u2003'.isspace() }} {{ 'Ab'.isupper() }} {{ 'AB1'.isupper() }} {{ 'ab1'.islower() }} {{ 'Ab Cd'.istitle() }} {{ 'AB'.istitle() }} {{ 'aé'.isascii() }} {{ 'a\n'.isprintable() }} {{ ''.isprintable() }}
{{ 'ab' is lower }} {{ 'É' is upper }} {{ '1' is upper }} {{ 5 is lower }} {{ 'ǅ' is upper }}
{{ ['a\u00a0b', '\u200b', '\u0301', '\ue000', '😀', '\x7f', '\x85', 'é'] }}
{{ 'abcabc'.rfind('b') }} {{ 'abc'.rfind('z') }} {{ 'éabc'.index('b') }} {{ 'abcabc'.rindex('a') }} {{ 'abcabc'.find('b', 2) }} {{ 'abcabc'.find('b', 2, 4) }} {{ 'abc'.find('', 9) }} {{ 'abc'.find('c', -1) }} {{ 'abcabc'.count('b', 2) }} {{ 'aaa'.count('aa') }}
{{ 'abc'.index('z') }}
{{ 'abc'.startswith('b', 1) }} {{ 'abc'.endswith('b', 0, 2) }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.startswith(()) }}
{{ 'abc'.startswith(['a']) }}
{{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b  c '.rsplit() }} {{ ' a b  c '.rsplit(none, 1) }} {{ 'a\nb\r\nc\x0bd\u2028e'.splitlines() }} {{ 'a\n\nb\n'.splitlines(true) }} {{ ''.splitlines() }} {{ 'a--b--c'.rsplit('--') }}
{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('=') }} {{ 'abc'.rpartition('=') }}
{{ 'unhappy'.removeprefix('un') }} {{ 'happily'.removesuffix('ly') }} {{ 'abc'.removeprefix('x') }} {{ 'abc'.removesuffix('') }}
{{ 'ab'.center(7, '*') }} {{ 'abc'.center(6) }}| {{ 'ab'.ljust(4) }}| {{ 'ab'.rjust(4, '.') }} {{ '-5'.zfill(4) }} {{ '+é'.zfill(4) }} {{ 'abcde'.zfill(3) }} {{ 'é'.center(4, '—') }} {{ 'a\tb'.expandtabs(4) }} {{ '\ta'.expandtabs() }}
{{ 'ab'.center(5, 'xy') }}
{{ '{} {}'.format(1, 'a') }} {{ '{0}{1}{0}'.format('a', 'b') }} {{ '{a} {b.x} {c[0]} {c[k]}'.format(a=1, b={'x': 2}, c={'k': 3, 0: 4}) }} {{ '{{}} {}'.format(1) }} {{ '{!r} {!s}'.format('a', 'b') }} {{ '{:>{w}}|{:<{w}}|'.format('a', 'b', w=4) }} {{ '{}'.format_map({}) if false }} {{ '{x}'.format_map({'x': 1}) }}
{{ '{:5}|{:<5}|{:^5}|{:*>5}|{:05}|{:+}|{: }|{:x}|{:#x}|{:b}|{:,}|{:_}|{:e}|{:%}'.format(42, 42, 42, 42, 42, 42, 42, 255, 255, 5, 1234567, 1234567, 12345, 0.25) }}
{{ '{:.2f}|{:8.3f}|{:<8.1f}|{:+.0f}|{:g}|{:.3g}|{:.3}|{:.1}|{:,.2f}|{:010.2f}|{:G}|{}'.format(3.14159, 2.5, 1.25, 2.5, 1e20, 1234.5, 1234.5, 0.00001234, 1234567.891, -3.5, 1e-10, 1e16) }}
{{ '{:5}|{:>5}|{:.2}|{:^7.3}|{:05}|{:s}'.format('ab', 'ab', 'abc', 'abcdef', 'ab', 'x') }} {{ '{:d}'.format(true) }} {{ '{}'.format(true) }} {{ '{:5}'.format(true) }} {{ '{}'.format(none) }} {{ '{}'.format([1]) }}
{{ '{:d}'.format('x') }}
{{ '{:5}'.format(none) }}
{{ '{} {0}'.format(1) }}
{{ '{'.format(1) }}
{{ '{}'.format() }}
{{ '%s %r %d %i %5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o' % ('a', 'b', 3, 4.9, 5, 6, 7, 8, 9, 255, 255, 255, 8) }}
{{ '%f %.2f %8.3f| %-8.1f| %e %g %.3g %G %%' % (1.5, 2.345, 3.14159, 2.5, 12345.678, 0.0001, 1234567, 1e-10) }}
{{ '%s' % word }} {{ '%s' % [1] }} {{ '%(a)s-%(b)5s' % {'a': 1, 'b': 'x'} }} {{ '%s' % none }} {{ '%c%c' % ('a', 'é') }} {{ '%.2s|%5s|%-5s|' % ('abc', 'ab', 'ab') }} {{ '%*d' % (5, 42) }} {{ 'x' % [] }} {{ '%s' % missing }}|
{{ '%d' % 'x' }}
{{ '%s %s' % 'a' }}
{{ '%s' % ('a', 'b') }}
{{ 'abc' % 1 }}
{{ '%q' % 1 }}
{{ '%s and %d' | format('a', 2) }} {{ '%(x)s' | format(x=1) }} {{ '%s' | format(items) }}
{{ map | tojson(ensure_ascii=true) }} {{ 'é😀\x7f' | tojson(true) }} {{ {'b': 1, 'a': [2, {'d': 1, 'c': 2}]} | tojson(sort_keys=true) }} {{ {'a': [1, 2]} | tojson(separators=(',', ':')) }} {{ [1, {'a': []}] | tojson(indent='\t') }} {{ [1] | tojson(indent=true) }} {{ [1] | tojson(indent=-1) }} {{ [1, 2] | tojson(indent=2, separators=(';', '=')) }} {{ {true: 1, none: 2, 1.5: 3} | tojson }}
{{ {(1, 2): 3} | tojson }}
{{ [1] | tojson(spaces=2) }}
{{ ['b', 'A', 'a', 'C'] | sort }} {{ ['b', 'A', 'a', 'C'] | sort(case_sensitive=true) }} {{ [3, 1, 2] | sort(reverse=true) }} {{ people | sort(attribute='age', reverse=true) | map(attribute='name') | list }} {{ people | sort(attribute='tags.0,name') | length }} {{ ['É', 'f', 'e'] | sort }} {{ 'hello' | sort }} {{ {'b': 1, 'a': 2} | sort }}
{{ [1, 'a'] | sort }}
{{ ['a', 'A', 'b', 'B', 'a'] | unique | list }} {{ ['a', 'A'] | unique(true) | list }} {{ people | unique(attribute='age') | map(attribute='name') | list }} {{ [1, 1.0, true, 2] | unique | list }}
{{ [[1]] | unique | list }}
{{ {'b': 1, 'A': 2, 'a': 0} | dictsort }} {{ {'b': 1, 'A': 2} | dictsort(true) }} {{ {'b': 1, 'A': 2} | dictsort(by='value') }} {{ {'b': 1, 'A': 2} | dictsort(false, 'value', true) }}
{{ {'a': 1} | dictsort(by='x') }}
{{ people | groupby('age') }} {% for age, who in people | groupby('age') %}{{ age }}:{{ who | map(attribute='name') | join }};{% endfor %} {{ (people | groupby('name') | first).grouper }} {{ (people | groupby('name') | first).list | length }} {{ [{'c': 'b'}, {'c': 'B'}, {'c': 'a'}, {}] | groupby('c', default='z') }} {{ [{'c': 'b'}, {'c': 'B'}] | groupby('c', case_sensitive=true) | length }}
{{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 'x') | list }} {{ [1, 2, 3, 4, 5] | slice(2) | list }} {{ [1, 2, 3, 4, 5] | slice(3, 'x') | list }} {{ [] | batch(2) | list }} {{ 'abc' | batch(2) | list }}
{{ items | min }} {{ items | max }} {{ ['b', 'A'] | min }} {{ ['b', 'A'] | min(case_sensitive=true) }} {{ people | max(attribute='age') }} {{ [] | min }}| {{ items | sum }} {{ people | sum(attribute='age') }} {{ [1.5, 2] | sum(start=10) }} {{ [] | sum }} {{ [[1], [2]] | sum(start=[]) }}
{{ ['a'] | sum }}
{{ 2.5 | round }} {{ 3.5 | round }} {{ 2.675 | round(2) }} {{ 42.55 | round(1, 'floor') }} {{ 42.51 | round(1, 'ceil') }} {{ 5 | round }} {{ 5 | round(1, 'ceil') }} {{ -2.5 | round }} {{ -0.4 | round }} {{ 1e300 | round }} {{ true | round }} {{ 7 | round(0, 'floor') }} {{ -1.5 | round(0, 'ceil') }}
{{ 2.5 | round(1, 'up') }}
{{ 'a b  c_d é1 x-y' | wordcount }} {{ '' | wordcount }} {{ 5 | wordcount }} {{ "it's" | wordcount }}
{{ 'foo bar baz qux' | truncate(9) }} {{ 'foo bar baz qux' | truncate(9, true) }} {{ 'foo bar baz qux' | truncate(11) }} {{ 'foo bar baz qux' | truncate(11, false, '...', 0) }} {{ 'foobarbaz' | truncate(5, leeway=0) }} {{ 'äöü äöü äöü' | truncate(6, true, '…', 0) }} {{ 'ab' | truncate }}
{{ 'abc' | truncate(2) }}
{{ 'ab' | center(6) }}| {{ 'ab' | center(5) }}| {{ 7 | center(3) }}|
{{ 'a\r\nb\x0bc' | indent }} {{ 'a\n\nb' | indent(2, true, true) }} {{ '' | indent(2, true) }}| {{ '\na' | indent(1) }}
{{ 5 | indent }}
{{ '0x1f' | int(base=16) }} {{ '1f' | int(0, 16) }} {{ '0b11' | int(base=2) }} {{ '0o17' | int(base=0) }} {{ '1_000' | int }} {{ '1__0' | int(7) }} {{ '+5' | int }} {{ '1e3' | int }} {{ 'inf' | int(9) }} {{ '' | int }} {{ '012' | int }} {{ '٣' | string }} {{ [] | int(4) }} {{ '-0' | int }} {{ ' 7\n' | int }}
{{ '1e3' | float }} {{ 'inf' | float }} {{ 'NaN' | float }} {{ '-1_0.5' | float }} {{ '1.' | float }} {{ '.5' | float }} {{ 'e5' | float(1.5) }} {{ '0x1p3' | float }} {{ none | float(2) }}
{{ '<a href="x">\'&' | e }} {{ '<' | escape | string }} {{ '<' | safe }} {{ '<' | e | e }} {{ '<' | e | forceescape }} {{ ('<' | e) ~ '<' }} {{ ('<' | e) + '<' }} {{ '<' + ('<' | safe) }} {{ ['<' | e] }} {{ ('<' | e) is escaped }} {{ ['<' | safe, '<'] | join }} {{ ('<' | safe) == '<' }} {{ ('<' | e) | length }}
{{ 'a b/ü?&=' | urlencode }} {{ {'a b': 'ü/', 'c': 1} | urlencode }} {{ [('x', 'y z')] | urlencode }} {{ 5 | urlencode }}
{{ map | attr('a') }}| {{ map | attr('items') is callable }} {{ namespace(a=1) | attr('a') }}
{{ people | map(attribute='tags.0') | list }} {{ people | map(attribute='tags.1', default='none') | list }} {{ [[1, 2], [3, 4]] | map(attribute=1) | list }} {{ people | selectattr('tags.0', 'eq', 'x') | map(attribute='name') | first }} {{ [{'a': {'b': 2}}] | map(attribute='a.b') | first }} {{ people | join(', ', attribute='tags.0') }}
{{ items | map('replace', 1, 'x') | list }} {{ ['a'] | map('indent', width=2) | list }}
{{ items | map('nofilter') | list }}
{{ 'upper' is filter }} {{ 'nofilter' is filter }} {{ 'pprint' is filter }} {{ 'odd' is test }} {{ 'notest' is test }} {{ 5 is filter }}
{{ 1 is in [1] }} {{ 'a' is in 'abc' }} {{ 2 is greaterthan 1 }} {{ 2 is lessthan 1 }} {{ 1 is == 1 }} {{ 1 is sameas 1 }} {{ items is sameas items }} {{ [] is sameas [] }} {{ true is sameas 1 }} {{ none is number }} {{ true is number }} {{ 'x' is escaped }} {{ 9 is divisibleby(3) }} {{ 1.5 is divisibleby(0.5) }} {{ range is callable }} {{ word.upper is callable }}
{{ 5 is divisibleby 0 }}
{{ 1 is none(2) }}
{{ word | join(sep=', ') }}
{{ word | trim(1) }}
{{ word | upper(1) }}
{{ word.split(x=1) }}
{{ word.strip(chars='h') }}
{{ raise_exception() }}
{{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ 1_000 }} {{ 1e2 }} {{ 1.5e-3 }} {{ 0xff_ff }} {{ 00 }}
{{ 1 % -1.0 }} {{ -4 % 2.0 }} {{ 2.5 // 0.1 }} {{ -7.5 // 2 }} {{ 7.5 % -2 }} {{ -0.0 // 3 }} {{ 1e308 * 10 }} {{ -1e308 * 10 }} {{ 2 ** 0.5 }} {{ 10 ** -2 }} {{ 5 // 0.3 }}
{{ 'ab' * -1 }}| {{ [0] * 3 }} {{ (1, 2) * 2 }} {{ 'é' * 3 }} {{ true * 'x' }}
{{ (1, 2) < (1, 3) }} {{ [1] == (1,) }} {{ {'a': 1} == {'a': 1.0} }} {{ 'a' in {'a': 1} }} {{ (1, 2) in {(1, 2): 3} }} {{ none == false }} {{ '' == missing }} {{ missing == missing }}
{{ [1] < (1,) }}
{{ {[1]: 2} }}
{{ {'a': 1, 'a': 2, 'b': 3} }} {{ {1: 'a', true: 'b', 1.0: 'c'} }}
{{ 'a' if false }}| {{ ('a' if false) is defined }} {{ 1 if true else 2 if true else 3 }} {{ ('a' if false else none) is none }}
{{ not true and false }} {{ not (true and false) }} {{ true and not false or false }} {{ 1 < 2 and 2 < 3 }} {{ 1 < 2 == true }} {{ 3 > 2 > 1 < 5 }} {{ 1 in [1] == true }}
{{ word[1:4:2] }} {{ wide[::-2] }} {{ items[5:] }} {{ word[-3:-1] }} {{ items[:-5] }} {{ (1, 2, 3)[::-1] }} {{ word[10:2:-3] }} {{ word[true:] }}
{{ map[1:] }}
{{ word[none:2] }}|{{ word['x'] }}|{{ word[1.5] }}|{{ items['0'] }}|{{ items[none] }}|
{{ people[0]['tags'][-1] }} {{ people | first | attr('x') }}| {{ (people | last).name }} {{ people[5] }}|
{{ 'x' if word is defined if word }}
{{ 1.0.x }}|{{ true.x }}|{{ (5).x }}|{{ 'a'.x }}|{{ [].x }}|{{ none.x }}
{{ 'a' is string is true }}
{% set x = namespace(a=1) %}{% set x.a, y = 5, 6 %}{{ x.a }}{{ y }}
{% set items.x = 1 %}
{% raw %}{{ {% raw %} }}{% endraw %}{{ '{% endraw %}' }}
{%- macro m() -%}  a  {%- endmacro -%}  {{- m() -}}  b
{% autoescape true %}x{% endautoescape %}
{% do items %}
{% trans %}x{% endtrans %}
{{ caller() }}
{{ varargs }}|{{ kwargs }}|{{ caller }}
{{ super() }}
{{ self }}
{{ loop.index }}
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

VARIABLES = {
    "word": "hello", "wide": "aé東🗼", "number": 5, "items": [1, 2, 3], "map": {"a": 1, "b": [True, None], "c": "x"},
    "people": [{"name": "Al", "age": 20, "tags": ["x", "y", "z"]}, {"name": "Bo", "age": 30, "tags": []}],
    "nested": [1, [2, [3]], [[4]]], "greek": "ΟΔΟΣ ΣΑΣ", "mixed": ["b", "A", "a", "B"],
}

# What Python's str says about characters; rendered with `text`, a few thousand of them.
CHARACTERS = [
    "{{ text.upper() }}", "{{ text.lower() }}", "{{ text.casefold() }}", "{{ text.swapcase() }}", "{{ (text | list | join(' ')).title() }}",
    "{{ text | list | join(' ') | title }}", "{{ [text] }}", "{{ text | wordcount }}",
    "{% for c in text %}{{ 1 if c.isalpha() else 0 }}{% endfor %}", "{% for c in text %}{{ 1 if c.isalnum() else 0 }}{% endfor %}",
    "{% for c in text %}{{ 1 if c.isdecimal() else 0 }}{% endfor %}", "{% for c in text %}{{ 1 if c.isdigit() else 0 }}{% endfor %}",
    "{% for c in text %}{{ 1 if c.isnumeric() else 0 }}{% endfor %}", "{% for c in text %}{{ 1 if c.isspace() else 0 }}{% endfor %}",
    "{% for c in text %}{{ 1 if c is lower else 0 }}{% endfor %}", "{% for c in text %}{{ 1 if c is upper else 0 }}{% endfor %}",
    "{% for c in text %}{{ 1 if c.istitle() else 0 }}{% endfor %}", "{% for c in text %}{{ ('aΣ' ~ c).lower()[1] }}{% endfor %}",
    "{% for c in text %}{{ ('a' ~ c ~ 'Σ').lower()[-1] }}{% endfor %}", "{{ text.split() | length }}", "{{ text.splitlines() | length }}",
    "{{ text | tojson(ensure_ascii=true) | length }}",
]
