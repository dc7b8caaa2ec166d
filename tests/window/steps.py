# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that several scenarios take."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
from stage import Stage, mattes, rest, running_job, span, strips, until, whole_png

FEW = 8
LONG = 40
"""Frames of a job that others wait for: clicks are slow where the cores are shared."""
MANY = 120
"""More frames than are done before a scenario interferes."""


def started(stage: Stage) -> Iterator[None]:
    yield from stage.click("sequencer.matte_add")
    yield from until(running_job, "the job to start", 15.0)
    yield from until(lambda: not running_job() or running_job().done >= 1, "the first frame")


def ended() -> Iterator[None]:
    yield from until(lambda: not running_job(), "the end of the job")
    yield from rest(0.5)


def in_mid_run(stage: Stage, frames: int = MANY) -> Iterator[None]:
    stage.add_movie("Movie", frames, slow=True)
    yield from stage.open_sidebar()
    yield from started(stage)
    yield from until(lambda: not running_job() or running_job().done >= 2, "the second frame")
    assert running_job(), "the job ended too early"


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
