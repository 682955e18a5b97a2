# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One part of script/gpu-check: its time, its checks, its rows of figures, its line."""
import time
import traceback

from gpu_check.programs import Failure, Programs, TimedOut


class Part:
    def __init__(self, name, seconds, patience):
        self.name, self.limit, self.patience = name, seconds, patience
        self.status, self.seconds, self.summary, self.trace = "held", 0.0, "", ""
        self.checks, self.failures, self.rows, self.missing = 0, [], [], []

    def check(self, what, holds):
        self.checks += 1
        if not holds:
            self.failures.append(what)

    def at_most(self, what, value, limit):
        self.check(f"{what}: {value:.3g} > {limit:.3g}", value <= limit)

    def skip(self, what):
        """Something that cannot be done here: said, not held against the card."""
        self.missing.append(what)

    def attempt(self, what, work):
        """A failure of one model is told and does not stop the part."""
        try:
            return work()
        except Failure as fault:
            self.check(f"{what}: {fault}", False)
            return None

    def run(self, work, context, left):
        begin = time.monotonic()
        self.limit = max(0.001, min(self.limit, left))
        programs = Programs(context.build, context.out / "work" / self.name, context.out / f"{self.name}.log", begin + self.limit,
                            self.patience, context.environment, context.loader)
        try:
            work(self, context, programs)
        except TimedOut as fault:
            self.status = "timed out"
            self.failures.append(str(fault))
        except Failure as fault:
            self.failures.append(str(fault))
        except Exception as fault:  # a fault of this script must not cost the other parts their minutes on a card
            self.failures.append(f"{type(fault).__name__}: {fault}")
            self.trace = traceback.format_exc()
            programs.note(self.trace)
        self.seconds = time.monotonic() - begin
        if self.status == "held":
            self.status = "failed" if self.failures else "held" if self.checks else "skipped"

    def line(self):
        text = f"{self.name:<10} {self.status:<9} {self.seconds:6.1f} s  {self.checks - self.fallen()} of {self.checks} checks"
        for more in (self.summary, *[f"FAILED {each}" for each in self.failures[:2]], *self.missing):
            text += f"; {more}" if more else ""
        return text

    def fallen(self):
        return min(self.checks, len(self.failures))

    def record(self):
        result = {"name": self.name, "status": self.status, "seconds": round(self.seconds, 3), "limit": round(self.limit, 1),
                  "checks": self.checks, "summary": self.summary, "failures": self.failures, "missing": self.missing, "rows": self.rows}
        return {**result, "trace": self.trace} if self.trace else result
