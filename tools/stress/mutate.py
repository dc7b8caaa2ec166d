# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes as broken copies, bad disks and malice leave them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(data: bytes, dice: Random, most: int | None = None) -> tuple[bytes, str]:
    """A copy with one to four mutations, and what they are. most: where they begin at the latest, for what is in a
    file's head; None for anywhere."""
    told = []
    for _ in range(dice.choice((1, 1, 2, 4))):
        kind = dice.choice(KINDS)
        place = dice.randrange(max(min(len(data), most or len(data)), 1))
        data, what = kind(data, place, dice)
        told.append(what)
    return data, ", ".join(told)


def _flip(data: bytes, place: int, dice: Random) -> tuple[bytes, str]:
    changed = bytearray(data)
    places = [min(place + dice.randrange(64), len(data) - 1) for _ in range(dice.choice((1, 1, 3, 10)))]
    for each in places if data else ():
        changed[each] ^= 1 << dice.randrange(8)
    return bytes(changed), f"bits flipped from {place} on"


def _cut_short(data: bytes, place: int, _dice: Random) -> tuple[bytes, str]:
    return data[:place], f"cut short at {place}"


def _cut_out(data: bytes, place: int, dice: Random) -> tuple[bytes, str]:
    length = dice.choice((1, 4, 64, 1000, 5000))
    return data[:place] + data[place + length :], f"{length} cut out at {place}"


def _double(data: bytes, place: int, dice: Random) -> tuple[bytes, str]:
    length = dice.choice((1, 4, 64, 1000, 5000))
    return data[: place + length] + data[place:], f"{length} doubled at {place}"


def _zero(data: bytes, place: int, dice: Random) -> tuple[bytes, str]:
    length = min(dice.choice((1, 4, 64, 1000, 5000)), len(data) - place)
    return data[:place] + bytes(max(length, 0)) + data[place + length :], f"{length} zeroed at {place}"


def _number(data: bytes, place: int, dice: Random) -> tuple[bytes, str]:
    """A 32-bit number of the kind that sizes and counts break at."""
    value = dice.choice(EDGES)
    return data[:place] + value.to_bytes(4, "big") + data[place + 4 :], f"{value:#x} at {place}"


def _noise(data: bytes, place: int, dice: Random) -> tuple[bytes, str]:
    length = min(dice.choice((4, 64, 1000)), len(data) - place)
    return data[:place] + dice.randbytes(max(length, 0)) + data[place + length :], f"{length} of noise at {place}"


KINDS: tuple[Callable[[bytes, int, Random], tuple[bytes, str]], ...] = (
    _flip,
    _flip,
    _cut_short,
    _cut_out,
    _double,
    _zero,
    _number,
    _noise,
)
