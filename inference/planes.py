# SPDX-License-Identifier: GPL-3.0-or-later
"""FFmpeg's planar pictures: their memory as arrays, and filters for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av.filter
import numpy as np

if TYPE_CHECKING:
    from av.video.format import VideoFormat
    from av.video.frame import VideoFrame

Planes = list[np.ndarray]
"""R, G and B, and alpha where there is one, each (H, W) uint8. Their rows may lie apart."""


def planes(picture: VideoFrame, dtype: str = "u1") -> Planes:
    """Views of a picture's planes, each (height, width), in FFmpeg's order: writing into one writes the picture.

    dtype: of a sample. The rows of a view lie apart by FFmpeg's line size. A view keeps its picture alive.
    """
    size = np.dtype(dtype).itemsize
    return [
        np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // size)[:, : plane.width]
        for plane in picture.planes
    ]


class Filters(threading.local):
    """Each thread's filter, made again only where what it is made for changes: a scaler's weights cost half as much as
    a picture."""

    def __init__(self, make: Callable[..., av.filter.Graph]) -> None:
        self._make = make
        self._made_for: tuple[Any, ...] | None = None
        self._filter = av.filter.Graph()

    def made_for(self, *wanted: Any) -> av.filter.Graph:
        """What `make` makes for these."""
        if wanted != self._made_for:
            self._filter = self._make(*wanted)
            self._made_for = wanted
        return self._filter


def chain(format_: VideoFormat, width: int, height: int, filters: dict[str, str], into: str) -> av.filter.Graph:
    """A graph from pictures of a format and size through filters, with their options, to pictures of another format."""
    graph = av.filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(width=width, height=height, format=format_, time_base=Fraction(1))
    nodes = [graph.add(name, options) for name, options in filters.items()]
    graph.link_nodes(source, *nodes, graph.add("format", into), graph.add("buffersink"))
    graph.configure()
    return graph
