# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes what sweeps.py measures when everything is prepared: kernels that do the same in other ways (test/ptx/sweep)."""
import hashlib
import subprocess

SECONDS = 900


def record(prepared):
    """Writes the candidates into the folder of the models, unless those of the same program are there; what failed."""
    program, folder = prepared.build / "bin/gpu-candidates", prepared.folder / "candidates"
    if not program.exists():
        return []
    small = ["--small"] if prepared.quick else []
    stamp = hashlib.sha256(program.read_bytes() + repr(small).encode()).hexdigest()
    if prepared.list.get("candidates") == stamp:
        return []
    for old in folder.glob("*"):
        old.unlink()
    done = subprocess.run([program, folder, *small], capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode:
        return [f"gpu-candidates: exit {done.returncode}: {done.stderr.strip()[-300:]}"]
    prepared.list["candidates"] = stamp
    return []
