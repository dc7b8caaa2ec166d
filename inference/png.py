# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG files, more than twice as fast as OpenCV writes them and smaller: filtered by NumPy, deflated by ISA-L.

Format: ISO/IEC 15948, which every reader of PNG opens.
"""

import functools
import struct
from collections.abc import Iterable, Iterator

import numpy as np
from isal import isal_zlib

from . import notes

COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # channels: grey, RGB, RGBA
UP = 2  # the filter "pixel minus the one above": of all five the fastest, and the smallest files of matted video
LEVEL = 2  # of ISA-L's 0 to 3: as fast as 1, and smaller
ROWS = 32  # of an image, that are filtered and deflated at a time: they stay in the processor's cache


def encode(image: np.ndarray, note: str = "") -> bytes:
    """The bytes of a PNG file of an (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA straight-alpha image, uint8 or uint16.

    note: ASCII, that notes.read gives back.
    """
    return encoded(strips(image), note)


def strips(image: np.ndarray) -> Iterator[np.ndarray]:
    """An image in strips of rows, from above to below, as `encoded` takes them."""
    return (image[first : first + ROWS] for first in range(0, len(image), ROWS))


def encoded(cut: Iterable[np.ndarray], note: str = "") -> bytes:
    """As `encode`, of an image in strips of rows from above to below, each as an image. A strip may be written over
    once the next is asked for."""
    deflate = isal_zlib.compressobj(LEVEL)
    parts, height, above, whole = [], 0, np.zeros(1, np.uint8), np.empty((0, 0), np.uint8)
    for strip in cut:
        width, channels, bits = strip.shape[1], strip.shape[2] if strip.ndim == 3 else 1, 8 * strip.itemsize
        # The filter works on bytes, whatever they are part of.
        rows = strip.reshape(len(strip), -1)
        rows = rows if bits == 8 else rows.astype(">u2").view(np.uint8)
        if len(whole) < len(rows):
            whole = np.full((len(rows), 1 + rows.shape[1]), UP, np.uint8)
        filtered = whole[: len(rows)]
        np.subtract(rows[0], above, out=filtered[0, 1:])
        np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
        parts.append(deflate.compress(filtered))
        height, above = height + len(rows), rows[-1].copy()
    header = struct.pack(">2I5B", width, height, bits, COLOUR_TYPES[channels], 0, 0, 0)
    pixels = _chunk(b"IDAT", *parts, deflate.flush())
    text = _chunk(notes.CHUNK, notes.content(note, pixels[-1]))
    return b"".join((notes.SIGNATURE, *_chunk(b"IHDR", header), *text, *pixels, notes.END))


def _chunk(kind: bytes, *data: bytes) -> tuple[bytes, ...]:
    """Length, kind, data, checksum. Data come in parts, which are joined once, with all of the file."""
    checksum = functools.reduce(lambda sum_, part: isal_zlib.crc32(part, sum_), (kind, *data), 0)
    return struct.pack(">I", sum(map(len, data))), kind, *data, struct.pack(">I", checksum)
