# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The part of script/gpu-check that says which numbers the compiler should assume otherwise: kernels that do the same in other ways,
and ways to launch, each timed on the card (test/ptx/sweep).

In: lines of gpu-sweep; what other parts have measured of whole models. Out: for each number the value that the card wants, beside the one
that is assumed; for each product and number of rows the fastest kernel beside the one that is taken; for models the fastest way to
launch. Candidates that must leave the same bits are held to it.
"""
import json
import math
import statistics
import time

from gpu_check import models, speed
from gpu_check.table import NOISE

RESERVE = 5  # seconds for what comes behind gpu-sweep

#===--- Groups: ways to do the same ---===#

def groups_of(lines):
    """{group: {"assumed", "same_bits", "picks", "times": {candidate: microseconds}, "bits": {candidate: number}}}."""
    groups = {}
    for line in lines:
        if "microseconds" not in line:
            continue
        group = groups.setdefault(line["group"], {"assumed": line["assumed"], "same_bits": line["same_bits"], "picks": line["picks"],
                                                  "times": {}, "bits": {}})
        group["times"][line["candidate"]] = line["microseconds"]
        group["bits"][line["candidate"]] = line["bits"]
    return groups


def format_of(name):
    """The first word of a group."""
    return name.split()[0]


def row_of(name, group):
    times, assumed = group["times"], group["assumed"]
    best = min(times, key=times.get)
    gain = times[assumed] / times[best] if assumed in times else None
    return {"group": name, "assumed": assumed, "best": best, "gain": gain and round(gain, 3),
            "microseconds": {key: round(value, 2) for key, value in sorted(times.items(), key=lambda item: item[1])}}


def check_lines(part, lines):
    """What a card refuses is said by name; who leaves nothing, or other bits than its group, is wrong."""
    for line in lines:
        if "error" in line:
            part.skip(f"{line.get('group', line.get('file'))} {line.get('candidate', '')}: {line['error']}")
        elif "left_out" in line:
            part.skip(f"{line['left_out']} candidates: there was no time for them")
        else:
            part.check(f"{line['group']}, {line['candidate']}: nothing was left", line["is_written"])
    for name, group in groups_of(lines).items():
        if group["same_bits"]:
            part.check(f"{name}: other bits by {', '.join(others(group))} than by {next(iter(group['bits']))}", not others(group))


def others(group):
    first = next(iter(group["bits"].values()))
    return [candidate for candidate, bits in group["bits"].items() if bits != first]


#===--- Numbers that are assumed ---===#

def judge(number, wanted, groups):
    """Which value of the number products of a format want: the one whose picks are, over all groups that it decides, the nearest to the fastest
    (geometric mean). None where nothing that it decides was measured."""
    cases = []
    for name, group in groups.items():
        if format_of(name) != wanted:
            continue
        picks = group["picks"].get(number["name"], {})
        times = {int(value): group["times"][candidate] for value, candidate in picks.items() if candidate in group["times"]}
        if number["assumed"] in times and len(set(times.values())) > 1:
            cases.append(times)
    values = sorted(set.intersection(*map(set, cases))) if cases else []
    if len(values) < 2:
        return None
    behind = {value: math.exp(statistics.fmean(math.log(times[value] / min(times[v] for v in values)) for times in cases))
              for value in values}
    found, gain = min(values, key=behind.get), behind[number["assumed"]] / min(behind.values())
    return {"number": number["name"], "format": wanted, "file": number["file"], "assumed": number["assumed"],
            "found": found if gain >= NOISE else number["assumed"], "gain": round(gain, 3), "cases": len(cases),
            "behind_the_fastest": {str(value): round(mean, 3) for value, mean in behind.items()}}


#===--- Ways to launch ---===#

def launching(context, programs):
    """Of each model that was measured in all ways: tokens/s of one sequence and of several; of the subject where there is none."""
    if not context.figures:
        name, recipe = models.SUBJECT
        path = context.models.needed(f"{name}-{recipe}.gpu.so")
        speed.modes_of(context, programs, f"{name}-{recipe}", path, 8)
    rows = []
    for model, row in context.figures.items():
        for figure in row["graph"]:
            speeds = {mode: row[mode][figure] for mode in speed.MODES if figure in row[mode]}
            if figure.startswith("tg") and len(speeds) > 1:
                best = max(speeds, key=speeds.get)
                rows.append({"model": model, "figure": figure, "assumed": "graph", "best": best,
                             "gain": round(speeds[best] / speeds["graph"], 3), "tokens_per_second": speeds})
    return rows


def sweeps(part, context, programs):
    folder = context.models.folder / "candidates"
    if not (folder / "index.json").exists():
        return part.skip("no candidates were made: gpu-candidates was not built when this was prepared")
    seconds = max(1.0, min(programs.deadline - time.monotonic(), programs.patience) - RESERVE)
    brief = ["--brief"] if context.quick or context.card["interpreter"] else []
    output = programs.run(*programs.command("gpu-sweep"), folder, "--device", "cuda", "--seconds", f"{seconds:.1f}", *brief)
    lines = [json.loads(line) for line in output.splitlines()]
    check_lines(part, lines)
    groups = groups_of(lines)
    part.check("gpu-sweep measured something", bool(groups))
    numbers = json.loads((folder / "index.json").read_text(encoding="utf8"))["numbers"]
    formats = list(dict.fromkeys(map(format_of, groups)))
    found = [row for row in (judge(number, wanted, groups) for number in numbers for wanted in formats) if row]
    part.rows = [*found, *(row_of(name, group) for name, group in groups.items()), *launching(context, programs)]
    changed = [f"{row['number']} of {row['format']} {row['assumed']} -> {row['found']} ({row['gain']:.2f} x)" for row in found if row["found"] != row["assumed"]]
    meaning = "" if not context.card["interpreter"] else "(no card: this means nothing) "
    part.summary = f"{meaning}{len(groups)} groups, {sum(len(group['times']) for group in groups.values())} candidates; to change: " \
                   f"{', '.join(changed) or 'nothing'}"
    return None
