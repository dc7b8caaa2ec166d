# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's picture of each source frame beside inference.movie's, clip by clip: for a test and for docs/frames.md."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import clips
import cv2
import numpy as np
import timeline

from inference import MatteError, movie

# Mean difference of colours, 0 to 255, up to which two decoders are said to show the same. Blender 4.2 converts with
# less care, and 10-bit movies are rounded to 8 bits in different places.
SAME = 1.5
# OpenCV says that a file is at its end where a picture is damaged; more may follow.
MISSES = 40
HALF_TICK = 0.5  # of the containers that count milliseconds
Release = tuple[int, ...]


@dataclass(frozen=True)
class Deviation:
    """What is not exact, and why. `frames` are those that differ; `length`, `colour`: whether these may differ."""

    why: str
    releases: Callable[[Release], bool]
    frames: frozenset[int] = frozenset()
    length: bool = False
    colour: bool = False


def always(_: Release) -> bool:
    return True


def before_4_3(release: Release) -> bool:
    return release < (4, 3)


def before_4_4(release: Release) -> bool:
    return release < (4, 4)


def since_4_4(release: Release) -> bool:
    return release >= (4, 4)


LATE_START = "4.2 begins MPEG program streams with picture 3: source frames 1 and 2 show it"
NO_LENGTH = "has no length: Blender shows one black frame, and the add-on refuses it with a sentence"
DEVIATIONS: dict[str, Deviation] = {
    **dict.fromkeys(
        ("plain.mpg", "mpeg1.mpg", "ntsc.mpg", "spoilt.mpg"), Deviation(LATE_START, before_4_3, frozenset({1, 2}))
    ),
    **dict.fromkeys(("live.mkv", "raw.h264"), Deviation(NO_LENGTH, always)),
    "cut_short.mp4": Deviation(
        "Blender's decoder loses a picture beside the one that is cut; the editor is warned", always, frozenset({22})
    ),
    "start_late.mkv": Deviation(
        "releases before 5.2 have an older FFmpeg and say one frame less", lambda release: release < (5, 2), length=True
    ),
    "alpha_vp9.webm": Deviation("Blender leaves the alpha of VP9 out until 4.4", before_4_4, colour=True),
    "alpha_prores.mov": Deviation(
        "since 4.4 Blender takes straight alpha of more than 8 bits for premultiplied: too light",
        since_4_4,
        colour=True,
    ),
}


@dataclass(frozen=True)
class Row:
    """What was found for one clip in one release.

    length, ours: source frames by Blender and by inference.movie (0 where it refuses). wrong: source frames that show
    another picture. difference: mean difference of colour over the others, 0 to 255. said: a refusal. counted, timed:
    whether OpenCV would show the same on every source frame, its pictures taken by their number or by their time.
    """

    name: str
    length: int
    ours: int
    wrong: tuple[int, ...]
    difference: float
    said: str = ""
    counted: bool = False
    timed: bool = False


def measure(name: str) -> Row:
    """Put a clip on an emptied timeline, render it frame by frame, and compare."""
    path = str(clips.make(name))
    # Blender turns movies upright since 4.4.
    upright = bpy.app.version >= (4, 4, 0)
    scene = timeline.new_scene(clips.WIDTH, clips.HEIGHT, 25)
    strip = timeline.add_movie(scene, Path(path))
    length = getattr(strip, "content_duration", 0) or strip.frame_duration
    try:
        found = movie.probe(path, upright)
    except MatteError as error:
        return Row(name, length, 0, (), 0.0, str(error))
    scene.render.resolution_x, scene.render.resolution_y = found.width, found.height
    with tempfile.TemporaryDirectory() as folder:
        decoded = (picture for _, picture in movie.decode(path, range(length), 4, upright))
        numbers, wrong, differences = [], [], []
        for frame, (theirs, ours) in enumerate(zip(rendered(scene, 1, length, Path(folder)), decoded, strict=True)):
            # Where no number can be read (a damaged picture, a lying one), the pixels alone speak.
            numbers.append(clips.number_in(theirs))
            same = numbers[-1] == clips.number_in(ours)
            difference = float(np.abs(theirs.astype(int) - ours).mean())
            if same and (clips.number_in(ours) is not None or difference <= SAME):
                differences.append(difference)
            else:
                wrong.append(frame)
    counted, timed = opencv_numbers(path, length, float(found.fps), upright)
    colour = float(np.mean(differences or [0]))
    return Row(name, length, found.frames, tuple(wrong), colour, "", numbers == counted, numbers == timed)


def opencv_numbers(path: str, length: int, fps: float, upright: bool) -> tuple[list[int | None], list[int | None]]:
    """What OpenCV's pictures show on source frames 0 to `length` - 1: by their count, and by their milliseconds."""
    capture = cv2.VideoCapture(path)
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, float(upright))
    numbers: list[int | None] = []
    times: list[float] = []
    misses = 0
    while misses < MISSES:
        there, picture = capture.read()
        misses += not there
        if there:
            numbers.append(clips.number_in(picture))
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC))
    capture.release()
    if not numbers:
        return [], []
    due = [times[0] + 1000 * frame / fps + HALF_TICK for frame in range(length)]
    # Times may go back in a damaged file: the pictures are gone through in their order, as a player would.
    at, timed = 0, []
    for time in due:
        while at + 1 < len(times) and times[at + 1] <= time:
            at += 1
        timed.append(numbers[at])
    return [numbers[min(frame, len(numbers) - 1)] for frame in range(length)], timed


def rendered(scene: Any, first: int, count: int, folder: Path) -> Iterator[np.ndarray]:
    """Timeline frames from `first` on, rendered in order: height x width x 4, uint8, RGBA."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "8"
    settings.compression = 0
    scene.render.dither_intensity = 0
    if first >= 0:
        # Three times as fast as frame by frame.
        scene.frame_start, scene.frame_end = first, first + count - 1
        scene.render.filepath = str(folder / "frame_")
        bpy.ops.render.render(animation=True)
    for frame in range(first, first + count):
        file = folder / f"frame_{frame:04d}.png"
        if first < 0:
            # An animation begins at 0 at the earliest.
            scene.frame_set(frame)
            scene.render.filepath = str(file)
            bpy.ops.render.render(write_still=True)
        yield cv2.cvtColor(cv2.imread(str(file), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)


def deviation(row: Row, release: Release) -> Deviation | None:
    """The known deviation for a clip in a release."""
    known = DEVIATIONS.get(row.name)
    return known if known is not None and known.releases(release) else None


def unexpected(row: Row, release: Release) -> str:
    """What is not as it should be, deviations counted; empty where all is well."""
    known = deviation(row, release)
    if row.said:
        return "" if known and known.why == NO_LENGTH else f"refused: {row.said}"
    if row.wrong != tuple(sorted(known.frames if known else ())):
        return f"source frames {row.wrong} show another picture"
    if row.length != row.ours and not (known and known.length):
        return f"{row.ours} source frames, Blender has {row.length}"
    if row.difference > SAME and not (known and known.colour):
        return f"colours differ by {row.difference:.2f} of 255"
    return ""


def cell(row: Row) -> str:
    """A row's result in a few characters."""
    if row.said:
        return "refused"
    count = "exact" if not row.wrong else f"{row.length - len(row.wrong)} of {row.length}"
    return count if row.difference < 0.005 else f"{count}, {row.difference:.2f}"
