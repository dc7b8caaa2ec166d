# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image says of itself, as text beside its pixels: a frame's figures travel with the frame.

A note is bound to the pixels by their checksum. It is void once another program has written the file, which is how an
image that an editor repaired by hand is known. Format: ISO/IEC 15948. Needs no wheel.
"""

import os
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = 25  # bytes of the first chunk
CHUNK = b"tEXt"  # the second one, before the pixels
KEYWORD = b"strip_matte\0"
END = bytes(4) + b"IEND" + zlib.crc32(b"IEND").to_bytes(4, "big")
LONGEST = 1 << 12  # bytes


def content(note: str, checksum: bytes) -> bytes:
    """The content of a note's chunk. note: ASCII. checksum: the four bytes at the end of the chunk of pixels."""
    return KEYWORD + checksum.hex().encode() + b" " + note.encode("ascii")


def is_whole(path: str) -> bool:
    """Whether a file is a PNG file in which each chunk has its checksum. OSError where it can not be opened."""
    if not os.path.isfile(path):  # to open a pipe would be to wait for ever
        return False
    with open(path, "rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return False
        while chunk := file.read(4):
            size = int.from_bytes(chunk, "big") + 4  # with its name
            content, stated = file.read(size), file.read(4)
            if len(content) < size or zlib.crc32(content).to_bytes(4, "big") != stated:
                return False
            if content[:4] == b"IEND":
                return not file.read(1)
    return False


def read(path: str) -> str | None:
    """The note of one of our images; None for somebody else's, and where the image was altered since.

    Pixels are not read. OSError where the file can not be opened.
    """
    with open(path, "rb") as file:
        head = file.read(len(SIGNATURE) + HEADER + 8)  # up to the name of the second chunk
        length = int.from_bytes(head[-8:-4], "big")
        if not head.startswith(SIGNATURE) or head[-4:] != CHUNK or length > LONGEST:
            return None
        text, _, size, name = file.read(length), file.read(4), file.read(4), file.read(4)
        if not text.startswith(KEYWORD) or name != b"IDAT":
            return None
        file.seek(int.from_bytes(size, "big"), os.SEEK_CUR)
        checksum, end = file.read(4), file.read(len(END) + 1)
    stated, _, note = text[len(KEYWORD) :].partition(b" ")
    if stated != checksum.hex().encode() or end != END or not note.isascii():
        return None
    return note.decode("ascii")
