# SPDX-License-Identifier: GPL-3.0-or-later
"""What the frames around a frame say about its map: flicker is removed, and one of several things followed."""

from collections.abc import Collection, Generator, Iterable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

import numpy as np

from . import finish, steady, subject
from .job import Job
from .keyframes import Look
from .picture import Picture
from .waits import Waiting

Maps = Mapping[int, Future[np.ndarray]]
Steps = Mapping[int, Future[steady.Step | None]]


@dataclass(frozen=True, eq=False)
class Shown:
    """A source frame on its way.

    picture: at full size. look: what the network sees of it. map: the network's answer,
    which may still be in the making.
    """

    frame: int
    picture: Picture
    look: Look
    map: Future[np.ndarray]


def reach(job: Job) -> int:
    """How many source frames before and after a frame have a part in its map."""
    return max(steady.REACH if job.steady else 0, subject.REACH if job.subject.keep == "LARGEST" else 0)


def around(job: Job, frames: Iterable[int], end: int) -> list[int]:
    """The source frames whose maps are needed for those of `frames`, ascending. end: the source's last frame."""
    far = reach(job)
    needed = {near for frame in frames for near in range(max(frame - far, 0), min(frame + far, end) + 1)}
    return sorted(needed)


def settled(
    job: Job, frames: Iterable[Shown | Waiting], wanted: Collection[int], pool: Executor
) -> Generator[Shown | Waiting, None, None]:
    """The wanted ones of ascending frames, with maps that those around have had their say in.

    frames: all that `around` names. Each is given once those are there that it depends on. Whatever else is asked for,
    a frame's map is the same.
    """
    far = reach(job)
    if not far and job.subject.keep == "ALL":
        yield from (shown for shown in frames if isinstance(shown, Waiting) or shown.frame in wanted)
        return
    known: dict[int, Shown] = {}
    steps: dict[int, Future[steady.Step | None]] = {}
    pieces: dict[int, Future[subject.Pieces]] = {}
    waiting = sorted(wanted, reverse=True)

    def settle(shown: Shown) -> Shown:
        near = range(shown.frame - far, shown.frame + far + 1)
        arguments = ({frame: known[frame].map for frame in near if frame in known}, dict(steps), dict(pieces))
        return replace(shown, map=pool.submit(_settle, job, shown, *arguments))

    for shown in frames:
        if isinstance(shown, Waiting):
            yield shown
            continue
        before = known.get(shown.frame - 1)
        if before and far:
            steps[before.frame] = pool.submit(steady.step, before.look, shown.look)
        if job.subject.keep == "LARGEST":
            pieces[shown.frame] = pool.submit(_pieces, shown.map)
        known[shown.frame] = shown
        while waiting and waiting[-1] + far <= shown.frame:
            yield settle(known[waiting.pop()])
        for past in [frame for frame in known if frame < (waiting[-1] if waiting else shown.frame) - far]:
            del known[past]
            steps.pop(past, None)
            pieces.pop(past, None)
    while waiting:  # the source ends here
        yield settle(known[waiting.pop()])


def _pieces(map_: Future[np.ndarray]) -> subject.Pieces:
    return subject.pieces(map_.result())


def _settle(
    job: Job, shown: Shown, maps: Maps, steps: Steps, pieces: Mapping[int, Future[subject.Pieces]]
) -> np.ndarray:
    """A frame's map, once those around are there: (h, w) float32 in 0..1."""
    at = shown.frame
    map_ = maps[at].result()
    between = {frame: step.result() for frame, step in steps.items()}
    if job.steady:
        near = range(at - steady.REACH, at + steady.REACH + 1)
        map_ = steady.steady(at, {frame: maps[frame].result() for frame in near if frame in maps}, between)
    if job.subject.keep == "ALL":
        return map_
    return subject.kept(map_, _point(job, shown, between, pieces))


def _point(
    job: Job,
    shown: Shown,
    steps: Mapping[int, steady.Step | None],
    pieces: Mapping[int, Future[subject.Pieces]],
) -> subject.Point | None:
    """Where the wanted thing is, as shares of what the network sees."""
    if job.subject.keep == "LARGEST":
        first = last = shown.frame
        while first - 1 in pieces and steps.get(first - 1) and shown.frame - first < subject.REACH:
            first -= 1
        while last + 1 in pieces and steps.get(last) and last - shown.frame < subject.REACH:
            last += 1
        shot = range(first, last + 1)
        return subject.largest([pieces[frame].result() for frame in shot], shown.frame - first)
    point = subject.at(job.subject.path, shown.frame)
    crop = finish.crop(job, shown.picture.height, shown.picture.width)
    return crop.inside(point) if crop and point else point
