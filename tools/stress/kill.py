# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at any instant, and the next run: the folder ends byte for byte as if nothing had happened.

Each killed process is forked from this one, in which libraries and network are loaded already. Half of them are killed
after a time, the others between two steps on files (open, rename, link, remove ...), which take too little of the time
to be met often by chance.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

import inference
from inference import BUILT_IN_MODEL, Job, model, networks, png

from . import jobs
from .tally import Tally

FRAMES = 60
LIMIT = 60.0  # seconds without a sign of life, after which a process hangs
STEPS = ("open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.listdir", "os.scandir", "os.truncate")
THREADS = 2  # frames at a time, with two cores: as many images may be in the making when the process dies
CHAIN = 0.7  # of the runs that go on are killed as well
PHASES = ((0.0, 0.1), (0.1, 0.9), (0.9, 1.0))  # start, middle, end, of the time or the steps of an undisturbed run


@dataclass(frozen=True)
class Life:
    """What a process did. images, asked: pictures it made files of, and maps it had from the network. steps: on files.
    seconds: how long it lived. status: of its end, as os.waitpid gives it."""

    images: int
    asked: int
    steps: int
    seconds: float
    status: int

    @property
    def killed(self) -> bool:
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL


def run(count: int, seed: int, network: str = BUILT_IN_MODEL, frames: int = FRAMES) -> Iterator[Tally]:
    for quality, share in (("EVERY", count // 3), ("ADAPTIVE", count - count // 3)):
        yield _killed(quality, share, seed, network, frames)


def _killed(quality: str, count: int, seed: int, network: str, frames: int) -> Tally:
    tally = Tally(f"killed at an instant and resumed, {quality}")
    cv2.setNumThreads(1)  # OpenCV's own threads would not live in a forked process, and be waited for there
    with jobs.scratch() as home:
        job = jobs.job(home / "undisturbed", frames, model=network, quality=quality)
        jobs.finish(job)  # loads the network here, before any fork
        if networks.fastest(job.model, job.device, THREADS, "fp32").threads != 1:
            tally.skipped = "a session of several threads does not live in a forked process"
            return tally
        wanted = jobs.contents(job.folder)
        whole = live(replace(job, folder=str(home / "timed")))
        if jobs.contents(home / "timed") != wanted:
            tally.add("undisturbed runs differ", "two runs")
        images, asked, parts, began = [], [], 0, time.monotonic()
        number = kills = 0
        while kills < count:
            folder = home / f"folder_{number}"
            again = replace(job, folder=str(folder))
            lives, where = _until_done(again, whole, count - kills, seed, number)
            deaths = [life for life in lives if life.killed]
            kills += len(deaths)
            number += 1
            reason = f"ended with status {lives[-1].status}" if lives[-1].status else ""
            reason = reason or jobs.differences(jobs.contents(folder), wanted)
            twice = sum(life.images for life in lives) - frames
            if not reason and twice > THREADS * len(deaths):
                reason = f"{twice} images made twice"
            for _ in deaths:
                tally.add("byte-identical" if not reason else "not as if undisturbed", reason and f"{where}: {reason}")
            if deaths:
                images.append(twice)
                asked.append((sum(life.asked for life in lives) - whole.asked) / len(deaths))
                parts += len(jobs.parts(folder))
    if asked:
        tally.facts += [
            f"images made twice: {sum(images)} in all, at most {max(images)} a folder",
            f"network asked again: {sum(asked) / len(asked):.1f} of {whole.asked} times a kill, at most {max(asked):g}",
            f"{parts} .part files left behind",
            f"{time.monotonic() - began:.0f} s",
        ]
    return tally


def _until_done(job: Job, whole: Life, most: int, seed: int, number: int) -> tuple[list[Life], str]:
    """Kill, and go on until the job is done; at most `most` deaths. What was lived, and how it was killed."""
    dice = jobs.dice(seed, f"kill {job.quality}", number)
    lives: list[Life] = []
    told: list[str] = []
    while len(lives) < most and (not lives or dice.random() < CHAIN):
        left = len(job.frames) - len(list(Path(job.folder).glob("*.png")))
        low, high = dice.choice(PHASES)
        share = dice.uniform(low, high) * left / len(job.frames)
        if dice.random() < 0.5:
            lives.append(live(job, seconds=share * whole.seconds))
            told.append(f"after {share * whole.seconds:.3f} s")
        else:
            lives.append(live(job, step=1 + int(share * whole.steps)))
            told.append(f"at step {1 + int(share * whole.steps)}")
        if not lives[-1].killed:
            return lives, ", ".join(told)
    lives.append(live(job))
    return lives, ", ".join(told)


def live(job: Job, seconds: float | None = None, step: int | None = None) -> Life:
    """Run a job in a forked process. seconds, step: when it is killed, by us after a time, by itself before a step on
    files below the job's folder; None for never."""
    read, write = os.pipe()
    sys.stdout.flush()
    began = time.monotonic()
    process = os.fork()
    if not process:
        os.close(read)
        _live(job, write, step)
    os.close(write)
    counted = {b"i": 0, b"n": 0, b"s": 0}
    if seconds is not None:
        time.sleep(max(seconds - (time.monotonic() - began), 0))
        os.kill(process, signal.SIGKILL)
    while True:
        if not select.select([read], [], [], LIMIT)[0]:
            os.kill(process, signal.SIGABRT)  # its stacks are told
        told = os.read(read, 1 << 16)
        if not told:
            break
        for letter in counted:
            counted[letter] += told.count(letter)
    os.close(read)
    status = os.waitpid(process, 0)[1]
    return Life(counted[b"i"], counted[b"n"], counted[b"s"], time.monotonic() - began, status)


def _live(job: Job, write: int, step: int | None) -> None:
    """The child's whole life: it tells a letter for each image, network's answer and step on files."""
    status = 1
    faulthandler.enable(all_threads=True)
    try:
        for owner, name, letter in ((png, "encode", b"i"), (model.Model, "map", b"n")):
            setattr(owner, name, _counted(getattr(owner, name), write, letter))
        parent, done = str(Path(job.folder)), 0

        def hear(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal done
            if event in STEPS and any(isinstance(each, str) and each.startswith(parent) for each in arguments):
                done += 1
                os.write(write, b"s")
                if done == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hear)
        status = len(list(inference.generate(job))) != len(job.frames)
    except BaseException:  # noqa: BLE001  the child ends here whatever happens
        traceback.print_exc()
    finally:
        os._exit(status)


def _counted(function: Callable[..., object], write: int, letter: bytes) -> Callable[..., object]:
    def counted(*arguments: object) -> object:
        result = function(*arguments)
        os.write(write, letter)
        return result

    return counted
