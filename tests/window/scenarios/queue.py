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
    strips,
    until,
    whole_png,
)
from steps import FEW, MANY, ended, not_yet, quits, started


def presses_wait_in_a_queue(stage: Stage) -> Iterator[None]:
    """Three strips in two presses, each with a row. The second is cancelled by its row's X, and the same strip is not
    taken twice; the others are placed, and each press is one step of Undo."""
    _three_strips(stage, FEW, FEW)
    with not_yet("First"):
        yield from _two_presses(stage)
        first, second, third = _rows()
        assert [row.task.strip for row in (first, second, third)] == ["First", "Second", "Third"]
        yield from stage.screenshot("three_rows")
        yield from stage.click(f"sequencer.matte_cancel(job={second.id})", lambda: second.stopped)
        assert not first.ended and not third.stopped, [row.message for row in _rows()]
        assert second.ended, "what waits need not wait to be stopped"
        yield from stage.screenshot("one_cancelled")
        # "Third" is still selected.
        yield from stage.click("sequencer.matte_add", lambda: '"Third" is in the queue already' in reports())
        yield from stage.move_over_timeline()  # away from the refusal
        assert len(_rows()) == 3
    yield from ended()
    yield from stage.screenshot("done")
    assert "Stopped Second before its first frame" in reports(), reports()
    assert {made["strip_matte"]["source"] for made in mattes()} == {"First", "Third"}
    yield from stage.press("ESC")  # 5.2 shows the refusal until a key takes it away
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: len(mattes()) == 1, "the end of one matte by Undo")
    assert mattes()[0]["strip_matte"]["source"] == "First"
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: not mattes(), "the end of the other by another Undo")


def escape_stops_one_of_a_queue(stage: Stage) -> Iterator[None]:
    """Esc stops the one that works, and the next one begins. The button stops all that are left."""
    yield from _queue_of_three(stage, others=MANY)
    first, second, third = _rows()
    yield from stage.press("ESC")
    yield from until(lambda: second.done, "the first frame of the next one")
    assert first.state == "STOPPED" and not third.ended
    assert any("[Esc] Stop this one" in (text or "") for text in stage.status_texts), stage.status_texts
    yield from stage.click("sequencer.matte_cancel()", lambda: second.stopped and third.stopped)
    yield from ended()
    assert not mattes()
    assert all(map(whole_png, stage.images())) and stage.images()
    assert "They are kept" in reports(), "the editor was not told"


def quit_with_a_queue(stage: Stage) -> Iterator[None]:
    yield from _queue_of_three(stage)
    yield from quits(stage)


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
    _three_strips(stage, FEW, FEW)
    with not_yet("First"):
        yield from _two_presses(stage)
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


def _queue_of_three(stage: Stage, frames: int = MANY, others: int = FEW) -> Iterator[None]:
    """Three strips of three movies, added by two clicks; the first one works. frames: of the first."""
    _three_strips(stage, frames, others)
    yield from _two_presses(stage)


def _three_strips(stage: Stage, frames: int, others: int) -> None:
    for channel, name in ((1, "First"), (3, "Second"), (5, "Third")):
        stage.clip = shutil.copyfile(stage.clip, stage.work / f"{name}.mp4")
        stage.add_movie(name, frames if name == "First" else others, channel=channel, slow=True)


def _two_presses(stage: Stage) -> Iterator[None]:
    """Add the first two, then the third."""
    for strip in strips():
        strip.select = strip.name in {"First", "Second"}
    yield from stage.open_sidebar()
    yield from started(stage)
    for strip in strips():
        strip.select = strip.name == "Third"
    yield from stage.click("sequencer.matte_add", lambda: len(_rows()) == 3)
    assert not _rows()[0].ended, "the first one was over too early"


def _rows() -> Any:
    """What has a row in the panel."""
    return sys.modules[f"{ADDON}.operators.run"].items()


def _only_the_first_was_begun(stage: Stage) -> None:
    images = stage.images()
    assert images and all(map(whole_png, images))
    assert {path.parent.name.partition("_")[0] for path in images} == {"First"}, images
