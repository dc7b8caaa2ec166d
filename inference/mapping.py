# SPDX-License-Identifier: GPL-3.0-or-later
"""From pictures to maps: what is decoded, looked at and asked about while spans wait for the network."""

import contextlib
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any

from . import decoding, finish, keyframes, waits
from .job import Job
from .model import Model
from .neighbours import Shown
from .picture import Picture
from .pool import Pool

# Bytes of pictures in spans that are begun ahead, for each of the pool's threads, and in all.
ROOM, MOST_ROOM = 32 << 20, 256 << 20
STEPS = 2  # for each thread, of which one waits: where there are fewer, threads will soon want for work


def mapped(
    job: Job, frames: list[int], model: Model, pool: Pool, tell: Callable[[str, str], None]
) -> Generator[Shown | waits.Waiting, None, None]:
    """Source frames, ascending, with their maps, which may still be in the making. tell: as pipeline.generate has it.

    While a span waits for the network, others are begun: otherwise all but two cores would wait with it.
    """
    quality = keyframes.QUALITIES[job.quality]
    spans = keyframes.spans(frames, quality, decoding.last(job))
    needed = sorted(set().union(*(span.needed for span in spans)))
    maps = keyframes.Maps(model.map, pool, quality)

    def look(picture: Picture) -> keyframes.Look:
        return keyframes.look(finish.seen(job, picture, model))

    pictures = decoding.pictures(job, needed, lambda text: tell("WARNING", text))
    with contextlib.closing(_Held(pictures, look, pool)) as held:

        def more(begun: int) -> bool:
            """Whether the threads want for work that another span would give them, and there is room for it."""
            if quality.tolerance is None or held.awaited or begun >= pool.threads:
                return False
            room = min(pool.threads * ROOM, MOST_ROOM)
            return pool.unfinished < STEPS * pool.threads and begun * quality.span * held.largest <= room

        works = (maps.of(span, held.decode, held.looked) for span in spans)
        ahead = iter(spans)
        for found in waits.in_order(works, more):
            if isinstance(found, waits.Waiting):
                yield found
                continue
            span = next(ahead)
            for frame in span.wanted:
                yield Shown(frame, held.picture(frame), held.looked(frame), found[frame])
            held.drop(span.last)
    tell("INFO", f"The network saw {maps.seen} frames for {len(frames)}")


class _Held:
    """The pictures of the spans in hand, and their looks.

    awaited: whether a span waits for pictures, as another one would too. largest: bytes of the largest picture so far.
    """

    def __init__(
        self,
        pictures: Generator[decoding.Numbered, None, None],
        look: Callable[[Picture], keyframes.Look],
        pool: Pool,
    ) -> None:
        self._coming = decoding.Ahead(pictures)
        self._look = look
        self._pool = pool
        self._pictures: dict[int, Picture] = {}
        self._looks: dict[int, Future[keyframes.Look]] = {}
        self.awaited = False
        self.largest = 0

    def decode(self, wanted: int) -> Generator[list[Future[Any]], None, None]:
        """Wait for a frame's picture and its look. They are decoded as they are asked for, so that the network has work
        before a span's last one is there."""
        while wanted not in self._looks:
            self.awaited = True
            yield [self._coming.coming]
            taken = self._coming.take()
            assert taken is not None, "all that a span needs is decoded"
            frame, picture = taken
            self._pictures[frame] = picture
            self._looks[frame] = self._pool.submit(self._look, picture)
            self.largest = max(self.largest, picture.nbytes)
        self.awaited = False
        yield [self._looks[wanted]]

    def looked(self, frame: int) -> keyframes.Look:
        return self._looks[frame].result()

    def picture(self, frame: int) -> Picture:
        """A frame's picture, which is held no more."""
        return self._pictures.pop(frame)

    def drop(self, first: int) -> None:
        """Hold nothing any more that comes before a frame."""
        for frame in [frame for frame in self._looks if frame < first]:
            del self._looks[frame]
            self._pictures.pop(frame, None)

    def close(self) -> None:
        self._coming.close()
