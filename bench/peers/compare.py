#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs lmopt and its peers in turns, each in a process of its own, so that all see the same machine, and prints the best
of all rounds as a markdown table, with each rate's ratio to the best peer.

Usage: compare.py DIR decoder|encoder --lmopt build/bin/lmopt --artifact NAME=M.so... [--threads T] [--rounds R]
                  [--peer NAME]...
DIR is what bench/peers/setup filled; its virtual environment runs the peers, this program needs Python alone. A peer that is
not there, or fails, is named with the reason below the table.
"""
import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys

RATES = {"decoder": ["pp512", "tg64"], "encoder": ["1x16", "1x128", "32x128"]}
ENGINE = pathlib.Path(__file__).with_name("engine.py")


@dataclasses.dataclass
class Entry:
    name: str
    command: list
    ours: bool
    best: dict = dataclasses.field(default_factory=dict)
    problem: str = ""
    also: tuple = ()  # more commands of this entry, each with the figures to take from it


def ours(lmopt, artifacts, threads):
    return [Entry(f"lmopt {name}", [lmopt, "bench", path, "--threads", str(threads), "--format", "json"], True)
            for name, path in artifacts.items()]


def peers(folder, kind, threads, only=()):
    """Entries for all peers of one kind; those that are missing carry the reason."""
    python = folder / "venv/bin/python"
    if not python.exists():
        sys.exit(f"{python} is not there: run bench/peers/setup {folder}")
    listed = subprocess.run([python, ENGINE, folder, "--list", "--kind", kind], check=True, text=True, capture_output=True)
    entries = []
    for line in listed.stdout.splitlines():
        found = json.loads(line)
        if not only or found["name"] in only:
            command = [python, ENGINE, folder, found["name"], "--threads", str(threads)]
            entries.append(Entry(found["name"], command, False, problem=found["missing"]))
    return entries


def run_once(entry):
    """A process for each command; rates only grow, figures such as open_ms only shrink."""
    for command, keys in [(entry.command, None), *entry.also]:
        done = subprocess.run(command, text=True, capture_output=True)
        if done.returncode:
            message = (done.stderr.strip().splitlines() or ["no message"])[-1]
            entry.problem = f"ended with {done.returncode}: {message}"
            return
        for key, value in json.loads(done.stdout.strip().splitlines()[-1]).items():
            if not isinstance(value, dict) and (keys is None or key in keys):  # of lmopt also what they were measured on
                better = min if key.endswith(("_ms", "_mb")) else max
                entry.best[key] = better(value, entry.best.get(key, value))


def measure(entries, rounds, before_round=lambda: None):
    for number in range(rounds):
        before_round()
        for entry in entries:
            if not entry.problem:
                print(f"round {number + 1} of {rounds}: {entry.name}", file=sys.stderr)
                run_once(entry)


def table(title, kind, entries):
    """Markdown: rates, each with its ratio to the best peer (none without peers), then what was not measured and why."""
    keys = RATES[kind]
    measured = [entry for entry in entries if all(key in entry.best for key in keys)]
    top = {key: max((e.best[key] for e in measured if not e.ours), default=None) for key in keys}
    with_ratio = any(not entry.ours for entry in measured)
    cells = [title] + [cell for key in keys for cell in ([key, "to best peer"] if with_ratio else [key])]
    lines = ["| " + " | ".join(cells) + " |", "|---" * len(cells) + "|"]
    for entry in measured:
        cells = [f"**{entry.name}**" if entry.ours else entry.name]
        for key in keys:
            cells.append(f"{entry.best[key]:.4g}")
            if with_ratio:
                cells.append(f"{entry.best[key] / top[key]:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    missing = [f"- {entry.name}: {entry.problem}" for entry in entries if entry.problem]
    if missing:
        lines += ["", "Not measured:", ""] + missing
    return "\n".join(lines) + "\n"


def named_path(text):
    name, _, path = text.partition("=")
    if not path:
        raise argparse.ArgumentTypeError(f"expected NAME=M.so, found '{text}'")
    return name, path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", type=pathlib.Path)
    parser.add_argument("kind", choices=RATES)
    parser.add_argument("--lmopt", default="build/bin/lmopt")
    parser.add_argument("--artifact", type=named_path, action="append", default=[])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", action="append", default=[], help="only this peer; may be repeated")
    args = parser.parse_args()
    entries = ours(args.lmopt, dict(args.artifact), args.threads)
    entries += peers(args.folder.resolve(), args.kind, args.threads, args.peer)
    measure(entries, args.rounds)
    print(table(f"{args.kind}, {args.threads} threads", args.kind, entries), end="")
    sys.exit(any(entry.ours and entry.problem for entry in entries))


if __name__ == "__main__":
    main()
