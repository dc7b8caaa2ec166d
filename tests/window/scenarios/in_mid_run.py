# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a job, its strip, its file and Blender while it runs."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
from stage import ADDON, Stage, mattes, reports, rest, running_job, strips, whole_png, window
from steps import FEW, MANY, begun, ended, in_mid_run, not_yet, quits, started, stopped_cleanly


def escape_stops(stage: Stage) -> Iterator[None]:
    yield from in_mid_run(stage)
    yield from stage.press("ESC")
    yield from ended()
    stopped_cleanly(stage)
    assert "Stopped" in reports(), "the editor was not told"


def cancel_button_stops(stage: Stage) -> Iterator[None]:
    yield from in_mid_run(stage)
    yield from stage.click("sequencer.matte_cancel", lambda: not running_job() or running_job().items[0].stopped)
    yield from ended()
    stopped_cleanly(stage)


def stopped_run_is_resumed(stage: Stage) -> Iterator[None]:
    """The run after Esc keeps the images that are whole and makes the others."""
    yield from in_mid_run(stage)
    yield from stage.press("ESC")
    yield from ended()
    before = {path: path.stat().st_mtime_ns for path in stage.images()}
    movie = strips()["Movie"]
    stage.trim(movie, len(before) + 2)
    yield from started(stage)
    yield from ended()
    assert len(mattes()) == 1
    assert len(stage.images()) == len(before) + 2, (len(before), len(stage.images()))
    assert all(path.stat().st_mtime_ns == made for path, made in before.items()), "images were made twice"


def other_file_in_mid_run(stage: Stage) -> Iterator[None]:
    """A file with a strip of the same name is loaded: it must not get the matte."""
    stage.add_movie("Movie", MANY, slow=True)
    other = str(stage.work / "other.blend")
    bpy.ops.wm.save_as_mainfile(filepath=other, copy=True)
    strips().remove(strips()["Movie"])
    yield from in_mid_run(stage)
    bpy.ops.wm.open_mainfile(filepath=other)
    yield from rest(2.0)
    assert bpy.data.filepath == other
    stopped_cleanly(stage)


def new_file_in_mid_run(stage: Stage) -> Iterator[None]:
    yield from in_mid_run(stage)
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    yield from rest(2.0)
    assert not bpy.context.scene.sequence_editor or not len(strips())
    assert all(map(whole_png, stage.images()))


def addon_disabled_in_mid_run(stage: Stage) -> Iterator[None]:
    """The add-on ends its work when it is disabled, and works again when it is enabled."""
    yield from in_mid_run(stage)
    bpy.ops.preferences.addon_disable(module=ADDON)
    yield from stage.screenshot("disabled")
    yield from stage.nothing_left()
    stopped_cleanly(stage)
    assert not hasattr(bpy.types, "SEQUENCER_PT_strip_matte") and not hasattr(bpy.types.Scene, "strip_matte")
    bpy.ops.preferences.addon_enable(module=ADDON)
    yield from _works_again(stage)


def scripts_reloaded_in_mid_run(stage: Stage) -> Iterator[None]:
    """Blender refuses Reload Scripts while a job runs, which goes on. Afterwards they are reloaded, and the add-on
    works again."""
    stage.add_movie("Movie", FEW, slow=True)
    with not_yet("Movie"):
        yield from begun(stage)
        refused = ""
        try:
            bpy.ops.script.reload()
        except RuntimeError as error:
            refused = str(error)
        assert "running modal operators" in refused, refused
        yield from rest(0.5)
        assert running_job()
    yield from ended()
    assert len(mattes()) == 1
    bpy.ops.script.reload()
    yield from rest(0.5)
    yield from _works_again(stage)


def own_window_closed_in_mid_run(stage: Stage) -> Iterator[None]:
    """The job ends with its window. In the other window a new one takes up what is whole."""
    yield from in_mid_run(stage)
    with bpy.context.temp_override(window=window()):
        bpy.ops.wm.window_new_main()
    yield from rest(0.5)
    with bpy.context.temp_override(window=window()):
        bpy.ops.wm.window_close()
    yield from rest(0.5)
    assert len(bpy.context.window_manager.windows) == 1
    yield from stage.nothing_left()
    stopped_cleanly(stage)
    yield from _works_again(stage)


def quit_in_mid_run(stage: Stage) -> Iterator[None]:
    """Blender quits while a job runs: nothing may hold it up or crash it."""
    yield from in_mid_run(stage)
    yield from quits(stage)


def _works_again(stage: Stage) -> Iterator[None]:
    stage.trim(strips()["Movie"], 2)
    bpy.context.scene.strip_matte.folder = str(stage.work / "again")
    for strip in strips():
        strip.select = strip.name == "Movie"
    before = len(mattes())
    yield from begun(stage)
    yield from ended()
    assert len(mattes()) == before + 1
