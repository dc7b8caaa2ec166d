# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of FFmpeg's planar pictures as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


def planes(picture: VideoFrame, dtype: str = "u1") -> list[np.ndarray]:
    """Views of a picture's planes, each (height, width), in FFmpeg's order: writing into one writes the picture.

    dtype: of a sample. The rows of a view lie apart by FFmpeg's line size. A view keeps its picture alive.
    """
    size = np.dtype(dtype).itemsize
    return [
        np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // size)[:, : plane.width]
        for plane in picture.planes
    ]
