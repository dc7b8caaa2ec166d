# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source frame shows, as it came out of its file. Colours are made of it where they are asked for.

A decoded picture takes half the memory of its colours, which are needed twice and in two sizes: small, for the network,
and whole, for the image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import av.filter
import cv2
import numpy as np

from .planes import Filters, Planes, chain, planes
from .resample import Box, reduce, resampled

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# The coefficients of the numbers that a decoder gives for a colour space (FFmpeg's AVColorSpace). Of any other number
# swscale makes BT.601, and so does Blender.
MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
# Parts of red and blue in luma, by these names (ITU-T H.273, table 4).
LUMA_OF = {
    "bt709": (0.2126, 0.0722),
    "fcc": (0.30, 0.11),
    "bt601": (0.299, 0.114),
    "smpte240m": (0.212, 0.087),
    "bt2020": (0.2627, 0.0593),
}
FULL_RANGE = 2
# Colour as Blender 4.4 and later convert it, bit by bit: a chroma sample serves its pixels as it is, rounded exactly.
# Without a stated place of the chroma samples FFmpeg 8 shifts them by a quarter of a pixel (4.4 of 255 on average, and
# 255 at edges). Blender 4.2 and 4.3 use swscale's fast path, which is darker by 1 of 255.
CONVERSION = "flags=neighbor+full_chroma_int+accurate_rnd:in_chroma_loc=center"
ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
BELOW_WHITE = 256 - 1 / 256  # the most that resampling gives


class Picture(ABC):
    """A source frame's picture. height, width: in pixels. nbytes: that it takes in memory."""

    height: int
    width: int
    nbytes: int

    @abstractmethod
    def planes(self) -> Planes:
        """Red, green, blue and, where the source has it, straight alpha: new ones at each call."""

    @abstractmethod
    def reduced(self, height: int, width: int, part: Box | None = None) -> np.ndarray:
        """R'G'B' of the picture, or of a part, resampled as `resample.reduce` does: (3, height, width) float32."""

    @abstractmethod
    def same(self, other: Picture) -> bool:
        """Whether two pictures are the same, sample by sample."""

    def pixels(self) -> np.ndarray:
        """(height, width, 3) uint8 RGB or, with straight alpha, (height, width, 4) RGBA; a new array at each call."""
        return cv2.merge(self.planes())


class Pixels(Picture):
    """A picture whose colours are there."""

    def __init__(self, pixels: np.ndarray) -> None:
        """pixels: (H, W, 3) or (H, W, 4) uint8, RGB or RGBA with straight alpha. Not to be written into afterwards."""
        self._pixels = pixels
        self.height, self.width = pixels.shape[:2]
        self.nbytes = pixels.nbytes

    def planes(self) -> Planes:
        return list(cv2.split(self._pixels))

    def reduced(self, height: int, width: int, part: Box | None = None) -> np.ndarray:
        rows, columns = part or (slice(None), slice(None))
        return reduce(list(cv2.split(self._pixels[rows, columns, :3])), height, width)

    def same(self, other: Picture) -> bool:
        return isinstance(other, Pixels) and _same(self._pixels, other._pixels)


class Decoded(Picture):
    """A picture as FFmpeg's decoders give it."""

    def __init__(self, frame: VideoFrame, size: tuple[int, int], channels: int, turn: int) -> None:
        """size: height and width of all of the movie's pictures, before they are turned. channels: 3, or 4 with alpha.
        turn: degrees clockwise, a key of ROTATIONS, or 0."""
        self._frame = frame
        self._size = size
        self._channels = channels
        self._turn = turn
        self.height, self.width = size[::-1] if turn in (90, 270) else size
        self.nbytes = sum(plane.buffer_size for plane in frame.planes)

    @property
    def in_luma(self) -> bool:
        """Whether these are planes of luma and chroma, of the movie's size: a smaller picture can be made of them at
        once."""
        format_ = self._frame.format
        of_size = (self._frame.height, self._frame.width) == self._size
        return format_.is_planar and format_.name.startswith("yuv") and of_size

    def planes(self) -> Planes:
        frame = self._frame
        graph = _converters.made_for(self._size, *_kind(frame), self._channels)
        graph.vpush(frame)
        converted = graph.vpull()
        if converted.format.is_planar:
            green, blue, red, *alpha = planes(converted)
            found = [red, green, blue, *alpha]
        else:
            found = list(cv2.split(converted.to_ndarray()))
        return [cv2.rotate(plane, ROTATIONS[self._turn]) for plane in found] if self._turn else found

    def reduced(self, height: int, width: int, part: Box | None = None) -> np.ndarray:
        """Within 1 of 255 of what is resampled after it was converted, but at edges of colour, where chroma is taken
        from between its samples; and where pixels would be beyond black and white."""
        lying = (width, height) if self._turn in (90, 270) else (height, width)
        small = resampled(self._frame, *lying, _before_turning(part, self._size, self._turn))
        red, blue = LUMA_OF[_matrix(self._frame)]
        green = 1 - red - blue
        # ITU-T H.273, (38) to (43) solved for R'G'B', and 8.3 for the ranges.
        black, luma, chroma = (0, 1.0, 1.0) if _is_full(self._frame) else (16, 255 / 219, 255 / 224)
        y, u, v = small
        y -= black
        y *= np.float32(luma)
        u -= 128
        u *= np.float32(2 * (1 - blue) * chroma)
        v -= 128
        v *= np.float32(2 * (1 - red) * chroma)
        colour = np.stack((y + v, y - u * np.float32(blue / green) - v * np.float32(red / green), y + u))
        np.clip(colour, 0.0, BELOW_WHITE, out=colour)
        if not self._turn:
            return colour
        return np.stack([cv2.rotate(plane, ROTATIONS[self._turn]) for plane in colour])

    def same(self, other: Picture) -> bool:
        if not isinstance(other, Decoded):
            return False
        one, two = self._frame, other._frame
        if _kind(one) != _kind(two) or self._turn != other._turn:
            return False
        if one is two:
            return True
        deep = "<u2" if max(component.bits for component in one.format.components) > 8 else "u1"
        return all(map(_same, planes(one, deep), planes(two, deep)))


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and not cv2.norm(one, other, cv2.NORM_INF)


def _kind(frame: VideoFrame) -> tuple[int, int, str, str, bool]:
    """Width, height, format, matrix and whether the range is full: what its samples mean."""
    return frame.width, frame.height, frame.format.name, _matrix(frame), _is_full(frame)


def _matrix(frame: VideoFrame) -> str:
    return MATRICES.get(frame.colorspace, "bt601")


def _is_full(frame: VideoFrame) -> bool:
    """Whether black is 0 and white the largest number."""
    return frame.color_range == FULL_RANGE or frame.format.name.startswith("yuvj")


def _before_turning(part: Box | None, size: tuple[int, int], turn: int) -> Box | None:
    """Where a part of the turned picture lies in the one of `size`."""
    if part is None or not turn:
        return part
    height, width = size
    (top, bottom), (left, right) = ((side.start, side.stop) for side in part)
    if turn == 180:
        return slice(height - bottom, height - top), slice(width - right, width - left)
    if turn == 90:
        return slice(height - right, height - left), slice(top, bottom)
    return slice(left, right), slice(width - bottom, width - top)


def _converter(
    size: tuple[int, int], width: int, height: int, name: str, matrix: str, full: bool, channels: int
) -> av.filter.Graph:
    """From pictures of a format to RGB of (height, width) `size`."""
    format_ = av.VideoFormat(name)
    options = f"{size[1]}:{size[0]}:{CONVERSION}"
    into = {3: "rgb24", 4: "rgba"}[channels]
    if not format_.is_rgb:
        options += f":in_color_matrix={matrix}:in_range={'full' if full else 'limited'}"
        # The same bits, by swscale's code for the processor's vectors, which it has for planes alone. From RGB of 5 and
        # 6 bits the bits would be others.
        into = {3: "gbrp", 4: "gbrap"}[channels]
    return chain(format_, width, height, {"scale": options}, into)


_converters = Filters(_converter)
