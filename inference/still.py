# SPDX-License-Identifier: GPL-3.0-or-later
"""One frame with the settings as they are, fast, for a preview: the same bits as in the run, and nothing is written.

A frame's map depends on frames around it: on those of its span (keyframes.py), and on up to two or eight more on each
side (neighbours.py). All are looked at here too, so that what is shown is what the run will give. What is dear is kept
between calls: decoded pictures, what the network sees of them, its answers, and the last map. So a setting that comes
after the map costs only what comes after it, and the next frame only what it does not share with the last one.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np

from . import cutout, decoding, finish, keyframes, movie, neighbours, networks, pipeline, waits
from .job import Job
from .model import Model
from .neighbours import Shown
from .picture import Picture

Key = TypeVar("Key")
Value = TypeVar("Value")
PICTURES = 256 << 20  # bytes of decoded pictures that are kept: 86 of 1920 x 1080
SIGHTS = 96  # frames of which is kept what the network sees, and its answers: about 1 MB each
RED, STRENGTH = (230, 13, 13), 0.6  # of the matte in red, and how much of it is mixed in
CHECKER, LIGHT, DARK = 16, 153, 102  # pixels of a square, and its greys
NEAR = 48  # source frames: up to here reading on is taken to be quicker than a new search for a key frame


@dataclass(frozen=True, eq=False)
class Still:
    """picture: (H, W, 3) uint8 RGB. matte: (H, W) uint8. image: the cutout, (H, W, 4) uint8 RGBA, straight."""

    picture: np.ndarray
    matte: np.ndarray
    image: np.ndarray


def still(job: Job, frame: int) -> Still:
    """Matte one source frame of a job, in the precision that this machine runs fastest.

    frame: one of the job's. Of the others nothing is seen or asked, as neighbours are sought in the source itself. The
    job's folder is neither read nor written: what was repaired there by hand is not shown.
    One call at a time is served, others wait. Raises MatteError with a sentence for the editor.
    """
    with _lock:
        return _desk.still(job, frame)


def forget() -> None:
    """Close the source's file, and let go of all that is kept."""
    global _desk  # noqa: PLW0603  what the one preview has on its desk
    with _lock:
        _desk.close()
        _desk = _Desk()


def view(made: Still, mode: str, longest: int) -> np.ndarray:
    """A still to look at: (h, w, 4) float32 in 0..1, sRGB-coded, opaque. Blended in code values, as the sequencer does.

    mode: 'RED', the matte in red over the picture; 'CUTOUT', the cutout over a checkerboard; 'MATTE', the matte alone.
    longest: pixels to which the longer side is reduced where it is longer.
    """
    height, width = made.matte.shape
    share = min(longest / max(height, width), 1.0)
    columns, rows = max(round(width * share), 1), max(round(height * share), 1)

    def reduced(pixels: np.ndarray) -> np.ndarray:
        return cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA) if share < 1.0 else pixels

    if mode == "MATTE":
        seen = cv2.cvtColor(reduced(made.matte), cv2.COLOR_GRAY2RGBA)
        seen[..., 3] = 255
    elif mode == "RED":
        part = cv2.convertScaleAbs(reduced(made.matte), alpha=STRENGTH)
        seen = _over(np.full((rows, columns, 3), RED, np.uint8), part, reduced(made.picture))
    else:
        image = reduced(made.image)
        squares = np.add(*(line // CHECKER for line in np.ogrid[:rows, :columns]))
        behind = np.where(squares % 2, np.uint8(LIGHT), np.uint8(DARK))
        seen = _over(image[..., :3], image[..., 3], cv2.cvtColor(behind, cv2.COLOR_GRAY2RGB))
    return cv2.multiply(seen, (1.0,) * 4, scale=1 / 255, dtype=cv2.CV_32F)


def _over(above: np.ndarray, alpha: np.ndarray, below: np.ndarray) -> np.ndarray:
    """One picture over another, opaque. above, below: (h, w, 3) uint8. alpha: (h, w) uint8. Returns (h, w, 4) uint8.
    In bytes, within 1 of 255: in floats it takes up to twice as long."""
    part = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)
    mixed = cv2.add(cv2.multiply(above, part, scale=1 / 255), cv2.multiply(below, cv2.bitwise_not(part), scale=1 / 255))
    return cv2.cvtColor(mixed, cv2.COLOR_RGB2RGBA)


class _Desk:
    """What lies ready for the next still: a source, what a network sees of it, and the last map and still."""

    def __init__(self) -> None:
        self._source: _Source | None = None
        self._sight: _Sight | None = None
        self._map: tuple[object, np.ndarray] | None = None
        self._last: tuple[Job, int, Still] | None = None

    def still(self, job: Job, frame: int) -> Still:
        decoding.check_end(job)
        plan = networks.plan_for(job)
        model = networks.load(job.model, plan)
        source = self._source_of(job, frame)
        sight = self._sight_of(job, source, model)
        if self._last and self._last[:2] == (job, frame):
            return self._last[2]
        with pipeline.opencv_on_one_thread():
            at = min(frame, source.end)  # as the run has it
            map_ = self._map_of(job, at, sight, plan.frames)
            picture = source.picture(at).planes()
            matte = cutout.eight_bits(finish.matte(job, frame, picture, map_))
            shown = cv2.merge(picture[:3])  # before its planes are written into
            self._last = job, frame, Still(shown, matte, finish.image(replace(job, output="CUTOUT"), picture, matte))
        return self._last[2]

    def _source_of(self, job: Job, frame: int) -> _Source:
        stamp = _stamp(job)
        if self._source is None or self._source.stamp != stamp or self._source.is_stale(job, frame):
            self.close()
            self._source, self._sight, self._map, self._last = _Source(job, stamp), None, None, None
        return self._source

    def _sight_of(self, job: Job, source: _Source, model: Model) -> _Sight:
        made_for = source, model, job.subject.region
        if self._sight is None or self._sight.made_for != made_for:
            self._sight, self._map, self._last = _Sight(job, source, model), None, None
        return self._sight

    def _map_of(self, job: Job, frame: int, sight: _Sight, threads: int) -> np.ndarray:
        """The map of a frame, settled: (h, w) float32 in 0..1. The last one is kept."""
        key = frame, job.quality, job.steady, job.subject.keep, job.subject.path
        if self._map is None or self._map[0] != key:
            self._map = key, _settled(job, frame, sight, threads)
        return self._map[1]

    def close(self) -> None:
        if self._source is not None:
            self._source.close()


_desk = _Desk()
_lock = threading.Lock()


def _stamp(job: Job) -> tuple[object, ...]:
    """What tells one source from another, and a movie from what replaces it on disk."""
    return job.movie, job.pictures, job.upright, () if job.pictures else movie.state(job.movie)


class _Source:
    """The pictures of one movie or sequence. The file stays open where it was read last."""

    def __init__(self, job: Job, stamp: tuple[object, ...]) -> None:
        self.stamp = stamp
        self.end = decoding.last(job)
        self._job = job
        self._kept: dict[int, Picture] = {}
        self._states: dict[int, tuple[int, ...]] = {}
        self._decoder: Generator[decoding.Numbered, None, None] | None = None
        self._at = 0

    def is_stale(self, job: Job, frame: int) -> bool:
        """Whether pictures of a sequence that are looked at for a frame were written anew since they were read. Of all
        others it is not asked: there may be thousands, on a network."""
        if not self._states:
            return False
        needed = frozenset({frame}).union(*(span.needed for span in _spans(job, frame, self.end)))
        return any(movie.state(self._job.pictures[near]) != self._states[near] for near in needed & self._states.keys())

    def picture(self, frame: int, wanted: int | None = None) -> Picture:
        """What a source frame shows. wanted: one that will be asked for again."""
        if frame not in self._kept:
            if self._decoder is None or not self._at <= frame <= self._at + NEAR:
                self.close()
                self._decoder = decoding.pictures(self._job, self._asked(), _nobody)
            self._at = frame
            if self._job.pictures:
                self._states[frame] = movie.state(self._job.pictures[frame])
            try:
                _, self._kept[frame] = next(self._decoder)
            except BaseException:
                self.close()
                raise
            _trim(self._kept, {frame, wanted}, max(PICTURES // self._kept[frame].nbytes, 1))
        return self._kept[frame]

    def _asked(self) -> Iterator[int]:
        """Without end, and lazily: the decoder asks for the next number when the next picture is."""
        while True:
            yield self._at

    def close(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None


class _Sight:
    """What one network sees of a source, through one region, and what it says."""

    def __init__(self, job: Job, source: _Source, model: Model) -> None:
        self.made_for = source, model, job.subject.region
        self.source, self._model, self._job = source, model, job
        self._looks: dict[int, keyframes.Look] = {}
        self._answers: dict[bytes, np.ndarray] = {}

    def looks(self, frames: Collection[int], wanted: int) -> dict[int, keyframes.Look]:
        """What is seen of ascending source frames. wanted: the one of them whose picture will be asked for again."""
        for frame in frames:
            if frame not in self._looks:
                picture = self.source.picture(frame, wanted)
                self._looks[frame] = keyframes.look(finish.seen(self._job, picture, self._model))
        _trim(self._looks, frames, SIGHTS)
        _trim(self._answers, (), SIGHTS)
        return {frame: self._looks[frame] for frame in frames}

    def answer(self, planes: np.ndarray) -> np.ndarray:
        """The network's map of planes, (h, w) float32 in 0..1; it is asked once. From several threads at once."""
        key = hashlib.blake2b(planes.tobytes()).digest()
        if key not in self._answers:
            self._answers[key] = self._model.map(planes)
        return self._answers[key]


def _spans(job: Job, frame: int, end: int) -> list[keyframes.Span]:
    """The spans that have a say in a frame's map. end: the source's last frame."""
    return keyframes.spans(neighbours.around(job, [frame], end), keyframes.QUALITIES[job.quality], end)


def _settled(job: Job, frame: int, sight: _Sight, threads: int) -> np.ndarray:
    """A frame's map, as `pipeline` finds it, in which those around have had their say: (h, w) float32 in 0..1."""
    spans = _spans(job, frame, sight.source.end)
    looks = sight.looks(sorted(set().union(*(span.needed for span in spans))), frame)
    picture = sight.source.picture(frame)
    with ThreadPoolExecutor(threads, "strip_matte_still") as pool:
        maps = keyframes.Maps(sight.answer, pool, keyframes.QUALITIES[job.quality])

        def shown() -> Iterator[Shown]:
            for span in spans:
                found = waits.finished(maps.of(span, lambda _: (), looks.__getitem__))
                for near in span.wanted:
                    # Of pictures, settling looks at the wanted one alone: the others need not be kept at full size.
                    yield Shown(near, picture, looks[near], found[near])

        (settled,) = (each for each in neighbours.settled(job, shown(), [frame], pool) if isinstance(each, Shown))
        return settled.map.result()


def _trim(kept: dict[Key, Value], needed: Collection[Key | None], most: int) -> None:
    """Let the oldest go that are not needed, down to a number."""
    for key in [key for key in kept if key not in needed][: max(len(kept) - most, 0)]:
        del kept[key]


def _nobody(_text: str) -> None:
    """Warnings about the source are told by the run."""
