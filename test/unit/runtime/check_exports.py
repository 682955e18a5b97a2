#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares what liblmopt.so exports and needs with what the public headers declare.

Usage: check_exports.py NM READELF LIBRARY HEADER...
Fails when a declared function is not exported, when anything else is, or when the library needs more than the C library.
"""
import re
import subprocess
import sys

nm, readelf, library, *headers = sys.argv[1:]
declared = set()
for header in headers:
    text = re.sub(r"/\*.*?\*/", "", open(header, encoding="utf-8").read(), flags=re.S)
    declared |= set(re.findall(r"^(?!typedef)[a-z][\w \*]*?\b(lmopt_\w+)\(", text, flags=re.M))
lines = subprocess.run([nm, "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout.split("\n")
exported = {line.split()[-1].split("@")[0] for line in lines if line} - {"LMOPT_1.0"}
needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", subprocess.run([readelf, "-d", library], check=True, capture_output=True, text=True).stdout))
foreign = {name for name in needed if not re.match(r"(libc|libm|libpthread|libdl|ld-linux-x86-64)\.so", name)}
print(f"{len(declared)} functions declared, {len(exported)} exported, needs {sorted(needed)}")
problems = [f"declared but not exported: {sorted(declared - exported)}" if declared - exported else "",
            f"exported but not declared: {sorted(exported - declared)}" if exported - declared else "",
            f"needs more than the C library: {sorted(foreign)}" if foreign else "",
            "too few functions found in the headers" if len(declared) < 40 else ""]
sys.exit("\n".join(filter(None, problems)) or 0)
