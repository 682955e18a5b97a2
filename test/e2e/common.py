# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the end-to-end tests share: running the programs, floats in and out of files. Plain Python, no packages."""
import array
import contextlib
import json
import math
import os
import pathlib
import subprocess
import sys


class Programs:
    """The programs under test, all in one folder."""

    def __init__(self, folder, work):
        self.folder, self.work = pathlib.Path(folder), pathlib.Path(work)
        self.work.mkdir(parents=True, exist_ok=True)

    def run(self, name, *arguments):
        command = [str(self.folder / name), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"exit {done.returncode} of: {' '.join(command)}\n{done.stderr.decode('utf8', 'replace')}")
        return done.stdout.decode("utf8")

    def json(self, name, *arguments):
        return json.loads(self.run(name, *arguments))

    def compile(self, source, recipe, output):
        self.run("lmopt", "--quiet", "compile", source, "--recipe", recipe, "-o", output)
        return output

    def dump(self, model, sequences, *options):
        """Logits (decoder) or vectors (encoder) of all sequences in one list, by the public C interface."""
        ids, lengths, out = (self.work / name for name in ("ids.bin", "lengths.bin", "out.bin"))
        ids.write_bytes(array.array("i", [token for row in sequences for token in row]).tobytes())
        lengths.write_bytes(array.array("i", [len(row) for row in sequences]).tobytes())
        self.run("dump-logits", model, ids, out, "--lengths", lengths, *options)
        return read_floats(out)


@contextlib.contextmanager
def environment(**variables):
    """What programs are told while the block runs; nobody sets these variables outside."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


def check_same_generation(programs, model, prompt, count, what, checks):
    """Several tokens on end on a GPU are those of single steps."""
    told = programs.run("same-generation", model, prompt, "--device", "cuda", "--count", count)
    checks.equal(what, told.endswith(" 0 texts differ\n") and not told.startswith("0 "), True)


def read_floats(path):
    values = array.array("f")
    values.frombytes(pathlib.Path(path).read_bytes())
    return values


def load_json(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf8"))


def largest_difference(found, expected):
    """NaN counts as infinite."""
    assert len(found) == len(expected), f"{len(found)} values where {len(expected)} were expected"
    return max((abs(a - b) if math.isfinite(a) else math.inf for a, b in zip(found, expected)), default=0.0)


def relative_error(found, expected):
    """Root mean square of the difference as a share of that of the expected values."""
    assert len(found) == len(expected), f"{len(found)} values where {len(expected)} were expected"
    power = sum(b * b for b in expected)
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(found, expected)) / power)


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def best(row):
    """The greatest value's index, the smaller one when equal."""
    return max(range(len(row)), key=lambda i: (row[i], -i))


def rows_of(values, width):
    return [list(values[i:i + width]) for i in range(0, len(values), width)]


def kept(row, count):
    """The greatest logits of a row, those of smaller id first where equal; the others are -infinity."""
    order = sorted(range(len(row)), key=lambda i: (-row[i], i))[:count]
    return [row[i] if i in order else -math.inf for i in range(len(row))]


class Checks:
    """Counts checks and tells all that failed, not only the first."""

    def __init__(self):
        self.passed, self.failures = 0, []

    def at_most(self, what, value, limit):
        if value <= limit:
            self.passed += 1
        else:
            self.failures.append(f"{what}: {value:.6g} > {limit:.6g}")

    def at_least(self, what, value, limit):
        self.at_most("minus " + what, -value, -limit)

    def equal(self, what, found, expected):
        if found == expected:
            self.passed += 1
        else:
            self.failures.append(f"{what}: found {str(found)[:300]}, expected {str(expected)[:300]}")

    def finish(self):
        for failure in self.failures:
            print("FAILED", failure)
        print(f"{self.passed} checks passed, {len(self.failures)} failed")
        sys.exit(1 if self.failures or not self.passed else 0)
