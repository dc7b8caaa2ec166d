# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of a strip that RNA does not tell: the resampling flag, and what a retiming key shows.

Blender describes the layout of its own structs in every file that it writes, and keeps the names for the sake of old
files. With that description, and the address that `as_pointer()` gives, a number is read where it lies. Main thread
only; nothing is ever written.
"""

import ctypes
import functools
import re
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

import bpy

Layout = dict[str, dict[str, tuple[int, str]]]  # struct -> field -> (offset in bytes, type)
NUMBERS = {"int": ctypes.c_int32, "float": ctypes.c_float, "double": ctypes.c_double}


@functools.cache
def layout() -> Layout:
    """Offsets of the fields of this Blender's structs, by the names that files use. Read once a session."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "layout.blend")
        text = bpy.data.texts.new("layout")  # 4.2 crashes when asked to write nothing
        bpy.data.libraries.write(str(path), {text}, compress=False)
        bpy.data.texts.remove(text)
        return parse_layout(path.read_bytes())


def parse_layout(data: bytes) -> Layout:
    """The structs that a .blend file describes in its block SDNA."""
    start = data.rindex(b"SDNANAME")
    place = start + 4
    order = "<" if sys.byteorder == "little" else ">"

    def aligned(place: int) -> int:
        return start + (place - start + 3) // 4 * 4

    def strings(place: int) -> tuple[list[str], int]:
        (count,) = struct.unpack_from(order + "i", data, place + 4)
        place += 8
        found = []
        for _ in range(count):
            end = data.index(b"\0", place)
            found.append(data[place:end].decode())
            place = end + 1
        return found, aligned(place)

    names, place = strings(place)
    types, place = strings(place)
    sizes = struct.unpack_from(f"{order}{len(types)}h", data, place + 4)
    place = aligned(place + 4 + 2 * len(types))
    (count,) = struct.unpack_from(order + "i", data, place + 4)
    place += 8
    pointer = struct.calcsize("P")
    structs: Layout = {}
    for _ in range(count):
        kind, fields = struct.unpack_from(order + "2h", data, place)
        place += 4
        offset = 0
        structs[types[kind]] = members = {}
        for _ in range(fields):
            field_type, field_name = struct.unpack_from(order + "2h", data, place)
            place += 4
            name = names[field_name]
            size = pointer if name[0] in "*(" else sizes[field_type]
            for dimension in re.findall(r"\[(\d+)\]", name):
                size *= int(dimension)
            members[name] = (offset, types[field_type])
            offset += size
        members[""] = (offset, "")  # the struct's size
    return structs


class Struct:
    """A struct of Blender's at an address, read by the names of its fields. KeyError for a name it does not have."""

    def __init__(self, address: int, kind: str) -> None:
        self._address = address
        self._fields = layout()[kind]

    def __getitem__(self, field: str) -> float:
        """A number; of a pointer, the address it holds."""
        offset, kind = self._fields[field]
        number: Any = ctypes.c_size_t if field.startswith("*") else NUMBERS[kind]
        value: float = number.from_address(self._address + offset).value
        return value

    def array(self, field: str, kind: str, count: int) -> "list[Struct]":
        """The `count` structs that lie where a pointer points to."""
        first, (size, _) = int(self[field]), layout()[kind][""]
        return [Struct(first + number * size, kind) for number in range(count)]
