# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parts of script/gpu-check that compare numbers: fixtures with the interpreter and with CPUs, real models with CPUs, and their speed."""
import concurrent.futures
import json
import math
import os

import common

from gpu_check import compare, models, speed
from gpu_check.models import DEVICE
from gpu_check.programs import Failure

# Of the largest number in f32, of the root mean square else: the bounds of test/e2e/devices.py.
F32_LIMIT, CODES_LIMIT = 1e-4, 0.02
# Of 30 layers more codes flip. SmolLM2 over the interpreter, 14 tokens: rms 0.019 in int8, 0.032 in native, 0.006 in bf16; mean
# divergence 0.0022, 0.0064, 0.0002; the best token always the same.
REAL_LIMIT = 0.05
# The card has tensor cores with a rounding of their own, and as many multiprocessors as it likes: near, and the bits are counted.
KL_LIMIT, SAME_BEST, COSINE = 0.02, 0.95, 0.999


def near(part, what, recipe, figures, limit=CODES_LIMIT):
    if recipe == "f32":
        part.at_most(what, figures["max_share"], F32_LIMIT)
    else:
        part.at_most(what, figures["rms_share"], limit)


def pieces_of(fixture):
    """A prompt at once; of decoders then in pieces, the last of single tokens."""
    return ([], ["--split", "9,1"]) if fixture.decoder else ([],)


def cpu_values(context, programs, key, sequences, split, *options):
    """What the artifact for CPUs makes of them; where that was left behind, what it made when all was packed (keep_cpu)."""
    kept = context.models.path(kept_name(key, split))
    if kept and not context.models.path(f"{key}.cpu.so"):
        return common.read_floats(kept)
    return programs.dump(context.models.needed(f"{key}.cpu.so"), sequences, *split, *options)


def kept_name(key, split):
    return f"{key}.{'pieces' if split else 'whole'}.f32"


def keep_cpu(context, programs):
    """Writes what artifacts for CPUs make of all that is compared with them; what failed. They themselves need not be carried then."""
    wanted = [(f"{name}-{recipe}", context.models.fixture(name).sequences(), split) for name, recipe in context.models.fixtures()
              for split in pieces_of(context.models.fixture(name))]
    failed = []
    for key, sequences, split in wanted:
        kept = context.models.folder / kept_name(key, split)
        kept.unlink(missing_ok=True)
        try:
            kept.write_bytes(cpu_values(context, programs, key, sequences, split).tobytes())
        except Failure as fault:
            failed.append(f"{key} on the CPU: {fault}")
    return failed


def compare_fixture(part, context, programs, name, recipe):
    fixture, key = context.models.fixture(name), f"{name}-{recipe}"
    gpu = context.models.needed(f"{key}.gpu.so")
    own = programs.variant(key)
    interpreter = programs.variant(f"{key}-interpreted", LMOPT_LIBCUDA=str(context.interpreter),
                                   FAKE_CUDA_SM=str(context.card["capability"]))
    for split in pieces_of(fixture):
        found = own.dump(gpu, fixture.sequences(), *DEVICE, *split)
        row = {"model": name, "recipe": recipe, "pieces": split[-1] if split else "whole"}
        for other, values in (("interpreter", interpreter.dump(gpu, fixture.sequences(), *DEVICE, *split)),
                              ("cpu", cpu_values(context, own, key, fixture.sequences(), split))):
            row[other] = compare.differences(found, values)
            near(part, f"{key} {row['pieces']} from the {other}", recipe, row[other])
        part.rows.append(row)


def fixtures(part, context, programs):
    wanted = context.models.fixtures()
    workers = min(4, len(os.sched_getaffinity(0)))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(part.attempt, f"{name}-{recipe}", lambda n=name, r=recipe: compare_fixture(part, context, programs, n, r))
                for name, recipe in wanted]
        for job in jobs:
            try:
                job.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)  # the time is over for all
                raise
    part.rows.sort(key=lambda row: (row["model"], row["recipe"], row["pieces"]))
    differ = sum(row["interpreter"].get("bits_differ", 0) for row in part.rows)
    values = sum(row["interpreter"]["values"] for row in part.rows)
    part.summary = f"{len(wanted)} models, {differ} of {values} values differ in bits from the interpreter"


def compare_real(part, context, programs, name, recipe):
    key, sequences = f"{name}-{recipe}", models.real_sequences(context.root, name)
    gpu = context.models.needed(f"{key}.gpu.so")
    split = ["--split", "100,1"] if name == "smollm2" else []
    threads = ["--threads", len(os.sched_getaffinity(0))]
    found = programs.dump(gpu, sequences, *DEVICE, *split)
    expected = cpu_values(context, programs, key, sequences, split, *threads)
    row = {"model": name, "recipe": recipe, "cpu": compare.differences(found, expected)}
    part.rows.append(row)
    near(part, f"{key} from the CPU", recipe, row["cpu"], REAL_LIMIT)
    if not math.isfinite(row["cpu"]["rms_share"]):
        return row  # the check above says so
    if name == "minilm":
        row["least_cosine"] = compare.least_cosine(found, expected, len(sequences))
        part.check(f"{key}: cosine {row['least_cosine']:.6f} < {COSINE}", row["least_cosine"] >= COSINE)
    else:
        row.update(compare.distributions(found, expected, len(sequences[0])))
        part.at_most(f"{key}: mean divergence", row["kl_mean"], KL_LIMIT)
        part.check(f"{key}: the same best token in {row['same_best']:.1%} of places", row["same_best"] >= SAME_BEST)
    return row


def measure(programs, context, name, recipe, row):
    """Medians of three runs of `lmopt bench`, each of which takes the best of its own repeats; a decoder's in all ways to launch."""
    gpu = context.models.needed(f"{name}-{recipe}.gpu.so")
    if name != "smollm2":
        runs = [json.loads(programs.lmopt("bench", gpu, *DEVICE, "-r", "3", "--format", "json")) for _ in range(3)]
        row["bench"] = compare.medians([speed.numbers_of(run) for run in runs])
        return
    row.update(speed.figures_of(context, programs, f"{name}-{recipe}", gpu, 512, 2048))
    row["bench"] = row["graph"]


def real(part, context, programs):
    if context.quick:
        return part.skip("SmolLM2 and MiniLM are left out by --quick")
    for name, recipe in models.REAL:
        if not context.models.path(f"{name}-{recipe}.gpu.so"):
            failed = context.models.list["failed"].get(f"{name}-{recipe}.gpu.so")
            if failed:
                part.check(f"{name}-{recipe}: {failed}", False)
            else:
                part.skip(f"{name}-{recipe} is not there")
            continue
        row = part.attempt(f"{name}-{recipe}", lambda n=name, r=recipe: compare_real(part, context, programs, n, r))
        if row:
            part.attempt(f"{name}-{recipe} bench", lambda n=name, r=recipe, w=row: measure(programs, context, n, r, w))
    part.summary = f"{len(part.rows)} models"
    return None
