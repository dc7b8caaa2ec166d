# SPDX-License-Identifier: GPL-3.0-or-later
"""What an editor does with strips of ours that are there. Each docstring is a tooltip."""

from __future__ import annotations

import shutil

import bpy
from bpy.props import BoolProperty

from ..inference import MatteError
from . import matte, strips, tasks
from . import run as runs


def chosen(context: bpy.types.Context) -> list[bpy.types.Strip]:
    """The selected strips of ours, and those that belong to the selected movies, by channel and place."""
    scene, names = strips.sequencer_scene(context), {strip.name for strip in strips.selected(context)}
    found = [strip for strip, source in tasks.paired(scene) if names & {strip.name, source}]
    return sorted(found, key=lambda strip: (strip.channel, strips.extent(strip)[0]))


class OfOurs(bpy.types.Operator):
    """Needs a strip of ours. Not registered itself."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not chosen(context):
            cls.poll_message_set("Select a cutout or a matte, or the strip it was made of")
            return False
        return True


class SEQUENCER_OT_matte_realign(OfOurs):
    """Give the selected cutouts and mattes the place, trim and speed that their movies have now. Nothing is computed"""

    bl_idname = "sequencer.matte_realign"
    bl_label = "Re-align"
    bl_options = {"UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = strips.sequencer_scene(context)
        tasks.pair(scene)
        done = 0
        for strip in chosen(context):
            try:
                tasks.realign(scene, strip)
                done += 1
            except MatteError as error:
                self.report({"WARNING"}, str(error))
        return {"FINISHED"} if done else {"CANCELLED"}


class SEQUENCER_OT_matte_remove(OfOurs):
    """Take the selected cutouts and mattes away, and show their movies as they were"""

    bl_idname = "sequencer.matte_remove"
    bl_label = "Remove Matte"
    bl_options = {"UNDO"}

    files: BoolProperty(
        name="Delete Files",
        description=(
            "Delete the images too, unless another strip of this project shows them or a matte that is being made "
            "needs them. Undo brings no file back"
        ),
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = strips.sequencer_scene(context)
        tasks.pair(scene)
        folders = set()
        for strip in chosen(context):
            folders.add(tasks.folder_of(strip))
            tasks.remove(scene, strip)
        if self.files:
            shown = {tasks.folder_of(strip) for other in bpy.data.scenes for strip in strips.all_made(other)}
            for folder in folders - shown - runs.folders():
                shutil.rmtree(folder, ignore_errors=True)
        return {"FINISHED"}


class SEQUENCER_OT_matte_switch(OfOurs, matte.Matting):
    """Turn the selected cutouts into mattes, and mattes into cutouts, without asking the network again"""

    bl_idname = "sequencer.matte_switch"
    bl_label = "Switch Output"
    bl_options = {"UNDO"}

    def wanted(self, context: bpy.types.Context) -> list[tasks.Task]:
        scene = strips.sequencer_scene(context)
        tasks.pair(scene)
        return [tasks.switch(context, scene, strip) for strip in chosen(context)]


CLASSES = (SEQUENCER_OT_matte_realign, SEQUENCER_OT_matte_remove, SEQUENCER_OT_matte_switch)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
