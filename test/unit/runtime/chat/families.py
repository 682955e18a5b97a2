# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Conversations for the templates of model families, for make_corpus.py."""


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
