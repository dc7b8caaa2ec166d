# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames the network sees, and how its maps are carried to the frames between, along the picture's motion.

Source frames are divided into spans that begin at multiples of the span's length, so that a frame's matte does not
depend on which other frames are asked for: a farm's chunks and one long run give the same. The network sees a span's
two ends. Where their maps, each carried to the other, agree closely, they are carried to all frames between; where they
are far apart, it sees every frame. Otherwise it sees the middle. Where the ends' maps, carried there, tell what it says
of it, the maps are carried to the frames between; where they do not, and where the pictures are of different shots,
both halves are treated likewise, down to every frame.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from .waits import Work

LUMA = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601, for R'G'B'
# How far a carried picture may be off at a pixel, of 255, before its map counts for little there. At 30 the errors of
# tools/truth's clips are .7% larger.
TRUST = 15.0
# Two pictures are of different shots where, carried to one another, they are off by more than this part of the
# deviation. Within the shots of tools/truth, 8 frames apart, it is at most .53, without the fastest .31; between any
# two with different backgrounds at least .57. Neighbours are nearer to each other: steady.py has its own bound.
OTHER = 0.5
# Of a subject, how much the carried map may miss; and what of the whole picture may be off anyway, for there is always
# something, even where there is no subject.
MISSED, LEAST = 0.45, 0.004
# By how much, of 255, the carried picture must fit better than the one that stands still for its map to be taken alone:
# the flow takes the outline of what turns in its place along with its surface.
STILL = 2.0
# How far a span's ends may be apart, mean over the picture, 0 to 1, for anything to be tried between. Where they are
# farther in the clips of tools/truth, the network is asked about five to seven of the seven frames between.
FAR = 0.08
# Where the last span's ends were so many times as far apart as may pass for agreeing, this one's most likely do not.
LIKELY = 2
_of_thread = threading.local()


@dataclass(frozen=True)
class Quality:
    """How much is carried. span: source frames in a span. tolerance: how far the carried maps may be from the
    network's own, mean over the picture, 0 to 1, and less where the subject is small; None to carry nothing. agreed:
    how far a span's ends may be apart, mean over the picture, for the network not to be asked about anything between; 0
    to ask about the middle anyway."""

    span: int
    tolerance: float | None
    agreed: float = 0.0


# ADAPTIVE was chosen by the error against truth of tools/truth's ten clips: on the middle one it is that of every frame
# in full precision, and .5% less in the mean. Where ends need to agree to .006 alone errors are .5% larger, and the
# network sees a twentieth fewer frames. Spans of 16 cost memory, and over so long a time maps seldom agree.
QUALITIES = {"EVERY": Quality(8, None), "ADAPTIVE": Quality(8, 0.018, 0.004), "DRAFT": Quality(16, 0.05)}


@dataclass(frozen=True)
class Span:
    """Source frames that are matted together.

    first, last: where the network looks anyway; the next span begins with this one's last frame. wanted: those of them
    to be matted, ascending. needed: those whose pictures are looked at, which are also those that may be asked about
    the wanted ones.
    """

    first: int
    last: int
    wanted: tuple[int, ...]
    needed: frozenset[int]


def spans(frames: Sequence[int], quality: Quality, end: int) -> list[Span]:
    """The spans that hold ascending source frames. end: the source's last frame, where the last span ends."""
    found: dict[int, list[int]] = {}
    for frame in frames:
        found.setdefault(frame - frame % quality.span, []).append(frame)
    made = []
    for first, wanted in found.items():
        last = max(min(first + quality.span, end), wanted[-1])
        needed = set(wanted) if quality.tolerance is None else {*wanted, *_asked(first, last, wanted)}
        made.append(Span(first, last, tuple(wanted), frozenset(needed)))
    return made


def _asked(first: int, last: int, wanted: Sequence[int]) -> set[int]:
    """The frames that halving may come by, where only halves count that hold a wanted frame."""
    found = {first, last}
    halves = [(first, last)]
    while halves:
        low, high = halves.pop()
        if any(low < frame < high for frame in wanted):
            middle = _middle(low, high)
            found.add(middle)
            halves += [(low, middle), (middle, high)]
    return found


@dataclass(frozen=True, eq=False)
class Look:
    """What is looked at of a picture. planes: (3, h, w) float32 RGB in 0..255. grey: (h, w) uint8."""

    planes: np.ndarray
    grey: np.ndarray


def look(planes: np.ndarray) -> Look:
    """The look of a picture at the network's size, (3, h, w) float32 RGB in 0..255."""
    # Not a product: NumPy's has threads of its own.
    grey = planes[0] * LUMA[0] + planes[1] * LUMA[1] + planes[2] * LUMA[2]
    return Look(planes, cv2.convertScaleAbs(np.maximum(grey, 0.0, out=grey)))


Asked = tuple[Look, Future[np.ndarray]]
Decoding = Iterable[Iterable[Future[Any]]]
"""What is to be waited for, one after the other, until a frame's picture is there."""
Found = dict[int, Future[np.ndarray]]
"""Maps by source frame."""


class Maps:
    """The maps of a source's frames, span by span.

    seen: frames that the network has been asked about.
    """

    def __init__(self, infer: Callable[[np.ndarray], np.ndarray], pool: Executor, quality: Quality) -> None:
        """infer: from planes to a map (h, w) float32 in 0..1. pool: what all work is done in."""
        self._infer = infer
        self._pool = pool
        self._quality = quality
        self._apart = 0.0  # how far the last span's ends were
        self._latest: Asked | None = None
        self._end: Asked | None = None  # of the span that was begun last: the next one begins with it
        self.seen = 0

    def of(self, span: Span, decode: Callable[[int], Decoding], looked: Callable[[int], Look]) -> Work[Found]:
        """For each frame that a span wants the map, which may still be in the making. Spans ascend; one may be begun
        before another has ended. decode: is gone through before a span's pictures up to a frame are looked at; once
        the last one is there it is not needed any more. looked: the look of a frame that the span needs."""
        known: Found = {}
        if (tolerance := self._quality.tolerance) is None:
            for frame in span.wanted:
                yield from decode(frame)
                self._ask(frame, known, looked)
            return known
        first, last = span.first, span.last
        halves = _wanted([(first, last)], span)
        # Where the ends hardly will agree, the middle is asked about at once. What is found does not depend on that.
        early = [_middle(*half) for half in halves if self._apart >= LIKELY * self._quality.agreed]
        for frame in (first, *early, last):  # in this order, for pictures are decoded as they are asked for
            yield from decode(frame)
            self._ask(frame, known, looked)
        self._end = looked(last), known[last]
        maps: Found = {}

        def seen(frame: int) -> Known:
            return looked(frame), known[frame].result()

        def carry_between(low: int, high: int) -> None:
            for frame in (frame for frame in span.wanted if low < frame < high):
                if looked(frame).grey.shape != looked(low).grey.shape:  # pictures of a sequence may differ
                    self._ask(frame, known, looked)
                    continue
                part = (frame - low) / (high - low)
                maps[frame] = self._pool.submit(carry, looked(frame), seen(low), seen(high), part)

        if halves and self._quality.agreed:
            yield [known[first], known[last]]
            apart = self._pool.submit(_apart, seen(first), seen(last))
            yield [apart]
            self._apart = apart.result()
            if self._apart <= self._quality.agreed:
                for frame in early:
                    del known[frame]
                carry_between(first, last)
                halves = []
            elif self._apart > FAR:
                for frame in span.wanted:
                    self._ask(frame, known, looked)
                halves = []
        while halves:
            for half in halves:
                self._ask(_middle(*half), known, looked)
            halves = [half for half in halves if _wanted(_quarters(*half), span)]  # the others are known by now
            triples = [(low, _middle(low, high), high) for low, high in halves]
            yield [known[frame] for triple in triples for frame in triple]
            verdicts = [
                self._pool.submit(_tell, seen(low), seen(middle), seen(high), _part(low, high), tolerance)
                for low, middle, high in triples
            ]
            yield verdicts
            again = []
            for half, verdict in zip(halves, verdicts, strict=True):
                quarters = _wanted(_quarters(*half), span)
                if not verdict.result():
                    again += quarters
                    continue
                for quarter in quarters:
                    carry_between(*quarter)
            halves = again
        return {frame: known.get(frame) or maps[frame] for frame in span.wanted}

    def _ask(self, frame: int, known: Found, looked: Callable[[int], Look]) -> None:
        """Let the network see a frame, except where it saw the same picture last."""
        if frame in known:
            return
        look_ = looked(frame)
        for asked in (self._latest, self._end):
            if asked and np.array_equal(look_.planes, asked[0].planes):
                known[frame] = asked[1]
                return
        known[frame] = self._pool.submit(self._infer, look_.planes)
        self._latest = look_, known[frame]
        self.seen += 1


def _wanted(halves: Iterable[tuple[int, int]], span: Span) -> list[tuple[int, int]]:
    """Those with a frame in them that is asked for."""
    return [(low, high) for low, high in halves if any(low < frame < high for frame in span.wanted)]


def _middle(low: int, high: int) -> int:
    return (low + high) // 2


def _quarters(low: int, high: int) -> list[tuple[int, int]]:
    """Both halves of a half."""
    return [(low, _middle(low, high)), (_middle(low, high), high)]


def _part(low: int, high: int) -> float:
    """Where the middle lies, 0 to 1."""
    return (_middle(low, high) - low) / (high - low)


Known = tuple[Look, np.ndarray]
"""A look and its map."""


def _apart(before: Known, after: Known) -> float:
    """How far a span's ends are apart, each carried to the other: the larger of both means, 0 to 1. No less than FAR
    where they are of different shots."""
    if before[0].grey.shape != after[0].grey.shape:
        return 1.0
    if np.array_equal(before[0].planes, after[0].planes):
        return 0.0
    apart = 0.0
    for (shown, map_), other in ((before, after), (after, before)):
        moved = _carried(shown, *other)
        apart = max(apart, float(np.abs(moved.map - map_).mean()), 0.0 if moved.fits(shown) else FAR)
    return apart


def _tell(before: Known, middle: Known, after: Known, part: float, tolerance: float) -> bool:
    """Whether the maps of both ends, carried to the middle, tell what the network says of it. tolerance: as Quality has
    it."""
    shown, map_ = middle
    if not before[0].grey.shape == shown.grey.shape == after[0].grey.shape:
        return False  # pictures of a sequence may differ in size
    told, fits = _blended(shown, before, after, part)
    area = float(np.maximum(told, map_).mean())
    return fits and float(np.abs(told - map_).mean()) <= min(tolerance, max(MISSED * area, LEAST))


def carry(shown: Look, before: Known, after: Known, part: float) -> np.ndarray:
    """The map of a frame between two known ones, (h, w) float32 in 0..1. part: where it lies between them, 0 to 1.

    Both maps follow the optical flow (Kroeger et al. 2016, DIS), but where the picture stands still they do too. They
    are blended by nearness in time and, pixel by pixel, by how well the picture carried likewise fits the one that is
    there.
    """
    return _blended(shown, before, after, part)[0]


def _blended(shown: Look, before: Known, after: Known, part: float) -> tuple[np.ndarray, bool]:
    """What carry gives, and whether all three pictures are of one shot."""
    for look_, map_ in (before, after):
        if np.array_equal(look_.planes, shown.planes):  # a still stays the very same
            return map_, True
    one, two = (_carried(shown, *known) for known in (before, after))
    weights = [near * (np.exp(-((moved.off / TRUST) ** 2)) + 1e-4) for near, moved in ((1.0 - part, one), (part, two))]
    blended: np.ndarray = (one.map * weights[0] + two.map * weights[1]) / (weights[0] + weights[1])
    return blended, one.fits(shown) and two.fits(shown)


@dataclass(frozen=True, eq=False)
class _Moved:
    """A known frame's map where the motion has taken it; off: how far its picture is off there, 0 to 255. Both (h, w)
    float32."""

    map: np.ndarray
    off: np.ndarray

    def fits(self, shown: Look) -> bool:
        """Whether the known frame is of the shot that it was carried to."""
        deviation: float = cv2.meanStdDev(shown.grey)[1][0, 0]
        return bool(cv2.mean(self.off)[0] <= OTHER * deviation)


def _carried(shown: Look, known: Look, map_: np.ndarray) -> _Moved:
    if not hasattr(_of_thread, "flow"):
        _of_thread.flow = _finer_flow()
    height, width = shown.grey.shape
    flow = _of_thread.flow.calc(shown.grey, known.grey, None)
    flow[..., 0] += np.arange(width, dtype=np.float32)
    flow[..., 1] += np.arange(height, dtype=np.float32)[:, None]
    picture = cv2.remap(known.grey, flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Cubic, for a map that is carried between pixels would be blurred by lines.
    moved = np.clip(cv2.remap(map_, flow, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), 0.0, 1.0)
    off, still_off = _off(picture, shown.grey), _off(known.grey, shown.grey)
    still = np.clip(1.0 + (off - still_off) / STILL, 0.0, 1.0)
    return _Moved(moved + (map_ - moved) * still, np.minimum(off, still_off))


def _finer_flow() -> cv2.DISOpticalFlow:
    """A flow on half the network's size, where the presets that are as fast work on a quarter of it. The errors of
    tools/truth's clips are those of PRESET_MEDIUM, which takes four times as long."""
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow.setFinestScale(1)
    flow.setPatchStride(5)  # of patches of 8 x 8 pixels
    flow.setGradientDescentIterations(8)
    flow.setVariationalRefinementIterations(0)  # they would make it 2.6 times as long, and gain nothing
    return flow


def _off(picture: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """How far a picture is from the one that is there, around each pixel: (h, w) float32 in 0..255."""
    return cv2.blur(cv2.absdiff(picture, shown), (5, 5)).astype(np.float32)
