# SPDX-License-Identifier: GPL-3.0-or-later
"""What an earlier run has left of a strip's images, told before the button is pressed."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence

import bpy

from .. import inference
from ..inference import MatteError
from ..inference import folder as folders
from . import settings as settings_
from . import strips, tasks
from .timing import Timing


def tell(context: bpy.types.Context, sources: Sequence[bpy.types.Strip]) -> str:
    """How many frames of these strips need not be made again with the settings as they are; empty where there are none
    or all, or where that takes long to know. A panel asks at every redraw."""
    scene = strips.sequencer_scene(context)
    there = total = 0
    for strip in sources:
        try:
            found, wanted = _there(context, scene, strip)
        except (MatteError, OSError):  # the run tells
            return ""
        there, total = there + found, total + wanted
    return f"{there} of {total} frames are there already" if 0 < there < total else ""


def _there(context: bpy.types.Context, scene: bpy.types.Scene, strip: bpy.types.Strip) -> tuple[int, int]:
    """Images that are there, and source frames that the strip shows.

    Files are counted by their names: the run looks whether they are whole. Masks would have to be drawn, and files of
    sequences to be looked at one by one: of those nothing is told. Raises MatteError and OSError.
    """
    settings = scene.strip_matte
    if strip.type != "MOVIE" or settings.mask is not None:
        return 0, 0
    shown = _frames(strips.timing(scene, strip), *strips.extent(strip))
    upright = strips.UPRIGHT or not inference.probe(strips.source_path(scene, strip)).turned
    model = settings_.model_path(context, settings)
    job = tasks.job_of(context, scene, strip, (), tasks.subject_of(scene, strip), model=model, upright=upright)
    home = os.path.join(os.path.normpath(bpy.path.abspath(settings.folder)), folders.name_for(job))
    if not os.path.isdir(home):
        return 0, len(shown)
    names = _names(home, os.stat(home).st_mtime_ns)
    return sum(folders.image_name(frame, job.format) in names for frame in shown), len(shown)


@functools.lru_cache(maxsize=8)
def _frames(timing: Timing, first: int, last: int) -> frozenset[int]:
    """Source frames that are shown from a timeline frame to another, exclusive. Kept, for long strips take long."""
    return frozenset(timing.source_frames(range(first, last)))


@functools.lru_cache(maxsize=8)
def _names(folder: str, _changed: int) -> frozenset[str]:
    return frozenset(os.listdir(folder))
