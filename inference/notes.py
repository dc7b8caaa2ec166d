# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image says of itself, as text beside its pixels: a frame's figures travel with the frame.

A note is bound to the pixels by their checksum. It is void once another program has written the file, which is how an
image that an editor repaired by hand is known. Formats: PNG, ISO/IEC 15948; WebP, RFC 9649. Needs no wheel.
"""

import os
import zlib
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = 25  # bytes of the first chunk
CHUNK = b"tEXt"  # the second one, before the pixels
KEYWORD = b"strip_matte\0"
END = bytes(4) + b"IEND" + zlib.crc32(b"IEND").to_bytes(4, "big")
LONGEST = 1 << 12  # bytes
# WebP: the file's head, the first chunk, and ours, which stands before the pixels and which programs do not copy.
RIFF, WEBP, FEATURES, OURS = b"RIFF", b"WEBP", b"VP8X", b"SMnt"
PIXELS = (b"VP8L", b"VP8 ", b"ANMF")
MASK = " mask="


def content(note: str, checksum: bytes) -> bytes:
    """The content of a note's chunk. note: ASCII. checksum: the four bytes at the end of the chunk of pixels."""
    return KEYWORD + checksum.hex().encode() + b" " + note.encode("ascii")


def joined(note: str, drawing: str) -> str:
    """A note that says too what tells the drawing of the mask that the image was made with; empty for none."""
    return f"{note}{MASK}{drawing}" if drawing else note


def parted(note: str) -> tuple[str, str]:
    """What `joined` was given."""
    first, _, drawing = note.partition(MASK)
    return first, drawing


def is_whole(path: str) -> bool:
    """Whether a file is a PNG file in which each chunk has its checksum, or a WebP file of the length that it states;
    one of ours has a checksum besides. OSError where it can not be opened."""
    if not os.path.isfile(path):  # to open a pipe would be to wait for ever
        return False
    with open(path, "rb") as file:
        head = file.read(len(SIGNATURE))
        if head == SIGNATURE:
            return _is_whole_png(file)
        return head.startswith(RIFF) and _is_whole_webp(file, int.from_bytes(head[4:], "little"))


def _is_whole_png(file: BinaryIO) -> bool:
    """file: behind the signature."""
    while chunk := file.read(4):
        size = int.from_bytes(chunk, "big") + 4  # with its name
        content, stated = file.read(size), file.read(4)
        if len(content) < size or zlib.crc32(content).to_bytes(4, "big") != stated:
            return False
        if content[:4] == b"IEND":
            return not file.read(1)
    return False


def _is_whole_webp(file: BinaryIO, size: int) -> bool:
    """file: behind the size, which counts what follows."""
    if file.read(4) != WEBP:
        return False
    stated, pixels, left = None, False, size - 4
    while left > 0:
        name, length = file.read(4), int.from_bytes(file.read(4), "little")
        left -= 8 + length + length % 2
        if left < 0:
            return False
        content = file.read(length + length % 2)
        if len(content) < length + length % 2:
            return False
        if name == OURS:
            stated = content[len(KEYWORD) :][:8]
        elif name in PIXELS:
            pixels = True
            if stated is not None and stated != b"%08x" % zlib.crc32(content[:length]):
                return False
    return pixels and not left and not file.read(1)


def begins_as_ours(path: str) -> bool:
    """Whether a file begins as our images do, whatever has become of the rest. OSError where it can not be opened."""
    with open(path, "rb") as file:
        head = file.read(len(SIGNATURE) + HEADER + 8 + len(KEYWORD))
    if head.startswith(RIFF):
        return (head[8:16], head[30:34]) == (WEBP + FEATURES, OURS)
    return head.startswith(SIGNATURE) and head.endswith(CHUNK + KEYWORD)


def read(path: str) -> str | None:
    """The note of one of our images; None for somebody else's, and where the image was altered since.

    Pixels are not read, but those of a WebP file are. OSError where the file can not be opened.
    """
    with open(path, "rb") as file:
        found = _read_webp(file) if file.read(len(RIFF)) == RIFF else _read_png(file)
    if found is None:
        return None
    text, checksum = found
    stated, _, note = text[len(KEYWORD) :].partition(b" ")
    if not text.startswith(KEYWORD) or stated != checksum.hex().encode() or not note.isascii():
        return None
    return note.decode("ascii")


def _read_png(file: BinaryIO) -> tuple[bytes, bytes] | None:
    """The text of our chunk, and the checksum of the pixels; None where the file is not laid out as ours are."""
    file.seek(0)
    head = file.read(len(SIGNATURE) + HEADER + 8)  # up to the name of the second chunk
    length = int.from_bytes(head[-8:-4], "big")
    if not head.startswith(SIGNATURE) or head[-4:] != CHUNK or length > LONGEST:
        return None
    text, _, size, name = file.read(length), file.read(4), file.read(4), file.read(4)
    if name != b"IDAT":
        return None
    file.seek(int.from_bytes(size, "big"), os.SEEK_CUR)
    checksum, end = file.read(4), file.read(len(END) + 1)
    return (text, checksum) if end == END else None


def _read_webp(file: BinaryIO) -> tuple[bytes, bytes] | None:
    """As `_read_png`. The format keeps no checksum of the pixels: it is found here."""
    file.seek(0)
    head = file.read(38)  # up to the length of the second chunk
    length = int.from_bytes(head[34:38], "little")
    if (head[:4], head[8:16], head[30:34]) != (RIFF, WEBP + FEATURES, OURS) or length > LONGEST:
        return None
    text, name = file.read(length + length % 2)[:length], file.read(4)
    size = int.from_bytes(file.read(4), "little")
    if name != b"VP8L":
        return None
    pixels = file.read(size + size % 2)
    if len(pixels) < size + size % 2 or file.read(1):
        return None
    return text, zlib.crc32(pixels[:size]).to_bytes(4, "big")
