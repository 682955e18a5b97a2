#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model whose rotary angles depend on the length of the sequence (longrope), through the driver: perplexity of chunks below, at
and above the switch, generation that crosses it, and generation in a window that crosses it again and again.

Expected: what transformers computes from passes over whole sequences (stored); in the window what the model computes from the
tokens kept. Usage: lengths.py BIN_DIR FIXTURE_DIR RECIPE WORK_DIR
"""
import json
import sys

import common

SWITCH = 16
# Perplexity is exp of a mean of 200 differences of logits: the fixture's tolerance bounds each of them.
WINDOW, SINKS, GENERATED = 24, 2, 60


def check_eval(programs, model, expected, exact, checks):
    text = programs.work / "text.txt"
    text.write_bytes(expected["perplexity"]["text"].encode("utf8"))
    for entry in expected["perplexity"]["of"]:
        result = json.loads(programs.run("lmopt", "eval", model, "--text", text, "--ctx", entry["context"], "--reference", model,
                                         "--format", "json", "-t", 2))
        checks.equal(f"tokens in chunks of {entry['context']}", result["tokens"], entry["tokens"])
        difference = abs(result["ppl"] / entry["perplexity"] - 1)
        checks.at_most(f"perplexity in chunks of {entry['context']}", difference, 2 * expected["tolerance"] if exact else 0.05)
        checks.equal(f"divergence from itself in chunks of {entry['context']}", (result["kl"], result["top1"]), (0, 1))


def check_run(programs, model, expected, checks):
    wanted = expected["continuation"]
    found = json.loads(programs.run("lmopt", "run", model, "-p", wanted["text"], "-n", len(wanted["tokens"]), "--format", "json"))
    checks.equal("prompt", found["prompt_tokens"], wanted["ids"])
    checks.at_least("decided margins", min(wanted["margins"]), 2 * expected["tolerance"])
    checks.equal("continuation across the switch", found["tokens"], wanted["tokens"])


def check_window(programs, model, expected, checks):
    """When the window is full, the sinks and the latest half of the rest stay: the next token follows from those."""
    wanted = expected["continuation"]
    found = json.loads(programs.run("lmopt", "run", model, "-p", wanted["text"], "-n", GENERATED, "--window", WINDOW, "--sinks", SINKS,
                                    "--format", "json"))
    held, crossings = list(wanted["ids"]), 0
    for index, token in enumerate(found["tokens"]):
        logits = programs.dump(model, [held], "--first", len(held) - 1)
        checks.equal(f"token {index} in a window", token, common.best(logits))
        length = len(held)
        if len(held) == WINDOW:
            held = held[:SINKS] + held[len(held) - (WINDOW - SINKS) // 2:]
        held.append(token)
        crossings += (length > SWITCH) != (len(held) > SWITCH)
    checks.at_least("crossings of the switch", crossings, 5)


def main(bin_dir, folder, recipe, work):
    programs, checks = common.Programs(bin_dir, work), common.Checks()
    expected = common.load_json(common.pathlib.Path(folder) / "expected.json")
    model = programs.compile(folder, recipe, programs.work / "model.so")
    for path, facts in ((model, lambda r: r["manifest"]), (folder, lambda r: r)):
        told = facts(json.loads(programs.run("lmopt", "inspect", path, "--format", "json")))
        checks.equal(f"switch of {path}", (told["rope_switch"], told["config"]["rope_scaling"]), (SWITCH, "longrope"))
    check_eval(programs, model, expected, recipe == "f32", checks)
    if recipe == "f32":
        check_run(programs, model, expected, checks)
    check_window(programs, model, expected, checks)
    checks.finish()


if __name__ == "__main__":
    main(*sys.argv[1:5])
