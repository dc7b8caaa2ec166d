# SPDX-License-Identifier: GPL-3.0-or-later
"""The subject's own colour: the background's is taken out of a picture where its matte is soft.

A soft pixel shows I = alpha F + (1 - alpha) B, three equations with six unknowns. Two steps are repeated from a
coarse picture to a fine one, as in Germer et al. 2020, "Fast Multi-Level Foreground Estimation": F and B are moved to
the nearest pair that makes the pixel, and then are averaged with their neighbours, weighted by how much each shows of
them, as in Forte 2021, "Approximate Fast Foreground Colour Estimation". Colours are smooth where the matte is not, so
a quarter of the picture's size will do for that; only the last move to the nearest pair is made at full size.
"""

import math

import cv2
import numpy as np

from .blocks import blocks
from .planes import Planes

FINEST = 4  # pixels of the picture, along a side, for one of the finest level
LEVELS = 6
COARSEST = FINEST << (LEVELS - 1)
AROUND = 64  # pixels at least around what is seen, so that the background is seen as well
WINDOW = (3, 3)  # of the average
PRIOR = 1e-3  # weight of a colour where nothing is seen of it: there it is the coarser level's
ROWS, GAP = 128, 64  # how the work in full size is cut; FINEST divides ROWS
RUN = 8  # neighbours in a row that are looked up together, as one number
# By a matte's level: alpha, and how far a missing colour moves the foreground.
ALPHA = np.arange(256, dtype=np.float32) / 255
GAIN = ALPHA / (ALPHA**2 + (1 - ALPHA) ** 2)


def clean(picture: Planes, matte: np.ndarray, kept: np.ndarray) -> None:
    """Make a picture the colour that composites over anything, with the matte as straight alpha.

    picture: R, G and B, which are written into: where the matte is 255 the picture stays what it is, where it is 0 the
    subject's colour is continued, for filters read neighbours. matte: (H, W) uint8. kept: (H, W) uint8, above 0 where
    anything of this is wanted.
    """
    box = _box(matte)
    inside, near = [plane[box] for plane in picture], matte[box]
    if not near.size or near.min() == 255:
        return
    seen, behind = _smooth([_halved(_halved(plane)) for plane in inside], _halved(_halved(near)))
    altered = cv2.threshold(near, 254, 255, cv2.THRESH_BINARY_INV)[1]
    for rows, columns in blocks(cv2.bitwise_and(altered, kept[box]), ROWS, GAP):
        columns = slice(columns.start // FINEST * FINEST, -(-columns.stop // FINEST) * FINEST)
        block = rows, columns
        shown = [plane[block] for plane in inside]
        ends = ([_enlarged(plane, *block, shown[0].shape) for plane in end] for end in (seen, behind))
        for fitted, plane in zip(_fitted(shown, near[block], *ends), shown, strict=True):
            cv2.copyTo(fitted, altered[block], plane)


def _box(matte: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that hold all that is seen and AROUND; empty where nothing is.

    They begin and end with pixels of the coarsest level: as a subject moves, the levels do not move with it, for its
    colour would flicker.
    """
    left, top, width, height = cv2.boundingRect(matte)
    if not width:
        return slice(0), slice(0)
    return _grown(top, top + height), _grown(left, left + width)


def _grown(first: int, end: int) -> slice:
    return slice(max(first - AROUND, 0) // COARSEST * COARSEST, -(-(end + AROUND) // COARSEST) * COARSEST)


def _halved(image: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels. At an odd side the last is repeated."""
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return cv2.resize(image, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)


def _doubled(plane: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of `_halved`, for a shape that it halved. Linear."""
    height, width = plane.shape
    return cv2.resize(plane, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]]


def _smooth(picture: Planes, matte: np.ndarray) -> tuple[Planes, Planes]:
    """Foreground and background of a reduced picture and its matte (h, w) uint8."""
    levels = [([plane.astype(np.float32) for plane in picture], matte.astype(np.float32) / 255)]
    while len(levels) < LEVELS:
        planes, alpha = levels[-1]
        levels.append(([_halved(plane) for plane in planes], _halved(alpha)))
    planes, alpha = levels[-1]
    seen, behind = (
        [np.full_like(alpha, np.average(plane, weights=weight + PRIOR)) for plane in planes]
        for weight in (alpha, 1 - alpha)
    )
    for planes, alpha in reversed(levels):
        if alpha.shape != seen[0].shape:
            seen, behind = ([_doubled(plane, alpha.shape) for plane in end] for end in (seen, behind))
        seen, behind = _refined(planes, alpha, seen, behind)
    return _rounded(seen), _rounded(behind)


def _rounded(planes: Planes) -> Planes:
    # The sum with 0 rounds, and stays within 0..255.
    return [cv2.add(plane, 0, dtype=cv2.CV_8U) for plane in planes]


def _refined(picture: Planes, alpha: np.ndarray, seen: Planes, behind: Planes) -> tuple[Planes, Planes]:
    """Foreground and background after a move to the nearest pair and an average.

    All float32: alpha (h, w) in 0..1, the others R, G and B in 0..255 or a little over.
    """
    rest = 1 - alpha
    ends = [_End(alpha), _End(rest)]
    scale = 1 / (alpha * alpha + rest * rest)
    refined: tuple[Planes, Planes] = [], []
    for whole, one, other in zip(picture, seen, behind, strict=True):
        missing = whole - alpha * one
        missing -= rest * other
        missing *= scale
        for colours, end, colour in zip(refined, ends, (one, other), strict=True):
            colours.append(end.averaged(colour, missing))
    return refined


class _End:
    """How much is seen of one end of a pair, pixel by pixel; its colours are averaged by that."""

    def __init__(self, share: np.ndarray) -> None:
        """share: (h, w) float32 in 0..1."""
        self._share = share
        self._weight = share * share + PRIOR
        self._scale = 1 / cv2.blur(self._weight, WINDOW)

    def averaged(self, colour: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """A plane of colours, moved by what is missing and averaged; all (h, w) float32."""
        moved = self._share * missing
        moved += colour
        moved *= self._weight
        found = cv2.blur(moved, WINDOW)
        found *= self._scale
        return found


def _enlarged(reduced: np.ndarray, rows: slice, columns: slice, shape: tuple[int, ...]) -> np.ndarray:
    """A block of a reduced plane at full size, as far as there is a picture: of a shape. Both begin with pixels of the
    reduced one. Linear."""
    top, left = rows.start // FINEST, columns.start // FINEST
    above, before = min(top, 1), min(left, 1)  # a pixel more on every side, for those between
    part = reduced[top - above : -(-rows.stop // FINEST) + 1, left - before : -(-columns.stop // FINEST) + 1]
    large = cv2.resize(part, None, fx=FINEST, fy=FINEST, interpolation=cv2.INTER_LINEAR)
    return large[above * FINEST :, before * FINEST :][: shape[0], : shape[1]]


def _fitted(picture: Planes, matte: np.ndarray, seen: Planes, behind: Planes) -> Planes:
    """Where the matte is soft the foreground of that pair nearest to `seen` and `behind` that makes the picture, and
    `seen` elsewhere; the matte is (H, W) uint8."""
    colour = [np.ascontiguousarray(plane) for plane in seen]
    run = f"u{math.gcd(matte.size, RUN)}"

    def in_runs(plane: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(plane).reshape(-1).view(run)

    soft = np.flatnonzero(in_runs(cv2.inRange(matte, 1, 254)))
    if not len(soft):
        return colour

    def looked_up(plane: np.ndarray) -> np.ndarray:
        return in_runs(plane)[soft].view(np.uint8)[np.newaxis]

    level = looked_up(matte)
    alpha, gain = (cv2.LUT(level, table) for table in (ALPHA, GAIN))
    for plane, back, whole in zip(colour, behind, picture, strict=True):
        one, other, shown = (looked_up(each) for each in (plane, back, whole))
        apart = cv2.subtract(one, other, dtype=cv2.CV_32F)
        apart *= alpha
        missing = cv2.subtract(shown, other, dtype=cv2.CV_32F)
        missing -= apart
        missing *= gain
        fitted = cv2.add(one, missing, dtype=cv2.CV_8U)  # rounded, and within 0..255
        in_runs(plane)[soft] = fitted[0].view(run)
    return colour
