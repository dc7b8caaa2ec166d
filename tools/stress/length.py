# SPDX-License-Identifier: GPL-3.0-or-later
"""A long clip: memory does not grow with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import inference

from . import jobs
from .tally import Tally

EARLY = 100  # images
GROWTH = 1.05


def run(count: int, _seed: int) -> Iterator[Tally]:
    tally = Tally(f"memory, {count} frames")
    jobs.clip(count), jobs.network()
    command = [sys.executable, "-m", "tools.stress.length", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=jobs.ROOT)
    if done.returncode:
        tally.add(f"ended with status {done.returncode}", done.stderr[-400:])
    else:
        early, late, seconds = json.loads(done.stdout)
        tally.facts.append(
            f"peak {early / 1e6:.1f} MB at frame {EARLY}, {late / 1e6:.1f} MB at the end; {seconds:.0f} s"
        )
        tally.add("within 5%" if late <= GROWTH * early else "grows", "" if late <= GROWTH * early else tally.facts[0])
    yield tally


def peak() -> int:
    """Bytes of resident memory that this process has had at most."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("the kernel tells no VmHWM")


def main(frames: int) -> None:
    """Print the peaks at frame EARLY and at the end. Images are removed as they come: only memory is looked at."""
    early, began = 0, time.monotonic()
    with jobs.scratch() as folder:
        for number, image in enumerate(inference.generate(jobs.job(folder / "images", frames)), 1):
            os.unlink(image.path)
            if number == EARLY:
                early = peak()
    print(json.dumps([early, peak(), time.monotonic() - began]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
