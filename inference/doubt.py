# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of a clip that an editor should look at, told from a few facts about each frame's matte.

A fault is what comes and goes: for a few frames the matte is not between what it is just before and just after. That
leaves motion alone, however fast, and cuts, entrances and exits. A change that stays is named once, at its first frame,
and so is a crowd of faults.
"""

import base64
import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

COLUMNS, ROWS = 16, 9  # of a thumbnail
REDUCED = 240  # pixels of the longer side, at which pieces are counted and the thumbnail begins
PIECE = 0.002  # share of the picture: smaller pieces do not count
MOST_PIECES = 99
HARD = (26, 229)  # a pixel between these, of 255, is soft: .1 and .9
SHARE = r"([01]\.[0-9]{4,5})"
TEXT = re.compile(rf"{SHARE} {SHARE} {SHARE} ([0-9]{{1,2}}) {SHARE} ([A-Za-z0-9+/]{{{ROWS * COLUMNS * 4 // 3}}})")

LONGEST = 5  # frames: what comes and goes within them is a fault, what stays longer may be meant
AROUND = 12  # frames before and after that say how much change is usual
APART = 3  # source frames: across a wider gap nothing is compared
UNUSUAL = 6.0  # deviations, each 1.4826 times the median absolute deviation
MORE = 1.5  # times the usual: what is fast is out of line by much, and always by about as much
# What is never a fault, however still the clip is, of the picture and of the matte's usual area in it.
SLIGHT, SLIGHT_OF_AREA = 0.002, 0.08
SLIGHT_SOFT, SLIGHT_OF_SOFT = 0.008, 0.6
EMPTY, EMPTY_OF_AREA = 0.0005, 0.15
FULL, FULL_OF_AREA = 0.95, 1.6
STEP, STEP_OF_AREA = 0.015, 0.3  # of a change that stays
ABRUPT = 4.0  # times the largest change of the two frames on either side
RESTLESS = 6  # changes of the number of pieces around, above which one more says nothing
CROWD = 5  # faults, each within AROUND of the next, that are told as one
LONGEST_CROWD = 100  # frames

EMPTIES = "The matte is empty, or almost"
FILLS = "The matte covers far more than before and after"
SPLITS = "The matte falls into more pieces than before and after"
UNDECIDED = "The matte is much softer than before and after"
JUMPS = "The matte differs from what is before and after"
CHANGES = "The matte changes at once, and stays so. Nothing to do if this is a cut"
UNSTEADY = "The matte is unsteady: {} faults in {} frames. A region or a picked point may help"


@dataclass(frozen=True)
class Facts:
    """What is remembered of a frame's matte.

    area: mean alpha, 0 to 1. middle: x and y of the alpha's centre of gravity, 0 to 1 from the left and the top; .5 for
    an empty one. pieces: separate ones larger than PIECE. soft: share of the pixels that are neither in nor out.
    thumbnail: ROWS * COLUMNS bytes, row by row, mean alpha of 0 to 255.
    """

    area: float
    middle: tuple[float, float]
    pieces: int
    soft: float
    thumbnail: bytes

    def to_text(self) -> str:
        """At most 228 characters of ASCII, of which `from_text` makes the same."""
        thumbnail = base64.b64encode(self.thumbnail).decode("ascii")
        x, y = self.middle
        return f"{self.area:.5f} {x:.4f} {y:.4f} {self.pieces} {self.soft:.5f} {thumbnail}"


def from_text(text: object) -> Facts:
    """The facts that `Facts.to_text` wrote. ValueError for anything else."""
    found = TEXT.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise ValueError("not the facts of a matte")
    area, x, y, soft = (float(found[group]) for group in (1, 2, 3, 5))
    if max(area, x, y, soft) > 1.0:
        raise ValueError("the facts of a matte are shares of 0 to 1")
    return Facts(area, (x, y), int(found[4]), soft, base64.b64decode(found[6]))


def facts(matte: np.ndarray) -> Facts:
    """The facts of a matte, (H, W) uint8. Rounded to what `to_text` writes."""
    height, width = matte.shape
    side = max(round(max(height, width) / REDUCED), 1)
    small = cv2.resize(matte, (-(-width // side), -(-height // side)), interpolation=cv2.INTER_AREA)
    thumbnail = cv2.resize(small, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    moments = cv2.moments(small)
    mass = moments["m00"]
    middle = (0.5, 0.5)
    if mass:
        x, y = moments["m10"] / mass + 0.5, moments["m01"] / mass + 0.5
        middle = round(x / small.shape[1], 4), round(y / small.shape[0], 4)
    # Grown by a pixel: what hangs together by a thread now and then would be in pieces and not.
    solid = cv2.inRange(small, 128, 255)
    _, labels = cv2.connectedComponents(cv2.dilate(solid, np.ones((3, 3), np.uint8)))
    pieces = int(np.count_nonzero(np.bincount(labels[solid > 0]) > PIECE * small.size))
    sampled = np.ascontiguousarray(matte[::side, ::side])  # averages would make hard edges soft
    soft = cv2.countNonZero(cv2.inRange(sampled, *HARD)) / sampled.size
    area = round(mass / 255 / small.size, 5)
    return Facts(area, middle, min(pieces, MOST_PIECES), round(soft, 5), thumbnail.tobytes())


def doubtful(known: Mapping[int, Facts]) -> dict[int, str]:
    """Source frames to look at, each with a sentence that says why; of a fault that lasts frames, the first.

    known: facts by source frame. Frames more than APART from their neighbours are not compared with them.
    """
    found: dict[int, str] = {}
    frames = sorted(known)
    breaks = [number for number in range(1, len(frames)) if frames[number] - frames[number - 1] > APART]
    for first, last in zip([0, *breaks], [*breaks, len(frames)], strict=True):
        stretch = frames[first:last]
        faults = sorted(_in_stretch([known[frame] for frame in stretch]))
        found.update((stretch[index], reason) for index, reason in _in_few_words(faults))
    return dict(sorted(found.items()))


def _in_few_words(faults: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The same faults, ascending, with one sentence for each crowd of them."""
    crowd: list[tuple[int, str]] = []
    for fault in [*faults, (sys.maxsize, "")]:
        if crowd and (fault[0] - crowd[-1][0] > AROUND or fault[0] - crowd[0][0] > LONGEST_CROWD):
            if len(crowd) < CROWD:
                yield from crowd
            else:
                yield crowd[0][0], UNSTEADY.format(len(crowd), crowd[-1][0] - crowd[0][0] + 1)
            crowd = []
        crowd.append(fault)


def _in_stretch(known: list[Facts]) -> Iterator[tuple[int, str]]:
    """Index and reason of each fault in neighbouring frames."""
    if len(known) < 3:
        return
    areas = np.array([one.area for one in known])
    soft = np.array([one.soft for one in known])
    thumbnails = np.array([np.frombuffer(one.thumbnail, np.uint8) for one in known]) / 255.0
    area_around, soft_around = _usual(areas)[0], _usual(soft)[0]
    slight = np.maximum(SLIGHT, SLIGHT_OF_AREA * area_around)
    # What is fast is out of line in every frame of the thumbnails; its area is not.
    jumps = _runs(thumbnails, slight) + _runs(areas[:, None], slight)
    # Hardening is no fault: what is below the two around is lifted to them.
    softer = _runs(soft[:, None], np.maximum(SLIGHT_SOFT, SLIGHT_OF_SOFT * soft_around), above=True)
    splits = _splits([one.pieces for one in known])
    taken: set[int] = set()
    for reason, runs in (("", jumps), (SPLITS, splits), (UNDECIDED, softer)):
        for run in sorted(runs, key=lambda run: (-run.score, run.length, run.start)):
            # Beside a fault, what is whole is out of line with it.
            if taken.isdisjoint(range(run.start - 1, run.end + 1)):
                taken.update(range(run.start, run.end))
                yield run.start, reason or _reason(known, run)
    for index in _steps(thumbnails, areas):
        if taken.isdisjoint((index - 1, index)):
            yield index, CHANGES


@dataclass(frozen=True)
class Run:
    """Frames that differ from those around them, by index. score: how far, 1 is just enough."""

    score: float
    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


def _runs(values: np.ndarray, slight: np.ndarray, above: bool = False) -> list[Run]:
    """Runs of up to LONGEST frames that are out of line.

    values: (n, m). slight: (n,), what is no fault. A frame's distance from two others is how far its values lie outside
    of what is between theirs, above it alone or either way, mean over the m; a run's is the smallest of its frames'
    distances from the frame before and the one after it.
    """
    count = len(values)
    found = []
    for length in range(1, min(LONGEST, count - 2) + 1):
        before, after = values[: count - length - 1], values[length + 1 :]
        low, high = np.minimum(before, after), np.maximum(before, after)
        distances = []
        for offset in range(1, length + 1):
            inside = values[offset : offset + len(before)]
            outside = np.maximum(inside - high, 0.0 if above else low - inside)
            distances.append(np.maximum(outside, 0.0).mean(axis=1))
        distance = np.minimum.reduce(distances)
        middle, spread = _usual(distance)
        limit = np.maximum(slight[1 : 1 + len(distance)], MORE * middle + UNUSUAL * spread)
        found += [Run(float(distance[at] / limit[at]), int(at) + 1, length) for at in np.flatnonzero(distance > limit)]
    return found


def _usual(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of (n,) values the median of those AROUND, and their deviation, as of a normal distribution: (n,).
    Beyond the ends they are mirrored."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, AROUND, mode="symmetric"), 2 * AROUND + 1)
    middle: np.ndarray = np.median(windows, axis=1)
    spread: np.ndarray = 1.4826 * np.median(np.abs(windows - middle[:, None]), axis=1)
    return middle, spread


def _reason(known: list[Facts], run: Run) -> str:
    """What a jump looks like."""
    inside = known[run.start : run.end]
    around = (known[run.start - 1], known[run.end])
    area, usual = (float(np.mean([one.area for one in some])) for some in (inside, around))
    if area < max(EMPTY, EMPTY_OF_AREA * usual):
        return EMPTIES
    if min(one.pieces for one in inside) > max(one.pieces for one in around):
        return SPLITS
    if area > min(FULL, FULL_OF_AREA * usual):
        return FILLS
    soft = float(np.mean([one.soft for one in inside]))
    usual_soft = max(one.soft for one in around)
    return UNDECIDED if soft > usual_soft + max(SLIGHT_SOFT, usual_soft) else JUMPS


def _splits(pieces: list[int]) -> list[Run]:
    """Runs of up to LONGEST frames that have more pieces than the frames before and after, where their number is
    steady otherwise."""
    changes = [number for number in range(1, len(pieces)) if pieces[number] != pieces[number - 1]]
    found = []
    for start, end in itertools.pairwise(changes):
        more = pieces[start] - max(pieces[start - 1], pieces[end])
        near = sum(start - AROUND <= change <= end + AROUND for change in changes)
        if more > 0 and end - start <= LONGEST and near <= RESTLESS and pieces[start - 1]:
            found.append(Run(float(more), start, end - start))
    return found


def _steps(thumbnails: np.ndarray, areas: np.ndarray) -> Iterator[int]:
    """Indices of the first frames after changes that stay: not the motion of something fast, which goes on."""
    changes = np.abs(np.diff(thumbnails, axis=0)).mean(axis=1)
    for at, change in enumerate(changes):
        others = np.concatenate((changes[max(at - 2, 0) : at], changes[at + 1 : at + 3]))
        large = change > max(STEP, STEP_OF_AREA * max(areas[at], areas[at + 1]))
        if large and change > ABRUPT * others.max(initial=0.0):
            yield at + 1
