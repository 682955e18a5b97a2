# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Conversations for the templates of model families, for make_corpus.py: name -> variables of the template."""


def say(*pairs):
    return {"messages": [{"role": role, "content": content} for role, content in pairs]}


def call(name, arguments, id="abcdef123"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Weather <of> a \"city\"", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 3}}, "required": ["city"]}}},
    {"type": "function", "function": {"name": "größe", "description": "Größe & more", "parameters": {
        "type": "object", "properties": {
            "unit": {"type": "string", "enum": ["m", "ft"]}, "path": {"type": "array", "items": {"type": "number"}},
            "either": {"type": ["string", "null"]}, "deep": {"type": "object", "properties": {"flag": {"type": "boolean", "nullable": True}}},
            "table": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "integer"}}}, "free": {}}}}},
]
ASK = {"role": "user", "content": "Weather in Oslo?"}
RESULT = {"role": "tool", "content": "{\"celsius\": -3}", "tool_call_id": "abcdef123"}
OSLO = call("weather", {"city": "Oslo", "days": 1.5, "exact": True, "unit": None})

# Texts alone: with and without the prompt of the answer.
PLAIN = {
    "one": say(("user", "Hi")),
    "system": say(("system", "Be brief."), ("user", "What is 2+2?")),
    "turns": say(("user", "  Hello there \n"), ("assistant", " Hi! "), ("user", "How are you?\n\n")),
    "system-turns": say(("system", "You are a pirate."), ("user", "Ahoy"), ("assistant", "Arr"), ("user", "Again")),
    "unicode": say(("user", "Grüße aus 東京 🗼\u00a0"), ("assistant", "<think>hm\n</think>\n\nÉtè {{ x }}"), ("user", "{% if %}")),
    "unordered": say(("assistant", "I begin"), ("assistant", "and go on"), ("user", "stop")),
    "empty-content": say(("user", ""), ("assistant", "")),
    "quotes": say(("system", "'\"\\"), ("user", "a\tb\r\nc")),
    "zero": say(("user", "before\0behind"), ("assistant", "\0"), ("user", "<&>")),
}

# Everything else that a host passes.
RICH = {
    "tools": {**say(("user", "Hi")), "tools": TOOLS},
    "tools-system": {**say(("system", "Be brief."), ("user", "Hi"), ("assistant", "Ho"), ("user", "Weather?")), "tools": TOOLS},
    "tools-none": {**say(("user", "Hi")), "tools": None, "documents": None},
    "tools-empty": {**say(("user", "Hi")), "tools": []},
    "tools-apart": {**say(("system", "S"), ("user", "Hi")), "tools": TOOLS[:1], "tools_in_user_message": False},
    "custom-tools": {**say(("user", "Hi")), "custom_tools": TOOLS[:1], "builtin_tools": ["search", "code"], "date_string": "26 Jul 2024"},
    "call": {"tools": TOOLS, "messages": [ASK, {"role": "assistant", "content": None, "tool_calls": [OSLO]}]},
    "call-result": {"tools": TOOLS[:1], "messages": [ASK, {"role": "assistant", "content": "", "tool_calls": [OSLO]}, RESULT]},
    "call-answer": {"tools": TOOLS[:1], "messages": [ASK, {"role": "assistant", "tool_calls": [OSLO], "content": "Let me see."}, RESULT,
                                                     {"role": "assistant", "content": "Cold."}, {"role": "user", "content": "Thanks"}]},
    "two-calls": {"tools": TOOLS, "messages": [
        {"role": "system", "content": "Be brief."}, ASK, {"role": "assistant", "content": "Two:", "tool_calls": [OSLO, call("größe", {"path": [1, 2.5e20]}, "zyxwvu987")]},
        RESULT, {"role": "tool", "content": "tall", "tool_call_id": "zyxwvu987"}]},
    "call-as-text": {"messages": [ASK, {"role": "assistant", "content": "", "tool_calls": [call("weather", "{\"city\": \"Oslo\"}")]}, RESULT]},
    "call-bad-id": {"messages": [ASK, {"role": "assistant", "content": "", "tool_calls": [call("weather", {}, "short")]}, RESULT]},
    "builtin-call": {"builtin_tools": ["weather"], "messages": [ASK, {"role": "assistant", "tool_calls": [call("weather", {"city": "Oslo", "unit": "C"})]}]},
    "reasoning": {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "reasoning_content": "\nadd\n", "content": "4"},
                               {"role": "user", "content": "3+3?"}, {"role": "assistant", "reasoning_content": "again", "content": "6"}]},
    "thinking": {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "thinking": "add", "content": "4"}]},
    "thinking-call": {"tools": TOOLS[:1], "messages": [ASK, {"role": "assistant", "reasoning": "look", "tool_calls": [OSLO]}, RESULT]},
    "thinking-inline": {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "<think>\nadd\n</think>\n\n4"}]},
    "thinking-off": {**say(("system", "Be brief."), ("user", "Hi")), "enable_thinking": False},
    "thinking-on": {**say(("system", "Be brief. /no_think"), ("user", "Hi"), ("assistant", "\nHo")), "enable_thinking": True},
    "override": say(("system", "/system_override Just this. "), ("user", "Hi")),
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": " See "}, {"type": "image"}, {"type": "text", "text": "this"}]}]},
    "parts-system": {"messages": [{"role": "system", "content": [{"type": "text", "text": " Look. "}]},
                                  {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]},
                                  {"role": "assistant", "content": [{"type": "text", "text": "A cat"}]}]},
    "parts-unknown": {"messages": [{"role": "user", "content": [{"type": "smell"}]}]},
    "documents": {**say(("user", "Hi")), "documents": [{"title": "One", "text": "first\nline"}, {"text": "zwei ß"}], "controls": {"length": "short"}},
    "system-tools-field": {"messages": [{"role": "system", "content": "S", "tools": "[{}]"}, {"role": "user", "content": "Hi"}]},
    "roles": {**say(("developer", "D"), ("user", "Hi"), ("ipython", "out"), ("tool", "t")), "reasoning_effort": "high"},
    "null-fields": {"messages": [{"role": "user", "content": "Hi", "name": None, "tool_calls": None}, {"role": "assistant", "content": None}]},
}

# The final message is to be continued: which field, and what the template is given.
CONTINUED = {
    "answer": ("content", say(("user", "Name three."), ("assistant", "Salt, pepper and "))),
    "trimmed": ("content", say(("user", "Hi"), ("assistant", "Well,\n"))),
    "question": ("content", say(("user", "I want to know"))),
    "parts": ("content", {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b "}, {"type": "image"}]}]}),
    "reasoning": ("reasoning_content", {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "thinking": "let me", "content": ""}]}),
    "missing": ("thinking", say(("user", "Hi"))),
}

# No template decides these: what is no conversation.
REFUSED = {
    "no-messages": {"messages": []},
    "message-text": {"messages": ["Hi"]},
    "tools-text": {**say(("user", "Hi")), "tools": ["weather"]},
    "documents-text": {**say(("user", "Hi")), "documents": ["one"]},
}
