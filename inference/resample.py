# SPDX-License-Identifier: GPL-3.0-or-later
"""Antialiased Lanczos reduction, the resampling that U2-Net's usual front ends feed it with.

OpenCV has no antialiased Lanczos, and the network notices: INTER_AREA in its place moves the matte more than
quantising the whole model to int8 does. FFmpeg has it, in integers and with the processor's vectors.
"""

import threading
from fractions import Fraction

import av.filter
import cv2
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from .planes import planes

# Three planes that swscale resamples alike, each for itself: they hold R, G and B, whatever the names say. 16 bits out,
# for the rounding to 8 that Pillow does would be the largest error.
BEFORE, AFTER = "yuv444p", "yuv444p16le"
STEPS = 256  # of 16 bits to one of 8


def reduce(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resample a picture to height x width with a Lanczos-3 window that widens with the reduction.

    picture: (H, W, 3) uint8. Returns (3, height, width) float32 in 0..256, in steps of 1/256. Where Lanczos overshoots
    at hard edges it is clipped, at 0 as in Pillow, and just below 256.
    The weights are those of Pillow's resize with Resampling.LANCZOS: sinc(x) sinc(x / 3) over |x| < 3, centres at
    half pixels, stretched by the reduction where it is above 1. At the picture's rim Pillow leaves out what lies
    outside; here the outermost pixels are repeated. A side of fewer than 8 pixels is resampled with fewer lobes.
    """
    source = VideoFrame(picture.shape[1], picture.shape[0], BEFORE)
    cv2.split(picture, planes(source))
    scaler = _here.scaler(*picture.shape[:2], height, width)
    scaler.vpush(source)
    reduced = np.empty((3, height, width), np.float32)
    for plane, out in zip(planes(scaler.vpull(), "<u2"), reduced, strict=True):
        np.multiply(plane, np.float32(1 / STEPS), out=out)
    return reduced


class _Scalers(threading.local):
    """Each thread's scaler, made again only where a size changes: its weights cost half as much as a picture."""

    def __init__(self) -> None:
        self._made_for: tuple[int, ...] | None = None
        self._graph = av.filter.Graph()

    def scaler(self, *sizes: int) -> av.filter.Graph:
        """The filter for source height and width, height and width."""
        if sizes != self._made_for:
            self._graph = _graph(*sizes)
            self._made_for = sizes
        return self._graph


_here = _Scalers()


def _graph(source_height: int, source_width: int, height: int, width: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=source_width, height=source_height, format=VideoFormat(BEFORE), time_base=Fraction(1)
    )
    scale = graph.add("scale", f"{width}:{height}:flags=lanczos+accurate_rnd")
    graph.link_nodes(source, scale, graph.add("format", AFTER), graph.add("buffersink"))
    graph.configure()
    return graph
