# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames that an editor should look at, as markers on the timeline. Each docstring is a tooltip."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
from bpy.props import BoolProperty

from .. import inference
from ..inference import MatteError
from . import strips, tasks
from .made import OfOurs, chosen
from .translations import iface

PREFIX = "Matte: "  # by which our markers are known


class SEQUENCER_OT_matte_mark(OfOurs):
    """Put markers where the mattes of the selected cutouts jump, empty, fill or split, so that you can look there"""

    bl_idname = "sequencer.matte_mark"
    bl_label = "Mark Doubtful Frames"
    bl_options = {"UNDO"}

    clear: BoolProperty(name="Clear", description="Take the markers away instead")

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return iface("Take the markers of doubtful frames away") if properties.clear else ""

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = strips.sequencer_scene(context)
        found, troubles = [], []
        for strip in chosen(context):
            try:
                found.append((strips.extent(strip), {} if self.clear else doubtful(scene, strip)))
            except MatteError as error:
                troubles.append(str(error))
        for extent, _ in found:
            clear(scene, *extent)
        for _, reasons in found:
            mark(scene, reasons)
        for trouble in troubles:
            self.report({"ERROR"}, trouble)
        if not (self.clear or troubles):
            marked = sum(len(reasons) for _, reasons in found)
            self.report({"INFO"}, f"{marked} frames are doubtful" if marked else "No frame is doubtful")
        return {"FINISHED"} if found else {"CANCELLED"}


def doubtful(scene: bpy.types.Scene, cutout: bpy.types.Strip) -> dict[int, str]:
    """The timeline frames of a cutout on which a doubtful image is first shown, each with a reason. MatteError where an
    image is missing, or is no picture."""
    first = strips.extent(cutout)[0]
    files = strips.pictures(scene, cutout)
    places: dict[str, int] = {}
    for step, element in enumerate(strips.source_frames(scene, cutout)):
        places.setdefault(files[element], first + step)
    tasks.check_there(places)
    reasons = inference.doubtful(list(places), cutout[strips.MADE].get("output", "CUTOUT"))
    return {places[file]: reason for file, reason in reasons.items()}


def mark(scene: bpy.types.Scene, reasons: Mapping[int, str]) -> None:
    """Put a marker on each of these timeline frames that says why."""
    for frame, reason in reasons.items():
        scene.timeline_markers.new(f"{PREFIX}{reason}", frame=frame)


def clear(scene: bpy.types.Scene, first: int, last: int) -> None:
    """Take away our markers from timeline frame first to last (exclusive)."""
    for marker in list(scene.timeline_markers):
        if marker.name.startswith(PREFIX) and first <= marker.frame < last:
            scene.timeline_markers.remove(marker)


register, unregister = bpy.utils.register_classes_factory((SEQUENCER_OT_matte_mark,))
