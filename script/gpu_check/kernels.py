# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The part of script/gpu-check that launches on the card what the tests of single kernels launched on the interpreter: kept launches
(test/ptx/record), made by the tests themselves when everything is prepared; what foreign compilers make of the interpreter's oracle
functions is among them, with the host's results."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import statistics
import subprocess

PROGRAMS = ("test-ptx-linear", "test-ptx-rows", "test-ptx-attention", "test-ptx-conditional", "test-ptx-probes", "test-ptx-oracle")
QUICK = {"test-ptx-probes": "*Bf16*:*CopiesAll*", "test-ptx-oracle": "PtxApproximate*"}
SECONDS = 900
# Products of halves may be summed in another order, and what is narrowed to bf16 again may fall to its neighbour: a share of 2^-8.
NEAR = 2.0**-8
# Of approximate functions the ISA's document promises 2 ulp at most where it gives a bound.
PROCESSES = 8


def record_one(build, folder, name, test_filter):
    """What went wrong, or None."""
    program = build / "bin" / name
    if not program.exists():
        return f"{name} is not built"
    command = [program, f"--gtest_filter={test_filter}"]
    environment = {**os.environ, "LMOPT_RECORD_KERNELS": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS)
    return f"{name}: exit {done.returncode}" if done.returncode else None


def record(models):
    """Keeps the launches of all tests in the folder of the models, unless those of the same programs are there; what failed."""
    folder, stamp = models.folder / "kernels", hashlib.sha256()
    chosen = QUICK if models.quick else dict.fromkeys(PROGRAMS, "*")
    present = [name for name in chosen if (models.build / "bin" / name).exists()]
    for name in present:
        stamp.update((models.build / "bin" / name).read_bytes() + chosen[name].encode())
    if not present or models.list.get("kernels") == stamp.hexdigest():
        return []
    for old in folder.glob("*.launch"):
        old.unlink()
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        failed = [each for each in pool.map(lambda name: record_one(models.build, folder, name, chosen[name]), chosen) if each]
    models.list["kernels"] = stamp.hexdigest()
    models.list["kernels_failed"] = failed
    return failed


def check_line(part, line):
    if line["must_be_equal"]:
        part.check(f"{line['file']}: {line['words_differ']} of {line['words']} words differ", line["words_differ"] == 0)
    else:
        part.at_most(f"{line['file']}: rms", line.get("rms_share", 0 if line["words_differ"] == 0 else 1), NEAR)


def summarize(lines):
    """One row for what must be equal and one for the rest."""
    for equal in (True, False):
        own = [line for line in lines if line["must_be_equal"] == equal]
        if own:
            yield {"must_be_equal": equal, "launches": len(own), "words": sum(line["words"] for line in own),
                   "words_differ": sum(line["words_differ"] for line in own),
                   "max_share": max(line.get("max_share", 0) for line in own),
                   "ulps_0_1_2_8_more": [sum(column) for column in zip(*(line["ulps"] for line in own))]}


def kernels(part, context, programs):
    folder = context.models.folder / "kernels"
    if not any(folder.glob("*.launch")):
        return part.skip("no launches were kept: the tests of kernels were not built when this was prepared")
    for failed in context.models.list.get("kernels_failed", []):
        part.skip(failed)
    shares = 1 if context.card["interpreter"] else PROCESSES
    with concurrent.futures.ThreadPoolExecutor(shares) as pool:
        outputs = list(pool.map(lambda i: programs.run(*programs.command("gpu-replay"), folder, "--device", "cuda", "--share", f"{i}/{shares}"),
                                range(shares)))
    lines = sorted((json.loads(line) for output in outputs for line in output.splitlines()), key=lambda line: line["file"])
    for line in lines:
        check_line(part, line)
    pathlib.Path(context.out / "kernels.json").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")
    part.rows = [*summarize(lines), *[line for line in lines if line["must_be_equal"] and line["words_differ"]][:20]]
    times = [line["load_ms"] for line in lines if "load_ms" in line]
    part.summary = f"{len(lines)} launches, {sum(line['words_differ'] for line in lines)} of {sum(line['words'] for line in lines)} words " \
                   f"differ; a text is loaded in {statistics.median(times):.1f} ms (median), {max(times):.0f} (longest)"
    return None
