# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run will take, told from this machine's last one before the button is pressed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

import bpy

from ..inference import MatteError
from . import settings, strips

if TYPE_CHECKING:
    from .run import Run

LEAST = 8  # frames that a run must have made for its figures to tell anything
# Half of a frame's time goes with its pixels; the rest is the network, which sees 320 of them a side. 4K takes 2.5
# times what 1080p does (docs/speed.md).
WITH_PIXELS = 0.5


def remember(machine: settings.Preferences, run: Run) -> None:
    """Keep what a run took, in the preferences."""
    if run.made < LEAST:
        return
    machine.seconds_a_frame = run.seconds / run.made
    kinds = {kind(task.job.output, task.job.format) for task in run.tasks}
    machine.bytes_a_frame = run.size / run.made if len(kinds) == 1 else 0.0
    machine.bytes_kind = kinds.pop()
    machine.pixels_a_frame = max(task.pixels for task in run.tasks)


def kind(output: str, format_: str) -> str:
    """What images are as large as each other, where they show the same."""
    return f"{output} {format_}"


def tell(machine: settings.Preferences, sources: Sequence[bpy.types.Strip]) -> str:
    """Frames, and where a run was made before, time, and room on the disk where that run made images of the kind that
    is set; empty where nothing is selected."""
    count, work, room = 0, 0.0, 0.0
    for strip in sources:
        first, last = strips.extent(strip)
        count += last - first
        larger = strips.pixels(strip) / machine.pixels_a_frame if machine.pixels_a_frame else 1.0
        work += (last - first) * machine.seconds_a_frame * (1.0 - WITH_PIXELS + WITH_PIXELS * larger)
        room += (last - first) * machine.bytes_a_frame * larger
    if not count:
        return ""
    if not machine.seconds_a_frame:
        return f"{count} frames"
    told = f"{count} frames, about {int(work) // 60}:{int(work) % 60:02d} min"
    settings_ = sources[0].id_data.strip_matte
    known = room and machine.bytes_kind == kind(settings_.output, settings_.format)
    return f"{told}, {_size(room)}" if known else told


def check_room(machine: settings.Preferences, kind_: str, frames: int, pixels: int, folder: str) -> None:
    """MatteError where the disk has less room than so many images will take, told from the last run's.

    kind_: of these images, see `kind`. folder: absolute, which may not be there yet. Nothing is said where the last run
    made none of the kind.
    """
    if machine.bytes_kind != kind_ or not (machine.bytes_a_frame and machine.pixels_a_frame and pixels):
        return
    needed = frames * machine.bytes_a_frame * pixels / machine.pixels_a_frame
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise MatteError(
            f'{frames} images need about {_size(needed)}, and where "{folder}" is {_size(free)} are free. Make room or '
            "choose another folder"
        )


def _size(content: float) -> str:
    return f"{content / 1e9:.1f} GB" if content >= 1e9 else f"{max(content / 1e6, 1):.0f} MB"
