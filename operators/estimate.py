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
    machine.bytes_a_frame = run.size / run.made
    machine.pixels_a_frame = max(task.pixels for task in run.tasks)


def tell(machine: settings.Preferences, sources: Sequence[bpy.types.Strip]) -> str:
    """Frames, and where a run was made before, time and room on the disk; empty where nothing is selected."""
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
    return f"{count} frames, about {int(work) // 60}:{int(work) % 60:02d} min, {_size(room)}"


def check_room(machine: settings.Preferences, frames: int, pixels: int, folder: str) -> None:
    """MatteError where the disk has less room than so many images will take, told from the last run's.

    folder: absolute, which may not be there yet. Nothing is said before the first run.
    """
    if not (machine.bytes_a_frame and machine.pixels_a_frame and pixels):
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
