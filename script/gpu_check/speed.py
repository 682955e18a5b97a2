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
from gpu_check.programs import Failure
from gpu_check.table import percent

# Ways to launch a step; the first is what everybody gets.
MODES = {"graph": {}, "launches": {"LMOPT_CUDA_GRAPHS": "0"}, "persistent": {"LMOPT_CUDA_PERSISTENT": "1"}}
NCU = "/usr/local/cuda/bin/ncu"
METRICS = {"gpu__time_duration.sum": "ns", "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed": "dram",
           "sm__inst_executed_pipe_tensor.avg.pct_of_peak_sustained_active": "tensor", "sm__issue_active.avg.pct_of_peak_sustained_elapsed": "issue"}


#===--- What the card can do ---===#

def constants_of(context, bench):
    """What `lmopt inspect --constants` reads."""
    card = {"name": context.card["name"], "cuda": context.card["cuda"], "driver": (context.card.get("smi") or {}).get("driver_version"),
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


def modes_of(context, programs, key, path, prompt):
    """Of one artifact: each way to launch, one sequence and eight."""
    options = ["-r", "1", "--sessions", "2"] if context.quick else ["-r", "3", "--sessions", "8"]
    row = {}
    for mode, environment in MODES.items():
        own = programs.variant(mode, **environment)
        row[mode] = numbers_of(json.loads(own.lmopt("bench", path, *DEVICE, "--prompt", prompt, "--format", "json", *options)))
    context.figures[key] = row
    return row


def figures_of(context, programs, key, path, prompt, long_prompt):
    """The same, and how far from the bounds."""
    row = dict(modes_of(context, programs, key, path, prompt))
    long = json.loads(programs.lmopt("bench", path, *DEVICE, "-r", "1", "--prompt", long_prompt, "--format", "json"))
    inspected = json.loads(programs.lmopt("inspect", path, "--format", "json", *constants_option(context)))
    forecast = forecast_for(context, inspected["forecast"])
    step = next(value for key, value in row["graph"].items() if key.startswith("tg64") and "sessions" not in key)
    row["long_prompt"] = long[f"pp{long_prompt}"]
    row["forecast"] = forecast
    row["share_of_floor"] = forecast and forecast["floor_microseconds"] * step / 1e6
    row["gb_per_s"] = inspected["forecast"][0]["bytes"] * step / 1e9
    row["tflop_per_s"] = long[f"pp{long_prompt}"] * flops_of_row(inspected["manifest"]) / 1e12
    return row


def forecast_for(context, forecasts):
    """By what was measured of this card; else by what is assumed of one of its name; None where nothing is."""
    return forecasts[0] if context.constants else next((each for each in forecasts if each["name"] in context.card["name"]), None)


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
    try:
        models.write_synthetic(source, shape, recipe)
        programs.lmopt(*models.synthetic(shape, recipe, source).arguments(path))
    finally:
        source.unlink(missing_ok=True)
    return path


def lack_of_room(context, programs, shape, recipe):
    """What this machine has too little of for the model, or None: memory of the card, of which the cache takes some, too; disk."""
    bytes_ = models.synthetic_bytes(shape, recipe)
    if bytes_ > 0.8 * context.card["memory_bytes"]:
        return f"{shape}-{recipe} needs {bytes_ / 1e9:.1f} GB, the card has {context.card['memory_bytes'] / 1e9:.1f}"
    free = shutil.disk_usage(programs.work).free
    return f"{shape}-{recipe} needs {2 * bytes_ / 1e9:.1f} GB in {programs.work}, {free / 1e9:.1f} are free" if 2 * bytes_ > free else None


def run_synthetic(part, context, programs, shape, recipe):
    lack = lack_of_room(context, programs, shape, recipe)
    if lack:
        return part.skip(lack)
    path = make_synthetic(context, programs, shape, recipe)
    if not path:
        return part.skip(f"{shape}-{recipe} is not there, and no compiler to make it")
    prompt, long_prompt = (4, 16) if shape == "tiny" else (512, 2048)
    try:
        row = {"model": shape, "recipe": recipe, **figures_of(context, programs, f"{shape}-{recipe}", path, prompt, long_prompt)}
    finally:
        if path.parent == programs.work:
            path.unlink()  # gigabytes
    part.check(f"{shape}-{recipe}", True)
    part.rows.append(row)
    return None


def run_all_synthetic(part, context, programs):
    for shape, recipe in models.synthetic_wanted(context.quick):
        part.attempt(f"{shape}-{recipe}", lambda s=shape, r=recipe: run_synthetic(part, context, programs, s, r))
    part.summary = "; ".join(f"{row['model']} {row['recipe']} {row['gb_per_s']:.0f} GB/s, {percent(row['share_of_floor'])} of the floor"
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
    part.rows = [row for row in part.rows if isinstance(row["avg_ts"], (int, float))]
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


def watched(part, programs, tool, command):
    """What ncu says; on cards that do not know the metric of tensor cores without it; None, and why, where counters are not to be had."""
    for metrics in (list(METRICS), [name for name in METRICS if "tensor" not in name]):
        try:
            return programs.run(*tool, "--metrics", ",".join(metrics), *command)
        except Failure as fault:
            part.skip(f"ncu does not work here with {len(metrics)} metrics: {fault}")
    return None


def profiler(part, context, programs):
    tool = shutil.which("ncu") or (NCU if os.path.exists(NCU) else None)
    if not tool:
        return part.skip("ncu is missing: neither on PATH nor in /usr/local/cuda/bin")
    if context.card["interpreter"]:
        return part.skip("ncu watches cards only")
    path = context.models.path("smollm2-int8.gpu.so") or context.models.needed("{}-{}.gpu.so".format(*models.SUBJECT))
    own = programs.variant("profiled", LMOPT_CUDA_GRAPHS="0")
    command, _ = own.dump_command(path, [list(range(1, 33))], *DEVICE, "--split", "30,1")
    output = watched(part, own, [tool, "--clock-control", "none", "--csv", "--launch-count", "600"], command)
    if output is None:
        return None
    part.rows = longest(read_metrics(output), 6)
    part.check("ncu told of kernels", bool(part.rows))
    part.summary = "; ".join(f"{pathlib.Path(row['kernel']).name[:40]} dram {row.get('dram') or 0:.0f} %, tensor {row.get('tensor') or 0:.0f} %, "
                             f"issue {row.get('issue') or 0:.0f} %" for row in part.rows[:3])
    return None


