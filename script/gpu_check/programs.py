# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs that script/gpu-check runs: each with a time limit, each with a line and its messages in the log of its part. Whoever is
late is ended with all that it started."""
import array
import os
import pathlib
import signal
import subprocess
import time

import common

ROOT = pathlib.Path(__file__).resolve().parents[2]  # where relative loaders of programs are found (carry.py)


class Failure(Exception):
    """A program that failed: no other result of this model."""


class TimedOut(Exception):
    """The part's time is over."""


class Programs:
    """The built programs, on one driver, until one moment, each for so many seconds at most."""

    def __init__(self, build, work, log, deadline, patience, environment=None, loader=()):
        self.build, self.work, self.log = pathlib.Path(build), pathlib.Path(work), log
        self.deadline, self.patience, self.loader = deadline, patience, list(loader)
        self.environment = {**os.environ, **(environment or {})}
        self.work.mkdir(parents=True, exist_ok=True)

    def variant(self, name, **environment):
        """The same in a folder of its own, with other variables of the environment."""
        result = Programs(self.build, self.work / name, self.log, self.deadline, self.patience, loader=self.loader)
        result.environment = {**self.environment, **environment}
        return result

    def command(self, name):
        """How the program is started: with what carry.py brought along, where this machine's libraries are too old."""
        return [*self.loader, self.build / "bin" / name]

    def start(self, command):
        # A group of its own, so that what it starts ends with it.
        return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, env=self.environment, start_new_session=True, cwd=ROOT)

    def name_of(self, command):
        begins = len(self.loader) if self.loader and command[0] == self.loader[0] else 0
        return pathlib.Path(str(command[begins])).name

    def finish(self, process, command, begin):
        shown, left = " ".join(map(str, command)), self.deadline - time.monotonic()
        try:
            out, err = process.communicate(timeout=max(0.001, min(left, self.patience)))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            _, err = process.communicate()
            self.note(f"$ {shown}\nno end in time\n{err.decode('utf8', 'replace')}")
            if left > self.patience:  # one that hangs does not cost the others their time
                raise Failure(f"no end in {self.patience:.0f} s: {shown}") from None
            raise TimedOut(f"no end in time: {shown}") from None
        messages = err.decode("utf8", "replace")
        self.note(f"$ {shown}\nexit {process.returncode}, {time.monotonic() - begin:.3f} s\n{messages}")
        if process.returncode:
            last = (messages.strip().splitlines() or [out.decode("utf8", "replace").strip()[-200:]])[-1]
            raise Failure(f"exit {process.returncode} of {self.name_of(command)}: {last[:300]}")
        return out.decode("utf8", "replace"), messages

    def note(self, text):
        with open(self.log, "a", encoding="utf8") as log:
            log.write(text.rstrip() + "\n")

    def run(self, *command):
        """What it says on stdout."""
        begin = time.monotonic()
        return self.finish(self.start(command), command, begin)[0]

    def lmopt(self, *arguments):
        return self.run(*self.command("lmopt"), "--quiet", *arguments)

    def dump_command(self, model, sequences, *options):
        """The command that writes logits (decoder) or vectors (encoder) of all sequences, and where to."""
        ids, lengths, out = (self.work / name for name in ("ids.bin", "lengths.bin", "out.bin"))
        ids.write_bytes(array.array("i", [token for row in sequences for token in row]).tobytes())
        lengths.write_bytes(array.array("i", [len(row) for row in sequences]).tobytes())
        out.unlink(missing_ok=True)
        return [*self.command("dump-logits"), model, ids, out, "--lengths", lengths, *options], out

    def dump(self, model, sequences, *options):
        command, out = self.dump_command(model, sequences, *options)
        self.run(*command)
        values = common.read_floats(out)
        out.unlink()  # a real model's may be 40 MB
        return values

    def dump_twice_at_once(self, model, sequences, *options):
        """The results of two processes that run at the same time."""
        programs = [self.variant(name) for name in ("first", "second")]
        commands = [each.dump_command(model, sequences, *options) for each in programs]
        begin = time.monotonic()
        started = [each.start(command) for each, (command, _) in zip(programs, commands)]
        faults = []
        for process, (command, _) in zip(started, commands):
            try:
                self.finish(process, command, begin)
            except (Failure, TimedOut) as fault:
                faults.append(fault)
        if faults:
            raise faults[0]
        return [common.read_floats(out) for _, out in commands]

    def seconds(self, model, sequences, *options):
        """Wall time of a whole process."""
        command, _ = self.dump_command(model, sequences, *options)
        begin = time.monotonic()
        self.run(*command)
        return time.monotonic() - begin
