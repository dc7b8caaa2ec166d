# SPDX-License-Identifier: GPL-3.0-or-later
"""Two processes on one folder, killed at random: the folder ends as one undisturbed process leaves it.

Both begin at the same time on the same frames. One of them, or first one and then the other, is killed after a time,
and whoever is left goes on; where nobody is, a third run ends the work.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace

import cv2

from inference import BUILT_IN_MODEL, Job, networks

from . import jobs, kill
from .tally import Tally

FRAMES = 60


def run(count: int, seed: int, network: str = BUILT_IN_MODEL, frames: int = FRAMES) -> Iterator[Tally]:
    tally = Tally("two processes on one folder, killed at an instant")
    cv2.setNumThreads(1)  # see kill
    with jobs.scratch() as home:
        job = jobs.job(home / "undisturbed", frames, model=network, quality="EVERY")
        jobs.finish(job)
        if networks.plan_for(replace(job, precision="FULL")).threads != 1:
            tally.skipped = "a session of several threads does not live in a forked process"
            yield tally
            return
        wanted = jobs.contents(job.folder)
        whole = kill.live(replace(job, folder=str(home / "timed")))
        twice, made = 0, 0
        for number in range(count):
            shared = replace(job, folder=str(home / f"folder_{number}"))
            images, deaths, where = _shared(shared, whole.seconds, seed, number)
            reason = jobs.differences(jobs.contents(shared.folder), wanted)
            more = images - frames
            if not reason and more > kill.THREADS * deaths:
                reason = f"{more} images made twice"
            if not reason and list((home / f"folder_{number}").glob("*.hold")):
                reason = "a hold was left"
            tally.add("byte-identical" if not reason else "not as if undisturbed", reason and f"{where}: {reason}")
            twice, made = twice + more, made + frames
        tally.facts.append(f"images made twice: {twice} of {made}")
    yield tally


def _shared(job: Job, seconds: float, seed: int, number: int) -> tuple[int, int, str]:
    """Images that were made in all, deaths, and how they came."""
    dice = jobs.dice(seed, "share", number)
    ends = [dice.uniform(0.0, 1.5 * seconds) if dice.random() < chance else None for chance in (0.8, 0.4)]
    lives = [_begun(job) for _ in ends]
    began = time.monotonic()
    for after, (process, _) in sorted(zip(ends, lives, strict=True), key=lambda pair: pair[0] or 0.0):
        if after is not None:
            time.sleep(max(after - (time.monotonic() - began), 0.0))
            os.kill(process, signal.SIGKILL)  # where it has ended, it has not been waited for yet
    told = [_ended(*life) for life in lives]
    last = kill.live(job)
    images = sum(letters for letters, _ in told) + last.images
    return images, sum(killed for _, killed in told), f"killed after {ends}"


def _begun(job: Job) -> tuple[int, int]:
    """A forked process that runs the job, and the pipe through which it tells its images."""
    read, write = os.pipe()
    process = os.fork()
    if not process:
        os.close(read)
        kill._live(job, write, None)
    os.close(write)
    return process, read


def _ended(process: int, read: int) -> tuple[int, bool]:
    """Images that it made, and whether it was killed."""
    images = 0
    while told := os.read(read, 1 << 16):
        images += told.count(b"i")
    os.close(read)
    return images, os.WIFSIGNALED(os.waitpid(process, 0)[1])
