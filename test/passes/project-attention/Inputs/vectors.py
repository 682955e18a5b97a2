# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which vectors of two printed results are the same in every digit: one word a vector."""
import re
import sys

first, second = (re.findall(r"\[([-+.e\d, ]+)\]", open(name).read()) for name in sys.argv[1:3])
assert len(first) == len(second) > 0, (first, second)
for a, b in zip(first, second):
    print("same" if a == b else "differs")
