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

from .planes import Planes

FINEST = 4  # pixels of the picture, along a side, for one of the finest level
LEVELS = 6
COARSEST = FINEST << (LEVELS - 1)
AROUND = 64  # pixels at least around what is seen, so that the background is seen as well
WINDOW = (3, 3)  # of the average
PRIOR = 1e-3  # weight of a colour where nothing is seen of it: there it is the coarser level's
ROWS_AT_ONCE = 128  # what is worked on at a time stays in the processor's cache; FINEST divides it
RUN = 8  # neighbours in a row that are looked up together

Levels = list[np.ndarray]
"""R, G and B, each (h, w) float32 in 0..255, or a little over."""


def foreground(picture: Planes, matte: np.ndarray) -> Planes:
    """The colour that composites over anything, with the matte as straight alpha.

    picture: R, G and B. matte: (H, W) uint8. Returns R, G and B: exactly the picture where the matte is 255; where it
    is 0 the subject's colour is continued, AROUND and more beyond all that is seen, for filters read neighbours; the
    picture itself farther away.
    """
    colour = [plane.copy() for plane in picture]
    box = _box(matte)
    inside, near = [plane[box] for plane in colour], matte[box]
    if near.size and near.min() < 255:
        seen, behind = _smooth([_halved(_halved(plane)) for plane in inside], _halved(_halved(near)))
        for first in range(0, len(near), ROWS_AT_ONCE):
            rows = slice(first, first + ROWS_AT_ONCE)
            shown = [plane[rows] for plane in inside]
            ends = (
                [_enlarged(plane, rows)[: len(near) - first, : near.shape[1]] for plane in end]
                for end in (seen, behind)
            )
            not_whole = cv2.compare(near[rows], 255, cv2.CMP_LT)
            for fitted, plane in zip(_fitted(shown, near[rows], *ends), shown, strict=True):
                cv2.copyTo(fitted, not_whole, plane)
    return colour


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
    seen = [np.full_like(alpha, np.average(plane, weights=alpha + PRIOR)) for plane in planes]
    behind = [np.full_like(alpha, np.average(plane, weights=1 - alpha + PRIOR)) for plane in planes]
    for planes, alpha in reversed(levels):
        if alpha.shape != seen[0].shape:
            seen, behind = ([_doubled(plane, alpha.shape) for plane in end] for end in (seen, behind))
        # A second time would cost more on the finest level than all the coarser ones do, and gains little there.
        for _ in range(1 if alpha is levels[0][1] else 2):
            seen, behind = _refined(planes, alpha, seen, behind)
    return _rounded(seen), _rounded(behind)


def _rounded(planes: Levels) -> Planes:
    # The sum with 0 rounds, and stays within 0..255.
    return [cv2.add(plane, 0, dtype=cv2.CV_8U) for plane in planes]


def _refined(picture: Levels, alpha: np.ndarray, seen: Levels, behind: Levels) -> tuple[Levels, Levels]:
    """Foreground and background after a move to the nearest pair and an average."""
    rest = 1 - alpha
    weight, rest_weight = alpha * alpha, rest * rest
    scale = 1 / (weight + rest_weight)
    gain, rest_gain = alpha * scale, rest * scale
    weight += PRIOR
    rest_weight += PRIOR
    total, rest_total = 1 / cv2.blur(weight, WINDOW), 1 / cv2.blur(rest_weight, WINDOW)
    found, rest_found = [], []
    for shown, one, other in zip(picture, seen, behind, strict=True):
        missing = shown - alpha * one
        missing -= rest * other
        found.append(cv2.blur((one + gain * missing) * weight, WINDOW) * total)
        rest_found.append(cv2.blur((other + rest_gain * missing) * rest_weight, WINDOW) * rest_total)
    return found, rest_found


def _enlarged(reduced: np.ndarray, rows: slice) -> np.ndarray:
    """Rows of a reduced picture at full size; both ends of `rows` are multiples of FINEST. Linear."""
    first, end = rows.start // FINEST, rows.stop // FINEST
    above = min(first, 1)  # one row more on either side, for the rows between
    part = reduced[first - above : end + 1]
    size = part.shape[1] * FINEST, len(part) * FINEST
    return cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)[above * FINEST :][: rows.stop - rows.start]


def _fitted(picture: Planes, matte: np.ndarray, seen: Planes, behind: Planes) -> Planes:
    """Where the matte is soft the foreground of that pair nearest to `seen` and `behind` that makes the picture, and
    `seen` elsewhere; the matte is (H, W) uint8."""
    colour = [np.ascontiguousarray(plane) for plane in seen]
    length = math.gcd(matte.size, RUN)

    def in_runs(plane: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(plane).reshape(-1, length)

    runs = np.flatnonzero(in_runs(cv2.inRange(matte, 1, 254)).view(f"u{length}"))
    if not len(runs):
        return colour
    level = in_runs(matte)[runs]
    alphas = np.arange(256, dtype=np.float32) / 255
    alpha, gain = (cv2.LUT(level, table) for table in (alphas, alphas / (alphas**2 + (1 - alphas) ** 2)))
    for shown, own, rest in zip(picture, colour, behind, strict=True):
        one, other, whole = (in_runs(plane)[runs].astype(np.float32) for plane in (own, rest, shown))
        fitted = one + gain * (whole - other - alpha * (one - other))
        in_runs(own)[runs] = np.clip(fitted + 0.5, 0, 255).astype(np.uint8)
    return colour
