# SPDX-License-Identifier: GPL-3.0-or-later
"""What crosses from Blender's main thread to the worker, and what comes back. Plain values only."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """One movie's or one image sequence's frames to matte.

    movie: absolute path of the movie file, or of the folder that the pictures of a sequence are in.
    frames: source frames (Blender's number, 0 is the first), ascending, each once.
    folder: absolute path of the folder that holds this job's images; made when it is missing.
    model: absolute path of an ONNX file.
    output: 'CUTOUT', RGBA images with the movie's own colour and straight alpha.
    quality: 'EVERY', the network sees every frame; 'ADAPTIVE', every frame it must; 'DRAFT', fewer.
    precision: 'AUTO', in 8 bits where the network has such a form and this machine is faster so; 'FULL', never.
    device: 'AUTO' or 'CPU'.
    cores: processor cores to work on; 0 takes all.
    upright: whether a movie is turned as its file asks.
    pictures: absolute paths of the files of an image sequence, one a source frame; empty for a movie.
    """

    movie: str
    frames: tuple[int, ...]
    folder: str
    model: str
    output: str = "CUTOUT"
    quality: str = "ADAPTIVE"
    precision: str = "AUTO"
    device: str = "AUTO"
    cores: int = 0
    upright: bool = True
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Image:
    """One whole image file on disk.

    frame: the source frame it shows.
    path: absolute path of the file.
    reused: True where an earlier run had made it.
    """

    frame: int
    path: str
    reused: bool


def eight_bits(model: str) -> str:
    """The file beside a model that holds it in 8 bits; empty where there is none. tools/model makes it."""
    stem, ending = os.path.splitext(model)
    file = f"{stem}_int8{ending}"
    return file if os.path.isfile(file) else ""


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
