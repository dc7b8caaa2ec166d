# SPDX-License-Identifier: GPL-3.0-or-later
"""Antialiased Lanczos reduction, the resampling that U2-Net's usual front ends feed it with.

OpenCV has no antialiased Lanczos, and the network notices: INTER_AREA in its place moves the matte more than
quantising the whole model to int8 does. FFmpeg has it, in integers and with the processor's vectors.
"""

from collections.abc import Sequence

import av.filter
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from .planes import Filters, chain, planes

Box = tuple[slice, slice]
"""Rows and columns of a part of a picture, with both ends."""
# Three planes that swscale resamples alike, each for itself: they hold R, G and B, whatever the names say. 16 bits out,
# for the rounding to 8 that Pillow does would be the largest error.
BEFORE, AFTER = "yuv444p", "yuv444p16le"
STEPS = 256  # of 16 bits to one of 8
# What the samples mean stays what it was.
MEANING = ":".join(f"{end}_range=full:{end}_color_matrix=bt601:{end}_chroma_loc=center" for end in ("in", "out"))


def reduce(picture: Sequence[np.ndarray], height: int, width: int) -> np.ndarray:
    """Resample a picture to height x width with a Lanczos-3 window that widens with the reduction.

    picture: R, G and B, each (H, W) uint8. Returns (3, height, width) float32 in 0..256, in steps of 1/256. Where
    Lanczos overshoots at hard edges it is clipped, at 0 as in Pillow, and just below 256.
    The weights are those of Pillow's resize with Resampling.LANCZOS: sinc(x) sinc(x / 3) over |x| < 3, centres at
    half pixels, stretched by the reduction where it is above 1. At the picture's rim Pillow leaves out what lies
    outside; here the outermost pixels are repeated. A side of fewer than 8 pixels is resampled with fewer lobes.
    """
    source = VideoFrame(*picture[0].shape[::-1], BEFORE)
    for plane, out in zip(picture, planes(source), strict=True):
        np.copyto(out, plane)
    return resampled(source, height, width)


def resampled(picture: VideoFrame, height: int, width: int, part: Box | None = None) -> np.ndarray:
    """The samples of a picture of luma and chroma, or of a part of it, at height x width: (3, height, width) float32 in
    0..256, whatever their depth, resampled as in `reduce`. Where chroma is coarser than luma and a part begins between
    its samples, it is off by less than one of them."""
    scaler = _scalers.made_for(picture.format.name, picture.width, picture.height, height, width, part)
    scaler.vpush(picture)
    samples = np.empty((3, height, width), np.float32)
    for plane, out in zip(planes(scaler.vpull(), "<u2"), samples, strict=True):
        np.multiply(plane, np.float32(1 / STEPS), out=out)
    return samples


def _scaler(
    name: str, source_width: int, source_height: int, height: int, width: int, part: Box | None
) -> av.filter.Graph:
    filters = {}
    if part:
        rows, columns = part
        wide, high = columns.stop - columns.start, rows.stop - rows.start
        filters["crop"] = f"{wide}:{high}:{columns.start}:{rows.start}:exact=1"
    filters["scale"] = f"{width}:{height}:flags=lanczos+accurate_rnd:{MEANING}"
    return chain(VideoFormat(name), source_width, source_height, filters, AFTER)


_scalers = Filters(_scaler)
