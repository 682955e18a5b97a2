#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""script/gpu-check without a card: over the fake driver (test/ptx/fake) all its parts hold, a part that fails is told and stops no
other, without a driver it ends with 8, and where something is not built with 2.
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
from gpu_check import compare, endurance, numbers  # noqa: E402
from gpu_check.part import Part  # noqa: E402

PARTS = ["fixtures", "real", "opening", "endurance", "sanitizer"]


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
    checks.equal("what held", [states[name] for name in ("fixtures", "opening", "endurance")], ["held"] * 3)
    rows = {part["name"]: part["rows"] for part in results["parts"]}
    checks.equal("bits that the interpreter gives twice", [row["interpreter"]["bits_differ"] for row in rows["fixtures"]], [0] * 3)
    checks.at_least("values beside the CPU's", min(row["cpu"]["values"] for row in rows["fixtures"]), 1000)
    checks.equal("texts", [(row["architecture"], row["kind"]) for row in rows["opening"]], [("sm_80", "ptx"), ("sm_90a", "ptx")])
    checks.at_least("steps", rows["endurance"][0]["steps"], 132)
    table = (script.work / "whole/table.md").read_text(encoding="utf8")
    checks.equal("the table says that there was no card", "not on a card" in table and table.strip() in done.stdout, True)


def check_older_card(script, checks):
    _, results = script.run("older", "--models", script.models, FAKE_CUDA_SM="86")
    opening = next(part for part in results["parts"] if part["name"] == "opening")
    checks.equal("an older card", (results["holds"], [row["architecture"] for row in opening["rows"]]), (True, ["sm_80"]))


def check_failures(script, checks):
    done, results = script.run("failing", "--models", script.models, FAKE_CUDA_FAIL="cuMemcpyDtoHAsync:2:700")  # one step, then never again
    checks.equal("exit code with a driver that fails", (done.returncode, results["holds"]), (1, False))
    checks.equal("parts of a driver that fails", [part["name"] for part in results["parts"]], PARTS)
    checks.equal("what failed is said", all(part["failures"] for part in results["parts"] if part["status"] == "failed"), True)
    states = {part["name"]: part["status"] for part in results["parts"]}
    # Decoding steps copy once, while their graph is recorded.
    checks.equal("a driver that fails after one step", [states[name] for name in ("fixtures", "opening", "endurance")],
                 ["failed", "held", "held"])
    done, results = script.run("graphs", "--models", script.models, FAKE_CUDA_FAIL="cuGraphLaunch:2:700")
    states = {part["name"]: part["status"] for part in results["parts"]}
    checks.equal("a driver that fails at the second decoding step", (done.returncode, states["endurance"]), (1, "failed"))
    done, results = script.run("late", "--models", script.models, "--minutes", "0.0001")
    checks.equal("exit code without time", (done.returncode, [part["name"] for part in results["parts"]]), (1, PARTS))
    checks.equal("why, without time", all("no end in" in part["failures"][0] for part in results["parts"] if part["failures"]), True)


def check_other_model(script, checks):
    """An artifact that cannot do what is asked costs its own checks and no others."""
    wrong = script.work / "wrong"
    shutil.copytree(script.models, wrong, dirs_exist_ok=True)
    shutil.copy(wrong / "bert-mean-f32.cpu.so", wrong / "llama-tied-int8.cpu.so")
    done, results = script.run("others", "--models", wrong)
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
    check_success(script, checks)
    check_older_card(script, checks)
    check_failures(script, checks)
    check_other_model(script, checks)
    check_absence(script, checks)
    checks.finish()


if __name__ == "__main__":
    main()
