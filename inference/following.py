# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a picked thing goes: the network looks at every fourth frame up to the shot's end, once, and a path is left."""

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np

from . import decoding, keyframes, networks, pipeline, steady, subject
from .job import Job
from .picture import Picture

EVERY = 4  # source frames
Seen = tuple[keyframes.Look, np.ndarray]
"""A picture's look, and where its map is above subject.SOLID, (h, w) bool."""


def follow(job: Job, frame: int, point: subject.Point, tell: Callable[[float], None]) -> subject.Path:
    """The path of the thing at a point of a source frame, forwards and backwards until it is lost or the shot ends.

    job: its frames are looked at, `frame` among them; the region is not. point: x and y, shares of the picture from the
    left and the top. tell: is given the part that is done, 0 to 1. Raises MatteError as `pipeline.generate` does.
    """
    wanted = sorted({frame, *job.frames[::EVERY]})
    plan = networks.plan_for(job)
    model = networks.load(job.model, plan)

    def see(picture: Picture) -> Seen:
        planes = model.planes(picture)
        return keyframes.look(planes), model.map(planes) > subject.SOLID

    # Of the asked frame's shot alone, and no more than is needed: a take may last for an hour.
    solids: dict[int, np.ndarray] = {}
    greys: dict[int, np.ndarray] = {}
    before = None
    with (
        pipeline.opencv_on_one_thread(),
        ThreadPoolExecutor(plan.frames, "strip_matte") as pool,
        contextlib.closing(decoding.pictures(job, wanted, _nobody)) as pictures,
        contextlib.closing(_in_order(pictures, see, pool, plan.frames)) as stream,
    ):
        for done, (number, (look, solid)) in enumerate(stream, start=1):
            if before is not None and steady.step(before, look) is None:
                if number > frame:
                    break
                solids.clear()
                greys.clear()
            before, solids[number], greys[number] = look, solid, look.grey
            tell(done / len(wanted))
        return subject.follow(solids, greys, frame, point)


def _in_order(
    pictures: Iterable[decoding.Numbered], see: Callable[[Picture], Seen], pool: Executor, most: int
) -> Generator[tuple[int, Seen], None, None]:
    """Source frames and what is seen of them, as their pictures come. most: pictures that are looked at at a time."""
    pending: deque[tuple[int, Future[Seen]]] = deque()
    try:
        for number, picture in pictures:
            pending.append((number, pool.submit(see, picture)))
            if len(pending) > most:
                first, future = pending.popleft()
                yield first, future.result()
        while pending:
            first, future = pending.popleft()
            yield first, future.result()
    finally:
        for _, future in pending:
            future.cancel()


def _nobody(_text: str) -> None:
    """Warnings about the movie are told when it is matted."""
