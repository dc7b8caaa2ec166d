# SPDX-License-Identifier: GPL-3.0-or-later
"""Work at full size is cut into blocks: most of a picture is not at an edge, and a block stays in the cache."""

from collections.abc import Iterator

import cv2
import numpy as np


def blocks(wanted: np.ndarray, high: int, gap: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of blocks that together hold all that is above 0, (H, W) uint8.

    A block begins at a multiple of `high` rows and is at most so high. More than `gap` columns of nothing part two.
    """
    for first in range(0, len(wanted), high):
        rows = slice(first, min(first + high, len(wanted)))
        columns = np.flatnonzero(cv2.reduce(wanted[rows], 0, cv2.REDUCE_MAX))
        for run in np.split(columns, np.flatnonzero(np.diff(columns) > gap) + 1):
            if len(run):
                yield rows, slice(int(run[0]), int(run[-1]) + 1)
