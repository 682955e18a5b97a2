# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Puts measured tables into a document, between the lines <!-- begin NAME --> and <!-- end NAME -->, with what a reader
needs to judge them: the command, the day, the CPU, how busy the machine was."""
import datetime
import os
import pathlib
import re
import shlex
import sys


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown CPU"


def placeless(word):
    """A folder of this machine means nothing to a reader: DIR stands for it."""
    option, equals, value = word.rpartition("=")
    path = pathlib.PurePath(value)
    if not path.is_absolute() and path.parts[:1] not in (("..",), ("~",)):
        return word
    return option + equals + ("DIR" if not path.suffix else f"DIR/{path.name}")


def provenance(command):
    """One paragraph of markdown. `command`: what was run, as a list of words."""
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    load = os.getloadavg()[0]
    return (f"`{shlex.join(placeless(str(word)) for word in command)}`, {day}, {cpu_name()}, {os.cpu_count()} CPUs, "
            f"load of the machine at the end {load:.1f}.\n\n")


def replace_section(path, name, text):
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    whole = path.read_text()
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(whole):
        sys.exit(f"{path} has no lines '{begin}' and '{end}': add them where the table shall stand")
    path.write_text(pattern.sub(lambda _: f"{begin}\n{text.strip()}\n{end}", whole, count=1))
