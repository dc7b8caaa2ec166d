# SPDX-License-Identifier: GPL-3.0-or-later
"""A job's pictures, out of its movie or its image sequence."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from . import movie, sequence
from .errors import MatteError
from .job import Job
from .picture import Picture
from .pool import Pool

Numbered = tuple[int, Picture]
"""A source frame and what it shows."""
AHEAD = 4  # pictures, for the time in which a span's maps are found; twice as many gain nothing


def last(job: Job) -> int:
    """The source's last frame."""
    return (len(job.pictures) if job.pictures else movie.probe(job.movie).frames) - 1


def check_end(job: Job) -> None:
    """MatteError where a job wants frames that its movie does not have."""
    if not job.pictures:
        movie.check_end(movie.probe(job.movie), job.frames)


def begun(job: Job) -> Job:
    """A job with its gaps: what is missing of a sequence later was lost on the way, and is not to become an image with
    nothing in it. MatteError as `check_end`, and where pictures were lost since the job was planned."""
    check_end(job)
    if not job.pictures:
        return job
    missing = sequence.missing(job.pictures)
    if job.gaps is None:
        return replace(job, gaps=missing)
    if lost := missing - job.gaps:
        raise MatteError(sequence.lost(job.pictures[min(lost)]))
    return job


def pictures(job: Job, frames: Iterable[int], tell: Callable[[str], None]) -> Generator[Numbered, None, None]:
    """The pictures of ascending source frames, RGBA where the source has an alpha of its own. tell: as movie.pictures
    has it."""
    if job.pictures:
        return sequence.pictures(job.pictures, frames, job.gaps)
    channels = 4 if movie.probe(job.movie).alpha else 3
    return movie.pictures(job.movie, frames, channels, job.upright, tell)


class Ahead:
    """Pictures that are decoded on a thread of their own, up to AHEAD before they are taken."""

    def __init__(self, pictures: Generator[Numbered, None, None]) -> None:
        self._pictures = pictures
        self._thread = Pool(1, "strip_matte_decode")
        self._coming = deque(self._thread.submit(next, pictures, None) for _ in range(AHEAD))

    @property
    def coming(self) -> Future[Any]:
        """Done once the next picture is there."""
        return self._coming[0]

    def take(self) -> Numbered | None:
        """The next picture, which is waited for; None after the last."""
        picture = self._coming.popleft().result()
        self._coming.append(self._thread.submit(next, self._pictures, None))
        return picture

    def close(self) -> None:
        """The picture in hand is finished, and the file let go of."""
        for future in self._coming:
            future.cancel()
        self._thread.shutdown()
        self._pictures.close()
