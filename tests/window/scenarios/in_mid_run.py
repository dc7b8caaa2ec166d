# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a job, its strip, its file and Blender while it runs."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
from stage import ADDON, Stage, mattes, reports, rest, running_job, strips, until, whole_png
from steps import FEW, MANY, ended, in_mid_run, started, stopped_cleanly


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
    stage.trim(strips()["Movie"], 2)
    bpy.context.scene.strip_matte.folder = str(stage.work / "again")
    yield from stage.open_sidebar()
    yield from started(stage)
    yield from ended()
    assert len(mattes()) == 1


def strip_deleted_in_mid_run(stage: Stage) -> Iterator[None]:
    """Without its strip the job ends in a warning that names the folder; the images stay."""
    yield from in_mid_run(stage, 2 * FEW)
    strips().remove(strips()["Movie"])
    yield from ended()
    assert not mattes()
    assert len(stage.images()) == 2 * FEW and all(map(whole_png, stage.images()))
    assert str(stage.images()[0].parent) in reports(), reports()


def undo_in_mid_run(stage: Stage) -> Iterator[None]:
    """Undo frees every strip under a running job; the job goes on with the strip of the same name."""
    stage.add_movie("Movie", MANY // 2, slow=True)
    yield from stage.open_sidebar()
    strips()["Movie"].channel = 5
    bpy.ops.ed.undo_push(message="strip moved")
    yield from started(stage)
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: strips()["Movie"].channel == 1, "the Undo")
    assert running_job(), "the job was over before the Undo"
    yield from ended()
    assert [matte.channel for matte in mattes()] == [2], [(strip.name, strip.channel) for strip in strips()]


def quit_in_mid_run(stage: Stage) -> Iterator[None]:
    """Blender quits while a job runs: nothing may hold it up or crash it."""
    yield from in_mid_run(stage)
    stage.finished()
    bpy.ops.wm.quit_blender()
    yield from rest(60.0)
    raise AssertionError("Blender did not quit")
