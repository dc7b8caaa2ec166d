# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels: movie in, mattes out. No bpy here.

Importing this package loads no wheel: a broken one is a report when work starts, and not an add-on that can not be
enabled.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import MatteError
from .job import Image, Job, Shape, Subject, available_cores
from .libraries import load, problem

if TYPE_CHECKING:
    from .movie import Movie

__all__ = [
    "BUILT_IN_MODEL",
    "Image",
    "Job",
    "MatteError",
    "Shape",
    "Subject",
    "apart",
    "available_cores",
    "check_end",
    "check_picture",
    "difference",
    "digest",
    "doubtful",
    "follow",
    "generate",
    "make_opaque",
    "mend_drawing",
    "missing_pictures",
    "probe",
    "problem",
]

BUILT_IN_MODEL = str(Path(__file__).with_name("models") / "u2netp.onnx")


def generate(
    job: Job, tell: Callable[[str, str], None] | None = None, stopped: Callable[[], bool] | None = None
) -> Generator[Image, None, None]:
    """Make the job's images one by one; see `pipeline.generate`."""
    return load(".pipeline", __name__).generate(job, tell, stopped)


def probe(path: str) -> "Movie":
    """What a movie file holds; see `movie.probe`."""
    return load(".movie", __name__).probe(path)


def check_end(found: "Movie", frames: Iterable[int]) -> tuple[str, ...]:
    """MatteError where a movie does not have the source frames that are wanted; see `movie.check_end`."""
    return load(".movie", __name__).check_end(found, frames)


def check_picture(path: str) -> None:
    """MatteError where a picture of a sequence can not be matted; see `sequence.read`."""
    load(".sequence", __name__).read(path)


def missing_pictures(files: Sequence[str]) -> frozenset[int]:
    """The source frames of a sequence whose files are not there."""
    return load(".sequence", __name__).missing(files)


def digest(path: str) -> str:
    """What tells a picture's pixels from others; see `sequence.digest`."""
    return load(".sequence", __name__).digest(path)


def mend_drawing(file: str) -> None:
    """Write a mask's drawing by Blender again; see `sequence.mend_drawing`."""
    load(".sequence", __name__).mend_drawing(file)


def difference(source: str, other: str) -> float:
    """How far two picture files are apart; see `sequence.difference`."""
    return load(".sequence", __name__).difference(source, other)


def make_opaque(file: str, copy: str) -> None:
    """Copy a picture without its alpha; see `sequence.make_opaque`."""
    load(".sequence", __name__).make_opaque(file, copy)


def doubtful(files: Sequence[str], output: str) -> dict[str, str]:
    """Images of a folder that an editor should look at, each with a reason; see `review.doubtful`."""
    return load(".review", __name__).doubtful(files, output)


def follow(
    job: Job, frame: int, point: tuple[float, float], tell: Callable[[float], None]
) -> tuple[tuple[int, float, float], ...]:
    """Where a picked thing goes; see `following.follow`."""
    return load(".following", __name__).follow(job, frame, point, tell)


def apart(picture: str, image: str) -> float | None:
    """How far a picture is from the one that an image was made from; see `review.apart`."""
    return load(".review", __name__).apart(picture, image)
