# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs in a pipe, and what they take: processor time and memory, from /proc. Linux only."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .clips import BENCH, ROOT

SAMPLE = 0.02  # seconds between two looks at the processes
MODELS = ROOT / "build" / "models"  # where rembg finds the file of the network


class Failed(Exception):
    """A process of a case did not do what it should; the text says which."""


class Watch:
    """Processor time and memory of running processes and all that they start.

    Of a process that has ended, what was last seen counts on. `peak` adds up each process's own peak of resident
    memory: exact for one process, an upper bound for several.
    """

    def __init__(self, processes: Sequence[subprocess.Popen[Any]]) -> None:
        self._roots = [process.pid for process in processes]
        self._seconds: dict[int, float] = {}
        self._peaks: dict[int, int] = {}
        self.samples: list[tuple[float, float]] = []
        """Time of day, processor seconds up to then."""
        self._start = time.time(), busy_seconds()

    def look(self) -> None:
        waiting = list(self._roots)
        while waiting:
            process = waiting.pop()
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
                self._look_at(Path("/proc", str(process)))
                for children in Path("/proc", str(process), "task").glob("*/children"):
                    waiting += map(int, children.read_text().split())
        self.samples.append((time.time(), sum(self._seconds.values())))

    def _look_at(self, process: Path) -> None:
        # proc(5): the 14th and 15th field are user and system time in ticks; the second, a name, may hold blanks.
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        self._seconds[int(process.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        for line in (process / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):  # kB; a process that has ended has none
                self._peaks[int(process.name)] = int(line.split()[1]) * 1024

    @property
    def others(self) -> float:
        """Cores that everything else on the machine kept busy meanwhile: near 0, or the figures are worth little."""
        (began, busy), (now, own) = self._start, self.samples[-1]
        return max(busy_seconds() - busy - own, 0.0) / (now - began)

    @property
    def peak(self) -> int:
        return sum(self._peaks.values())

    def seconds_at(self, moment: float) -> float:
        """Processor seconds up to a time of day, between the samples on its two sides."""
        for (before, lower), (after, upper) in zip(self.samples, self.samples[1:], strict=False):
            if before <= moment <= after:
                return lower + (upper - lower) * (moment - before) / (after - before)
        return self.samples[-1][1]


def busy_seconds() -> float:
    """Seconds that all cores together have been busy, from proc_stat(5): user, nice and system; stolen time too."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]))
    return (sum(fields[:3]) + sum(fields[5:8])) / os.sysconf("SC_CLK_TCK")


def run_pipe(commands: list[list[str]], name: str) -> tuple[Watch, str]:
    """Run programs, each reading what the one before prints; return what was seen and what the last one printed."""
    environment = os.environ | {"U2NET_HOME": str(MODELS), "PYTHONPATH": str(ROOT)}
    processes: list[subprocess.Popen[str]] = []
    for command in commands:
        source = processes[-1].stdout if processes else subprocess.DEVNULL
        processes.append(
            subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, text=True, env=environment, cwd=BENCH)
        )
        if processes[:-1] and processes[-2].stdout:
            processes[-2].stdout.close()  # the reader alone holds it, and its end is seen by the writer
    watch = Watch(processes)
    last = processes[-1].stdout
    while any(process.poll() is None for process in processes):
        watch.look()
        time.sleep(SAMPLE)
    if any(process.returncode for process in processes):
        raise Failed(f"{name}: a process ended with {[process.returncode for process in processes]}")
    return watch, last.read() if last else ""
