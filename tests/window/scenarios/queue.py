# SPDX-License-Identifier: GPL-3.0-or-later
"""Several presses, one after the other."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import Any

import bpy
from stage import (
    ADDON,
    Stage,
    in_timeline,
    mattes,
    reports,
    rest,
    running_job,
    strips,
    timeline_region,
    until,
    whole_png,
)
from steps import FEW, LONG, ended, started


def presses_wait_in_a_queue(stage: Stage) -> Iterator[None]:
    """Three strips in two presses, each with a row. The second is cancelled by its row's X, and the same strip is not
    taken twice; the others are placed."""
    yield from _queue_of_three(stage)
    first, second, third = _rows()
    assert [row.task.strip for row in (first, second, third)] == ["First", "Second", "Third"]
    yield from stage.screenshot("three_rows")
    yield from _click_x(stage, second.id)
    yield from until(lambda: second.stopped, "the end of the second", 5.0)
    assert not first.ended and not third.stopped, [row.message for row in _rows()]
    assert second.ended, "what waits need not wait to be stopped"
    yield from stage.screenshot("one_cancelled")
    yield from stage.click("sequencer.matte_add")  # which "Third" is still selected for
    yield from stage.move_over_timeline()  # away from the refusal, which takes keys
    yield from ended()
    yield from stage.screenshot("done")
    told = reports()
    assert "Stopped Second before its first frame" in told, told
    assert '"Third" is in the queue already' in told, told
    assert {made["strip_matte"]["source"] for made in mattes()} == {"First", "Third"}


def escape_stops_one_of_a_queue(stage: Stage) -> Iterator[None]:
    """Esc stops the one that works, and the next one begins. The button stops all that are left."""
    yield from _queue_of_three(stage, others=LONG)
    first, second, third = _rows()
    yield from stage.press("ESC")
    yield from until(lambda: second.done, "the first frame of the next one")
    assert first.state == "STOPPED" and not third.ended
    assert any("[Esc] Stop this one" in (text or "") for text in stage.status_texts), stage.status_texts
    yield from stage.click("sequencer.matte_cancel")
    yield from ended()
    assert not mattes()
    assert all(map(whole_png, stage.images())) and stage.images()
    assert "They are kept" in reports(), "the editor was not told"


def quit_with_a_queue(stage: Stage) -> Iterator[None]:
    yield from _queue_of_three(stage)
    stage.finished()
    bpy.ops.wm.quit_blender()
    yield from rest(60.0)
    raise AssertionError("Blender did not quit")


def new_file_with_a_queue(stage: Stage) -> Iterator[None]:
    yield from _queue_of_three(stage)
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    yield from rest(2.0)
    assert not bpy.context.scene.sequence_editor or not len(strips())
    _only_the_first_was_begun(stage)


def addon_disabled_with_a_queue(stage: Stage) -> Iterator[None]:
    yield from _queue_of_three(stage)
    bpy.ops.preferences.addon_disable(module=ADDON)
    yield from stage.nothing_left()
    assert not mattes()
    _only_the_first_was_begun(stage)
    bpy.ops.preferences.addon_enable(module=ADDON)


def window_closed_with_a_queue(stage: Stage) -> Iterator[None]:
    """What was pressed in a second window ends with it; what was pressed in the first goes on."""
    yield from _queue_of_three(stage)
    with in_timeline():
        bpy.ops.wm.window_new()
    yield from rest(0.5)
    stage.clip = shutil.copyfile(stage.clip, stage.work / "fourth.mp4")
    stage.add_movie("Fourth", 2, channel=7)
    for strip in strips():
        strip.select = strip.name == "Fourth"
    other = bpy.context.window_manager.windows[1]
    area = other.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    with bpy.context.temp_override(window=other, area=area, region=area.regions[-1]):
        bpy.ops.sequencer.matte_add("INVOKE_DEFAULT")
    assert len(_rows()) == 4
    yield from rest(0.5)
    with bpy.context.temp_override(window=other):
        bpy.ops.wm.window_close()
    yield from rest(0.5)
    assert [row.task.strip for row in _rows() if not row.ended] == ["First", "Second", "Third"]
    yield from ended()
    assert {made["strip_matte"]["source"] for made in mattes()} == {"First", "Second", "Third"}


def _queue_of_three(stage: Stage, others: int = FEW) -> Iterator[None]:
    """Three strips of three movies, added by two clicks; the first one works. others: frames of the others."""
    for channel, name in ((1, "First"), (3, "Second"), (5, "Third")):
        stage.clip = shutil.copyfile(stage.clip, stage.work / f"{name}.mp4")
        stage.add_movie(name, LONG if name == "First" else others, channel=channel, slow=True)
    strips()["First"].select = strips()["Second"].select = True
    strips()["Third"].select = False
    yield from stage.open_sidebar()
    yield from started(stage)
    for strip in strips():
        strip.select = strip.name == "Third"
    yield from stage.click("sequencer.matte_add")
    yield from until(lambda: len(_rows()) == 3, "the third row", 15.0)
    assert running_job().done < LONG, "the first one was over too early"


def _rows() -> Any:
    """What has a row in the panel."""
    return sys.modules[f"{ADDON}.operators.run"].items()


def _click_x(stage: Stage, number: int) -> Iterator[None]:
    """Click on the X of a row, below where the mouse is."""
    region, manager = timeline_region("UI"), bpy.context.window_manager
    top = stage.mouse[1] - 30
    # Where the X is beside the tabs differs between releases.
    for x in (region.x + region.width - offset for offset in (42, 56, 28, 70)):
        for y in range(top, region.y, -8):
            yield from stage.move_to(x, y)
            manager.clipboard = ""
            with in_timeline("UI"):
                if bpy.ops.ui.copy_python_command_button.poll():
                    bpy.ops.ui.copy_python_command_button()
            if f"matte_cancel(job={number})" in manager.clipboard:
                yield from stage.press("LEFTMOUSE")
                return
    raise AssertionError(f"no row has an X for {number}")


def _only_the_first_was_begun(stage: Stage) -> None:
    images = stage.images()
    assert images and all(map(whole_png, images))
    assert {path.parent.name.partition("_")[0] for path in images} == {"First"}, images
