# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job does where nothing interferes."""

from __future__ import annotations

import hashlib
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import bpy
from stage import ADDON, Stage, in_timeline, mattes, reports, rest, running_job, span, strips, until
from steps import FEW, MANY, ended, not_yet, settings, started

PRESSES = 10  # of a key at most, where what each takes is told
PLAYED = 1.5  # seconds: all frames here are shown once only, for Blender keeps those that it has shown


def run_to_the_end(stage: Stage) -> Iterator[None]:
    """A click on the button gives the strip, and one Undo takes everything back."""
    stage.add_movie("Movie", FEW)
    yield from stage.open_sidebar()
    yield from stage.screenshot("idle")
    yield from started(stage)
    yield from stage.screenshot("running")
    yield from ended()
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
    yield from started(stage)
    yield from ended()
    scene = bpy.context.scene
    scene.frame_current, scene.render.resolution_percentage = 3, 80
    scene.render.filepath = str(stage.work / "mine.mp4")
    before = settings()
    yield from stage.click("sequencer.matte_verify", lambda: "verdict" in mattes()[0]["strip_matte"])
    yield from stage.screenshot("verdict")
    verdict = mattes()[0]["strip_matte"]["verdict"]
    assert verdict == f"frames 1 to {FEW}, {FEW} compared, all the same", verdict
    assert verdict in reports(), "the editor was not told"
    assert settings() == before, f"{settings()}, before: {before}"


def window_stays_alive(stage: Stage) -> Iterator[None]:
    """While a job runs, keys still work, the movie plays, and the window never stands still for long."""
    stage.add_movie("Movie", MANY, slow=True)
    yield from stage.open_sidebar()
    bpy.context.scene.frame_current = 1
    yield from rest(1.0)
    plays_alone = yield from _played(stage)
    idle = yield from _next_frames(stage, lambda: True)
    yield from started(stage)
    plays = yield from _played(stage)
    at_work = yield from _next_frames(stage, running_job)
    assert at_work, "the job was over before a key was pressed"
    began, stage.clock.longest_gap = time.monotonic(), 0.0
    yield from until(lambda: not running_job() or running_job().over, "the job's last image")
    took, gap, stage.clock.longest_gap = time.monotonic() - began, stage.clock.longest_gap, 0.0
    yield from ended()
    placed = stage.clock.longest_gap
    print(f"# the movie plays: {plays}; without a job: {plays_alone}")
    print(f"# longest gap where Blender shows another frame: {_told(at_work)}; without a job {_told(idle)}")
    print(f"# longest gap between two steps while the job ran: {gap:.3f} s of {took:.1f} s")
    print(f"# longest gap where the strip comes on the timeline: {placed:.3f} s")
    assert max(gap, placed, *at_work) < 2.0, f"the window stood still for {max(gap, placed, *at_work):.2f} s"


def _played(stage: Stage) -> Generator[None, None, str]:
    """Play for a while. Returns how many frames were shown, and the longest gap between two steps."""
    yield from stage.press("SPACE")
    yield from until(lambda: bpy.context.screen.is_animation_playing, "playing")
    yield from rest(0.3)
    stage.clock.longest_gap, first, began = 0.0, bpy.context.scene.frame_current, time.monotonic()
    yield from rest(PLAYED)
    shown, took = bpy.context.scene.frame_current - first, time.monotonic() - began
    gap = stage.clock.longest_gap
    yield from stage.press("SPACE")
    yield from until(lambda: not bpy.context.screen.is_animation_playing, "the end of playing")
    return f"{shown / took:.1f} frames/s, longest gap {gap:.3f} s"


def _told(gaps: list[float]) -> str:
    """The median and the longest of some gaps, in seconds."""
    return f"{statistics.median(gaps):.3f} s in the median of {len(gaps)}, {max(gaps):.3f} s at most"


def _next_frames(stage: Stage, counts: Callable[[], object]) -> Generator[None, None, list[float]]:
    """Move the playhead by keys. Returns what `_next_frame` says of each, as long as it counts."""
    gaps: list[float] = []
    while len(gaps) < PRESSES:
        gap = yield from _next_frame(stage)
        if not counts():
            break
        gaps.append(gap)
    return gaps


def _next_frame(stage: Stage) -> Generator[None, None, float]:
    """Move the playhead by a key. Returns the longest gap between two steps, in seconds, until the frame is shown."""
    stage.clock.longest_gap = 0.0
    frame = bpy.context.scene.frame_current
    yield from stage.press("RIGHT_ARROW")
    yield from until(lambda: bpy.context.scene.frame_current == frame + 1, "the playhead to move")
    yield from rest(0.5)
    return stage.clock.longest_gap


def matte_and_cutout_change_places(stage: Stage) -> Iterator[None]:
    """Output Matte masks the movie; Undo and Redo take and give; Switch Output and Remove leave what they should."""
    stage.add_movie("Movie", FEW)
    bpy.context.scene.strip_matte.output = "MATTE"
    bpy.ops.ed.undo_push(message="movie")
    yield from stage.open_sidebar()
    yield from started(stage)
    yield from ended()
    assert [modifier.type for modifier in strips()["Movie"].modifiers] == ["MASK"]
    assert mattes()[0].mute
    yield from stage.screenshot("matte")
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: not mattes(), "Undo")
    assert not strips()["Movie"].modifiers
    yield from stage.press("Z", ctrl=True, shift=True)
    yield from until(mattes, "Redo")
    assert strips()["Movie"].modifiers[0].input_mask_strip == mattes()[0]
    yield from stage.click(
        "sequencer.matte_switch", lambda: [made["strip_matte"]["output"] for made in mattes()] == ["CUTOUT"]
    )
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
    yield from started(stage)
    yield from ended()
    yield from stage.screenshot("done")
    assert len(mattes()) == 2, [strip.name for strip in strips()]
    places = [strip.channel for strip in strips()]
    assert len(set(places)) == 4, f"strips overlap: channels {places}"
    assert len(stage.images()) == 2 * FEW, len(stage.images())
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: not mattes(), "the end of both mattes by one Undo")
    assert not any(strip.mute for strip in strips())


def a_pause_is_told(stage: Stage) -> Iterator[None]:
    """While no image comes for long, the status bar and the row say so, and the job goes on."""
    module: Any = sys.modules[f"{ADDON}.operators.run"]
    module.STALLED = 0.5
    stage.add_movie("Movie", 2)
    yield from stage.open_sidebar()
    with not_yet("Movie"):
        yield from started(stage)
        yield from until(lambda: any("no progress for" in (text or "") for text in stage.status_texts), "the sentence")
        yield from stage.screenshot("paused")
    yield from ended()
    assert len(mattes()) == 1


def same_bytes_from_every_door(stage: Stage) -> Iterator[None]:
    """The modal run, the blocking run and the command line write the same files; the command line's exit status."""
    folders = {name: stage.work / name for name in ("modal", "blocking", "command")}
    stage.add_movie("Movie", FEW)
    blend = str(stage.work / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=blend, copy=True)

    bpy.context.scene.strip_matte.folder = str(folders["modal"])
    yield from stage.open_sidebar()
    yield from started(stage)
    yield from ended()

    bpy.context.scene.strip_matte.folder = str(folders["blocking"])
    for strip in strips():
        strip.select = strip.name == "Movie"
    with in_timeline():
        assert bpy.ops.sequencer.matte_add() == {"FINISHED"}

    status, text = yield from _command(stage, blend, "--strip", "Movie", "--folder", str(folders["command"]))
    assert status == 0, text
    made = {name: _hashes(folder) for name, folder in folders.items()}
    assert len(made["modal"]) == FEW, sorted(made["modal"])
    for name in ("blocking", "command"):
        other = {image for image, _ in made["modal"].items() ^ made[name].items()}
        assert not other, f"{name}: not as the modal run made them are {sorted(other)}; the command said: {text}"

    status, text = yield from _command(stage, blend, "--help")
    assert status == 0 and "--strip" in text and "--frames" in text, (status, text)
    status, text = yield from _command(stage, blend, "--no-such-option")
    assert status == 2, (status, text)
    status, text = yield from _command(stage, blend, "--strip", "No such strip")
    assert status == 1 and "No such strip" in text, (status, text)


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
