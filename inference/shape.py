# SPDX-License-Identifier: GPL-3.0-or-later
"""What an editor does to a finished matte, at the movie's size."""

from typing import Any

import cv2
import numpy as np

from .cutout import DEEP, eight_bits
from .job import Shape

# Pieces and holes are looked for on a reduced matte of about this width: a 1080p frame's cells are 4 x 4 pixels.
CELLS = 480
VISIBLE = 64  # of 255: what is less belongs to no piece; a hole is where a quarter and more is missing
HALO = 3  # cells around a piece that go with it: its own soft edge
# A Gaussian of more than this many pixels' deviation is applied to a reduced matte, where it has half as many.
SHARPEST = 3.0


def shaped(matte: np.ndarray, shape: Shape) -> np.ndarray:
    """Alter a matte, (H, W) uint8 or uint16, 0 transparent to its largest opaque. Returns the same kind; the one given
    is not changed."""
    if (shape.black, shape.white) != (0.0, 1.0):
        table = _levels(shape.black, shape.white, _opaque(matte))
        matte = cv2.LUT(matte, table) if matte.dtype == np.uint8 else table[matte]
    if shape.specks > 0:
        matte = without_specks(matte, shape.specks)
    if shape.holes > 0:
        matte = without_holes(matte, shape.holes)
    if shape.grow:
        matte = grown(matte, shape.grow)
    if shape.feather > 0:
        matte = feathered(matte, shape.feather)
    return cv2.bitwise_not(matte) if shape.invert else matte


def _opaque(matte: np.ndarray) -> int:
    return 255 if matte.dtype == np.uint8 else DEEP


def _levels(black: float, white: float, opaque: int) -> np.ndarray:
    """A table of 256 uint8, or of 65536 uint16. Where white is not above black, all above black is opaque."""
    alpha = np.arange(opaque + 1) / float(opaque)
    stretched = (alpha - black) / max(white - black, 1e-6)
    return np.rint(opaque * np.clip(stretched, 0.0, 1.0)).astype(np.uint8 if opaque == 255 else np.uint16)


def without_specks(matte: np.ndarray, share: float) -> np.ndarray:
    """Drop the pieces whose alpha adds up to less than a share (0 to 1) of the picture.

    matte: (H, W) uint8 or uint16. Pieces whose pixels above VISIBLE come within a cell of each other are one.
    """
    small = _small_pieces(matte, share, 8, at_rim=True)
    return matte if small is None else cv2.min(matte, cv2.bitwise_not(small))


def without_holes(matte: np.ndarray, share: float) -> np.ndarray:
    """Fill the holes that lack less alpha than a share (0 to 1) of the picture, and do not reach its rim.

    matte: (H, W) uint8 or uint16.
    """
    small = _small_pieces(cv2.bitwise_not(matte), share, 4, at_rim=False)
    return matte if small is None else cv2.max(matte, small)


def _small_pieces(matte: np.ndarray, share: float, connectivity: int, at_rim: bool) -> np.ndarray | None:
    """Where pieces smaller than a share of the picture are: (H, W) of the matte's dtype, opaque in them, soft around
    them; None where there are none. at_rim: whether those that touch the picture's rim count.

    Which are small is told in 8 bits; what is opaque there, and how softly it ends, has the matte's own depth."""
    opaque, kind = _opaque(matte), matte.dtype
    matte = eight_bits(matte)
    height, width = matte.shape
    side = max(round(max(height, width) / CELLS), 1)
    first = (0, 0)  # a filter's anchor: a cell's first pixel then holds what is true of its side x side
    # A cell is visible by its brightest pixel, for a speck of one pixel is to be found too, and weighs its mean.
    visible = cv2.dilate(matte, np.ones((side, side), np.uint8), anchor=first)[::side, ::side] >= VISIBLE
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(visible.view(np.uint8), connectivity=connectivity)
    weight = cv2.boxFilter(matte, -1, (side, side), anchor=first, borderType=cv2.BORDER_CONSTANT)[::side, ::side]
    weights = np.bincount(labels.ravel(), weight.ravel(), len(boxes)) / 255.0
    small = weights < share * matte.size / side**2
    small[0] = False
    if not at_rim:
        left, top, right, bottom = boxes[:, 0], boxes[:, 1], boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
        rows, columns = labels.shape
        small &= (left > 0) & (top > 0) & (right < columns) & (bottom < rows)
    if not small.any():
        return None
    around = cv2.dilate((opaque * small).astype(kind)[labels], _disc(HALO))
    others = (~small).astype(np.uint8)
    others[0] = 0
    around[cv2.dilate(others[labels], _disc(1)) > 0] = 0  # the soft edge of what stays
    return cv2.resize(around, None, fx=side, fy=side, interpolation=cv2.INTER_LINEAR)[:height, :width]


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def grown(matte: np.ndarray, pixels: int) -> np.ndarray:
    """Move all edges outwards, or inwards where pixels is less than 0. matte: (H, W) uint8 or uint16.

    The brightest (darkest) within a regular octagon, which is nowhere more than 8.3% and a pixel from a circle, and
    costs a tenth of one. Nothing comes in from beyond the picture's rim.
    """
    alter = cv2.dilate if pixels > 0 else cv2.erode
    radius = abs(pixels)
    half = round(radius * (2**0.5 - 1))  # a square grown by a diamond is an octagon
    matte = alter(matte, np.ones((2 * half + 1, 2 * half + 1), np.uint8))
    reached, diamond = 0, radius - half
    while reached < diamond:
        # Four copies of a diamond, at its corners or nearer, are a larger diamond: few steps, of few pixels each.
        step = min(max(reached, 1), diamond - reached)
        matte = alter(matte, _corners(step, middle=reached == 0))
        reached += step
    return matte


def _corners(distance: int, middle: bool) -> np.ndarray:
    """A kernel of the four pixels at a distance, with the middle or without."""
    kernel = np.zeros((2 * distance + 1, 2 * distance + 1), np.uint8)
    kernel[[0, -1, distance, distance], [distance, distance, 0, -1]] = 1
    kernel[distance, distance] = middle
    return kernel


def feathered(matte: np.ndarray, pixels: float) -> np.ndarray:
    """A Gaussian of pixels / 2 deviation. matte: (H, W) uint8 or uint16. What touches the rim stays opaque there."""
    deviation = pixels / 2
    side = 1
    while deviation / side > SHARPEST:
        side *= 2
    # Averaging cells and drawing lines between them blurs too: boxes and triangles have these variances.
    variance = (deviation / side) ** 2 - (1 / 12 + 1 / 6 if side > 1 else 0)
    blur: dict[str, Any] = {"sigmaX": variance**0.5, "borderType": cv2.BORDER_REPLICATE}
    if side == 1:
        return cv2.GaussianBlur(matte, (0, 0), **blur)
    height, width = matte.shape
    whole = cv2.copyMakeBorder(matte, 0, -height % side, 0, -width % side, cv2.BORDER_REPLICATE)
    rows, columns = whole.shape[0] // side, whole.shape[1] // side
    reduced = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    reduced = cv2.GaussianBlur(reduced, (0, 0), **blur)
    return cv2.resize(reduced, whole.shape[::-1], interpolation=cv2.INTER_LINEAR)[:height, :width]
