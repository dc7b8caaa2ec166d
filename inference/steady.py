# SPDX-License-Identifier: GPL-3.0-or-later
"""Flicker is taken out of the maps, without lag: frames before and after vote on each.

A frame's map is judged beside those of the frames within REACH of it, which follow the picture's motion to it. Where
a neighbour's picture does not fit, it has no say. At each pixel the votes are put in order, and the middle ones make
the answer: a hole in one frame is filled, a ghost in one frame goes, and what differs only a little from frame to
frame is averaged. Nothing crosses a cut.

A frame's result depends on the frames within REACH of it and on nothing else, so that a farm's chunks and one long run
give the same.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .keyframes import Look

REACH = 2  # frames before, and as many after
# How far a carried picture may be off at a pixel, of 255, before its map counts for little there.
FIT = 15.0
# Two pictures are of different shots where, carried to one another, they are off by more than this part of their own
# deviation. Within the shots of tools/truth it is at most .28; between frames of any two with different backgrounds, as
# they are or darkened to a fifth, at least .65. A flash or a whip pan may pass for a cut: its maps stay as they are.
OTHER = 0.4
_of_thread = threading.local()


@dataclass(frozen=True, eq=False)
class Way:
    """From a frame's pixels to a neighbour's. places: (h, w, 2) float32, x and y in the neighbour of what is seen here.
    trust: (h, w) float32 in 0..1, how well it fits."""

    places: np.ndarray
    trust: np.ndarray


@dataclass(frozen=True, eq=False)
class Step:
    """Between two frames in succession. onward: from the first to the second. back: from the second to the first."""

    onward: Way
    back: Way


def around(frame: int, end: int) -> range:
    """The source frames that a frame's result depends on. end: the source's last frame."""
    return range(max(frame - REACH, 0), min(frame + REACH, end) + 1)


def step(before: Look, after: Look) -> Step | None:
    """How two frames in succession hang together; None where they do not: at a cut, or where sizes differ."""
    if before.grey.shape != after.grey.shape:
        return None
    if np.array_equal(before.planes, after.planes):  # a still stays the very same
        here, whole = _pixels(before.grey.shape), np.ones(before.grey.shape, np.float32)
        return Step(Way(here, whole), Way(here, whole))
    onward, back = _flow(before.grey, after.grey), _flow(after.grey, before.grey)
    offs = _off(before.grey, after.grey, onward), _off(after.grey, before.grey, back)
    deviations = [float(cv2.meanStdDev(grey)[1][0, 0]) for grey in (before.grey, after.grey)]
    if sum(cv2.mean(off)[0] for off in offs) > OTHER * sum(deviations):
        return None
    trusts = [cv2.exp(-off * off / (FIT * FIT)) for off in offs]
    return Step(Way(onward, trusts[0]), Way(back, trusts[1]))


def steady(at: int, maps: Mapping[int, np.ndarray], steps: Mapping[int, Step | None]) -> np.ndarray:
    """A frame's map without flicker, (h, w) float32 in 0..1.

    at: the source frame. maps: of all frames `around` it, (h, w) float32 in 0..1. steps: for all of these but the last,
    what `step` says of it and the frame that follows.
    """
    own = maps[at]
    votes = [own]
    for frames, ways in _sides(at, maps, steps):
        way = None
        for frame, following in zip(frames, ways, strict=True):
            way = following if way is None else _chained(way, following)
            moved = cv2.remap(maps[frame], way.places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            # Where a neighbour is not to be trusted, it votes as the frame itself does.
            votes.append(own + way.trust * (moved - own))
    return _middle(votes)


def _sides(
    at: int, maps: Mapping[int, np.ndarray], steps: Mapping[int, Step | None]
) -> list[tuple[list[int], list[Way]]]:
    """The frames before and those after, nearest first, as far as the shot goes, and the ways from each to the next."""
    sides = []
    for sign in (-1, 1):
        frames: list[int] = []
        ways: list[Way] = []
        for frame in range(at + sign, at + sign * (REACH + 1), sign):
            between = steps.get(min(frame, frame - sign))
            if frame not in maps or between is None:
                break
            frames.append(frame)
            ways.append(between.onward if sign > 0 else between.back)
        sides.append((frames, ways))
    return sides


def _flow(shown: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Where each pixel of a grey picture is found in another: (h, w, 2) float32, x and y. Kroeger et al. 2016, DIS."""
    if not hasattr(_of_thread, "flow"):  # FAST takes twice as long, its errors are within 2% of these
        _of_thread.flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    places: np.ndarray = _of_thread.flow.calc(shown, known, None)
    places += _pixels(shown.shape)
    return places


def _pixels(shape: tuple[int, ...]) -> np.ndarray:
    """Where each pixel is itself: (h, w, 2) float32, x and y."""
    height, width = shape
    return np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))


def _off(shown: np.ndarray, known: np.ndarray, places: np.ndarray) -> np.ndarray:
    """How far a grey picture, carried to another, is off there: (h, w) float32 in 0..255, means of 5 x 5 pixels.

    Whether a pixel that goes and returns comes back to where it started was tried too, and made mattes no better.
    """
    picture = cv2.remap(known, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    off: np.ndarray = cv2.blur(cv2.absdiff(picture, shown), (5, 5)).astype(np.float32)
    return off


def _chained(way: Way, following: Way) -> Way:
    """The way from a frame to its neighbour's neighbour."""
    places, trust = (
        cv2.remap(plane, way.places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for plane in (following.places, following.trust)
    )
    return Way(places, way.trust * trust)


def _middle(votes: Sequence[np.ndarray]) -> np.ndarray:
    """Of the votes at each pixel, half the median and a quarter of each of its two neighbours in order: (h, w) float32
    in 0..1. Of an even number, the first vote, which is the frame's own, counts twice."""
    ordered = list(votes) if len(votes) % 2 else [votes[0], *votes]
    for turn in range(len(ordered)):  # odd-even transposition sort: NumPy's takes ten times as long
        for i in range(turn % 2, len(ordered) - 1, 2):
            ordered[i], ordered[i + 1] = cv2.min(ordered[i], ordered[i + 1]), cv2.max(ordered[i], ordered[i + 1])
    middle = len(ordered) // 2
    answer = ordered[middle]
    if middle > 0:
        answer = 0.5 * answer + 0.25 * (ordered[middle - 1] + ordered[middle + 1])
    return np.clip(answer, 0.0, 1.0)  # cubic interpolation goes a little beyond
