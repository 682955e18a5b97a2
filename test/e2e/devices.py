#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models on GPUs, without one: a fixture compiled for CPUs and for GPUs gives the same numbers, the latter run over the fake driver
(test/ptx/fake), which executes the PTX of the artifact and refuses what a GPU would not promise (races, memory that was never
written, addresses beyond an allocation).

Token by token a decoder whose products are of integers (int8, native) gives the very bits of the CPU's artifact: all other sums are in
the same order there and here. Elsewhere sums are in other orders (prompts attend in tiles; products of f32 and bf16), so numbers are near,
and a code may flip here and there: tolerances as for the interpreter (fixtures.py).
Also: the greatest logits alone are those of whole rows, and several tokens on end those of single steps; near in whatever pieces a
prompt comes, the same bits whether decode passes are recorded, launched kernel by kernel or walked in one launch, and in strict mode,
where warps and blocks take turns by a seed and copies arrive as late as they may. The fake card runs text for sm_90a; all is done for
sm_80, too, which gives the same bits but for sums of bf16.

With --launching also each way in which a decode pass can be launched: these depend on what families and formats have in common, so a few
fixtures are enough, where all would take a quarter of an hour.
Usage: devices.py [--launching] BIN_DIR FAKE_DRIVER FIXTURE_DIR RECIPE WORK_DIR [SEEDS]
"""
import array
import json
import os
import sys

import common
from fixtures import Fixture

SPLITS = ["5,1,2", "16,3"]
# Recipes whose products are sums of integers, each rounded once or in the order of its groups; those of experts are not.
EXACT_RECIPES = ["int8", "native"]
# Of a prompt in one step: more than are decoded together, so that products are done by tiles. Logits of no more than a decode pass
# come from one step (runtime/src/session/device_team.c).
MANY_ROWS, FIRST_LOGITS = 100, 60
# Strict walks are slow: one seed a fixture here, three in test-ptx-persistent.
WALK_SEEDS = range(1, 2)
# Of the largest number: f32 sums of a few hundred terms in two orders.
F32_LIMIT = 1e-4
# Codes that flip move an activation by 1/255 of its range; from the interpreter both sides may be 1 % away (fixtures.py).
CODES_LIMIT = 0.02


def on_gpu(programs, model, sequences, *options):
    return programs.dump(model, sequences, "--device", "cuda", *options)


def with_environment(name, value, programs, model, fixture, *options):
    with common.environment(**{name: value}):
        return on_gpu(programs, model, fixture.sequences(), *options)


def on_sm_80(programs, model, sequences, *options):
    with common.environment(FAKE_CUDA_SM="80"):
        return on_gpu(programs, model, sequences, *options)


def strictly(programs, model, fixture, seed, *options):
    return with_environment("FAKE_CUDA_STRICT", str(seed), programs, model, fixture, *options)


def check_greatest(programs, fixture, gpu, checks):
    """The greatest logits alone are those of whole rows, bit for bit, however many are asked for."""
    width = programs.json("lmopt", "inspect", gpu, "--format", "json")["manifest"]["vocabulary"]
    rows = common.rows_of(on_gpu(programs, gpu, fixture.sequences(), "--split", "1"), width)
    for count in (1, 7, 64):
        expected = [common.kept(row, count) for row in rows]
        found = common.rows_of(on_gpu(programs, gpu, fixture.sequences(), "--split", "1", "--top", count), width)
        checks.equal(f"the {count} greatest logits", found == expected, True)


def check_generation(programs, fixture, gpu, checks):
    """Several tokens on end are those of single steps, with recordings and without, and in strict mode."""
    prompt = programs.work / "prompt.bin"
    prompt.write_bytes(array.array("i", fixture.sequences()[0]).tobytes())
    longest = programs.json("lmopt", "inspect", gpu, "--format", "json")["manifest"]["max_positions"]
    count = min(24, longest - len(fixture.sequences()[0]) - 1)
    for name, value in (("LMOPT_CUDA_GRAPHS", "1"), ("LMOPT_CUDA_GRAPHS", "0"), ("LMOPT_CUDA_PERSISTENT", "1"), ("FAKE_CUDA_STRICT", "1")):
        with common.environment(**{name: value}):
            common.check_same_generation(programs, gpu, prompt, count, f"generation with {name}={value}", checks)


def check_walks(programs, fixture, gpu, seeds, checks):
    """Decode passes in one cooperative launch: the bits of single launches."""
    alone = on_gpu(programs, gpu, fixture.sequences(), "--split", "3,1")
    walked = with_environment("LMOPT_CUDA_PERSISTENT", "1", programs, gpu, fixture, "--split", "3,1")
    checks.equal("bits of walked steps", walked.tobytes() == alone.tobytes(), True)
    for seed in seeds:
        with common.environment(LMOPT_CUDA_PERSISTENT="1"):
            late = strictly(programs, gpu, fixture, seed, "--split", "3,1")
        checks.equal(f"bits of walked steps in strict mode, seed {seed}", late.tobytes() == alone.tobytes(), True)


def check_recordings(programs, fixture, gpu, checks):
    alone = on_gpu(programs, gpu, fixture.sequences(), "--split", "1")
    launched = with_environment("LMOPT_CUDA_GRAPHS", "0", programs, gpu, fixture, "--split", "1")
    checks.equal("bits of steps that are not recorded", launched.tobytes() == alone.tobytes(), True)
    late = strictly(programs, gpu, fixture, 1, "--split", "1")
    checks.equal("bits of recorded steps in strict mode", late.tobytes() == alone.tobytes(), True)


def check_numbers(programs, fixture, recipe, cpu, gpu, seeds, checks):
    expected = programs.dump(cpu, fixture.sequences())
    found = on_gpu(programs, gpu, fixture.sequences())

    def near(what, values, those):
        if recipe == "f32":
            checks.at_most(what, common.largest_difference(values, those) / max(map(abs, those)), F32_LIMIT)
        else:
            checks.at_most(what, common.relative_error(values, those), CODES_LIMIT)

    near("difference from the CPU", found, expected)
    other = on_sm_80(programs, gpu, fixture.sequences())
    if recipe == "bf16":
        near("on sm_80", other, expected)
    else:
        checks.equal("bits on sm_80", other.tobytes() == found.tobytes(), True)
    if recipe == "f32":
        checks.at_most("from transformers", common.largest_difference(fixture.chosen(found), fixture.expected),
                       2 * fixture.json["tolerance"])
    if not fixture.decoder:
        again = on_gpu(programs, gpu, fixture.sequences(), "--split", "1")
        if recipe in ("f32", "int4"):  # of f32 (in int4 those that no group divides), many rows are done by tiles: in another order
            near("sequences one by one", again, found)
        else:
            checks.equal("bits of sequences one by one", again.tobytes() == found.tobytes(), True)
    for split in SPLITS if fixture.decoder else []:  # prompts attend by other kernels than single tokens
        again = on_gpu(programs, gpu, fixture.sequences(), "--split", split)
        pieces = programs.dump(cpu, fixture.sequences(), "--split", split)
        near(f"in pieces of {split}", again, pieces)
    if fixture.decoder:
        check_tokens(programs, fixture, recipe, cpu, gpu, near, checks)
    for seed in seeds:
        checks.equal(f"bits in strict mode, seed {seed}", strictly(programs, gpu, fixture, seed).tobytes() == found.tobytes(), True)


def has_experts(fixture):
    """Whose products are in f32, whatever the recipe."""
    config = fixture.source / "config.json"
    return config.exists() and "num_experts_per_tok" in common.load_json(config)


def check_tokens(programs, fixture, recipe, cpu, gpu, near, checks):
    found, expected = on_gpu(programs, gpu, fixture.sequences(), "--split", "1"), programs.dump(cpu, fixture.sequences(), "--split", "1")
    if recipe in EXACT_RECIPES and not has_experts(fixture):
        checks.equal("bits of the CPU, token by token", found.tobytes() == expected.tobytes(), True)
    else:
        near("token by token", found, expected)


def check_launching(programs, fixture, gpu, checks):
    check_recordings(programs, fixture, gpu, checks)
    check_greatest(programs, fixture, gpu, checks)
    check_generation(programs, fixture, gpu, checks)
    check_walks(programs, fixture, gpu, WALK_SEEDS, checks)


def longest(config):
    return config.get("max_position_embeddings", config.get("n_positions", 0))


def check_many_rows(programs, fixture, recipe, cpu, gpu, checks):
    config = fixture.source / "config.json"
    if not fixture.decoder or not config.exists() or longest(common.load_json(config)) < MANY_ROWS:
        return
    ids = [token for case in fixture.cases for token in case["ids"]] * MANY_ROWS
    arguments = [ids[:MANY_ROWS]], "--first", FIRST_LOGITS
    found, expected = on_gpu(programs, gpu, *arguments), programs.dump(cpu, *arguments)
    limit = F32_LIMIT if recipe == "f32" else CODES_LIMIT
    checks.at_most(f"{MANY_ROWS} rows at once", common.relative_error(found, expected), limit)
    other = on_sm_80(programs, gpu, *arguments)
    checks.at_most(f"{MANY_ROWS} rows on sm_80", common.relative_error(other, expected), limit)
    if recipe != "bf16":
        checks.equal(f"bits of {MANY_ROWS} rows on sm_80", other.tobytes() == found.tobytes(), True)


def check_driver(programs, fixture, gpu, checks):
    """The driver's commands, as on CPUs."""
    if fixture.decoder:
        text = fixture.json["tokenizer"][1]["text"]
        result = json.loads(programs.run("lmopt", "run", gpu, "--device", "cuda", "-p", text, "-n", 5, "--temp", 0, "--format", "json"))
        ids, width = fixture.json["tokenizer"][1]["ids"], fixture.width
        logits = on_gpu(programs, gpu, [ids + result["tokens"]])
        for index, token in enumerate(result["tokens"]):  # a near tie is no fault
            row = logits[(len(ids) - 1 + index) * width:(len(ids) + index) * width]
            checks.at_most(f"token {index} of run is the best one", max(row) - row[token], 0.02 * fixture.json["largest"])
    else:
        for case in [case for case in fixture.cases if "text" in case][:1]:
            vector = json.loads(programs.run("lmopt", "embed", gpu, "--prompt-name", "", "--device", "cuda", "--text", case["text"]))
            found = on_gpu(programs, gpu, [case["ids"]])
            checks.at_most("embed", common.largest_difference(vector, found), fixture.json["tolerance"])


def main():
    launching = sys.argv[1] == "--launching"
    bin_dir, driver, folder, recipe, work, *seeds = sys.argv[1 + launching:]
    seeds = range(1, 1 + int(seeds[0]) if seeds else 2)
    os.environ["LMOPT_LIBCUDA"] = driver
    programs, fixture = common.Programs(bin_dir, work), Fixture(folder)
    cpu, gpu = programs.work / "cpu.so", programs.work / "gpu.so"
    programs.run("lmopt", "--quiet", "compile", fixture.source, "--recipe", recipe, "-o", cpu)
    programs.run("lmopt", "--quiet", "compile", fixture.source, "--recipe", recipe, "--target", "nvptx", "--ptxas", "none", "-o", gpu)
    checks = common.Checks()
    check_numbers(programs, fixture, recipe, cpu, gpu, seeds, checks)
    if launching:
        check_launching(programs, fixture, gpu, checks)
    check_many_rows(programs, fixture, recipe, cpu, gpu, checks)
    if "tokenizer" in fixture.json:
        check_driver(programs, fixture, gpu, checks)
    checks.finish()


if __name__ == "__main__":
    main()
