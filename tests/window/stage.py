# SPDX-License-Identifier: GPL-3.0-or-later
"""The hands and eyes of the scenarios: a movie on the timeline, the sidebar, mouse and keys, screenshots, the end.

What needs the window to run on is a generator, to be used with `yield from`.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import threading
import time
import types
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

ADDON = "bl_ext.user_default.strip_matte"
PATIENCE = 60.0
"""Seconds to wait for anything: a frame takes half a second on two idle cores, and the cores may be shared."""
CLICKS = 3
"""On one button, before it counts as broken."""
REST = 0.006
"""Seconds of rest in each step, and of Blender's own time between two of them."""


@dataclass
class Clock:
    """The longest time the window stood still, seen as the longest time between two steps of the driver, in seconds."""

    last: float = field(default_factory=time.monotonic)
    longest_gap: float = 0.0

    def tick(self) -> None:
        self.longest_gap = max(self.longest_gap, time.monotonic() - self.last)
        # Where events are simulated Blender never rests, and would keep a core busy that a job could use.
        time.sleep(REST)
        self.last = time.monotonic()


@dataclass
class Stage:
    name: str
    """The scenario's."""
    clip: Path
    work: Path
    """An empty folder of the scenario's own."""
    artifacts: Path
    """Where logs and screenshots are kept."""
    clock: Clock = field(default_factory=Clock)
    threads: frozenset[threading.Thread] = field(default_factory=lambda: frozenset(threading.enumerate()))
    mouse: tuple[int, int] = (0, 0)
    status_texts: list[str | None] = field(default_factory=list)
    """What was written into the status bar, None where it was cleared."""

    def __post_init__(self) -> None:
        original = bpy.types.WorkSpace.status_text_set

        def status_text_set(workspace: Any, text: str | None) -> None:
            self.status_texts.append(text)
            original(workspace, text)

        bpy.types.WorkSpace.status_text_set = status_text_set

    # The timeline

    def add_movie(self, name: str, frames: int, channel: int = 1, slow: bool = False) -> Any:
        """Put the first frames of the clip on the timeline, selected and active.

        slow: the job is to last until something has been done to it.
        """
        scene = bpy.context.scene
        editor = scene.sequence_editor or scene.sequence_editor_create()
        strip = strips().new_movie(name, str(self.clip), channel=channel, frame_start=1)
        self.trim(strip, frames)
        strip.select = True
        editor.active_strip = strip
        scene.strip_matte.folder = str(self.work / "images")
        if slow:
            scene.strip_matte.quality, scene.strip_matte.precision = "EVERY", "FULL"
        return strip

    def trim(self, strip: Any, frames: int) -> None:
        """Let a strip end after some frames."""
        end = span(strip)[0] + frames
        setattr(strip, "right_handle" if hasattr(strip, "right_handle") else "frame_final_end", end)
        bpy.context.scene.frame_end = 2 * frames

    def images(self) -> list[Path]:
        """Return the finished images."""
        return sorted(path for path in self.work.rglob("*.png") if not path.name.startswith("."))

    # The window

    def open_sidebar(self) -> Iterator[None]:
        """Show the timeline's sidebar with the add-on's panel, and what was put on the timeline."""
        timeline_area().spaces.active.show_region_ui = True
        yield from rest(0.5)
        panel = bpy.types.SEQUENCER_PT_strip_matte
        timeline_region("UI").active_panel_category = panel.bl_category
        with in_timeline():
            bpy.ops.sequencer.view_all()
        # What the scenario put there is not to be undone with what it tests.
        bpy.ops.ed.undo_push(message="the stage is set")
        yield from rest(0.5)

    def move_to(self, x: int, y: int) -> Iterator[None]:
        self.mouse = (x, y)
        window().event_simulate(type="MOUSEMOVE", value="NOTHING", x=x, y=y)
        yield  # Blender handles the event ...
        yield  # ... and what follows from it.

    def move_over_timeline(self) -> Iterator[None]:
        region = timeline_region("WINDOW")
        yield from self.move_to(region.x + region.width // 2, region.y + region.height // 2)

    def press(self, key: str, **modifiers: bool) -> Iterator[None]:
        """Press and release a key over the timeline (LEFTMOUSE: where the mouse is)."""
        if key != "LEFTMOUSE":
            yield from self.move_over_timeline()
        x, y = self.mouse
        window().event_simulate(type=key, value="PRESS", x=x, y=y, **modifiers)
        yield
        window().event_simulate(type=key, value="RELEASE", x=x, y=y, **modifiers)
        yield

    def click(self, button: str, seen: Callable[[], Any]) -> Iterator[None]:
        """Click on a button of the sidebar until what it does is seen; again where a redraw took it from the mouse.

        button: what it calls, as in `sequencer.matte_add` or `sequencer.matte_cancel(job=2)`.
        """
        family, _, name = button.partition("(")[0].partition(".")
        for attempt in range(CLICKS):
            with in_timeline("UI"):
                assert getattr(getattr(bpy.ops, family), name).poll(), f"the button for {button} is greyed out"
            yield from self._find(button)
            yield from self.press("LEFTMOUSE")
            end = time.monotonic() + PATIENCE / CLICKS
            while time.monotonic() < end:
                if seen():
                    return
                yield
            print(f"# click {attempt + 1} on {button} was not seen to do anything")
        raise AssertionError(f"{CLICKS} clicks on {button} did nothing")

    def _find(self, button: str) -> Iterator[None]:
        """Move the mouse over a button of the sidebar."""
        region, manager = timeline_region("UI"), bpy.context.window_manager
        # Most reach over the middle. The X of a row is beside the tabs, and where that is differs between releases.
        columns = (region.width // 2, *(region.width - offset for offset in (42, 56, 28, 70)))
        for x in columns:
            for y in range(region.height - 10, 0, -12):
                yield from self.move_to(region.x + x, region.y + y)
                manager.clipboard = ""
                with in_timeline("UI"):
                    # Blender won't say where a button is, but it says what the button under the mouse does.
                    if bpy.ops.ui.copy_python_command_button.poll():
                        bpy.ops.ui.copy_python_command_button()
                if f"bpy.ops.{button}" in manager.clipboard:
                    return
        raise AssertionError(f"the sidebar has no button for {button}")

    def screenshot(self, what: str) -> Iterator[None]:
        """Keep a picture of the whole screen, taken from outside: Blender's own comes out black under Xvfb."""
        if not shutil.which("import"):
            print("# no screenshot: ImageMagick's import is missing")
            return
        yield from rest(0.2)
        path = self.artifacts / f"{self.name}-{what}.png"
        camera = subprocess.Popen(["import", "-window", "root", str(path)])
        yield from until(lambda: camera.poll() is not None, f"the screenshot {path.name}")
        assert camera.returncode == 0, f"import ended with {camera.returncode}"

    # The end

    def finished(self) -> None:
        """Tell run.py that the scenario came to its end: a status of 0 alone may be a Blender that quit early."""
        print("THE SCENARIO IS FINISHED", flush=True)

    def nothing_left(self) -> Iterator[None]:
        """Fail when a job, a thread, a timer or a status text of the add-on is still there."""
        yield from until(lambda: not set(threading.enumerate()) - self.threads, "the end of the add-on's threads")
        modules = [module for name, module in list(sys.modules.items()) if name.startswith(ADDON)]
        functions = [(m.__name__, f) for m in modules for f in vars(m).values() if isinstance(f, types.FunctionType)]
        timers = [f"{name}.{f.__name__}" for name, f in functions if bpy.app.timers.is_registered(f)]
        assert not timers, f"timers are left: {timers}"
        assert running_job() is None, f"a job is left: {running_job()}"
        # The next event clears away the handler of an unregistered operator; a modal one that starts before that
        # crashes Blender 4.3. Not over a button: its tooltip has a timer of the window.
        yield from self.move_over_timeline()
        with bpy.context.temp_override(window=window()):
            bpy.ops.wm.strip_matte_witness("INVOKE_DEFAULT")
        Witness.timer_events = 0
        yield from rest(1.5)
        # The add-on's ticks ten times a second. Blender has one-shot timers of its own, for redraws and tooltips.
        assert Witness.timer_events <= 2, f"a timer of the window is left: {Witness.timer_events} ticks in 1.5 s"
        assert not self.status_texts or self.status_texts[-1] is None, (
            f"left in the status bar: {self.status_texts[-1]}"
        )


class Witness(bpy.types.Operator):
    """Count the ticks of the window's timers, which Blender has no list of"""

    bl_idname = "wm.strip_matte_witness"
    bl_label = "Count Timer Events"
    timer_events = 0

    def invoke(self, context: Any, _event: Any) -> set[str]:
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, _context: Any, event: Any) -> set[str]:
        Witness.timer_events += event.type == "TIMER"
        return {"PASS_THROUGH"}


bpy.utils.register_class(Witness)


# Looked up each time: undo and file load replace them.


def window() -> Any:
    return bpy.context.window_manager.windows[0]


def timeline_area() -> Any:
    areas = [area for area in window().screen.areas if area.type == "SEQUENCE_EDITOR"]
    return next(area for area in areas if area.spaces.active.view_type == "SEQUENCER")


def timeline_region(kind: str) -> Any:
    return next(region for region in timeline_area().regions if region.type == kind)


def in_timeline(kind: str = "WINDOW") -> Any:
    """Return a context manager in which operators run as if the mouse were over the timeline."""
    return bpy.context.temp_override(window=window(), area=timeline_area(), region=timeline_region(kind))


def strips(scene: Any = None) -> Any:
    """Return the collection of strips (`sequences` before 4.4), of the scene that is seen where none is named."""
    editor = (scene or bpy.context.scene).sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def span(strip: Any) -> tuple[int, int]:
    """Return a strip's first timeline frame and the one after its last (the old names warn since 5.1)."""
    if hasattr(strip, "right_handle"):
        return strip.left_handle, strip.right_handle
    return strip.frame_final_start, strip.frame_final_end


def mattes(scene: Any = None) -> list[Any]:
    """Return the strips the add-on made."""
    return [strip for strip in strips(scene) if "strip_matte" in strip]


def reports() -> str:
    """Return what Blender's Info editor shows: every operator called and every message to the user."""
    area = next(area for area in window().screen.areas if area.type in {"FILE_BROWSER", "INFO"})
    area.type = "INFO"
    with bpy.context.temp_override(window=window(), area=area, region=area.regions[-1]):
        bpy.ops.info.select_all(action="SELECT")
        bpy.ops.info.report_copy()
    return str(bpy.context.window_manager.clipboard)


def running_job() -> Any:
    run = sys.modules.get(f"{ADDON}.operators.run")
    return run.current() if run else None


# Time


def rest(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def until(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Iterator[None]:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        yield


# Files


def whole_png(path: Path) -> bool:
    """Return whether every chunk of a PNG is there with its checksum, from the signature to IEND."""
    data, at, kind = path.read_bytes(), 8, b""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return False
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, end = data[at + 4 : at + 8], at + 8 + length
        if data[end : end + 4] != struct.pack(">I", zlib.crc32(data[at + 4 : end])):
            return False
        at = end + 4
    return kind == b"IEND" and at == len(data)
