# SPDX-License-Identifier: GPL-3.0-or-later
"""Which picture of the movie an image was made from: a few hundred grey values that travel in its note."""

import base64
import binascii

import cv2
import numpy as np

from .planes import Planes

COLUMNS, ROWS = 32, 18
SAMPLES = 8  # of a cell's pixels, along a side, at least; all would take five times as long


def of(picture: Planes) -> str:
    """The fingerprint of a picture: 768 characters of ASCII, the mean brightness of ROWS x COLUMNS cells, over black
    where the picture is transparent."""
    height, width = picture[0].shape
    step = max(min(height // (ROWS * SAMPLES), width // (COLUMNS * SAMPLES)), 1)
    sampled = (np.ascontiguousarray(plane[::step, ::step]) for plane in picture)
    small = [cv2.resize(plane, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA) for plane in sampled]
    grey = cv2.cvtColor(cv2.merge(small[:3]), cv2.COLOR_RGB2GRAY)
    if len(small) == 4:
        grey = cv2.multiply(grey, small[3], scale=1 / 255)
    return base64.b64encode(grey.tobytes()).decode("ascii")


def apart(one: str, other: str) -> float:
    """How far the cell is off that is farthest off, 0 to 255. ValueError where one is no fingerprint."""
    grids = [_cells(text) for text in (one, other)]
    return float(cv2.absdiff(*grids).max())


def _cells(text: str) -> np.ndarray:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not a fingerprint") from error
    if len(data) != ROWS * COLUMNS:
        raise ValueError("not a fingerprint")
    return np.frombuffer(data, np.uint8).reshape(ROWS, COLUMNS)
