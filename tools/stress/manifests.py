# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutated manifests in a folder that is resumed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from inference.folder import MANIFEST

from . import jobs
from .children import Wrong, tried
from .mutate import mutated
from .tally import Tally

LIMIT = 15.0  # seconds
FRAMES = 6
MISSING = ("000002.png", "000005.png")  # what the run that goes on has to do
VALUES: tuple[object, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1e308,
    float("nan"),
    float("inf"),
    10**400,
    1 << 63,
    "",
    "fp32",
    "int8",
    "fp16",
    "auto",
    "../../../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows",
    "\0",
    "\ud800",
    "%s%n%04d",
    "😀" * 1000,
    [],
    {},
    [[[]]],
    {"": ""},
    ["fp32"],
    {"size": 1, "sha256": "0"},
)


def run(count: int, seed: int) -> Iterator[Tally]:
    with jobs.scratch() as home:
        job = jobs.job(home / "whole", FRAMES)
        jobs.finish(job)
        wanted = jobs.contents(job.folder)
        manifest = (home / "whole" / MANIFEST).read_bytes()

        def spoilt(number: int) -> tuple[bytes, str]:
            dice = jobs.dice(seed, "manifests", number)
            if number < len(TEXTS):
                return TEXTS[number], ascii(TEXTS[number][:60])
            return mutated(manifest, dice) if number % 3 == 0 else _changed(manifest, dice)

        def resumed(spoil: Callable[[Path], None]) -> str:
            with jobs.scratch() as place:
                folder = place / "images"
                shutil.copytree(job.folder, folder)
                for name in MISSING:
                    (folder / name).unlink()
                spoil(folder)
                jobs.finish(replace(job, folder=str(folder)))
                found = {name: digest for name, digest in jobs.contents(folder).items() if name != MANIFEST}
                reason = jobs.differences(found, {name: wanted[name] for name in wanted if name != MANIFEST})
                if reason or os.listdir(place) != ["images"]:
                    raise Wrong(reason or "something was written beside the folder")
                return "right"

        def write(number: int) -> str:
            return resumed(lambda folder: _write(folder / MANIFEST, spoilt(number)[0]))

        yield tried(
            "mutated manifests",
            count,
            write,
            lambda number: spoilt(number)[1],
            LIMIT,
            lambda number: (MANIFEST, spoilt(number)[0]),
        )
        names = list(ODD)
        yield tried(
            "odd things in a manifest's or an image's place",
            min(count, len(names)),
            lambda number: resumed(ODD[names[number]]),
            lambda number: names[number],
            LIMIT,
        )


def _write(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def _changed(manifest: bytes, dice: Random) -> tuple[bytes, str]:
    """The manifest with one value replaced, one left out or one more, anywhere in it."""
    content = json.loads(manifest)
    place, trail = content, ""
    while True:
        key = dice.choice(list(place) if isinstance(place, dict) else range(len(place)))
        trail += f"[{key!r}]"
        if isinstance(place[key], dict | list) and place[key] and dice.random() < 0.6:
            place = place[key]
            continue
        break
    value, kind = dice.choice(VALUES), dice.choice(("set", "set", "set", "remove", "add"))
    if kind == "set":
        place[key] = value
    elif kind == "remove":
        del place[key]
    elif isinstance(place, dict):
        place[dice.choice(("", "folder", "images", "../x", "__class__"))] = value
    else:
        place.append(value)
    return json.dumps(content).encode(), f"{kind} {trail}: {ascii(value)[:60]}"


TEXTS = (
    b"",
    b"null",
    b"{}",
    b"[]",
    b"0",
    b'"int8"',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[" * 900 + b"]" * 900,
    b"1" * 10_000,
    b"\xff\xfe{\0}\0",
    b"\xef\xbb\xbf{}",
    b'{"format": "\xff"}',
    b"{" + b'"a": 1, ' * 200_000,
    b" " * (1 << 21),
    b'{"precision": "fp32"}',
    b"\0" * 4096,
)


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _as_link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


IMAGE = "000001.png"
ODD: dict[str, Callable[[Path], None]] = {
    "manifest: a folder": lambda folder: _as_folder(folder / MANIFEST),
    "manifest: a pipe": lambda folder: _as_pipe(folder / MANIFEST),
    "manifest: a link to itself": lambda folder: _as_link(folder / MANIFEST, MANIFEST),
    "manifest: a link to nothing": lambda folder: _as_link(folder / MANIFEST, "nothing"),
    "manifest: a link to /dev/zero": lambda folder: _as_link(folder / MANIFEST, "/dev/zero"),
    "image: a folder": lambda folder: _as_folder(folder / IMAGE),
    "image: a pipe": lambda folder: _as_pipe(folder / IMAGE),
    "image: a link to itself": lambda folder: _as_link(folder / IMAGE, IMAGE),
    "image: a link to nothing": lambda folder: _as_link(folder / IMAGE, "nothing"),
    "image that is to be made: a folder": lambda folder: (folder / MISSING[0]).mkdir(),
    "image that is to be made: a pipe": lambda folder: os.mkfifo(folder / MISSING[0]),
}
