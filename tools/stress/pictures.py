# SPDX-License-Identifier: GPL-3.0-or-later
"""Truncated and mutated images: in a folder that is resumed, and in an image sequence that is the source."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import inference
from inference import Job, MatteError, sequence

from . import jobs
from .children import Wrong, tried
from .mutate import mutated
from .tally import Tally

LIMIT = 30.0  # seconds
FRAMES = 6
HEAD = 60  # bytes, in which a quarter of the mutations are


def run(count: int, seed: int) -> Iterator[Tally]:
    with jobs.scratch() as home:
        yield from _in_a_folder(home, count, seed)
        yield _as_source(home, count, seed)


def _in_a_folder(home: Path, count: int, seed: int) -> Iterator[Tally]:
    """Right is a folder as of an undisturbed run. An image whose note alone was spoilt counts as one that an editor
    repaired, and stays; its pixels are right, too. A sentence is no good end: no run that follows could go on."""
    job = jobs.job(home / "whole", FRAMES)
    jobs.finish(job)
    wanted = jobs.contents(job.folder)

    def truncated(number: int) -> tuple[str, bytes, str]:
        name, data = f"{number % FRAMES:06d}.png", (home / "whole" / f"{number % FRAMES:06d}.png").read_bytes()
        place = jobs.dice(seed, "truncated", number).choice(
            (number, len(data) - 1 - number, len(data) * number // count)
        )
        return name, data[: max(place, 0)], f"{max(place, 0)} of {len(data)} bytes"

    def spoilt(number: int) -> tuple[str, bytes, str]:
        name, data = f"{number % FRAMES:06d}.png", (home / "whole" / f"{number % FRAMES:06d}.png").read_bytes()
        return name, *mutated(data, jobs.dice(seed, "images", number), HEAD if number % 4 == 0 else None)

    def resumed(name: str, data: bytes) -> str:
        with jobs.scratch() as place:
            folder = place / "images"
            shutil.copytree(job.folder, folder)
            (folder / name).write_bytes(data)
            try:
                jobs.finish(replace(job, folder=str(folder)))
            except MatteError as error:
                raise Wrong(f"does not resume: {str(error).replace(str(place), '')}") from error
            if not jobs.differences(jobs.contents(folder), wanted):
                return "right"
            if broken := jobs.unsound(folder / name, jobs.WIDTH, jobs.HEIGHT):
                raise Wrong(f"a broken image is kept ({broken})")
            if not np.array_equal(sequence.read(str(folder / name)), sequence.read(str(home / "whole" / name))):
                raise Wrong("an image with other pixels is kept")
        return "right but for its note"

    for kind, make in (("truncated", truncated), ("mutated", spoilt)):
        yield tried(
            f"{kind} images in a folder that is resumed",
            count,
            partial(_of, make, lambda name, data, _: resumed(name, data)),
            partial(_of, make, lambda _name, _data, about: about),
            LIMIT,
            partial(_of, make, lambda name, data, _: (name, data)),
        )


def _of(make: Callable[[int], tuple[str, bytes, str]], use: Callable[[str, bytes, str], Any], number: int) -> Any:
    """What a use makes of the name, the content and the words about it of a spoilt file."""
    return use(*make(number))


def _as_source(home: Path, count: int, seed: int) -> Tally:
    """Right are whole images of the size that each picture has."""
    files = []
    for number, ending in enumerate((".png", ".jpg", ".tif", ".png", ".jpg", ".tif")):
        path = home / f"picture_{number}{ending}"
        picture = jobs.picture(number)
        cv2.imwrite(str(path), picture.astype(np.uint16) * 257 if number in (3, 5) else picture)
        files.append(path)

    def spoilt(number: int) -> tuple[Path, bytes, str]:
        dice, path = jobs.dice(seed, "sources", number), files[number % len(files)]
        return path, *mutated(path.read_bytes(), dice, HEAD if number % 2 else None)

    def try_one(number: int) -> str:
        path, data, _ = spoilt(number)
        with jobs.scratch() as folder:
            bad = folder / path.name
            bad.write_bytes(data)
            sources = tuple(str(bad if file == path else file) for file in files)
            job = Job(
                str(home), tuple(range(FRAMES)), str(folder / "images"), str(jobs.network()), cores=1, pictures=sources
            )
            inference.check_picture(str(bad))
            height, width = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).shape[:2]
            for image in jobs.finish(job):
                here = sources[image.frame] == str(bad)
                size = (width, height) if here else (jobs.WIDTH, jobs.HEIGHT)
                if reason := jobs.unsound(Path(image.path), *size):
                    raise Wrong(reason)
        return "right"

    return tried(
        "mutated pictures of a sequence that is the source",
        count,
        try_one,
        lambda number: f"{spoilt(number)[0].name}, {spoilt(number)[2]}",
        LIMIT,
        lambda number: (spoilt(number)[0].name, spoilt(number)[1]),
    )
