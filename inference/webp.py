# SPDX-License-Identifier: GPL-3.0-or-later
"""Lossless WebP files: smaller than our PNG files, and many times slower to make. Format: RFC 9649, 2."""

import struct
import zlib

import numpy as np

from . import notes, vp8l
from .errors import MatteError

LARGEST = 1 << 14  # pixels a side
ALPHA = 0x10  # of the flags in the first chunk: the picture has an alpha


def encode(image: np.ndarray, note: str = "") -> bytes:
    """The bytes of a WebP file of an (H, W) grey or (H, W, 4) RGBA straight-alpha image, uint8.

    Grey is RGB in the file, for the format knows no other. note: ASCII, that notes.read gives back. MatteError where
    the image is larger than the format allows.
    """
    height, width = image.shape[:2]
    if max(height, width) >= LARGEST:
        raise MatteError(f"A WebP file holds at most {LARGEST - 1} pixels a side. Choose a PNG format")
    pixels = vp8l.encode(image)
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    features = _chunk(notes.FEATURES, struct.pack("<I", ALPHA if image.ndim == 3 else 0) + sides)
    text = _chunk(notes.OURS, notes.content(note, zlib.crc32(pixels).to_bytes(4, "big")))
    content = b"".join((notes.WEBP, features, text, _chunk(b"VP8L", pixels)))
    return b"".join((notes.RIFF, struct.pack("<I", len(content)), content))


def _chunk(name: bytes, data: bytes) -> bytes:
    """Name, length, data, and a byte more where that makes the length even."""
    return b"".join((name, struct.pack("<I", len(data)), data, bytes(len(data) % 2)))
