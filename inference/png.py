# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG files, more than twice as fast as OpenCV writes them and smaller: filtered by NumPy, deflated by ISA-L.

Format: ISO/IEC 15948, which every reader of PNG opens.
"""

import struct
import threading

import numpy as np
from isal import isal_zlib

from . import notes

COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # channels: grey, RGB, RGBA
UP = 2  # the filter "pixel minus the one above": of all five the fastest, and the smallest files of matted video
LEVEL = 2  # of ISA-L's 0 to 3: as fast as 1, and smaller


def encode(image: np.ndarray, note: str = "") -> bytes:
    """The bytes of a PNG file of an (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA straight-alpha image, uint8 or uint16.

    note: ASCII, that notes.read gives back.
    """
    height, width = image.shape[:2]
    channels = image.shape[2] if image.ndim == 3 else 1
    bits = 8 * image.itemsize
    header = struct.pack(">2I5B", width, height, bits, COLOUR_TYPES[channels], 0, 0, 0)
    rows = image.reshape(height, width * channels)
    # The filter works on bytes, whatever they are part of.
    data = isal_zlib.compress(_filtered(rows if bits == 8 else rows.astype(">u2").view(np.uint8)), LEVEL)
    pixels = _chunk(b"IDAT", data)
    text = _chunk(notes.CHUNK, notes.content(note, pixels[-1]))
    return b"".join((notes.SIGNATURE, *_chunk(b"IHDR", header), *text, *pixels, notes.END))


class _Rows(threading.local):
    """Each thread's filtered rows, made again only where a size changes: new memory takes longer than filling it."""

    def __init__(self) -> None:
        self._made = np.empty((0, 0), np.uint8)

    def rows(self, height: int, length: int) -> np.ndarray:
        if self._made.shape != (height, length):
            self._made = np.empty((height, length), np.uint8)
        return self._made


_here = _Rows()


def _filtered(rows: np.ndarray) -> np.ndarray:
    """Each row behind the number of its filter: (H, 1 + W * channels) uint8, until this thread's next image."""
    height, length = rows.shape
    out = _here.rows(height, 1 + length)
    out[:, 0] = UP
    out[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=out[1:, 1:])
    return out


def _chunk(kind: bytes, data: bytes) -> tuple[bytes, ...]:
    """Length, kind, data, checksum."""
    return struct.pack(">I", len(data)), kind, data, struct.pack(">I", isal_zlib.crc32(data, isal_zlib.crc32(kind)))
