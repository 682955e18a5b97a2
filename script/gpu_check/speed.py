# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parts of script/gpu-check that measure: what the card can do, models of random numbers at well-known sizes, a peer, a profiler."""
import csv
import io
import json
import os
import pathlib
import shutil

from gpu_check import carry, models
from gpu_check.models import DEVICE

# Ways to launch a step; the first is what everybody gets.
MODES = {"graph": {}, "launches": {"LMOPT_CUDA_GRAPHS": "0"}, "persistent": {"LMOPT_CUDA_PERSISTENT": "1"}}
NCU = "/usr/local/cuda/bin/ncu"
METRICS = {"gpu__time_duration.sum": "ns", "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed": "dram",
           "sm__inst_executed_pipe_tensor.avg.pct_of_peak_sustained_active": "tensor", "sm__issue_active.avg.pct_of_peak_sustained_elapsed": "issue"}


#===--- What the card can do ---===#

def constants_of(context, bench):
    """What `lmopt inspect --constants` reads."""
    card = {"name": context.card["name"], "cuda": context.card["cuda"], "driver": context.card.get("smi", {}).get("driver_version"),
            "capability": context.card["capability"], "multiprocessors": context.card["multiprocessors"], "smi": context.card.get("smi")}
    return {"hardware": not context.card["interpreter"], "date": context.date, "commit": context.commit, "card": card,
            "constants": bench["bounds"]}


def bounds(part, context, programs):
    """Measured by `lmopt bench`, the best of three runs of each figure."""
    name, recipe = models.SUBJECT
    gpu = context.models.needed(f"{name}-{recipe}.gpu.so")
    runs = [json.loads(programs.lmopt("bench", gpu, *DEVICE, "--prompt", "8", "-r", "1", "--format", "json"))
            for _ in range(1 if context.quick else 3)]
    for key in runs[0]["bounds"]:
        best = max if key.endswith("_per_s") else min
        runs[0]["bounds"][key] = best(run["bounds"][key] for run in runs)
    context.constants = context.out / "constants.json"
    context.constants.write_text(json.dumps(constants_of(context, runs[0]), indent=1) + "\n", encoding="utf8")
    part.rows.append(runs[0]["bounds"])
    for key, value in runs[0]["bounds"].items():
        part.check(f"{key} is {value}", value > 0)
    facts = runs[0]["bounds"]
    part.summary = f"memory {facts['memory_gb_per_s']:.0f} GB/s, u8s8 {facts['u8s8_gflop_per_s'] / 1e3:.0f} and bf16 " \
                   f"{facts['bf16_gflop_per_s'] / 1e3:.0f} TFLOP/s, a node {facts['graph_node_us']:.2f} us"


#===--- Models at size ---===#

def flops_of_row(manifest):
    return sum(step["flops_per_row"] for step in manifest["steps"])


def numbers_of(bench):
    return {key: number for key, number in bench.items() if not isinstance(number, dict)}


def figures_of(context, programs, path, prompt, long_prompt):
    """Of one artifact: each way to launch, and how far from the bounds."""
    row = {}
    for mode, environment in MODES.items():
        own = programs.variant(mode, **environment)
        options = ["--sessions", "8"] if mode == "graph" else []
        bench = json.loads(own.lmopt("bench", path, *DEVICE, "-r", "1" if context.quick else "3", "--prompt", prompt, "--format", "json", *options))
        row[mode] = numbers_of(bench)
    long = json.loads(programs.lmopt("bench", path, *DEVICE, "-r", "1", "--prompt", long_prompt, "--format", "json"))
    inspected = json.loads(programs.lmopt("inspect", path, "--format", "json", *constants_option(context)))
    forecast = inspected["forecast"][0]
    step = next(value for key, value in row["graph"].items() if key.startswith("tg64") and "sessions" not in key)
    row["long_prompt"] = long[f"pp{long_prompt}"]
    row["forecast"] = forecast
    row["share_of_floor"] = forecast["floor_microseconds"] * step / 1e6
    row["gb_per_s"] = forecast["bytes"] * step / 1e9
    row["tflop_per_s"] = long[f"pp{long_prompt}"] * flops_of_row(inspected["manifest"]) / 1e12
    return row


def constants_option(context):
    return ["--constants", context.constants] if context.constants else []


def make_synthetic(context, programs, shape, recipe):
    """The artifact: carried here, or made here; None where neither can be."""
    name, work = f"{shape}-{recipe}.gpu.so", programs.work
    packed = context.models.path(name + ".runs")
    path = context.models.path(name)
    if path or packed:
        if packed and not path:
            path = work / name
            carry.expand(packed, path)
        return path
    if not (context.build / "bin/lmopt-compiler").exists():
        return None
    source, path = work / f"{shape}.gguf", work / name
    models.write_synthetic(source, shape, recipe)
    programs.lmopt(*models.synthetic(shape, recipe, source).arguments(path))
    source.unlink()
    return path


def run_synthetic(part, context, programs, shape, recipe):
    path = make_synthetic(context, programs, shape, recipe)
    if not path:
        return part.skip(f"{shape}-{recipe} is not there, and no compiler to make it")
    prompt, long_prompt = (4, 16) if shape == "tiny" else (512, 2048)
    row = {"model": shape, "recipe": recipe, **figures_of(context, programs, path, prompt, long_prompt)}
    part.check(f"{shape}-{recipe}", True)
    part.rows.append(row)
    if path.parent == programs.work:
        path.unlink()  # gigabytes
    return None


def run_all_synthetic(part, context, programs):
    for shape, recipe in models.synthetic_wanted(context.quick):
        part.attempt(f"{shape}-{recipe}", lambda s=shape, r=recipe: run_synthetic(part, context, programs, s, r))
    part.summary = "; ".join(f"{row['model']} {row['recipe']} {row['gb_per_s']:.0f} GB/s, {row['share_of_floor']:.0%} of the floor"
                             for row in part.rows)


#===--- Others ---===#

def peer(part, context, programs):
    """llama.cpp's own benchmark, where it is."""
    program, model = shutil.which("llama-bench"), context.models.real_source("smollm2")
    if not program:
        return part.skip("llama-bench (llama.cpp built with CUDA) is not on PATH")
    if not model.exists():
        return part.skip(f"{model.name} is not here (script/fetch-models)")
    runs = json.loads(programs.run(program, "-m", model, "-ngl", "99", "-p", "512", "-n", "64", "-o", "json"))
    for run in runs:
        part.rows.append({key: run.get(key) for key in ("backends", "n_prompt", "n_gen", "avg_ts", "build_commit")})
    part.check("llama-bench gave figures", bool(part.rows))
    part.summary = ", ".join(f"{'pp512' if row['n_prompt'] else 'tg64'} {row['avg_ts']:.0f} tokens/s" for row in part.rows)
    return None


def read_metrics(text):
    """Of each launch that ncu saw, {kernel, metric: number}; the table begins behind what ncu says first."""
    lines = text.splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), len(lines))
    launches = {}
    for row in csv.DictReader(io.StringIO("\n".join(lines[begin:]))):
        metric = METRICS.get(row["Metric Name"])
        if metric:
            number = row["Metric Value"].replace(",", "")
            launches.setdefault(row["ID"], {"kernel": row["Kernel Name"]})[metric] = float(number) if number != "n/a" else None
    return list(launches.values())


def longest(launches, count):
    """The kernels with the most time, each by its longest launch."""
    best = {}
    for launch in launches:
        if launch.get("ns", 0) > best.get(launch["kernel"], {"ns": -1})["ns"]:
            best[launch["kernel"]] = launch
    return sorted(best.values(), key=lambda launch: -launch["ns"])[:count]


def profiler(part, context, programs):
    tool = shutil.which("ncu") or (NCU if os.path.exists(NCU) else None)
    if not tool:
        return part.skip("ncu is missing: neither on PATH nor in /usr/local/cuda/bin")
    if context.card["interpreter"]:
        return part.skip("ncu watches cards only")
    path = context.models.path("smollm2-int8.gpu.so") or context.models.needed("{}-{}.gpu.so".format(*models.SUBJECT))
    sequence = [list(range(1, 33))]
    command, _ = programs.variant("profiled", LMOPT_CUDA_GRAPHS="0").dump_command(path, sequence, *DEVICE, "--split", "30,1")
    watch = [tool, "--clock-control", "none", "--csv", "--metrics", ",".join(METRICS), "--launch-count", "600"]
    part.rows = longest(read_metrics(programs.variant("profiled", LMOPT_CUDA_GRAPHS="0").run(*watch, *command)), 6)
    part.check("ncu told of kernels", bool(part.rows))
    part.summary = "; ".join(f"{pathlib.Path(row['kernel']).name[:40]} dram {row.get('dram') or 0:.0f} %, tensor {row.get('tensor') or 0:.0f} %, "
                             f"issue {row.get('issue') or 0:.0f} %" for row in part.rows[:3])
    return None


