# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that several scenarios take."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
from stage import ADDON, Stage, mattes, rest, running_job, span, strips, until, whole_png

FEW = 8
MANY = 120
"""Frames of a job that is stopped, or that lasts until a key has been pressed."""
HOLDER = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.lockf(file, fcntl.LOCK_EX, 1, int(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""
"""Holds one frame of a folder, as inference/hold.py does, until its standard input is closed."""


def not_yet(*names: str) -> contextlib.ExitStack:
    """Within this context, jobs of the named strips do not end, on a fast machine or a slow one.

    Another process holds the last frame of each folder, as a worker of a farm does that makes it.
    """
    tasks: Any = sys.modules[f"{ADDON}.operators.tasks"]
    stack = contextlib.ExitStack()
    for name in names:
        job = tasks.plan(bpy.context, bpy.context.scene, strips()[name]).job
        Path(job.folder).mkdir(parents=True)
        words = (sys.executable, "-c", HOLDER, f"{job.folder}/strip_matte.lock", str(job.frames[-1]))
        other = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert other.stdout and other.stdout.readline() == "held\n"
    return stack


def started(stage: Stage) -> Iterator[None]:
    yield from stage.click("sequencer.matte_add", running_job)
    yield from until(lambda: not running_job() or running_job().done >= 1, "the first frame")


def begun(stage: Stage) -> Iterator[None]:
    yield from stage.open_sidebar()
    yield from started(stage)


def ended() -> Iterator[None]:
    yield from until(lambda: not running_job(), "the end of the job")
    yield from rest(0.5)


def in_mid_run(stage: Stage, frames: int = MANY) -> Iterator[None]:
    stage.add_movie("Movie", frames, slow=True)
    yield from begun(stage)
    yield from until(lambda: not running_job() or running_job().done >= 2, "the second frame")
    assert running_job(), "the job ended too early"


def quits(stage: Stage) -> Iterator[None]:
    """The end of a scenario: Blender quits, and nothing may hold it up or crash it."""
    stage.finished()
    bpy.ops.wm.quit_blender()
    yield from rest(60.0)
    raise AssertionError("Blender did not quit")


def stopped_cleanly(stage: Stage) -> None:
    images = stage.images()
    assert 1 <= len(images) < MANY, f"{len(images)} images"
    broken = [path.name for path in images if not whole_png(path)]
    assert not broken, f"not whole: {broken}"
    assert not mattes() and not strips()["Movie"].mute
    print(f"# {len(images)} of {MANY} images, all whole")


def settings() -> list[object]:
    """What an editor could notice that verifying has changed."""
    scene = bpy.context.scene
    render = scene.render
    return [
        [other.name for other in bpy.data.scenes],
        (scene.name, scene.frame_current, scene.frame_start, scene.frame_end),
        (render.filepath, render.resolution_percentage, render.image_settings.file_format, render.use_sequencer),
        [(strip.name, strip.mute, strip.select, strip.blend_type, strip.channel, span(strip)) for strip in strips()],
    ]
