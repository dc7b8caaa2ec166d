# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels: movie in, mattes out. No bpy here.

Importing this package loads no wheel: a broken one is a report when work starts, and not an add-on that can not be
enabled.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from .errors import MatteError
from .job import Image, Job

if TYPE_CHECKING:
    from .movie import Movie

__all__ = ["BUILT_IN_MODEL", "Image", "Job", "MatteError", "generate", "probe"]

BUILT_IN_MODEL = str(Path(__file__).with_name("models") / "u2netp.onnx")


def generate(job: Job) -> Iterator[Image]:
    """Make the job's images one by one; see `pipeline.generate`."""
    return _load("pipeline").generate(job)


def probe(path: str) -> "Movie":
    """What a movie file holds; see `movie.probe`."""
    return _load("movie").probe(path)


def _load(name: str) -> ModuleType:
    """A module of this package that needs the wheels; MatteError where one will not import."""
    try:
        return importlib.import_module(f".{name}", __name__)
    except ImportError as error:
        raise MatteError(
            f"A library that Strip Matte brings along can not be loaded ({error}). Reinstall Strip Matte from the zip "
            "for this platform, and restart Blender"
        ) from error
