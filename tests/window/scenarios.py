# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold in a real window.

Each public function is one scenario, run in a Blender of its own; each `yield` lets the window live.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
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
    span,
    strips,
    timeline_region,
    until,
    whole_png,
)

FEW = 8
LONG = 40
"""Frames of a job that others wait for: clicks are slow where the cores are shared."""
MANY = 120
"""More frames than are done before a scenario interferes."""


def run_to_the_end(stage: Stage) -> Iterator[None]:
    """A click on the button gives the strip, and one Undo takes everything back."""
    stage.add_movie("Movie", FEW)
    yield from stage.open_sidebar()
    yield from stage.screenshot("idle")
    yield from _started(stage)
    yield from stage.screenshot("running")
    yield from _ended()
    yield from stage.screenshot("done")

    movie, (matte,) = strips()["Movie"], mattes()
    assert matte.type == "IMAGE" and matte.channel == movie.channel + 1, (matte.type, matte.channel)
    assert span(matte) == span(movie), (span(matte), span(movie))
    assert len(matte.elements) == FEW and {e.filename for e in matte.elements} == {p.name for p in stage.images()}
    assert matte.blend_type == "ALPHA_OVER" and matte.alpha_mode == "STRAIGHT"
    assert movie.mute and not matte.mute
    assert [text for text in stage.status_texts if text], "the status bar said nothing"
    assert stage.status_texts[-1] is None, "the status bar was not cleared"
    print(f"# status bar: {stage.status_texts[-2]!r}")

    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: not mattes(), "the end of the matte by one Undo")
    assert [strip.name for strip in strips()] == ["Movie"] and not strips()["Movie"].mute


def verify_button_tells(stage: Stage) -> Iterator[None]:
    """A click on Verify Matte puts the verdict on the cutout, and leaves all else as it was."""
    stage.add_movie("Movie", FEW)
    yield from stage.open_sidebar()
    yield from _started(stage)
    yield from _ended()
    scene = bpy.context.scene
    scene.frame_current, scene.render.resolution_percentage = 3, 80
    scene.render.filepath = str(stage.work / "mine.mp4")
    before = _settings()
    yield from stage.click("sequencer.matte_verify")
    yield from until(lambda: "verdict" in mattes()[0]["strip_matte"], "the verdict")
    yield from stage.screenshot("verdict")
    verdict = mattes()[0]["strip_matte"]["verdict"]
    assert verdict == f"frames 1 to {FEW}, {FEW} compared, all the same", verdict
    assert verdict in reports(), "the editor was not told"
    assert _settings() == before, f"{_settings()}, before: {before}"


def window_stays_alive(stage: Stage) -> Iterator[None]:
    """While a job runs, keys still work and the window never stands still for long."""
    stage.add_movie("Movie", MANY // 2, slow=True)
    yield from stage.open_sidebar()
    bpy.context.scene.frame_current = 1
    yield from _started(stage)
    started, stage.clock.longest_gap = time.monotonic(), 0.0
    yield from stage.press("RIGHT_ARROW")
    yield from until(lambda: bpy.context.scene.frame_current == 2, "the playhead to move")
    assert running_job(), "the job was over before the key was pressed"
    yield from _ended()
    took, gap = time.monotonic() - started, stage.clock.longest_gap
    print(f"# longest gap between two steps while the job ran: {gap:.2f} s of {took:.1f} s")
    assert gap < 2.0, f"the window stood still for {gap:.2f} s"


def matte_and_cutout_change_places(stage: Stage) -> Iterator[None]:
    """Output Matte masks the movie; Undo and Redo take and give; Switch Output and Remove leave what they should."""
    stage.add_movie("Movie", FEW)
    bpy.context.scene.strip_matte.output = "MATTE"
    bpy.ops.ed.undo_push(message="movie")
    yield from stage.open_sidebar()
    yield from _started(stage)
    yield from _ended()
    assert [modifier.type for modifier in strips()["Movie"].modifiers] == ["MASK"]
    assert mattes()[0].mute
    yield from stage.screenshot("matte")
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: not mattes(), "Undo")
    assert not strips()["Movie"].modifiers
    yield from stage.press("Z", ctrl=True, shift=True)
    yield from until(mattes, "Redo")
    assert strips()["Movie"].modifiers[0].input_mask_strip == mattes()[0]
    yield from stage.click("sequencer.matte_switch")
    yield from until(lambda: [made["strip_matte"]["output"] for made in mattes()] == ["CUTOUT"], "the cutout")
    assert strips()["Movie"].mute
    assert not strips()["Movie"].modifiers
    yield from stage.screenshot("cutout")
    with in_timeline("WINDOW"):
        bpy.ops.sequencer.matte_remove()
    assert not mattes()
    assert not strips()["Movie"].mute


def two_strips(stage: Stage) -> Iterator[None]:
    """Two selected strips are done one after the other, and one Undo takes both back."""
    stage.add_movie("Lower", FEW)
    stage.clip = shutil.copyfile(stage.clip, stage.work / "other.mp4")
    stage.add_movie("Upper", FEW, channel=2)
    strips()["Lower"].select = True
    yield from stage.open_sidebar()
    yield from _started(stage)
    yield from _ended()
    yield from stage.screenshot("done")
    assert len(mattes()) == 2, [strip.name for strip in strips()]
    places = [strip.channel for strip in strips()]
    assert len(set(places)) == 4, f"strips overlap: channels {places}"
    assert len(stage.images()) == 2 * FEW, len(stage.images())
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: not mattes(), "the end of both mattes by one Undo")
    assert not any(strip.mute for strip in strips())


def escape_stops(stage: Stage) -> Iterator[None]:
    yield from _in_mid_run(stage)
    yield from stage.press("ESC")
    yield from _ended()
    _stopped_cleanly(stage)
    assert "Stopped" in reports(), "the editor was not told"


def cancel_button_stops(stage: Stage) -> Iterator[None]:
    yield from _in_mid_run(stage)
    yield from stage.click("sequencer.matte_cancel")
    yield from _ended()
    _stopped_cleanly(stage)


def stopped_run_is_resumed(stage: Stage) -> Iterator[None]:
    """The run after Esc keeps the images that are whole and makes the others."""
    yield from _in_mid_run(stage)
    yield from stage.press("ESC")
    yield from _ended()
    before = {path: path.stat().st_mtime_ns for path in stage.images()}
    movie = strips()["Movie"]
    stage.trim(movie, len(before) + 2)
    yield from _started(stage)
    yield from _ended()
    assert len(mattes()) == 1
    assert len(stage.images()) == len(before) + 2, (len(before), len(stage.images()))
    assert all(path.stat().st_mtime_ns == made for path, made in before.items()), "images were made twice"


def other_file_in_mid_run(stage: Stage) -> Iterator[None]:
    """A file with a strip of the same name is loaded: it must not get the matte."""
    stage.add_movie("Movie", MANY, slow=True)
    other = str(stage.work / "other.blend")
    bpy.ops.wm.save_as_mainfile(filepath=other, copy=True)
    strips().remove(strips()["Movie"])
    yield from _in_mid_run(stage)
    bpy.ops.wm.open_mainfile(filepath=other)
    yield from rest(2.0)
    assert bpy.data.filepath == other
    _stopped_cleanly(stage)


def new_file_in_mid_run(stage: Stage) -> Iterator[None]:
    yield from _in_mid_run(stage)
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    yield from rest(2.0)
    assert not bpy.context.scene.sequence_editor or not len(strips())
    assert all(map(whole_png, stage.images()))


def addon_disabled_in_mid_run(stage: Stage) -> Iterator[None]:
    """The add-on ends its work when it is disabled, and works again when it is enabled."""
    yield from _in_mid_run(stage)
    bpy.ops.preferences.addon_disable(module=ADDON)
    yield from stage.screenshot("disabled")
    yield from stage.nothing_left()
    _stopped_cleanly(stage)
    assert not hasattr(bpy.types, "SEQUENCER_PT_strip_matte") and not hasattr(bpy.types.Scene, "strip_matte")
    bpy.ops.preferences.addon_enable(module=ADDON)
    stage.trim(strips()["Movie"], 2)
    bpy.context.scene.strip_matte.folder = str(stage.work / "again")
    yield from stage.open_sidebar()
    yield from _started(stage)
    yield from _ended()
    assert len(mattes()) == 1


def strip_deleted_in_mid_run(stage: Stage) -> Iterator[None]:
    """Without its strip the job ends in a warning that names the folder; the images stay."""
    yield from _in_mid_run(stage, 2 * FEW)
    strips().remove(strips()["Movie"])
    yield from _ended()
    assert not mattes()
    assert len(stage.images()) == 2 * FEW and all(map(whole_png, stage.images()))
    assert str(stage.images()[0].parent) in reports(), reports()


def undo_in_mid_run(stage: Stage) -> Iterator[None]:
    """Undo frees every strip under a running job; the job goes on with the strip of the same name."""
    stage.add_movie("Movie", MANY // 2, slow=True)
    yield from stage.open_sidebar()
    strips()["Movie"].channel = 5
    bpy.ops.ed.undo_push(message="strip moved")
    yield from _started(stage)
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: strips()["Movie"].channel == 1, "the Undo")
    assert running_job(), "the job was over before the Undo"
    yield from _ended()
    assert [matte.channel for matte in mattes()] == [2], [(strip.name, strip.channel) for strip in strips()]


def quit_in_mid_run(stage: Stage) -> Iterator[None]:
    """Blender quits while a job runs: nothing may hold it up or crash it."""
    yield from _in_mid_run(stage)
    stage.finished()
    bpy.ops.wm.quit_blender()
    yield from rest(60.0)
    raise AssertionError("Blender did not quit")


def same_bytes_from_every_door(stage: Stage) -> Iterator[None]:
    """The modal run, the blocking run and the command line write the same files; the command line's exit status."""
    folders = {name: stage.work / name for name in ("modal", "blocking", "command")}
    stage.add_movie("Movie", FEW)
    blend = str(stage.work / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=blend, copy=True)

    bpy.context.scene.strip_matte.folder = str(folders["modal"])
    yield from stage.open_sidebar()
    yield from _started(stage)
    yield from _ended()

    bpy.context.scene.strip_matte.folder = str(folders["blocking"])
    for strip in strips():
        strip.select = strip.name == "Movie"
    with in_timeline():
        assert bpy.ops.sequencer.matte_add() == {"FINISHED"}

    status, text = yield from _command(stage, blend, "--strip", "Movie", "--folder", str(folders["command"]))
    assert status == 0, text
    made = {name: _hashes(folder) for name, folder in folders.items()}
    assert len(made["modal"]) == FEW, made
    assert made["modal"] == made["blocking"] == made["command"], made

    status, text = yield from _command(stage, blend, "--help")
    assert status == 0 and "--strip" in text and "--frames" in text, (status, text)
    status, text = yield from _command(stage, blend, "--no-such-option")
    assert status == 2, (status, text)
    status, text = yield from _command(stage, blend, "--strip", "No such strip")
    assert status == 1 and "No such strip" in text, (status, text)


def preview_follows_the_settings(stage: Stage) -> Iterator[None]:
    """The button shows the matte of the frame under the playhead over the strip, and follows playhead and settings."""
    movie = stage.add_movie("Movie", 100)
    scene, manager = bpy.context.scene, bpy.context.window_manager
    scene.frame_current = 61
    yield from stage.open_sidebar()
    before = _settings()
    yield from stage.screenshot("off")
    yield from stage.click("sequencer.matte_preview")
    yield from _previewed(stage, "first")
    for mode in ("RED", "CUTOUT", "MATTE"):
        manager.strip_matte_preview = mode
        yield from _previewed(stage, mode)
        yield from stage.screenshot(mode.lower())
    scene.strip_matte.grow, scene.strip_matte.feather = 12, 10.0
    yield from _previewed(stage, "shape")
    scene.strip_matte.mask = _rectangle()
    yield from _previewed(stage, "a drawn mask")
    yield from stage.screenshot("mask")
    scene.strip_matte.mask, scene.strip_matte.grow, scene.strip_matte.feather = None, 0, 0.0
    scene.frame_current = 75
    yield from _previewed(stage, "another frame")
    scene.frame_current = 76
    yield from _previewed(stage, "the next frame")
    manager.strip_matte_preview = "CUTOUT"
    transform = movie.transform
    transform.offset_x, transform.offset_y, transform.scale_x, transform.scale_y = 150, -60, 0.6, 0.7
    transform.rotation, movie.crop.min_x = 0.3, 200
    yield from _previewed(stage, "moved")
    yield from stage.screenshot("moved")
    manager.strip_matte_preview = "RED"
    yield from _previewed(stage, "moved, red")
    yield from stage.screenshot("moved_red")
    scene.strip_matte.keep = "PICKED"
    yield from until(lambda: "Pick Subject" in _preview().text, "the sentence about the pick")
    yield from stage.screenshot("trouble")
    scene.strip_matte.keep = "ALL"
    transform.offset_x, transform.offset_y, transform.scale_x, transform.scale_y = 0, 0, 1, 1
    transform.rotation, movie.crop.min_x = 0, 0
    assert not stage.images() and not list(stage.work.glob("images*")), "something was written"
    assert (_settings()[0], _settings()[2:]) == (before[0], before[2:]), "the timeline was touched"
    yield from stage.click("sequencer.matte_preview")
    assert _preview() is None
    yield from stage.screenshot("off_again")


def preview_ends_with_its_strip(stage: Stage) -> Iterator[None]:
    """Undo that takes the strip, a job and a new file each switch the preview off; nothing is left of it."""
    bpy.ops.ed.undo_push(message="empty")
    stage.add_movie("Movie", 40)
    yield from stage.open_sidebar()
    yield from stage.click("sequencer.matte_preview")
    yield from _previewed(stage, "first")
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: _preview() is None, "the end of the preview by Undo")
    yield from stage.nothing_left()

    stage.add_movie("Again", FEW)
    yield from stage.open_sidebar()
    yield from stage.click("sequencer.matte_preview")
    yield from _previewed(stage, "again")
    yield from _started(stage)
    yield from until(lambda: _preview() is None, "the end of the preview by a job")
    yield from _ended()

    bpy.context.scene.sequence_editor_clear()
    stage.add_movie("Third", FEW)
    yield from stage.open_sidebar()
    yield from stage.click("sequencer.matte_preview")
    yield from _previewed(stage, "third")
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    assert _preview() is None
    yield from rest(1.0)


def quit_with_preview(stage: Stage) -> Iterator[None]:
    """Blender quits while the preview is on: nothing may hold it up or crash it."""
    stage.add_movie("Movie", 40)
    yield from stage.open_sidebar()
    yield from stage.click("sequencer.matte_preview")
    yield from _previewed(stage, "first")
    stage.finished()
    bpy.ops.wm.quit_blender()
    yield from rest(60.0)
    raise AssertionError("Blender did not quit")


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
    yield from _ended()
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
    yield from _ended()
    assert not mattes()
    assert all(map(whole_png, stage.images())) and stage.images()
    assert "They are kept" in reports(), "the editor was not told"


def a_pause_is_told(stage: Stage) -> Iterator[None]:
    """While no image comes for long, the status bar and the row say so, and the job goes on. Making the network ready
    takes longer than what is long here."""
    module: Any = sys.modules[f"{ADDON}.operators.run"]
    module.STALLED = 0.1
    stage.add_movie("Movie", 2)
    yield from stage.open_sidebar()
    yield from stage.click("sequencer.matte_add")
    yield from until(lambda: any("no progress for" in (text or "") for text in stage.status_texts), "the sentence")
    yield from stage.screenshot("paused")
    yield from _ended()
    assert len(mattes()) == 1


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
    yield from _ended()
    assert {made["strip_matte"]["source"] for made in mattes()} == {"First", "Second", "Third"}


# Shared steps


def _queue_of_three(stage: Stage, others: int = FEW) -> Iterator[None]:
    """Three strips of three movies, added by two clicks; the first one works. others: frames of the others."""
    for channel, name in ((1, "First"), (3, "Second"), (5, "Third")):
        stage.clip = shutil.copyfile(stage.clip, stage.work / f"{name}.mp4")
        stage.add_movie(name, LONG if name == "First" else others, channel=channel, slow=True)
    strips()["First"].select = strips()["Second"].select = True
    strips()["Third"].select = False
    yield from stage.open_sidebar()
    yield from _started(stage)
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


def _started(stage: Stage) -> Iterator[None]:
    yield from stage.click("sequencer.matte_add")
    yield from until(running_job, "the job to start", 15.0)
    yield from until(lambda: not running_job() or running_job().done >= 1, "the first frame")


def _ended() -> Iterator[None]:
    yield from until(lambda: not running_job(), "the end of the job")
    yield from rest(0.5)


def _in_mid_run(stage: Stage, frames: int = MANY) -> Iterator[None]:
    stage.add_movie("Movie", frames, slow=True)
    yield from stage.open_sidebar()
    yield from _started(stage)
    yield from until(lambda: not running_job() or running_job().done >= 2, "the second frame")
    assert running_job(), "the job ended too early"


def _stopped_cleanly(stage: Stage) -> None:
    images = stage.images()
    assert 1 <= len(images) < MANY, f"{len(images)} images"
    broken = [path.name for path in images if not whole_png(path)]
    assert not broken, f"not whole: {broken}"
    assert not mattes() and not strips()["Movie"].mute
    print(f"# {len(images)} of {MANY} images, all whole")


def _settings() -> list[object]:
    """What an editor could notice that verifying has changed."""
    scene = bpy.context.scene
    render = scene.render
    return [
        [other.name for other in bpy.data.scenes],
        (scene.name, scene.frame_current, scene.frame_start, scene.frame_end),
        (render.filepath, render.resolution_percentage, render.image_settings.file_format, render.use_sequencer),
        [(strip.name, strip.mute, strip.select, strip.blend_type, strip.channel, span(strip)) for strip in strips()],
    ]


def _command(stage: Stage, blend: str, *words: str) -> Generator[None, None, tuple[int, str]]:
    """Run the add-on's command in a Blender without a window; return its status and what it printed."""
    with (stage.work / "command.txt").open("w+") as output:
        command = [bpy.app.binary_path, "--offline-mode", blend, "--command", "strip_matte", *words]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        yield from until(lambda: process.poll() is not None, "the command line")
        output.seek(0)
        return process.returncode, output.read()


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*.png"))
    }


def _rectangle() -> Any:
    """A mask of the left half of a picture."""
    mask = bpy.data.masks.new("Drawn")
    spline = mask.layers.new(name="Layer").splines.new()
    spline.points.add(3)
    spline.use_cyclic = True
    for point, corner in zip(spline.points, ((0.0, 0.0), (0.45, 0.0), (0.45, 1.0), (0.0, 1.0)), strict=True):
        point.co = point.handle_left = point.handle_right = corner
    return mask


def _preview() -> Any:
    return sys.modules[f"{ADDON}.operators.preview"]._preview


def _previewed(stage: Stage, what: str) -> Iterator[None]:
    """Until the preview shows what is wished for now."""
    started, stage.clock.longest_gap = time.monotonic(), 0.0
    sys.modules[f"{ADDON}.operators.preview"]._tick()  # what has changed is seen now
    yield from until(lambda: _preview() and _preview().made and _preview().made.wish == _preview().wish, what)
    assert not _preview().made.trouble, _preview().made.trouble
    yield from until(
        lambda: _preview()._texture and _preview()._texture[0] is _preview().made, f"{what} to be drawn", 5.0
    )
    print(f"# {what}: {time.monotonic() - started:.2f} s, longest gap {stage.clock.longest_gap:.2f} s")
