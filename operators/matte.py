# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators. Each docstring is a tooltip."""

import sys
import time
from collections.abc import Sequence

import bpy
from bpy.props import BoolProperty

from .. import inference
from ..inference import MatteError
from . import estimate, preview, settings, strips, tasks, verify
from . import run as runs

TICK = 0.1  # seconds between two looks at the worker's count
_timer: bpy.types.Timer | None = None  # of the window, kept here because unregister() must take it away
_told: set[str] = set()  # names of the workspaces whose status bar shows the count


class Matting(bpy.types.Operator):
    """Work that is modal in a window and blocks without one. Not registered itself: the operators that matte are."""

    def wanted(self, context: bpy.types.Context) -> list[tasks.Task]:
        """What is to be made. MatteError where it can not be."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background or context.window is None:
            return self.execute(context)
        planned = self._plan(context)
        if planned is None:
            return {"CANCELLED"}
        preview.off(wait=True)
        self._run = runs.Run(planned)
        runs.set_current(self._run)
        set_timer(context)
        self._run.start()
        self._tell(context)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" and event.value == "PRESS":
            self._run.stop()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        if self._run.running:
            self._tell(context)
            return {"PASS_THROUGH"}
        stop(context)
        if self._run.stopped:
            self.report({"INFO"}, f"Stopped after {self._run.done} frames. They are kept: run again to go on")
        return self._finish()

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: another file is loaded, or Blender quits."""
        stop(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        planned = self._plan(context)
        if planned is None:
            return {"CANCELLED"}
        self._run = make(planned)
        return self._finish()

    def _plan(self, context: bpy.types.Context) -> list[tasks.Task] | None:
        try:
            return self.wanted(context)
        except MatteError as error:
            self.report({"ERROR"}, str(error))
            return None

    def _finish(self) -> set[str]:
        """Put what is whole on the timeline and tell what is not."""
        estimate.remember(settings.preferences(bpy.context), self._run)
        placed, troubles = tasks.place_all(self._run.whole)
        troubles = [*self._run.warnings, *troubles]
        for trouble in troubles:
            self.report({"WARNING"}, trouble)
        for failure in self._run.failures:
            self.report({"ERROR"}, failure)
        if not placed:
            return {"CANCELLED"}
        # The last report is the one that stays in the status bar: success must not hide a trouble.
        if not (troubles or self._run.failures or self._run.stopped):
            self.report({"INFO"}, ". ".join([f"{self._run.total} frames matted", *self._run.notes]))
        return {"FINISHED"}

    def _tell(self, context: bpy.types.Context) -> None:
        """Show the count in the status bar of the workspace that is seen, and in every sequencer's panel."""
        context.workspace.status_text_set(f"Matte: {self._run.message}    [Esc] Stop")
        _told.add(context.workspace.name)
        redraw(context)


class SEQUENCER_OT_matte_add(Matting):
    """Remove the background of the selected movie and image strips, and add strips with alpha above them"""

    bl_idname = "sequencer.matte_add"
    bl_label = "Add Matte"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = why_not(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def wanted(self, context: bpy.types.Context) -> list[tasks.Task]:
        scene = strips.sequencer_scene(context)
        return [tasks.plan(context, scene, strip) for strip in strips.selected_sources(context)]


class SEQUENCER_OT_matte_cancel(bpy.types.Operator):
    """Stop after the frame in hand. Finished frames are kept, and the next run goes on from there"""

    bl_idname = "sequencer.matte_cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if runs.current() is None:
            cls.poll_message_set("No matte is being made")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        run = runs.current()
        if run is not None:
            run.stop()
        return {"FINISHED"}


class SEQUENCER_OT_matte_verify(bpy.types.Operator):
    """Render frames of the selected strips and of their cutouts, and tell where the pictures are not the same"""

    bl_idname = "sequencer.matte_verify"
    bl_label = "Verify Matte"

    all: BoolProperty(name="Every Frame", description="Compare every frame, not a sample of twelve")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        chosen = strips.selected(context)
        if not any(strips.MADE in strip or strips.is_source(strip) for strip in chosen):
            cls.poll_message_set("Select a cutout, or the strip it was made of")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = strips.sequencer_scene(context)
        try:
            found = verify.pairs(scene, strips.selected(context))
            if not found:
                raise MatteError("The selected strips have no cutout. Add a matte first")
            verdicts = [verify.verify(scene, source, cutout, every=self.all) for source, cutout in found]
        except MatteError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        for verdict in verdicts:
            self.report({"WARNING"} if verdict.different else {"INFO"}, f"{verdict.strip}: {verdict}")
        redraw(context)
        return {"FINISHED"}


def why_not(context: bpy.types.Context) -> str:
    """Why no matte can be made now, as a sentence without a full stop; empty where one can."""
    if inference.problem():
        return inference.problem()
    if runs.busy():
        return runs.busy()
    try:
        settings.preferences(context)
    except MatteError as error:
        return str(error)
    if not strips.selected_sources(context):
        return "Select a movie strip or an image strip in the sequencer"
    return ""


def make(planned: Sequence[tasks.Task]) -> runs.Run:
    """Do the work here and now, and show its progress on the terminal."""
    run = runs.Run(planned)
    shown = -1.0
    before = time.monotonic()
    for image in run.images():
        share = run.done / run.total
        # A terminal gets a bar that moves; a log lines for every image, and one for every twentieth of the work.
        if sys.stdout.isatty():
            bar = "#" * int(share * 30)
            sys.stdout.write(f"\rMatte [{bar:<30}] {run.message:<50}")
        else:
            now = time.monotonic()
            sys.stdout.write(_logged(image, now - before))
            before = now
            if int(share * 20) > int(shown * 20):
                shown = share
                sys.stdout.write(f"Matte: {run.message}\n")
        sys.stdout.flush()
    if sys.stdout.isatty():
        sys.stdout.write("\n")
    return run


def _logged(image: inference.Image, seconds: float) -> str:
    """An image as Blender logs one that it renders: Flamenco takes previews and progress from these lines.

    seconds: since the image before.
    """
    if image.reused:
        return f"skipping existing frame '{image.path}'\n"
    return f"Saved: '{image.path}'\nTime: {int(seconds // 60):02d}:{seconds % 60:05.2f}\n"


def set_timer(context: bpy.types.Context) -> None:
    global _timer  # noqa: PLW0603  one window timer for the one run
    _timer = context.window_manager.event_timer_add(TICK, window=context.window)


def stop(context: bpy.types.Context) -> None:
    """Stop the run that works in the background, wait for it, and leave nothing of it behind."""
    global _timer  # noqa: PLW0603  see set_timer
    run = runs.current()
    if run is not None:
        if run.running:
            run.stop()
            run.join()
        runs.set_current(None)
    if _timer is not None:
        context.window_manager.event_timer_remove(_timer)
        _timer = None
    for workspace in filter(None, map(bpy.data.workspaces.get, _told)):
        with context.temp_override(workspace=workspace):
            workspace.status_text_set(None)
    _told.clear()
    redraw(context)


def redraw(context: bpy.types.Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()


CLASSES = (SEQUENCER_OT_matte_add, SEQUENCER_OT_matte_cancel, SEQUENCER_OT_matte_verify)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
