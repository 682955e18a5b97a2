#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""script/gpu-check without a card: over the fake driver (test/ptx/fake) all its parts hold, a part that fails is told and stops no
other, a packed folder works by itself, without a driver it ends with 8, and where something is not built with 2. What a machine may lack
or refuse (tools, counters, memory, time) is said by name: machines are played here by small programs.
Usage: gpu_check_test.py SOURCE_DIR BUILD_DIR WORK_DIR
"""
import array
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "test/e2e"), str(ROOT / "script")]
import common  # noqa: E402
from gpu_check import card, carry, compare, endurance, kernels, models, numbers, speed, sweeps, synthetic  # noqa: E402
from gpu_check.part import Part  # noqa: E402
from gpu_check.programs import Programs  # noqa: E402

PARTS = ["kernels", "bounds", "fixtures", "real", "synthetic", "sweeps", "opening", "endurance", "sanitizer", "profiler", "peer"]


class Script:
    def __init__(self, source, build, work):
        self.path, self.build, self.work = pathlib.Path(source) / "script/gpu-check", pathlib.Path(build), pathlib.Path(work)
        self.models = self.work / "models"

    def run(self, name, *options, driver=None, build=None, **environment):
        """The process, and its results where it has some."""
        out = self.work / name
        shutil.rmtree(out, ignore_errors=True)
        environment["LMOPT_LIBCUDA"] = str(driver or self.build / "lib/fake/libcuda.so.1")
        command = [sys.executable, self.path, "--build", build or self.build, "--out", out, "--quick", "--ptxas", "none", *options]
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
        results = out / "results.json"
        return done, json.loads(results.read_text(encoding="utf8")) if results.exists() else None


def check_success(script, checks):
    done, results = script.run("whole", "--models", script.models)
    checks.equal("exit code", (done.returncode, done.stderr), (0, ""))
    checks.equal("holds, on hardware", (results["holds"], results["hardware"]), (True, False))
    checks.equal("card", (results["card"]["name"], results["card"]["capability"]), ("PTX interpreter", 90))
    checks.equal("parts", [part["name"] for part in results["parts"]], PARTS)
    states = {part["name"]: part["status"] for part in results["parts"]}
    checks.equal("what held", [states[name] for name in ("kernels", "bounds", "fixtures", "synthetic", "sweeps", "opening", "endurance")], ["held"] * 7)
    rows = {part["name"]: part["rows"] for part in results["parts"]}
    table = (script.work / "whole/table.md").read_text(encoding="utf8")
    checks.equal("bits that the interpreter gives twice", [row["interpreter"]["bits_differ"] for row in rows["fixtures"]], [0] * 3)
    checks.at_least("values beside the CPU's", min(row["cpu"]["values"] for row in rows["fixtures"]), 1000)
    checks.equal("texts", [(row["architecture"], row["kind"]) for row in rows["opening"]], [("sm_80", "ptx"), ("sm_90a", "ptx")])
    checks.at_least("steps", rows["endurance"][0]["steps"], 132)
    checks.at_least("kept launches", sum(row["launches"] for row in rows["kernels"]), 4)
    checks.equal("words of kept launches that differ", {row["words_differ"] for row in rows["kernels"]}, {0})
    check_synthetic(rows["synthetic"][0], checks)
    check_sweeps(rows["sweeps"], table, checks)
    check_constants(script, results, checks)
    checks.equal("the table says that there was no card", "not on a card" in table and table.strip() in done.stdout, True)


def check_synthetic(row, checks):
    checks.equal("random numbers", (row["model"], row["recipe"]), ("tiny", "native"))
    checks.at_least("its figures", min(row[key] for key in ("gb_per_s", "share_of_floor", "long_prompt", "tflop_per_s")), 1e-12)
    checks.at_least("all ways to launch it", min(row[mode]["tg64_at4"] for mode in speed.MODES), 1e-9)


def check_sweeps(rows, table, checks):
    """Each number that is assumed was measured with other values, each way to launch, too."""
    numbers_, groups = [row for row in rows if "number" in row], [row for row in rows if "group" in row]
    checks.equal("numbers that were measured", {row["number"].split("::")[-1].split()[0] for row in numbers_},
                 {"fewRows", "multiprocessors", "readByAll", "madeRows", "kTogether", "kStages", "stages", "LMOPT_CUDA_PERSISTENT"})
    checks.equal("values of each", min(len(row["behind_the_fastest"]) for row in numbers_) >= 2, True)
    checks.equal("files of them", all((ROOT / row["file"]).exists() for row in numbers_), True)
    checks.equal("formats", {row["group"].split()[0] for row in groups}, {"s8", "q4", "bf16", "f32"})
    checks.equal("what the compiler takes was measured", all(row["gain"] and row["gain"] >= 1 for row in groups), True)
    launched = [row for row in rows if "figure" in row]
    checks.equal("ways to launch", (len(launched), {mode for row in launched for mode in row["tokens_per_second"]}), (2, set(speed.MODES)))
    checks.equal("the table of numbers", all(f"| `{row['number']}` | {row['format']} |" in table for row in numbers_), True)


def check_constants(script, results, checks):
    """What was measured is what inspect then forecasts with, and says that it was no card."""
    path = script.work / "whole/constants.json"
    kept = common.load_json(path)
    checks.equal("constants", (kept["hardware"], kept["constants"]), (False, results["constants"]["constants"]))
    command = [script.build / "bin/lmopt", "inspect", script.models / "llama-tied-int8.gpu.so", "--constants", path, "--format", "json"]
    forecast = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["forecast"]
    checks.equal("a forecast by them", ([row["name"] for row in forecast], "on no card" in forecast[0]["basis"]), (["PTX interpreter"], True))


def check_older_card(script, checks):
    _, results = script.run("older", "--models", script.models, "--parts", "kernels,opening", FAKE_CUDA_SM="86")
    opening = next(part for part in results["parts"] if part["name"] == "opening")
    checks.equal("an older card", (results["holds"], [row["architecture"] for row in opening["rows"]]), (True, ["sm_80"]))


def check_failures(script, checks):
    early = ("--parts", "fixtures,opening,endurance,sanitizer")
    done, results = script.run("failing", "--models", script.models, *early, FAKE_CUDA_FAIL="cuMemcpyDtoHAsync:2:700")  # one step, then never again
    checks.equal("exit code with a driver that fails", (done.returncode, results["holds"]), (1, False))
    checks.equal("parts of a driver that fails", [part["name"] for part in results["parts"]], early[1].split(","))
    checks.equal("what failed is said", all(part["failures"] for part in results["parts"] if part["status"] == "failed"), True)
    states = {part["name"]: part["status"] for part in results["parts"]}
    # Decoding steps copy once, while their graph is recorded; those in one launch each time, of which the hunt for hangs has many.
    checks.equal("a driver that fails after one step", [states[name] for name in ("fixtures", "opening", "endurance")],
                 ["failed", "held", "failed"])
    endurance_failures = next(part["failures"] for part in results["parts"] if part["name"] == "endurance")
    checks.equal("what failed in it", len(endurance_failures), 1)
    done, results = script.run("graphs", "--models", script.models, "--parts", "endurance", FAKE_CUDA_FAIL="cuGraphLaunch:2:700")
    states = {part["name"]: part["status"] for part in results["parts"]}
    checks.equal("a driver that fails at the second decoding step", (done.returncode, states["endurance"]), (1, "failed"))
    done, results = script.run("late", "--models", script.models, "--minutes", "0.0001")
    checks.equal("exit code without time", (done.returncode, [part["name"] for part in results["parts"]]), (1, PARTS))
    checks.equal("why, without time", all("no end in" in part["failures"][0] for part in results["parts"] if part["failures"]), True)
    done, _ = script.run("misspelt", "--parts", "fixture")
    checks.equal("a part that is none", (done.returncode, "no part 'fixture'" in done.stderr), (2, True))


def line_of(candidate, microseconds, bits=1, written=True):
    picks = {"some": {"1": "a", "2": "b"}}
    return {"group": "s8 of two", "candidate": candidate, "assumed": "a", "same_bits": True, "picks": picks, "microseconds": microseconds,
            "launches": 2, "bits": bits, "is_written": written}


def check_judgement(checks):
    number = {"name": "some", "file": "here", "assumed": 1}
    for slow, fast, found in ((2, 1, 2), (1, 2, 1), (1.02, 1, 1)):  # what is nearly as fast stays
        groups = sweeps.groups_of([line_of("a", slow), line_of("b", fast)])
        row = sweeps.judge(number, "s8", groups)
        checks.equal(f"what is found of {slow} and {fast}", (row["found"], row["gain"], row["cases"]), (found, round(max(slow / fast, 1), 3), 1))
        checks.equal("the best of it", sweeps.row_of("s8", groups["s8 of two"])["best"], "a" if slow <= fast else "b")
    checks.equal("another format", sweeps.judge(number, "bf16", groups), None)
    checks.equal("one that was not measured", sweeps.judge({**number, "name": "other"}, "s8", groups), None)
    for lines, failures, missing in (([line_of("a", 1), line_of("b", 1)], 0, 0), ([line_of("a", 1), line_of("b", 1, bits=2)], 1, 0),
                                     ([line_of("a", 1, written=False)], 1, 0), ([{"group": "s8", "candidate": "c", "error": "no room"}], 0, 1),
                                     ([{"left_out": 3}], 0, 1)):
        part = Part("some", 1, 1)
        sweeps.check_lines(part, lines)
        checks.equal(f"failures of {lines}", (len(part.failures), len(part.missing)), (failures, missing))


#===--- Machines ---===#

def play(folder, name, text):
    """A program of this name, and PATH with it in front."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf8")
    (folder / name).chmod(0o755)
    os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"


class Machine:
    """The context of a part on a machine with a card that has this much memory."""

    def __init__(self, script, memory=1 << 40):
        self.build, self.out, self.environment, self.loader = script.build, script.work / "machine", {}, []
        self.card, self.quick = {"interpreter": False, "memory_bytes": memory}, True
        self.models = models.Models(ROOT, script.models, script.build, True, None)


def run_part(work, context, seconds=60.0, patience=60.0):
    part = Part("some", seconds, patience)
    part.run(work, context, seconds)
    return part


def check_tools(script, checks):
    """Tools that are there and do not work are named, and cost nothing."""
    path, machine = os.environ["PATH"], Machine(script)
    play(script.work / "tools", "compute-sanitizer", "echo '========= Error: Device not supported' >&2; exit 1")
    play(script.work / "tools", "ncu", "echo '==ERROR== ERR_NVGPUCTRPERM' >&2; exit 1")
    for work, words in ((endurance.sanitizer, "Device not supported"), (speed.profiler, "ERR_NVGPUCTRPERM")):
        part = run_part(work, machine)
        checks.equal(f"a tool that says {words}", (part.status, len(part.missing), words in part.missing[0]), ("skipped", 2, True))
    for text, words in (("exit 9", "exit 9"), ("echo 580.1, 1", "exit 0"), ("exec sleep 60", "timed out")):
        play(script.work / "tools", "nvidia-smi", text)
        card.SMI_SECONDS = 0.3
        facts, missing = card.ask_smi(None)
        checks.equal(f"nvidia-smi that does {text}", (facts, words in missing), (None, True))
    play(script.work / "tools", "nvidia-smi", "echo 580.1, 1, 2, 3, 4, 5, 6")
    checks.equal("nvidia-smi", card.ask_smi("0000:01:00.0")[0]["driver_version"], "580.1")
    os.environ["PATH"] = path


def check_forecast(script, checks):
    machine, forecasts = Machine(script), [{"name": "H100"}, {"name": "H200"}]
    machine.constants = None
    for name, found in (("NVIDIA H200", forecasts[1]), ("NVIDIA L4", None)):
        machine.card["name"] = name
        checks.equal(f"what is forecast of a {name} that was not measured", speed.forecast_for(machine, forecasts), found)


def check_room(script, checks):
    programs = Programs(script.build, script.work / "room", script.work / "room.log", 0, 0)
    for memory, words in ((1 << 40, None), (1 << 33, "the card has 8.6")):
        lack = speed.lack_of_room(Machine(script, memory), programs, "llama-7b", "bf16") or ""
        if words or "in " not in lack:  # this machine's disk may be too small, too
            checks.equal(f"7B in bf16 on a card of {memory} bytes", words in lack if words else lack, True if words else "")


def check_time(script, checks):
    """A program that hangs costs its own time, a part that is late the rest of its own; what they started ends with them."""
    machine, mark = Machine(script), script.work / "still-there"
    mark.unlink(missing_ok=True)

    def one_hangs(part, _, programs):
        part.attempt("one", lambda: programs.run("sh", "-c", f"(sleep 1; touch {mark}) & sleep 60"))
        part.check("the next one", programs.run("echo", "here") == "here\n")
    part = run_part(one_hangs, machine, 30, 0.3)
    checks.equal("one that hangs", (part.status, part.checks, len(part.failures), part.seconds < 20), ("failed", 2, 1, True))
    part = run_part(lambda _, __, programs: programs.run("sleep", "60"), machine, 0.3, 60)
    checks.equal("a part that is late", (part.status, part.seconds < 20), ("timed out", True))
    part = Part("some", 60, 60)
    part.run(lambda *_: None, machine, -1)
    checks.equal("a part for which nothing is left", (part.status, part.limit), ("skipped", 0.001))
    subprocess.run(["sleep", "1.5"], check=True)
    checks.equal("what a hanging program had started", mark.exists(), False)


def check_other_model(script, checks):
    """An artifact that cannot do what is asked costs its own checks and no others."""
    wrong = script.work / "wrong"
    shutil.copytree(script.models, wrong, dirs_exist_ok=True)
    shutil.copy(wrong / "bert-mean-f32.cpu.so", wrong / "llama-tied-int8.cpu.so")
    done, results = script.run("others", "--models", wrong, "--parts", "fixtures")
    part = results["parts"][0]
    checks.equal("another model", (done.returncode, [each.split(":")[0] for each in part["failures"]]), (1, ["llama-tied-int8"]))
    checks.equal("the models beside it", [row["model"] for row in part["rows"]], ["bert-mean"])


def check_comparisons(checks):
    one, other = array.array("f", [1, -2, 4, 0]), array.array("f", [1, -2, 4.5, -0.0])
    found = compare.differences(other, one)
    checks.equal("differences", [found[key] for key in ("values", "bits_differ", "max", "max_share")], [4, 2, 0.5, 0.125])
    checks.at_most("rms", abs(found["rms_share"] - (0.25 / 21) ** 0.5), 1e-12)
    found = compare.differences(array.array("f", [math.nan] * 4), one)
    checks.equal("what is no number", (found["max_share"], found["rms_share"]), (math.inf, math.inf))
    checks.equal("other lengths", compare.differences(one[:3], one)["max_share"], math.inf)
    for recipe, share, holds in (("f32", 1e-5, True), ("f32", 1e-3, False), ("int8", 0.01, True), ("int8", 0.03, False)):
        part = Part("some", 1, 1)
        numbers.near(part, "some", recipe, {"max_share": share, "rms_share": share})
        checks.equal(f"whether {recipe} off by {share} holds", not part.failures, holds)
    even, biased = array.array("f", [3, 3]), array.array("f", [math.log(3), 0])  # 1/2 and 1/2; 3/4 and 1/4
    checks.at_most("divergence", abs(compare.divergence(biased, even) - 0.5 * math.log(4 / 3)), 1e-7)
    checks.equal("distributions", compare.distributions(one, one, 2), {"kl_mean": 0, "kl_max": 0, "same_best": 1})
    checks.equal("medians", compare.medians([{"a": 3}, {"a": 1}, {"a": 2}]), {"a": 2})


def check_wrong_kernel(script, checks):
    """A word that differs is found; a file that is none ends the program."""
    wrong = script.work / "wrong-kernels"
    shutil.rmtree(wrong, ignore_errors=True)
    shutil.copytree(script.models, wrong)
    path = next((wrong / "kernels").glob("probe_copy*.launch"))
    bytes_ = bytearray(path.read_bytes())
    bytes_[-1] ^= 1
    path.write_bytes(bytes_)
    done, results = script.run("wrong-kernel", "--models", wrong, "--parts", "kernels")
    failures = results["parts"][0]["failures"]
    checks.equal("a kernel with a wrong bit", (done.returncode, len(failures), "1 of" in failures[0] and "words differ" in failures[0]), (1, 1, True))
    path.write_bytes(bytes_[:-1])
    _, results = script.run("cut-kernel", "--models", wrong, "--parts", "kernels")
    checks.equal("a file that ends early", "it ends early" in results["parts"][0]["failures"][0], True)
    replay = script.build / "bin/gpu-replay"
    for options, code in (([], 2), ([wrong, "--share", "2/2"], 2), ([wrong / "none"], 5)):
        checks.equal(f"gpu-replay {options}", subprocess.run([replay, *options], capture_output=True, check=False).returncode, code)
    missing = {**os.environ, "LMOPT_LIBCUDA": "/nowhere/libcuda.so.1"}
    checks.equal("gpu-replay without a driver",
                 subprocess.run([replay, wrong / "kernels"], env=missing, capture_output=True, check=False).returncode, 8)


def check_kernel_lines(checks):
    same = {"file": "a", "must_be_equal": True, "words": 4, "words_differ": 0, "ulps": [4, 0, 0, 0, 0]}
    lines = [same, {**same, "words_differ": 1}, {**same, "must_be_equal": False, "words_differ": 4, "rms_share": 0.001},
             {**same, "must_be_equal": False, "words_differ": 4, "rms_share": 0.01}, {**same, "must_be_equal": False, "words_differ": 1}]
    for line, holds in zip(lines, (True, False, True, False, False)):
        part = Part("some", 1, 1)
        kernels.check_line(part, line)
        checks.equal(f"whether {line} holds", not part.failures, holds)
    checks.equal("sums of lines", [(row["launches"], row["words_differ"], row["ulps_0_1_2_8_more"][0]) for row in kernels.summarize(lines)],
                 [(2, 1, 8), (3, 9, 12)])


def check_profile(checks):
    """What ncu writes."""
    def line(number, kernel, metric, value):
        return f'"{number}","1","dump-logits","host","{kernel}","1","7","(256, 1, 1)","(4, 1, 1)","0","9.0","Command line","{metric}","%","{value}"'
    header = '"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC",' \
             '"Section Name","Metric Name","Metric Unit","Metric Value"'
    text = "\n".join(["==PROF== Connected", header, line(0, "small", "gpu__time_duration.sum", "1,500"), line(1, "large", "gpu__time_duration.sum", "9,000"),
                      line(1, "large", "sm__issue_active.avg.pct_of_peak_sustained_elapsed", "40.5"), line(2, "large", "gpu__time_duration.sum", "n/a"),
                      line(3, "small", "gpu__time_duration.sum", "2,500"), line(3, "small", "other", "7")])
    found = speed.read_metrics(text)
    checks.equal("launches of ncu", len(found), 4)
    found = speed.longest([launch for launch in found if launch["ns"]], 2)
    checks.equal("the longest of ncu", found, [{"kernel": "large", "ns": 9000, "issue": 40.5}, {"kernel": "small", "ns": 2500}])
    checks.equal("ncu without a table", speed.read_metrics("==ERROR== no permission"), [])


def check_runs(script, checks):
    """Every file comes back; what repeats becomes small."""
    script.work.mkdir(parents=True, exist_ok=True)
    files = [script.work / name for name in ("runs.in", "runs.packed", "runs.out")]
    some = os.urandom(9000)
    for content, most in ((b"x", 100), (bytes(500000), 100), (some, 9200), (some[:3000] + some * 40 + some[:77], 33000), (some[:100] * 9000 + b"ab", 400)):
        files[0].write_bytes(content)
        carry.shrink(files[0], files[1])
        carry.expand(files[1], files[2])
        checks.equal(f"{len(content)} bytes come back", files[2].read_bytes() == content, True)
        checks.at_most("as runs", files[1].stat().st_size, most)
    for broken in (b"LMOPTRN2", files[1].read_bytes()[:-1]):
        files[1].write_bytes(broken)
        try:
            carry.expand(files[1], files[2])
            checks.equal("a broken file of runs is refused", False, True)
        except OSError:
            pass


def check_launches(script, checks):
    """Large ones stay behind, but for one of each kernel."""
    folder = script.work / "launches"
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in (("tile_n16_k32_sm_80-1", 70000), ("tile_n48_k32_sm_80-2", 80000), ("tile_n8_k8_sm_90a-3", 90000), ("rows_n4_sm_80-4", 10),
                       ("rows_n8_sm_80-5", 20), ("rows_n8_sm_80-6", 70000), ("rows16_n8_sm_80-7", 70000)):
        (folder / f"{name}.launch").write_bytes(bytes(size))
    checks.equal("what stays behind", sorted(path.stem for path in carry.too_large_launches(folder)), ["rows_n8_sm_80-6", "tile_n48_k32_sm_80-2"])


def check_checkpoints(checks):
    """Sizes that everybody knows."""
    for name, parameters in (("llama-135m", 134515008), ("llama-1b", 1235814400), ("llama-7b", 6738415616)):
        listed = list(synthetic.tensors(synthetic.SHAPES[name], synthetic.BF16))
        checks.equal(f"parameters of {name}", synthetic.parameters(name), parameters)
        checks.equal("bytes of them", sum(synthetic.byte_size(sizes, kind) for _, sizes, kind in listed if kind == synthetic.BF16),
                     2 * sum(math.prod(sizes) for _, sizes, kind in listed if kind == synthetic.BF16))


def check_carried(script, checks):
    """A packed folder works without this tree, with its own libraries, and without a compiler."""
    packed = script.work / "packed"
    environment = {**os.environ, "LMOPT_LIBCUDA": str(packed / "build/lib/fake/libcuda.so.1"), "LD_LIBRARY_PATH": "/where/a/driver/is"}
    command = [sys.executable, script.path, "--build", script.build, "--out", script.work / "packing", "--models", script.models, "--quick",
               "--ptxas", "none", "--pack", packed]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    checks.equal("packing", (done.returncode, done.stderr), (0, ""))
    checks.at_least("the archive of it", (script.work / "packed.tar.xz").stat().st_size, 1000)
    checks.equal("no compiler is carried", (packed / "build/bin/lmopt-compiler").exists(), False)
    command = [sys.executable, packed / "script/gpu-check", "--models", packed / "models", "--quick", "--carried",
               "--parts", "kernels,bounds,fixtures,synthetic,sweeps,opening"]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)
    checks.equal("a packed folder", (done.returncode, done.stderr), (0, ""))
    results = common.load_json(packed / "build/gpu-check/results.json")
    checks.equal("its commit", results["commit"], common.load_json(script.work / "whole/results.json")["commit"])
    checks.equal("its parts", {part["name"]: part["status"] for part in results["parts"]},
                 dict.fromkeys(("kernels", "bounds", "fixtures", "synthetic", "sweeps", "opening"), "held"))
    checks.equal("no artifact for CPUs is carried", list((packed / "models").glob("*.cpu.so")), [])
    checks.equal("its fixtures beside the CPU's", min(row["cpu"]["values"] for row in results["parts"][2]["rows"]) > 1000, True)
    log = (packed / "build/gpu-check/bounds.log").read_text(encoding="utf8")
    checks.equal("its libraries", f"$ /usr/bin/env LD_LIBRARY_PATH={packed / carry.CARRIED}:/where/a/driver/is {packed}" in log, True)
    checks.equal("its loader", carry.CARRIED.encode() + b"/ld.so\0" in (packed / "build/bin/lmopt").read_bytes(), True)
    archive = packed.with_suffix(".tar.xz")
    checks.equal("an archive that is small enough", carry.too_large(archive, packed, archive.stat().st_size), None)
    refusal = carry.too_large(archive, packed, archive.stat().st_size - 1)
    checks.equal("one that is not", "of --pack-limit; the most of it: " in refusal and "build/*" in refusal, True)


def check_architectures(checks):
    found = [(architecture, cubin) for architecture in ("sm_80", "sm_90a") for cubin in (False, True)]
    for capability, expected in ((80, [1, 1, 0, 0]), (89, [1, 1, 0, 0]), (90, [1, 0, 1, 1]), (100, [1, 0, 0, 0])):
        checks.equal(f"what runs on {capability}", [int(endurance.runs_here(each, capability, cubin)) for each, cubin in found], expected)


def check_absence(script, checks):
    done, results = script.run("cardless", driver="/nowhere/libcuda.so.1")
    checks.equal("without a driver", (done.returncode, results, "no CUDA driver" in done.stderr), (8, None, True))
    done, results = script.run("unbuilt", build=script.work / "empty")
    checks.equal("not built", (done.returncode, results, "dump-logits" in done.stderr), (2, None, True))


def main():
    script, checks = Script(*sys.argv[1:4]), common.Checks()
    check_comparisons(checks)
    check_architectures(checks)
    check_kernel_lines(checks)
    check_profile(checks)
    check_runs(script, checks)
    check_checkpoints(checks)
    check_launches(script, checks)
    check_judgement(checks)
    check_success(script, checks)
    check_tools(script, checks)
    check_forecast(script, checks)
    check_room(script, checks)
    check_time(script, checks)
    check_wrong_kernel(script, checks)
    check_carried(script, checks)
    check_older_card(script, checks)
    check_failures(script, checks)
    check_other_model(script, checks)
    check_absence(script, checks)
    checks.finish()


if __name__ == "__main__":
    main()
