# SPDX-License-Identifier: GPL-3.0-or-later
"""What an editor does with strips of ours that are there. Each docstring is a tooltip."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import replace

import bpy
from bpy.props import BoolProperty

from ..inference import MatteError, hold, notes
from ..inference import folder as folders
from . import matte, strips, tasks
from . import run as runs
from .translations import iface, told

IMAGE = re.compile(rf"\d+({'|'.join(map(re.escape, sorted(set(folders.ENDINGS.values()))))})")


def chosen(context: bpy.types.Context) -> list[bpy.types.Strip]:
    """The selected strips of ours, and those that belong to the selected movies, by channel and place."""
    scene, names = strips.sequencer_scene(context), {strip.name for strip in strips.selected(context)}
    found = [strip for strip, source in tasks.paired(scene) if names & {strip.name, source}]
    return sorted(found, key=lambda strip: (strip.channel, strips.extent(strip)[0]))


class OfOurs(bpy.types.Operator):
    """Needs a strip of ours that can be changed. Not registered itself."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if strips.sequencer_scene(context).library is not None:
            cls.poll_message_set(strips.LINKED)
            return False
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
    """Take the selected cutouts and mattes away, and show their movies as they were. Their images can be deleted too"""

    bl_idname = "sequencer.matte_remove"
    bl_label = "Remove Matte"
    bl_options = {"UNDO"}

    files: BoolProperty(
        name="Delete Images",
        description=(
            "Delete the images too, unless something else in this project shows them or a matte that is being made "
            "needs them. Undo brings the strips back, and no file"
        ),
        options={"SKIP_SAVE"},
    )
    by_hand: BoolProperty(
        name="Those Altered by Hand Too",
        description="Delete the images that were repaired or painted by hand as well, which no run can make again",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, confirm_text="Remove")

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.prop(self, "files")
        row = column.row()
        row.enabled = self.files
        row.prop(self, "by_hand")

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = strips.sequencer_scene(context)
        tasks.pair(scene)
        homes = set()
        for strip in chosen(context):
            homes.add(tasks.folder_of(strip))
            tasks.remove(scene, strip)
        if self.files:
            self._delete(homes)
        return {"FINISHED"}

    def _delete(self, homes: Iterable[str]) -> None:
        """Delete the images in these folders that nobody needs, and tell what became of them."""
        shown, read = strips.folders_shown(), images_read()
        gone = left = 0
        for home in sorted(set(homes) - runs.folders()):
            why = "for another strip shows them" if home in shown else "for the compositor or another part reads them"
            needed = home in shown | read
            try:
                if not needed and hold.busy(home):
                    needed, why = True, "for another process makes some of them"
                counts = (0, len(images_in(home))) if needed else delete(home, by_hand=self.by_hand)
            except OSError as error:
                self.report({"WARNING"}, f'"{error.filename}" can not be deleted: {error.strerror}')
                continue
            gone, left = gone + counts[0], left + counts[1]
            if counts[1]:
                why = why if needed else "for they were altered by hand"
                self.report({"WARNING"}, told(f"{counts[1]} images stay, {why}") + f': "{home}"')
        if gone and not left:
            self.report({"INFO"}, told(f"{gone} images deleted"))


class SEQUENCER_OT_matte_switch(OfOurs, matte.Matting):
    """Turn the selected cutouts into mattes, and mattes into cutouts, without asking the network again"""

    bl_idname = "sequencer.matte_switch"
    bl_label = "Switch Output"
    bl_options = {"UNDO"}

    def wanted(self, context: bpy.types.Context) -> list[tasks.Task]:
        scene = strips.sequencer_scene(context)
        tasks.pair(scene)
        return [tasks.switch(context, scene, strip) for strip in chosen(context)]


class SEQUENCER_OT_matte_rerun(matte.Again, OfOurs, matte.Matting):
    """Matte the movies of the selected cutouts and mattes again, with the settings as they are now. What comes takes
    the place of what is there, and images that are right already are kept"""

    bl_idname = "sequencer.matte_rerun"
    bl_label = "Re-run"
    bl_options = {"UNDO"}

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        if not properties.force:
            return ""
        return iface("As Re-run, and make the images again that are there. Those that were altered by hand are kept")

    def wanted(self, context: bpy.types.Context) -> list[tasks.Task]:
        scene = strips.sequencer_scene(context)
        tasks.pair(scene)
        # A movie that has a cutout and a matte is matted once.
        made = {tasks.source_of(scene, strip).name: strip.name for strip in chosen(context)}
        return [self._plan_of(context, scene, name, replaced) for name, replaced in made.items()]

    def _plan_of(self, context: bpy.types.Context, scene: bpy.types.Scene, name: str, replaced: str) -> tasks.Task:
        """The task of a movie strip, which replaces one of ours. Both by name."""
        return replace(tasks.plan(context, scene, strips.find(scene, name), force=self.force), replaces=replaced)


def images_read() -> set[str]:
    """Absolute paths of the folders that nodes, textures and the like read images from."""
    used = [known for known in (*bpy.data.images, *bpy.data.movieclips) if known.users and known.filepath]
    paths = [bpy.path.abspath(known.filepath, library=known.library) for known in used]
    return {os.path.dirname(os.path.normpath(path)) for path in paths}


def images_in(home: str) -> list[str]:
    """Paths of the images in a folder of ours, known by its manifest; of another folder none. OSError."""
    if not os.path.isfile(os.path.join(home, folders.MANIFEST)):
        return []
    return [os.path.join(home, name) for name in sorted(os.listdir(home)) if IMAGE.fullmatch(name)]


def delete(home: str, *, by_hand: bool) -> tuple[int, int]:
    """Delete the images of a folder of ours, and the folder where nothing else is in it.

    by_hand: delete those too that were altered by hand. Returns how many are gone, and how many of these stay. OSError
    where the disk refuses.
    """
    images = images_in(home)
    kept = [] if by_hand else [path for path in images if notes.read(path) is None]
    for path in set(images) - set(kept):
        os.unlink(path)
    # The manifest says what the images are: it goes after the last of them.
    if images and set(os.listdir(home)) <= {folders.MANIFEST, hold.LOCKS}:
        for name in os.listdir(home):
            os.unlink(os.path.join(home, name))
        os.rmdir(home)
    return len(images) - len(kept), len(kept)


CLASSES = (
    SEQUENCER_OT_matte_realign,
    SEQUENCER_OT_matte_remove,
    SEQUENCER_OT_matte_switch,
    SEQUENCER_OT_matte_rerun,
)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
