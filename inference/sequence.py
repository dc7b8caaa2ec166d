# SPDX-License-Identifier: GPL-3.0-or-later
"""Image sequences: numbered pictures that a strip shows one after the other."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Generator, Iterable, Sequence
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.error import FFmpegError

from . import png
from .errors import MatteError
from .picture import Picture, Pixels

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

TIFF = (b"II*\0", b"MM\0*")  # its first bytes
# Which samples of a pixel are red, green, blue and alpha, by FFmpeg's name for how those of 8 bits are stored.
SAMPLES = {"gray": [0, 0, 0], "ya8": [0, 0, 0, 1], "rgb24": [0, 1, 2], "rgba": [0, 1, 2, 3]}
FEW = 1e-3  # of a picture's pixels: fewer are no proof, for each may lie at an edge
OWN = 250  # of 255: in softer places the colour may have been cleaned, and is the subject's alone


def missing(files: Sequence[str]) -> frozenset[int]:
    """The source frames whose files are not there."""
    return frozenset(frame for frame, file in enumerate(files) if not os.path.exists(file))


def lost(file: str) -> str:
    """What is said of a picture that was there before."""
    return f'"{file}" is not there any more: bring its folder or drive back, and run again. Whole frames are kept'


def pictures(
    files: Sequence[str], frames: Iterable[int], gaps: Collection[int] | None = None
) -> Generator[tuple[int, Picture], None, None]:
    """Yield (source frame, picture) for source frames, which are indices into `files`.

    A picture has a straight alpha where the file has an alpha channel; each file has its own size. gaps: those that may
    be missing, None for all of them. For one that is, Blender shows black: it is a picture with nothing in it.
    Raises MatteError for another that is missing, and for a file that is there and is not a picture of 8 or 16 bits.
    """
    nothing = np.zeros((16, 16, 4), np.uint8)
    for frame in frames:
        there = os.path.exists(files[frame])
        if not there and gaps is not None and frame not in gaps:
            raise MatteError(lost(files[frame]))
        yield frame, Pixels(read(files[frame]) if there else nothing)


def read(path: str) -> np.ndarray:
    """The pixels of one picture file, (H, W, 3) or (H, W, 4) uint8 RGB, straight alpha. 16 bits are rounded to 8.
    Rotation marks are ignored, as Blender ignores them."""
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread can not open every name on Windows
    except OSError as error:
        raise MatteError(f'"{path}" can not be read: {error.strerror}') from error
    unfit = f'"{path}" is not a picture that can be matted. Use PNG, JPEG or TIFF of 8 or 16 bits'
    try:
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except cv2.error as error:  # OpenEXR, and a header that says more than 2^30 pixels
        raise MatteError(unfit) from error
    if image is None or image.dtype not in (np.uint8, np.uint16):
        raise MatteError(unfit)
    if image.dtype == np.uint8 and (stored := _of_tiff(data)) is not None:
        return stored
    if image.dtype == np.uint16:
        image = cv2.convertScaleAbs(image, alpha=255 / 65535)
    if image.ndim == 2:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB if image.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


def _of_tiff(data: np.ndarray) -> np.ndarray | None:
    """The pixels of a TIFF file of 8 bits as they are stored, (H, W, 3) or (H, W, 4) uint8 RGB; None of any other file.

    OpenCV multiplies them by their alpha and turns them as the file asks, for libtiff does. Blender does neither. But
    only OpenCV refuses a file that is damaged.
    """
    if data[:4].tobytes() not in TIFF:
        return None
    frames: list[VideoFrame] = []
    with contextlib.suppress(FFmpegError):  # tiles, for instance, OpenCV alone can read
        frames = av.CodecContext.create("tiff", "r").decode(av.Packet(data))
    order = SAMPLES.get(frames[0].format.name) if frames else None
    if order is None:
        return None
    (plane,), width = frames[0].planes, frames[0].width
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frames[0].height]
    samples = max(order) + 1
    return np.take(rows[:, : width * samples].reshape(len(rows), width, samples), order, axis=2)


def difference(source: str, other: str) -> float:
    """Mean difference of colour of two picture files where both can be seen (alpha of 64 or more), 0 to 255; 255 where
    their sizes differ. Where that is less than a FEW of the picture's pixels, it counts for less in proportion."""
    first, second = read(source), read(other)
    if first.shape[:2] != second.shape[:2]:
        return 255.0
    seen = np.full(first.shape[:2], 255, np.uint8)
    for picture in (first, second):
        if picture.shape[2] == 4:
            seen &= cv2.inRange(picture[..., 3], 64, 255)
    weight = min(1.0, cv2.countNonZero(seen) / (FEW * seen.size))
    return weight * float(np.mean(cv2.mean(cv2.absdiff(first[..., :3], second[..., :3]), seen)[:3]))


def digest(path: str) -> str:
    """What tells a picture file's pixels from others. Not the file's bytes: programs write the time into them."""
    picture = read(path)
    return hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()


def mend_drawing(file: str) -> None:
    """Write a mask's drawing by Blender again, as a grey PNG. Blender 4.2 leaves the last pixel, that at the top right,
    as its memory was before: it becomes like the one beside it."""
    grey = np.ascontiguousarray(read(file)[..., 0])
    grey[0, -1] = grey[0, -2]
    with open(file, "wb") as out:
        out.write(png.encode(grey))


def make_opaque(file: str, copy: str) -> None:
    """Copy a picture file as PNG, opaque where it shows the movie's own colour, which is where its alpha is OWN and
    more, and empty elsewhere."""
    picture = read(file)
    image = cv2.cvtColor(np.ascontiguousarray(picture[..., :3]), cv2.COLOR_RGB2BGRA)
    if picture.shape[2] == 4:
        image[..., 3] = cv2.inRange(picture[..., 3], OWN, 255)
    whole, data = cv2.imencode(".png", image)
    if not whole:
        raise MatteError(f'"{file}" can not be written as PNG')
    data.tofile(copy)
