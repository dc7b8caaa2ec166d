# SPDX-License-Identifier: GPL-3.0-or-later
"""From a picture and its map to an image with alpha."""

import cv2
import numpy as np

# Pixels around what is seen, however faintly, in which colour is kept: filters that scale, blur or move a cutout read
# neighbours. Farther away colour is thrown away: files are half as large, and made in half the time.
MARGIN = 16
BLOCK = 8  # rows that are looked at as one; divides MARGIN
DEEP = 65535  # what is opaque in 16 bits
ROWS_AT_ONCE = 64  # what is copied at a time stays in the processor's cache


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


def cutout(picture: np.ndarray, matte: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Straight alpha: the picture's colour up to MARGIN and more from all that is seen, and black beyond.

    picture: (H, W, 3) uint8 RGB. matte: (H, W) uint8. out: (H, W, 4) uint8 to write into; a new array otherwise, whose
    memory takes the system longer to find than it takes to fill. Returns (H, W, 4) uint8 RGBA.
    """
    near = _near(matte)
    image = np.empty((*matte.shape, 4), np.uint8) if out is None else out
    for first in range(0, len(image), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        kept = cv2.copyTo(picture[rows], near[rows])  # zeros elsewhere
        cv2.insertChannel(matte[rows], cv2.cvtColor(kept, cv2.COLOR_RGB2RGBA, dst=image[rows]), 3)
    return image


def _near(matte: np.ndarray) -> np.ndarray:
    """Where colour is kept: (H, W) uint8, above 0 at all pixels whose rows and columns both lie within MARGIN of some
    pixel's above 0, and at some a little farther up and down."""
    height, width = matte.shape
    blocks = -(-height // BLOCK)
    padded = cv2.copyMakeBorder(matte, 0, blocks * BLOCK - height, 0, 0, cv2.BORDER_CONSTANT)
    seen = padded.reshape(blocks, BLOCK, width).max(axis=1)
    near = cv2.dilate(seen, np.ones((2 * MARGIN // BLOCK + 1, 2 * MARGIN + 1), np.uint8))
    return np.repeat(near, BLOCK, axis=0)[:height]
