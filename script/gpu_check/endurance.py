# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parts of script/gpu-check that watch processes: time to open, many steps, two at once, NVIDIA's sanitizer."""
import os
import pathlib
import re
import shutil
import statistics

from gpu_check import models
from gpu_check.models import DEVICE
from gpu_check.programs import Failure

STEPS, QUICK_STEPS = 2000, 132
WALKED_STEPS = 10000  # the hunt for hangs: a launch whose blocks wait for one another, so many times
PERSISTENT = {"LMOPT_CUDA_PERSISTENT": "1"}
OPENINGS = 3
SANITIZER = "/usr/local/cuda/bin/compute-sanitizer"  # where NVIDIA's packages put it, off PATH


def runs_here(architecture, capability, is_cubin):
    """A text for sm_80 runs on what came later, too; one for sm_90a and cubins run on their own kind only."""
    own = int(re.sub(r"\D", "", architecture))
    if architecture.endswith("a"):
        return own == capability
    return own // 10 == capability // 10 and own <= capability if is_cubin else own <= capability


def subject(context):
    name, recipe = models.SUBJECT
    fixture = context.models.fixture(name)
    return f"{name}-{recipe}", max(fixture.sequences(), key=len), fixture.width


def open_one(programs, model, rounds):
    """Milliseconds of whole processes with one step: the first finds the driver's cache of translations empty, the next does not."""
    times = []
    for index in range(rounds):
        cache = programs.work / f"cache-{model.name}-{index}"
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir()
        own = programs.variant("open", CUDA_CACHE_PATH=str(cache))
        times.append([1e3 * own.seconds(model, [[1]], *DEVICE) for _ in range(2)])
    return [round(statistics.median(column), 1) for column in zip(*times)]


def opening(part, context, programs):
    key, _, _ = subject(context)
    names = [(f"{key}.{arch}.{kind}.so", arch, kind) for arch in models.ARCHITECTURES for kind in ("ptx", "cubin")]
    names += [(f"{name}-{recipe}.gpu.so", "both", "ptx") for name, recipe in ([] if context.quick else models.REAL)]
    for name, architecture, kind in names:
        path = context.models.path(name)
        if architecture != "both" and not runs_here(architecture, context.card["capability"], kind == "cubin"):
            part.skip(f"{architecture} {kind} is for other cards")
        elif not path:
            if kind == "cubin" and not context.models.list["failed"].get(name):
                part.skip(f"no {architecture} cubin: it was prepared without ptxas")
            elif architecture != "both":
                part.attempt(name, lambda n=name: context.models.needed(n))
        else:
            rounds = 1 if context.quick or architecture == "both" else OPENINGS  # a real model takes seconds
            times = part.attempt(name, lambda p=path, r=rounds: open_one(programs, p, r))
            if times:
                part.check(name, True)
                part.rows.append({"artifact": name, "architecture": architecture, "kind": kind,
                                  "first_ms": times[0], "second_ms": times[1]})
    part.summary = ", ".join(f"{row['architecture']} {row['kind']} {row['first_ms']:.0f} and {row['second_ms']:.0f} ms"
                             for row in part.rows if row["architecture"] != "both")


def repeated(part, what, values, one, times):
    """Each repetition has the bits of the first one."""
    bits, size = values.tobytes(), 4 * one
    part.check(f"{what}: {len(bits)} bytes", len(bits) == times * size)
    differ = [i for i in range(times) if bits[i * size:(i + 1) * size] != bits[:size]]
    part.check(f"{what}: other bits in repetition {differ[:3]} of {times}", not differ)


def hunt(part, context, programs, gpu, sequence, options, expected):
    """Steps of the persistent kernel: none hangs, all have the bits of recorded ones. How many."""
    times = -(-(QUICK_STEPS if context.quick else WALKED_STEPS) // len(sequence))
    own, steps = programs.variant("walked", **PERSISTENT), times * len(sequence)
    values = own.dump(gpu, [sequence] * times, *options)
    part.check(f"{steps} steps in one launch each: other bits than recorded ones", values.tobytes()[:len(expected)] == expected)
    repeated(part, f"{steps} steps in one launch each", values, len(expected) // 4, times)
    part.rows.append({"model": subject(context)[0], "steps": steps, "persistent": True})
    return steps


def endurance(part, context, programs):
    key, sequence, width = subject(context)
    times = -(-(QUICK_STEPS if context.quick else STEPS) // len(sequence))
    options, one = [*DEVICE, "--split", "1"], len(sequence) * width
    gpu = context.models.needed(f"{key}.gpu.so")
    begun = programs.dump(gpu, [sequence] * times, *options)
    steps = times * len(sequence)
    repeated(part, f"{steps} steps", begun, one, times)
    both = programs.dump_twice_at_once(gpu, [sequence] * times, *options)
    for index, values in enumerate(both):
        part.check(f"process {index} of two at once: other bits", values.tobytes() == begun.tobytes())
    part.rows.append({"model": key, "steps": steps, "processes": [1, 2]})
    walked = hunt(part, context, programs, gpu, sequence, options, begun.tobytes()[:4 * one])
    large = None if context.quick else context.models.path("smollm2-int8.gpu.so")
    if large:
        text = models.real_sequences(context.root, "smollm2")[0]
        times = -(-STEPS // len(text))
        last = programs.dump(large, [text] * times, *options, "--first", len(text) - 1)
        repeated(part, f"{times * len(text)} steps of smollm2-int8", last, len(last) // times, times)
        part.rows.append({"model": "smollm2-int8", "steps": times * len(text), "processes": [1]})
    part.summary = f"{part.rows[-1]['steps']} steps with the same bits each time, {walked} in one launch each, two processes at once"


def sanitizer(part, context, programs):
    tool = shutil.which("compute-sanitizer") or (SANITIZER if os.path.exists(SANITIZER) else None)
    if not tool:
        return part.skip("compute-sanitizer is missing: neither on PATH nor in /usr/local/cuda/bin")
    if context.card["interpreter"]:
        return part.skip("compute-sanitizer watches cards only")
    key, sequence, _ = subject(context)
    gpu = context.models.needed(f"{key}.gpu.so")
    for kind in ("memcheck", "racecheck"):
        command, _ = programs.dump_command(gpu, [sequence], *DEVICE, "--split", "16,1")
        log = pathlib.Path(context.out) / f"{kind}.log"
        watch = [tool, "--tool", kind, "--error-exitcode", "99", "--log-file", log]
        try:
            programs.run(*watch, *command)
            fault = ""
        except Failure as failed:
            fault = str(failed)
        text = log.read_text(encoding="utf8", errors="replace") if log.exists() else ""
        counts = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: (\d+)", text)
        if not counts:  # it says so at the end of whatever it can watch
            part.skip(f"{kind} of compute-sanitizer does not work here: {(text.strip().splitlines() or [fault or 'it says nothing'])[-1][:200]}")
            continue
        part.check(f"{kind}: {fault or f'{counts[-1]} errors'}", not fault and not int(counts[-1]))
        part.rows.append({"tool": kind, "errors": int(counts[-1])})
    part.summary = ", ".join(f"{row['tool']} {row['errors']} errors" for row in part.rows)
    return None
