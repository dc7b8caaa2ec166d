# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a case, from the files that appear, so that any program can be one."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cases import STAGED, Case, worker
from .clips import BENCH, Clip
from .watch import Failed, Watch, run_pipe


@dataclass(frozen=True)
class Result:
    """One process's figures.

    seconds, cpu: a frame, from the moment when the network is loaded to the last file. peak: bytes. size: bytes a file.
    others: cores that the rest of the machine kept busy. Of ours only: first, again: seconds from the call until the
    first image stood on disk, without and with the network loaded; seen: part of the frames that the
    network saw; network: what ran.
    """

    seconds: float
    cpu: float
    peak: int
    size: float
    others: float
    first: float | None = None
    again: float | None = None
    seen: float | None = None
    network: str = ""


def measure(case: Case, clip: Clip, frames: int, folder: Path, of: int = 0) -> Result:
    """Run a case once; its images are left in the folder. `Failed` where there are not as many as asked for.

    of: what the case is told where it makes fewer than that, the length of the clip.
    """
    commands = (
        case.commands(clip, of or frames, folder)
        if case.commands
        else [worker("ours", clip.path, frames, folder, json.dumps(case.job))]
    )
    watch, printed = run_pipe(commands, case.name)
    told = last_line(printed) if case.tells else {}
    files = [file.stat() for file in folder.glob("*.png")]
    if len(files) != frames:
        raise Failed(f"{case.name} made {len(files)} files of {frames}")
    moments = sorted(file.st_mtime_ns / 1e9 for file in files)
    start = told.pop("began", moments[0])
    counted = frames if case.tells else frames - 1
    return Result(
        (moments[-1] - start) / counted,
        (watch.seconds_at(moments[-1]) - watch.seconds_at(start)) / counted,
        watch.peak,
        statistics.fmean(file.st_size for file in files),
        watch.others,
        **told,
    )


def last_line(printed: str) -> Any:
    return json.loads(printed.splitlines()[-1])


def ask_worker(what: str, clip: Clip, frames: int, settings: dict[str, Any] | None) -> tuple[Any, Watch]:
    """What a worker of ours prints, and what was seen of it."""
    with tempfile.TemporaryDirectory(dir=BENCH) as scratch:
        watch, printed = run_pipe([worker(what, clip.path, frames, scratch, json.dumps(settings))], what)
    return last_line(printed), watch


@dataclass
class Measured:
    """All rounds of one clip: by the case's name, in the order of the rounds. stages: wall and processor seconds."""

    clip: Clip
    results: dict[str, list[Result]] = field(default_factory=dict)
    stages: dict[str, list[dict[str, tuple[float, float]]]] = field(default_factory=dict)


def measure_clip(
    clip: Clip, cases: Sequence[Case], frames: Callable[[Case], int], rounds: int, with_stages: bool
) -> Measured:
    """Every case once a round; each round starts with another case, so that a slow minute meets all of them."""
    measured = Measured(clip, {case.name: [] for case in cases})
    for turn in range(rounds):
        first = turn % len(cases)
        for case in (*cases[first:], *cases[:first]):
            with tempfile.TemporaryDirectory(dir=BENCH) as scratch:
                result = measure(case, clip, frames(case), Path(scratch))
            measured.results[case.name].append(result)
            say(f"{clip.name}, round {turn + 1} of {rounds}: {case.name}, {1e3 * result.seconds:.0f} ms a frame")
            if with_stages and case in STAGED:
                stages, _ = ask_worker("stages", clip, frames(case), case.job)
                measured.stages.setdefault(case.name, []).append(stages)
    return measured


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)
