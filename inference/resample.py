# SPDX-License-Identifier: GPL-3.0-or-later
"""Antialiased Lanczos reduction, the resampling that U2-Net's usual front ends feed it with.

OpenCV has no antialiased Lanczos, and the network notices: INTER_AREA in its place moves the matte more than
quantising the whole model to int8 does.
"""

import functools

import cv2
import numpy as np

LOBES = 3.0
ROWS_AT_ONCE = 4  # output rows a matrix product: few zeros are multiplied, and it is still a product


def reduce(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resample a picture to height x width with a Lanczos-3 window that widens with the reduction.

    picture: (H, W, C) uint8 or float32, any range. Returns (C, height, width) float32 in the range of the input
    (Lanczos overshoots at hard edges by a few per cent; no clipping is done).
    The weights are those of Pillow's resize with Resampling.LANCZOS: sinc(x) sinc(x / 3) over |x| < 3, centres at
    half pixels, stretched by the reduction where it is above 1, and normalised to a sum of 1 at the picture's rim.
    """
    _, source_width, channels = picture.shape
    rows = _filter_rows(picture.reshape(picture.shape[0], -1), height)
    sideways = np.ascontiguousarray(rows.reshape(height, source_width, channels).transpose(1, 2, 0))
    columns = _filter_rows(sideways.reshape(source_width, -1), width)
    return np.ascontiguousarray(columns.reshape(width, channels, height).transpose(1, 2, 0))


def _filter_rows(image: np.ndarray, size: int) -> np.ndarray:
    """Resample the first axis of an (n, m) image to `size` rows; float32."""
    out = np.empty((size, image.shape[1]), np.float32)
    for first, last, low, high, weights in _bands(image.shape[0], size):
        # OpenCV's product, not NumPy's: it stays on this thread, and its sum does not depend on how many there are.
        cv2.gemm(weights, image[low:high].astype(np.float32, copy=False), 1.0, None, 0.0, out[first:last])
    return out


@functools.lru_cache(maxsize=8)
def _bands(source: int, size: int) -> tuple[tuple[int, int, int, int, np.ndarray], ...]:
    """The weights as a few dense bands: (first row, last row, first source row, last source row, weights)."""
    scale = source / size
    stretch = max(scale, 1.0)
    centres = (np.arange(size) + 0.5) * scale
    bands = []
    for first in range(0, size, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, size)
        low = max(int(centres[first] - LOBES * stretch), 0)
        high = min(int(centres[last - 1] + LOBES * stretch) + 1, source)
        distance = (np.arange(low, high) + 0.5 - centres[first:last, None]) / stretch
        weights = np.where(np.abs(distance) < LOBES, np.sinc(distance) * np.sinc(distance / LOBES), 0.0)
        weights /= weights.sum(axis=1, keepdims=True)
        bands.append((first, last, low, high, weights.astype(np.float32)))
    return tuple(bands)
