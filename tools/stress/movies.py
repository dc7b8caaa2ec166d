# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutated movies: H.264, VP9, ProRes and Motion JPEG in their usual containers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import inference
from inference import Job
from inference.folder import MANIFEST
from inference.hold import LOCKS

from . import jobs
from .children import Wrong, tried
from .mutate import mutated
from .tally import Tally

sys.path.append(str(jobs.ROOT / "tests"))
import clips

SOURCES = (
    "rate_25.mp4",
    "plain.mkv",
    "plain.ts",
    "fragments.mp4",
    "vp9.webm",
    "alpha_vp9.webm",
    "prores.mov",
    "alpha_prores.mov",
    "mjpeg.mov",
    "mjpeg.avi",
)
HEAD = 3000  # bytes: half of the mutations are there or in the last as many, where indexes are
LIMIT = 60.0  # seconds
FEW = 12  # frames from the start, and the last


def run(count: int, seed: int) -> Iterator[Tally]:
    sources = [clips.make(name) for name in SOURCES]
    jobs.network()

    def source(number: int) -> Path:
        return sources[number % len(sources)]

    def spoilt(number: int) -> tuple[bytes, str]:
        dice, data = jobs.dice(seed, "movies", number), source(number).read_bytes()
        where = number // len(sources) % 4
        if where == 0:
            return mutated(data, dice, HEAD)
        if where == 1:
            tail, what = mutated(data[-HEAD:], dice)
            return data[:-HEAD] + tail, f"of the last {HEAD}: {what}"
        return mutated(data, dice)

    def try_one(number: int) -> str:
        with jobs.scratch() as folder:
            path = folder / source(number).name
            path.write_bytes(spoilt(number)[0])
            return matte(path, folder / "images")

    yield tried(
        "mutated movies",
        count,
        try_one,
        lambda number: f"{source(number).name}, {spoilt(number)[1]}",
        LIMIT,
        lambda number: (source(number).name, spoilt(number)[0]),
    )


def matte(path: Path, folder: Path) -> str:
    """Run a job on a movie as the operator would, with a few frames; Wrong where the images are not right."""
    found = inference.probe(str(path))
    frames = tuple(sorted({*range(min(FEW, found.frames)), found.frames - 1}))
    job = Job(str(path), frames, str(folder), str(jobs.network()), cores=1, device="CPU", quality="EVERY")
    images = jobs.finish(job)
    if [image.frame for image in images] != list(frames):
        raise Wrong(f"frames {[image.frame for image in images]} for {frames}")
    for image in images:
        reason = jobs.unsound(Path(image.path), found.width, found.height)
        if reason:
            raise Wrong(reason)
    if jobs.parts(folder) or len(os.listdir(folder)) != len(frames) + len((MANIFEST, LOCKS)):
        raise Wrong("something else is left in the folder")
    return "right"
