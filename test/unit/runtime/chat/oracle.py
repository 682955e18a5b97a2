# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The oracle of the chat tests: the function behind apply_chat_template of transformers, with a stopped clock.

transformers 5.24 with Jinja2 3.1.6 and Python 3.11 (letters of Unicode 14); needs these two packages, and no model.
"""
import datetime

import jinja2
import transformers
import transformers.utils.chat_template_utils as template_utils

VERSIONS = f"{transformers.__version__}, jinja2 {jinja2.__version__}"
NOW = 1767323045  # Friday, 2026-01-02 03:04:05 on the clock on the wall


class StoppedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=NOW)


template_utils.datetime = StoppedClock
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def apply(template, messages, add_generation_prompt=False, continue_field=None, **variables):
    """The text of apply_chat_template(tokenize=False) for a tokenizer that has TOKENS; raises where it does."""
    if not messages:
        raise ValueError("empty conversation")
    messages = template_utils._normalize_chat_messages(messages)
    if continue_field and add_generation_prompt:
        raise ValueError("not both")
    rendered, _ = template_utils.render_jinja_template(
        [messages], chat_template=template, add_generation_prompt=add_generation_prompt,
        continue_final_message=continue_field or False, **{**TOKENS, **variables})
    return rendered[0]


def render(template, variables):
    """The text, or None where transformers fails (then we only ask for an error)."""
    try:
        return apply(template, **variables)
    except Exception:  # every kind of failure counts as one
        return None
