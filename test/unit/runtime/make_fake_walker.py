#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Adds to the kernels of fake_device.ptx a walker that does all of them (lmopt_walk_t), made from their own text: parameters come from
the record, %ctaid.x is the number of the virtual block, each kernel has registers and labels of its own.
Usage: make_fake_walker.py KERNELS.ptx OUT.ptx"""
import re
import sys

HEAD = 16  # of a record
WALKER = """
.visible .entry walk(.param .u64 records, .param .u64 counter, .param .u32 count) {{
  .reg .pred %w<8>; .reg .b32 %v<8>; .reg .b64 %q<4>;
{registers}
  ld.param.u64 %q1, [records]; ld.param.u64 %q2, [counter]; ld.param.u32 %v1, [count]; mov.u32 %v2, 0;
RECORD:
  ld.global.u32 %v3, [%q1]; ld.global.u32 %v4, [%q1+4]; mov.u32 %v5, %ctaid.x;
BLOCK:
  setp.ge.u32 %w1, %v5, %v4; @%w1 bra MEET;
{choices}
  trap;
{bodies}
NEXT_BLOCK:
  bar.sync 0;
  mov.u32 %v6, %nctaid.x; add.u32 %v5, %v5, %v6; bra BLOCK;
MEET:
  add.u32 %v2, %v2, 1; setp.ge.u32 %w2, %v2, %v1; @%w2 bra DONE;
  bar.sync 0;
  mov.u32 %v6, %tid.x; setp.ne.u32 %w3, %v6, 0; @%w3 bra MET;
  mov.u32 %v6, %nctaid.x; mul.lo.u32 %v6, %v6, %v2; red.release.gpu.global.add.u32 [%q2], 1;
ASK:
  ld.acquire.gpu.global.u32 %v7, [%q2]; setp.ge.u32 %w4, %v7, %v6; @%w4 bra MET; nanosleep.u32 20; bra ASK;
MET:
  bar.sync 0;
  add.u64 %q1, %q1, {stride}; bra RECORD;
DONE:
  ret;
}}
"""


def offsets(parameters):
    """Where each lies, as in a struct of C, and the end."""
    places, end = {}, 0
    for bits, name in re.findall(r"\.param \.u(\d+) (\w+)", parameters):
        size = int(bits) // 8
        places[name] = -(-end // size) * size
        end = places[name] + size
    return places, end


def body_of(number, name, places, text):
    text = re.sub(r"//[^\n]*", "", text)
    for label in re.findall(r"^(\w+):", text, re.M):
        text = re.sub(rf"\b{label}\b", f"{name.upper()}_{label}", text)
    text = re.sub(r"%(pred|rd|p|r|f)(?=[\d<])", rf"%k{number}\1", text)
    text = re.sub(r"ld\.param(\.\w+) (%\w+), \[(\w+)\]", lambda m: f"ld.global{m[1]} {m[2]}, [%q1+{HEAD + places[m[3]]}]", text)
    text = text.replace("%ctaid.x", "%v5").replace("ret;", "bra NEXT_BLOCK;")
    registers = "".join(re.findall(r"\.reg [^;]*;", text))
    return registers, f"{name.upper()}_BODY:\n" + re.sub(r"\.reg [^;]*;", "", text)


def main():
    source = open(sys.argv[1], encoding="utf8").read()
    registers, choices, bodies, most = [], [], [], 0
    for number, (name, parameters, text) in enumerate(re.findall(r"\.entry (\w+)\((.*?)\) \{\n(.*?)\n\}", source, re.S)):
        places, end = offsets(parameters)
        most = max(most, end)
        own, body = body_of(number, name, places, text)
        registers.append("  " + own)
        choices.append(f"  setp.eq.u32 %w5, %v3, {number}; @%w5 bra {name.upper()}_BODY;")
        bodies.append(body)
    stride = -(-(HEAD + most) // 16) * 16
    walker = WALKER.format(registers="\n".join(registers), choices="\n".join(choices), bodies="\n".join(bodies), stride=stride)
    open(sys.argv[2], "w", encoding="utf8").write(source + walker)


if __name__ == "__main__":
    main()
