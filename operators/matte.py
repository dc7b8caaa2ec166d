# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators. Each docstring is a tooltip."""

import logging
import re
import sys
import time
from collections.abc import Sequence

import bpy
from bpy.props import BoolProperty, IntProperty

from .. import inference
from ..inference import MatteError
from . import estimate, preview, settings, strips, tasks, verify
from . import run as runs
from .translations import iface, told

log = logging.getLogger(__name__)
# Operators that hold strips as long as they are modal: not all of the sequencer's, for add-ons have lasting ones.
DRAGS = re.compile(r"TRANSFORM_OT_|SEQUENCER_OT_(slip|(preview_)?duplicate_move|retiming_\w+)$")
TICK = 0.1  # seconds between two looks at the worker's count
# Of the windows, by run; kept here because unregister() must take them away. Each run has its own: a window that is
# closed takes its timers and its modal operators with it, and leaves those of other windows alone.
_timers: dict[runs.Run, bpy.types.Timer] = {}
_told: dict[str, str] = {}  # names of the workspaces whose status bar shows the count, and what it says


class Matting(bpy.types.Operator):
    """Work that is modal in a window and blocks without one. Not registered itself: the operators that matte are.

    Each press has an operator and a run of its own. Blender hands every timer's event to every modal operator of a
    window: which one hears first is of no account, for all look at the same queue and each ends with its own run.
    """

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
        _timers[self._run] = context.window_manager.event_timer_add(TICK, window=context.window)
        runs.add(self._run)
        tell(context)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" and event.value == "PRESS":
            # Whichever of the operators hears it first keeps it from the others: one press stops one job.
            for item in runs.ahead()[:1]:
                runs.stop(item.id)
            tell(context)
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        runs.advance()
        if not self._run.over or _in_hand(context):
            tell(context)
            return {"PASS_THROUGH"}
        leave(context, self._run)
        for item in self._run.items:
            if item.state == runs.STOPPED:
                self.report({"INFO"}, _stopped(item))
        return self._finish()

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: another file is loaded, its window is closed, or Blender quits."""
        leave(context, self._run)
        for item in self._run.items:  # Blender shows no reports of an operator that it ends: the terminal has them
            log.warning("%s", _ended(item))

    def execute(self, context: bpy.types.Context) -> set[str]:
        if runs.busy():
            self.report({"ERROR"}, runs.busy())
            return {"CANCELLED"}
        planned = self._plan(context)
        if planned is None:
            return {"CANCELLED"}
        self._run = make(planned)
        return self._finish()

    def _plan(self, context: bpy.types.Context) -> list[tasks.Task] | None:
        """What is to be made and is not in the queue yet; None where that is nothing, which is told."""
        try:
            planned = self.wanted(context)
        except MatteError as error:
            self.report({"ERROR"}, str(error))
            return None
        new = [task for task in planned if not runs.queued(task)]
        for task in planned:
            if task not in new:
                there = f'"{task.strip}" is in the queue already. Wait for its matte, or cancel that first'
                self.report({"WARNING"} if new else {"ERROR"}, there)
        return new or None

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
        if not (troubles or self._run.failures) and len(self._run.whole) == len(self._run.items):
            self.report({"INFO"}, ". ".join([f"{self._run.total} frames matted", *self._run.notes]))
        return {"FINISHED"}


class Again:
    """What operators that can make images again are asked. Mixed into them."""

    force: BoolProperty(
        name="Make Again",
        description="Make images again that are there. Those that were altered by hand are kept",
        options={"SKIP_SAVE"},
    )


class SEQUENCER_OT_matte_add(Again, Matting):
    """Remove the background of the selected movie and image strips, and add strips with alpha above them. While others
    are being made they wait in a queue. Esc stops the one in hand, and what is finished is kept: Add Matte goes on"""

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
        return [tasks.plan(context, scene, strip, force=self.force) for strip in strips.selected_sources(context)]


class SEQUENCER_OT_matte_cancel(bpy.types.Operator):
    """Stop all mattes that are being made or wait. Finished frames are kept, and Add Matte goes on from there"""

    bl_idname = "sequencer.matte_cancel"
    bl_label = "Cancel All"

    job: IntProperty(
        name="Job",
        description="The number of the one to stop; 0 stops all",
        min=0,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if runs.current() is None:
            cls.poll_message_set("No matte is being made")
            return False
        return True

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        if not properties.job:
            return ""  # Blender takes its tooltip
        return iface(
            "Stop this one, after the frame in hand, and go on with the others. Its finished frames are kept, and Add "
            "Matte goes on from there"
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.job:
            runs.stop_all()
        elif not runs.stop(self.job):
            self.report({"WARNING"}, "That matte is not in the queue any more")
            return {"CANCELLED"}
        redraw(context)
        return {"FINISHED"}


class SEQUENCER_OT_matte_verify(bpy.types.Operator):
    """Render a sample of the frames of the selected strips and their cutouts, or all, and tell which are not the
    same"""

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


def _in_hand(context: bpy.types.Context) -> bool:
    """Whether an editor drags something just now: Blender keeps the strips' addresses meanwhile, so that none may go,
    and puts those that come where the others are dragged to."""
    names = [operator.bl_idname for window in context.window_manager.windows for operator in window.modal_operators]
    return any(DRAGS.match(name) for name in names)


def why_not(context: bpy.types.Context) -> str:
    """Why no matte can be made now, as a sentence without a full stop; empty where one can."""
    if inference.problem():
        return inference.problem()
    try:
        settings.preferences(context)
    except MatteError as error:
        return str(error)
    if strips.sequencer_scene(context).library is not None:
        return strips.LINKED
    if not strips.selected_sources(context):
        return "Select a movie strip or an image strip in the sequencer"
    return ""


def make(planned: Sequence[tasks.Task]) -> runs.Run:
    """Do the work here and now, and show its progress on the terminal."""
    run = runs.Run(planned, _warn)
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


def _warn(text: str) -> None:
    sys.stdout.write(f"\nWarning: {text}\n")
    sys.stdout.flush()


def _logged(image: inference.Image, seconds: float) -> str:
    """An image as Blender logs one that it renders: Flamenco takes previews and progress from these lines.

    seconds: since the image before.
    """
    if image.reused:
        return f"skipping existing frame '{image.path}'\n"
    return f"Saved: '{image.path}'\nTime: {int(seconds // 60):02d}:{seconds % 60:05.2f}\n"


def tell(context: bpy.types.Context) -> None:
    """Show how far the queue is in the status bar of the workspace that is seen, and in every sequencer's panel."""
    text = _status()
    if text == _told.get(context.workspace.name):
        return
    context.workspace.status_text_set(text)
    _told[context.workspace.name] = text
    redraw(context)


def _status() -> str:
    """The item that works and how many wait, for a status bar."""
    items = runs.ahead()
    if not items:
        return iface("Matte: done")
    how = f"{told(items[0].silence)}. {runs.ADVICE}" if items[0].silence else told(items[0].message)
    text = iface("Matte of {}: {}").format(items[0].task.strip, how)
    if len(items) == 1:
        return f"{text}    [Esc] {iface('Stop')}"
    return f"{text}    {told(f'{len(items) - 1} waiting')}    [Esc] {iface('Stop this one')}"


def _stopped(item: runs.Item) -> str:
    """What is told of an item that was stopped."""
    if not item.done:
        return f"Stopped {item.task.strip} before its first frame"
    return f"Stopped {item.task.strip} after {item.done} of {item.total} frames. They are kept: run again to go on"


def _ended(item: runs.Item) -> str:
    """What is told of an item whose operator Blender has ended."""
    if item.state == runs.DONE:
        return f"{item.task.strip} is done: add the matte again to put it on the timeline"
    return _stopped(item)


def leave(context: bpy.types.Context, run: runs.Run) -> None:
    """Stop a run where it is not over, wait for it, and leave nothing of it behind."""
    runs.remove(run)
    timer = _timers.pop(run, None)
    if timer is not None:
        context.window_manager.event_timer_remove(timer)
    if runs.current() is None:
        _tell_nothing(context)
    redraw(context)


def _tell_nothing(context: bpy.types.Context) -> None:
    """Clear the status bars."""
    if context.window is not None and context.window not in list(context.window_manager.windows):
        # It is being closed. An override would leave the context without the window, and Blender would crash (4.3).
        context.workspace.status_text_set(None)
        _told.pop(context.workspace.name, None)
        return
    for workspace in filter(None, map(bpy.data.workspaces.get, _told)):
        with context.temp_override(workspace=workspace):
            workspace.status_text_set(None)
    _told.clear()


def stop(context: bpy.types.Context) -> None:
    """Stop everything that works or waits in the background, wait for it, and leave nothing of it behind."""
    runs.stop_all()
    for run in runs.queue():
        leave(context, run)


def redraw(context: bpy.types.Context) -> None:
    """Draw every sequencer's sidebar anew. Not the rest of it: that takes long, and nothing of ours is there."""
    areas = [area for window in context.window_manager.windows for area in window.screen.areas]
    for area in [area for area in areas if area.type == "SEQUENCE_EDITOR"]:
        for region in [region for region in area.regions if region.type == "UI"]:
            region.tag_redraw()


CLASSES = (SEQUENCER_OT_matte_add, SEQUENCER_OT_matte_cancel, SEQUENCER_OT_matte_verify)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
