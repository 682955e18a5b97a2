#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The first card that the CUDA driver shows, as JSON on stdout; exit code 8, as lmopt's, where there is none. A program of its own,
because a driver may hang, and because whoever asked the driver holds it. LMOPT_LIBCUDA as for lmopt."""
import ctypes
import json
import os
import shutil
import subprocess
import sys

ATTRIBUTES = {"multiprocessors": 16, "major": 75, "minor": 76}
FACTS = "driver_version,clocks.sm,clocks.mem,clocks.max.sm,power.limit,ecc.mode.current,mig.mode.current"


def missing(why):
    print(f"gpu-check: no card: {why}", file=sys.stderr)
    sys.exit(8)


def ask(driver, function, *arguments):
    code = getattr(driver, function)(*arguments)
    if code:
        missing(f"{function} gives {code}")


def describe(path):
    try:
        driver = ctypes.CDLL(path)
    except OSError as fault:
        missing(f"no CUDA driver ({path}): {fault}")
    ask(driver, "cuInit", 0)
    number, card = ctypes.c_int(), ctypes.c_int()
    ask(driver, "cuDeviceGetCount", ctypes.byref(number))
    if not number.value:
        missing("the driver shows no device")
    ask(driver, "cuDeviceGet", ctypes.byref(card), 0)
    name, memory = ctypes.create_string_buffer(256), ctypes.c_size_t()
    ask(driver, "cuDeviceGetName", name, len(name), card)
    ask(driver, "cuDeviceTotalMem_v2", ctypes.byref(memory), card)
    facts = {"name": name.value.decode("utf8", "replace"), "cards": number.value, "memory_bytes": memory.value}
    for key, attribute in ATTRIBUTES.items():
        ask(driver, "cuDeviceGetAttribute", ctypes.byref(number), attribute, card)
        facts[key] = number.value
    ask(driver, "cuDriverGetVersion", ctypes.byref(number))
    facts["cuda"] = f"{number.value // 1000}.{number.value % 1000 // 10}"
    facts["capability"] = 10 * facts.pop("major") + facts.pop("minor")
    return facts


def add_smi(facts):
    """What only NVIDIA's own program tells: the driver's version, clocks."""
    program = shutil.which("nvidia-smi")
    if not program:
        return
    command = [program, f"--query-gpu={FACTS}", "--format=csv,noheader", "-i", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        facts["smi"] = dict(zip(FACTS.split(","), map(str.strip, done.stdout.split(","))))


def main():
    own = os.environ.get("LMOPT_LIBCUDA")
    facts = describe(own or "libcuda.so.1")
    facts["interpreter"] = "interpreter" in facts["name"].lower()
    if not own:
        add_smi(facts)
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
