# SPDX-License-Identifier: GPL-3.0-or-later
"""Picking the subject. Each docstring is a tooltip."""

from __future__ import annotations

import bpy
from bpy.props import FloatProperty

from .. import inference
from ..inference import MatteError
from . import run as runs
from . import strips, tasks


class SEQUENCER_OT_matte_pick(bpy.types.Operator):
    """Click in the preview on the thing to keep. Pick again on other frames where it goes astray"""

    bl_idname = "sequencer.matte_pick"
    bl_label = "Pick Subject"
    bl_options = {"UNDO"}

    x: FloatProperty(name="X", description="From the left of the strip's picture", min=0.0, max=1.0, default=0.5)
    y: FloatProperty(name="Y", description="From the top of the strip's picture", min=0.0, max=1.0, default=0.5)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if strips.sequencer_scene(context).library is not None:
            cls.poll_message_set(strips.LINKED)
            return False
        if strip_here(context) is None:
            cls.poll_message_set("Select one movie or image strip that is seen on the current frame")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.modal_handler_add(self)
        context.window.cursor_modal_set("EYEDROPPER")
        context.workspace.status_text_set("Click in the preview on the subject    [Esc] Cancel")
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type in {"ESC", "RIGHTMOUSE"}:
            return self._end(context, {"CANCELLED"})
        if event.type != "LEFTMOUSE" or event.value != "PRESS":
            return (
                {"PASS_THROUGH"}
                if event.type in {"MIDDLEMOUSE", "WHEELUPMOUSE", "WHEELDOWNMOUSE"}
                else {"RUNNING_MODAL"}
            )
        region = _preview(context, event.mouse_x, event.mouse_y)
        strip = strip_here(context)
        if region is None or strip is None:
            self.report({"WARNING"}, "That is not in a preview. Show the sequencer's preview, and click in it")
            return self._end(context, {"CANCELLED"})
        at = region.view2d.region_to_view(event.mouse_x - region.x, event.mouse_y - region.y)
        self.x, self.y = strips.picture_point(strip, *at)
        return self._end(context, self.execute(context))

    def _end(self, context: bpy.types.Context, result: set[str]) -> set[str]:
        context.window.cursor_modal_restore()
        context.workspace.status_text_set(None)
        return result

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene, strip = strips.sequencer_scene(context), strip_here(context)
        try:
            shown = _source_frame(scene, strip)
        except MatteError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        others = [point for point in strips.path(strip) if point[0] != shown]
        strips.set_path(strip, [*others, (shown, self.x, self.y)])
        scene.strip_matte.keep = "PICKED"
        return {"FINISHED"}


class SEQUENCER_OT_matte_pick_clear(bpy.types.Operator):
    """Forget what was picked in the selected strips"""

    bl_idname = "sequencer.matte_pick_clear"
    bl_label = "Clear Picks"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if strips.sequencer_scene(context).library is not None:
            cls.poll_message_set(strips.LINKED)
            return False
        if not any(strips.path(strip) for strip in strips.selected_sources(context)):
            cls.poll_message_set("Nothing is picked in the selected strips")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        for strip in strips.selected_sources(context):
            strips.set_path(strip, ())
        return {"FINISHED"}


class SEQUENCER_OT_matte_follow(bpy.types.Operator):
    """Follow what was picked nearest to the current frame through its shot, and keep where it goes. Blender waits"""

    bl_idname = "sequencer.matte_follow"
    bl_label = "Follow Pick"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        strip = strip_here(context)
        if strip is None or not strips.path(strip):
            cls.poll_message_set("Select one strip on the current frame in which a subject is picked")
            return False
        if runs.busy():
            cls.poll_message_set(runs.busy())
            return False
        return SEQUENCER_OT_matte_pick.poll(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene, strip = strips.sequencer_scene(context), strip_here(context)
        window = context.window_manager
        window.progress_begin(0, 100)
        try:
            job = tasks.plan(context, scene, strip).job
            now = _source_frame(scene, strip)
            frame, x, y = min(strips.path(strip), key=lambda point: abs(point[0] - now))
            path = inference.follow(job, frame, (x, y), lambda part: window.progress_update(int(100 * part)))
        except MatteError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        finally:
            window.progress_end()
        first, last = path[0][0], path[-1][0]
        others = [point for point in strips.path(strip) if not first <= point[0] <= last]
        strips.set_path(strip, [*others, *path])
        self.report({"INFO"}, f"Followed over source frames {first} to {last}. Pick again where it goes astray")
        return {"FINISHED"}


def strip_here(context: bpy.types.Context) -> bpy.types.Strip | None:
    """The one selected source strip on the current frame."""
    now = strips.sequencer_scene(context).frame_current
    found = []
    for strip in strips.selected_sources(context):
        first, last = strips.extent(strip)
        if first <= now < last:
            found.append(strip)
    return found[0] if len(found) == 1 else None


def _source_frame(scene: bpy.types.Scene, strip: bpy.types.Strip) -> int:
    """What the strip shows on the current frame. MatteError where this Blender can not be understood."""
    return strips.source_frames(scene, strip)[scene.frame_current - strips.extent(strip)[0]]


def _preview(context: bpy.types.Context, x: int, y: int) -> bpy.types.Region | None:
    """The preview's region under a point of the window."""
    for area in context.window.screen.areas:
        if area.type != "SEQUENCE_EDITOR":
            continue
        for region in area.regions:
            inside = region.x <= x < region.x + region.width and region.y <= y < region.y + region.height
            if region.type == "PREVIEW" and inside:
                return region
    return None


CLASSES = (SEQUENCER_OT_matte_pick, SEQUENCER_OT_matte_pick_clear, SEQUENCER_OT_matte_follow)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
