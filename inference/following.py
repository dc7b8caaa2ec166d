# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a picked thing goes: the network looks at every fourth frame of the shot, once, and a path is left."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from . import decoding, keyframes, networks, pipeline, steady, subject
from .job import Job
from .picture import Picture

EVERY = 4  # source frames


def follow(job: Job, frame: int, point: subject.Point, tell: Callable[[float], None]) -> subject.Path:
    """The path of the thing at a point of a source frame, forwards and backwards until it is lost or the shot ends.

    job: its frames are looked at, `frame` among them; the region is not. point: x and y, shares of the picture from the
    left and the top. tell: is given the part that is done, 0 to 1. Raises MatteError as `pipeline.generate` does.
    """
    wanted = sorted({frame, *job.frames[::EVERY]})
    plan = networks.plan_for(job)
    model = networks.load(job.model, plan)

    def see(picture: Picture) -> tuple[keyframes.Look, np.ndarray]:
        planes = model.planes(picture)
        return keyframes.look(planes), model.map(planes)

    found = {}
    with pipeline.opencv_on_one_thread(), ThreadPoolExecutor(plan.frames, "strip_matte") as pool:
        pending = {}
        for number, picture in decoding.pictures(job, wanted, _nobody):
            pending[number] = pool.submit(see, picture)
            if len(pending) > plan.frames:
                first = next(iter(pending))
                found[first] = pending.pop(first).result()
                tell(len(found) / len(wanted))
        found |= {number: future.result() for number, future in pending.items()}
        shot = _shot(wanted, frame, {number: look for number, (look, _) in found.items()})
        maps, greys = {n: found[n][1] for n in shot}, {n: found[n][0].grey for n in shot}
        return subject.follow(maps, greys, frame, point)


def _shot(frames: list[int], frame: int, looks: dict[int, keyframes.Look]) -> list[int]:
    """Those of ascending frames that are of one shot with `frame`."""
    first = last = frames.index(frame)
    while first and steady.step(looks[frames[first - 1]], looks[frames[first]]):
        first -= 1
    while last + 1 < len(frames) and steady.step(looks[frames[last]], looks[frames[last + 1]]):
        last += 1
    return frames[first : last + 1]


def _nobody(_text: str) -> None:
    """Warnings about the movie are told when it is matted."""
