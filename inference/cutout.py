# SPDX-License-Identifier: GPL-3.0-or-later
"""From a picture and its map to an image with alpha."""

import functools
from collections.abc import Iterator

import cv2
import numpy as np

from .planes import Planes

# Pixels around what is seen, however faintly, in which colour is kept: filters that scale, blur or move a cutout read
# neighbours. Farther away colour is thrown away: files are half as large, and made in half the time.
MARGIN = 16
BLOCK = 8  # rows that are looked at as one; divides MARGIN
DEEP = 65535  # what is opaque in 16 bits
ROWS = 32  # of a strip, which stays in the processor's cache


def matte_at_full_size(
    map_: np.ndarray, height: int, width: int, dtype: type[np.uint8] | type[np.uint16] = np.uint8
) -> np.ndarray:
    """Bring a map (h, w) float32 in 0..1 to (height, width) of a dtype, 0 transparent to its largest opaque. Cubic.

    The map is rounded to the dtype's steps before it is enlarged, which halves the time; each result is within 2 steps
    of what rounding at the end alone would give.
    """
    return cv2.resize(coded(map_, dtype), (width, height), interpolation=cv2.INTER_CUBIC)


def coded(map_: np.ndarray, dtype: type[np.uint8] | type[np.uint16]) -> np.ndarray:
    """0..1, (h, w) float32, as 0..255 or 0..65535, rounded."""
    if dtype is np.uint8:
        return cv2.convertScaleAbs(map_, alpha=255.0)
    return np.rint(map_ * np.float32(DEEP)).astype(np.uint16)


def eight_bits(matte: np.ndarray) -> np.ndarray:
    """A matte of either depth, (H, W) uint8 or uint16, as uint8: the same one, or rounded."""
    return matte if matte.dtype == np.uint8 else cv2.convertScaleAbs(matte, alpha=255.0 / DEEP)


def strips(picture: Planes, matte: np.ndarray, kept: np.ndarray) -> Iterator[np.ndarray]:
    """Straight alpha: the picture's colour where it is kept, and black beyond.

    picture: R, G and B. matte: (H, W) uint8. kept: of `near`. Yields RGBA, (ROWS or fewer, W, 4) uint8, from above to
    below: each is written over by the next, for a whole image's memory takes the system longer to find than to fill.
    """
    width = matte.shape[1]
    strip, colours = np.empty((ROWS, width, 4), np.uint8), np.empty((3, ROWS, width), np.uint8)
    for first in range(0, len(matte), ROWS):
        rows, high = slice(first, first + ROWS), min(ROWS, len(matte) - first)
        for plane, colour in zip(picture, colours, strict=True):
            cv2.bitwise_and(plane[rows], kept[rows], dst=colour[:high])
        yield cv2.merge([*colours[:, :high], matte[rows]], strip[:high])


def near(matte: np.ndarray) -> np.ndarray:
    """Where colour is kept: (H, W) uint8, 255 at all pixels whose rows and columns both lie within MARGIN of some
    pixel's above 0, and at some a little farther up and down, 0 elsewhere."""
    height = len(matte)
    whole = height // BLOCK * BLOCK
    seen = functools.reduce(cv2.max, (matte[row:whole:BLOCK] for row in range(BLOCK))) if whole else matte[:0]
    if whole < height:
        seen = np.concatenate((seen, matte[whole:].max(axis=0, keepdims=True)))
    grown = cv2.dilate(seen, np.ones((2 * MARGIN // BLOCK + 1, 2 * MARGIN + 1), np.uint8))
    return np.repeat(cv2.threshold(grown, 0, 255, cv2.THRESH_BINARY)[1], BLOCK, axis=0)[:height]
