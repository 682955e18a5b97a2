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
SMI = "/usr/bin/nvidia-smi", "/usr/local/nvidia/bin/nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi"  # where it is off PATH, too
SMI_SECONDS, LOWEST = 15, 80
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
    if facts["capability"] < LOWEST:
        missing(f"{facts['name']} has compute capability {facts['capability'] / 10:.1f}; {LOWEST / 10:.1f} is the least that lmopt serves")
    facts["bus"] = bus_of(driver, card)
    return facts


def bus_of(driver, card):
    """By which nvidia-smi knows the card, whose own numbers follow another order; None where the driver does not tell."""
    text = ctypes.create_string_buffer(64)
    try:
        code = driver.cuDeviceGetPCIBusId(text, len(text), card)
    except AttributeError:
        return None
    return text.value.decode("ascii", "replace") if code == 0 else None


def ask_smi(bus):
    """What only NVIDIA's own program tells: the driver's version, clocks; or why it does not."""
    program = shutil.which("nvidia-smi") or next((path for path in SMI if os.access(path, os.X_OK)), None)
    if not program:
        return None, f"nvidia-smi is missing: neither on PATH nor {', '.join(SMI)}"
    command = [program, f"--query-gpu={FACTS}", "--format=csv,noheader", "-i", bus or "0"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SMI_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as fault:
        return None, f"nvidia-smi does not work: {fault}"
    told = [word.strip() for word in done.stdout.split(",")]
    if done.returncode or len(told) != len(FACTS.split(",")):
        return None, f"nvidia-smi does not work: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-200:]}"
    return dict(zip(FACTS.split(","), told)), None


def main():
    own = os.environ.get("LMOPT_LIBCUDA")
    facts = describe(own or "libcuda.so.1")
    facts["interpreter"] = "interpreter" in facts["name"].lower()
    if not own:
        facts["smi"], facts["smi_missing"] = ask_smi(facts["bus"])
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
