# SPDX-License-Identifier: GPL-3.0-or-later
"""The matte at full size, along the picture's own edges.

A guided filter (He et al. 2010, "Guided image filtering") in its fast form (He and Sun 2015, "Fast guided filter"): on
a grid about as coarse as the map, alpha is fitted around each cell as a sum of the picture's red, green and blue and a
constant; the weights, enlarged, are applied to the picture's own pixels. Three things are different here. A fit counts
as far as it explains the map, and the map itself for the rest, so that a textured or like-coloured background stays
out of the matte. A second fit is made to where the first one led, and as far beyond. And only where the map is
undecided is anything fitted or looked at in full size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from . import cutout
from .blocks import blocks
from .planes import Planes

# Sizes, CLEAR and what is below them were chosen on the clips quokka, bust, car and plant of tools/truth, by error
# against truth, and the radii made smaller for cheetah, whose background has its colours; INSIDE by looking at balloon.
SIDE = 320  # cells along the picture's longer side, about; 480 were no better
# Map values that are taken for 0 and for 1: the network is rarely sure to the last step, and faint haze is seen.
CLEAR, OPAQUE = 0.08, 0.97
RADIUS, SMOOTH = 4, 2  # cells, of the windows that are fitted, and of those in which the fits are averaged
EPSILON = 1e-4  # added to the variances of colours in 0..1: what is flatter than 1% of the range is taken for flat
LITTLE = 1e-4  # a variance of alpha that is not worth dividing by
STRONGEST = 1.15  # how much steeper a fit may be made to reach from 0 to 1
# Undecided is a cell whose 5 x 5 neighbours have a mean m that makes m (1 - m) more than 0, and wholly so from here.
NEAR, UNDECIDED = 2, 0.06
# A cell with nothing darker than this within so many cells begins to be, and is, taken for opaque: no edge is there.
INSIDE, DOUBT, SURE = 4, 0.4, 0.8
STRIP, GAP = 64, 4  # pixels and cells: how the work in full size is cut


def matte(map_: np.ndarray, picture: Planes, dtype: type[np.uint8] | type[np.uint16] = np.uint8) -> np.ndarray:
    """Bring a map to the picture's size.

    map_: (h, w) float32 in 0..1, of any size. picture: R, G and B, code values as they are, for in those the foreground
    was blended or is near enough. Returns (H, W) of the dtype, 0 transparent to its largest opaque.
    """
    height, width = picture[0].shape
    step = max(1, round(max(height, width) / SIDE))
    map_ = _on_grid(map_, height, width, step)
    rows, columns = map_.shape
    plain = cutout.coded(map_, dtype)
    full = cv2.resize(plain, (columns * step, rows * step), interpolation=cv2.INTER_LINEAR)
    full = np.ascontiguousarray(full[:height, :width])
    mean = _mean(map_, NEAR)
    undecided = np.minimum(mean * (1.0 - mean) * np.float32(1.0 / UNDECIDED), 1.0)
    x, y, wide, high = cv2.boundingRect((undecided > 1 / 255).astype(np.uint8))
    if not wide:
        return full
    reach = RADIUS + SMOOTH
    top, left = max(y - reach, 0), max(x - reach, 0)
    seen = slice(top, y + high + reach), slice(left, x + wide + reach)
    map_, undecided = map_[seen], undecided[seen]
    rows, columns = map_.shape
    weights = _weights(map_, undecided, _reduced(picture, top, left, rows, columns, step))
    fitted = cv2.dilate((undecided > 1 / 255).astype(np.uint8), np.ones((3, 3), np.uint8))
    _paint(full, picture, weights, fitted, (top, left), step)
    return full


def _on_grid(map_: np.ndarray, height: int, width: int, step: int) -> np.ndarray:
    """The map on cells of step x step pixels, CLEAR and less 0, OPAQUE and more 1, and without haze inside; float32.
    The last row and column of cells may reach over the picture's rim."""
    down, across = step * map_.shape[0] / height, step * map_.shape[1] / width
    size = -(-width // step), -(-height // step)
    found = map_
    if (across, down) != (1.0, 1.0):
        # From a cell's index to the map's, centre to centre.
        places = np.array(((across, 0.0, (across - 1.0) / 2.0), (0.0, down, (down - 1.0) / 2.0)))
        how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        found = cv2.warpAffine(map_, places, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    found = np.clip((found - np.float32(CLEAR)) * np.float32(1.0 / (OPAQUE - CLEAR)), 0.0, 1.0)
    darkest = cv2.erode(found, np.ones((2 * INSIDE + 1, 2 * INSIDE + 1), np.uint8))
    sure = np.clip((darkest - np.float32(DOUBT)) * np.float32(1.0 / (SURE - DOUBT)), 0.0, 1.0)
    return found + (1.0 - found) * sure


def _reduced(picture: Planes, top: int, left: int, rows: int, columns: int, step: int) -> Planes:
    """The mean colour of each cell of a part of the grid: R, G and B, each (rows, columns) float32 in 0..1."""
    cells = slice(top * step, (top + rows) * step), slice(left * step, (left + columns) * step)
    means = []
    for plane in picture:
        part = plane[cells]
        below, beside = rows * step - part.shape[0], columns * step - part.shape[1]
        if below or beside:
            part = cv2.copyMakeBorder(part, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        size = step
        while size % 2 == 0:  # each half is rounded, and all take half as long as the whole at once
            size //= 2
            part = cv2.resize(part, (columns * size, rows * size), interpolation=cv2.INTER_AREA)
        part = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
        means.append(part.astype(np.float32) * np.float32(1.0 / 255.0))
    return means


def _mean(plane: np.ndarray, radius: int) -> np.ndarray:
    return cv2.blur(plane, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT)


def _weights(map_: np.ndarray, undecided: np.ndarray, colours: Planes) -> Planes:
    """What alpha is, cell by cell, of red, green, blue and 1: four planes (h, w) float32, all for RGB in 0..1.

    map_, undecided: (h, w) in 0..1. colours: of `_reduced`.
    """
    guide = _Guide.of(colours)
    weights, variance = guide.fit(map_)
    # Judged once, by what the network said: what fits have made, a fit explains ever better. For the rest, the map.
    trust = _explained(variance, map_) * undecided
    rest = (1.0 - trust) * map_
    found = np.clip(trust * _sum(weights, colours) + rest, 0.0, 1.0)
    # Fits to what the fit before has found go on the same way, in ever smaller steps: this is as far as four of them.
    weights, _ = guide.fit(np.clip(2.0 * found - map_, 0.0, 1.0))
    *slopes, constant = (weight * trust for weight in weights)
    return [*slopes, constant + rest]


def _explained(variance: np.ndarray, map_: np.ndarray) -> np.ndarray:
    """How much of a map's variance around each cell a fit accounts for, 0 to 1; (h, w) float32 as all are."""
    mean = _mean(map_, RADIUS)
    whole = _mean(map_ * map_, RADIUS) - mean * mean
    return _mean(np.clip(variance / (whole + np.float32(LITTLE)), 0.0, 1.0), SMOOTH)


def _sum(weights: Planes, colours: Planes) -> np.ndarray:
    """Alpha as the weights have it."""
    red, green, blue, constant = weights
    return red * colours[0] + green * colours[1] + blue * colours[2] + constant


@dataclass(frozen=True, eq=False)
class _Guide:
    """What the windows' colours are, found once for all passes. All planes (h, w) float32.

    colours: R, G, B in 0..1. means: of each, over each cell's window. inverse: of the windows' covariances, each a
    symmetric matrix: RR, RG, RB, GG, GB, BB.
    """

    colours: Planes
    means: Planes
    inverse: Planes

    @classmethod
    def of(cls, colours: Planes) -> _Guide:
        red, green, blue = colours
        means = r, g, b = [_mean(plane, RADIUS) for plane in colours]
        rr = _mean(red * red, RADIUS) - r * r + np.float32(EPSILON)
        gg = _mean(green * green, RADIUS) - g * g + np.float32(EPSILON)
        bb = _mean(blue * blue, RADIUS) - b * b + np.float32(EPSILON)
        rg = _mean(red * green, RADIUS) - r * g
        rb = _mean(red * blue, RADIUS) - r * b
        gb = _mean(green * blue, RADIUS) - g * b
        first = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
        others = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
        scale = 1.0 / (rr * first[0] + rg * first[1] + rb * first[2])
        return cls(colours, means, [minor * scale for minor in (*first, *others)])

    def fit(self, alpha: np.ndarray) -> tuple[Planes, np.ndarray]:
        """The weights of red, green, blue and 1 that come nearest to alpha (h, w) around each cell; and the variance of
        alpha that a window's own weights account for, (h, w).

        He et al. 2010, (19) to (21). A soft map has less contrast than the edge it stands for, so the fit is made
        steeper, its mean kept, towards reaching 1 at the mean colour of what is opaque and 0 at that of the rest.
        """
        mean = _mean(alpha, RADIUS)
        red, green, blue = (
            _mean(plane * alpha, RADIUS) - middle * mean for plane, middle in zip(self.colours, self.means, strict=True)
        )
        rr, rg, rb, gg, gb, bb = self.inverse
        slopes = rr * red + rg * green + rb * blue, rg * red + gg * green + gb * blue, rb * red + gb * green + bb * blue
        variance = slopes[0] * red + slopes[1] * green + slopes[2] * blue
        # The means of opaque and transparent lie variance / (mean (1 - mean)) apart in the fitted alpha.
        steeper = np.clip(mean * (1.0 - mean) / (variance + np.float32(LITTLE)), 1.0, np.float32(STRONGEST))
        slopes = tuple(slope * steeper for slope in slopes)
        constant = mean - sum(slope * middle for slope, middle in zip(slopes, self.means, strict=True))
        return [_mean(weight, SMOOTH) for weight in (*slopes, constant)], variance


def _paint(
    full: np.ndarray, picture: Planes, weights: Planes, fitted: np.ndarray, at: tuple[int, int], step: int
) -> None:
    """Apply the weights to the picture, and write the matte in `full`, in the cells that are fitted.

    full: (H, W) uint8 or uint16. fitted: (h, w) uint8. at: the cell's row and column in the picture's grid at which
    both begin.
    """
    height, width = full.shape
    opaque = np.float32(np.iinfo(full.dtype).max)
    depth = cv2.CV_8U if full.dtype == np.uint8 else cv2.CV_16U
    # One cell more on each side, for the enlargement at the rim.
    padded = [cv2.copyMakeBorder(weight, 1, 1, 1, 1, cv2.BORDER_REPLICATE) for weight in weights]
    for rows, columns in blocks(fitted, max(1, STRIP // step), GAP):
        top, left = (at[0] + rows.start) * step, (at[1] + columns.start) * step
        bottom, right = min((at[0] + rows.stop) * step, height), min((at[1] + columns.stop) * step, width)
        cells = slice(rows.start, rows.stop + 2), slice(columns.start, columns.stop + 2)
        inner = slice(step, step + bottom - top), slice(step, step + right - left)
        *slopes, constant = (
            cv2.resize(weight[cells], None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)[inner]
            for weight in padded
        )
        alpha = constant * opaque
        for slope, plane in zip(slopes, picture, strict=True):
            alpha = cv2.accumulateProduct(slope, _calm(plane, top, left, bottom, right, full.dtype), alpha)
        # The sum with 0 rounds, and stays within what is transparent and opaque.
        full[top:bottom, left:right] = cv2.add(alpha, 0, dtype=depth)


def _calm(plane: np.ndarray, top: int, left: int, bottom: int, right: int, dtype: np.dtype) -> np.ndarray:
    """A part of a plane, smoothed over 3 x 3 pixels, float32: grain shall not be printed in alpha. dtype: uint8, or
    uint16 for 257 times as much, in which what is smoothed is rounded more finely."""
    above, before = max(top - 1, 0), max(left - 1, 0)
    part = plane[above : bottom + 1, before : right + 1]
    if dtype == np.uint16:
        part = part * np.uint16(cutout.DEEP // 255)
    part = cv2.GaussianBlur(part, (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    return part[top - above : bottom - above, left - before : right - before].astype(np.float32)
