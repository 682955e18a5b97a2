# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two lists of floats beside each other."""
import math
import statistics

import common


def differences(found, expected):
    """How many differ in bits, the largest difference, and both as shares: of the largest number, of the root mean square."""
    if len(found) != len(expected):
        return {"values": len(found), "expected_values": len(expected), "max": math.inf, "max_share": math.inf, "rms_share": math.inf}
    words, those = memoryview(found).cast("B").cast("I"), memoryview(expected).cast("B").cast("I")
    largest = common.largest_difference(found, expected)
    finite = all(map(math.isfinite, found))
    return {"values": len(found), "bits_differ": sum(a != b for a, b in zip(words, those)), "max": largest,
            "max_share": largest / max(map(abs, expected)), "rms_share": common.relative_error(found, expected) if finite else math.inf}


def log_sum(row):
    top = max(row)
    return top + math.log(math.fsum(math.exp(x - top) for x in row))


def divergence(found, expected):
    """Kullback-Leibler, in nats, of what is found from what is expected."""
    own, other = log_sum(found), log_sum(expected)
    return math.fsum(math.exp(b - other) * (b - other - a + own) for a, b in zip(found, expected))


def distributions(found, expected, rows):
    """Of logits: mean and largest divergence, share of rows with the same best token."""
    width = len(expected) // rows
    pairs = [(found[i * width:(i + 1) * width], expected[i * width:(i + 1) * width]) for i in range(rows)]
    each = [divergence(a, b) for a, b in pairs]
    return {"kl_mean": statistics.fmean(each), "kl_max": max(each),
            "same_best": sum(a.index(max(a)) == b.index(max(b)) for a, b in pairs) / rows}


def least_cosine(found, expected, rows):
    width = len(expected) // rows
    return min(common.cosine(found[i * width:(i + 1) * width], expected[i * width:(i + 1) * width]) for i in range(rows))


def medians(results):
    """Of each figure over several runs."""
    return {key: statistics.median(result[key] for result in results) for key in results[0]}
