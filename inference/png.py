# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG files, more than twice as fast as OpenCV writes them and smaller: filtered by NumPy, deflated by ISA-L.

Format: ISO/IEC 15948, which every reader of PNG opens.
"""

import struct

import numpy as np
from isal import isal_zlib

from . import notes

COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # channels: grey, RGB, RGBA
UP = 2  # the filter "pixel minus the one above": of all five the fastest, and the smallest files of matted video
LEVEL = 2  # of ISA-L's 0 to 3: as fast as 1, and smaller
STRIP = 64  # rows that are filtered and deflated at a time: they stay in the processor's cache


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
    pixels = _chunk(b"IDAT", _deflated(rows if bits == 8 else rows.astype(">u2").view(np.uint8)))
    text = _chunk(notes.CHUNK, notes.content(note, pixels[-1]))
    return b"".join((notes.SIGNATURE, *_chunk(b"IHDR", header), *text, *pixels, notes.END))


def _deflated(rows: np.ndarray) -> bytes:
    """Rows of bytes (H, L) uint8, each filtered and behind the number of its filter, as a zlib stream."""
    height, length = rows.shape
    deflate = isal_zlib.compressobj(LEVEL)
    strip = np.empty((min(STRIP, height), 1 + length), np.uint8)
    strip[:, 0] = UP
    above, parts = np.zeros(length, np.uint8), []
    for first in range(0, height, STRIP):
        own = rows[first : first + STRIP]
        filtered = strip[: len(own)]
        np.subtract(own[0], above, out=filtered[0, 1:])
        np.subtract(own[1:], own[:-1], out=filtered[1:, 1:])
        parts.append(deflate.compress(filtered))
        above = own[-1]
    return b"".join((*parts, deflate.flush()))


def _chunk(kind: bytes, data: bytes) -> tuple[bytes, ...]:
    """Length, kind, data, checksum."""
    return struct.pack(">I", len(data)), kind, data, struct.pack(">I", isal_zlib.crc32(data, isal_zlib.crc32(kind)))
