# SPDX-License-Identifier: GPL-3.0-or-later
"""The matte under the playhead."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import bpy
from stage import ADDON, Stage, rest, until
from steps import FEW, ended, quits, settings, started


def preview_follows_the_settings(stage: Stage) -> Iterator[None]:
    """The button shows the matte of the frame under the playhead over the strip, and follows playhead and settings."""
    movie = stage.add_movie("Movie", 100)
    scene, manager = bpy.context.scene, bpy.context.window_manager
    scene.frame_current = 61
    yield from stage.open_sidebar()
    before = settings()
    yield from stage.screenshot("off")
    yield from stage.click("sequencer.matte_preview", _preview)
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
    assert (settings()[0], settings()[2:]) == (before[0], before[2:]), "the timeline was touched"
    yield from stage.click("sequencer.matte_preview", lambda: not _preview())
    yield from stage.screenshot("off_again")


def preview_ends_with_its_strip(stage: Stage) -> Iterator[None]:
    """Undo that takes the strip, a job and a new file each switch the preview off; nothing is left of it."""
    bpy.ops.ed.undo_push(message="empty")
    stage.add_movie("Movie", 40)
    yield from stage.open_sidebar()
    yield from stage.click("sequencer.matte_preview", _preview)
    yield from _previewed(stage, "first")
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: _preview() is None, "the end of the preview by Undo")
    yield from stage.nothing_left()

    stage.add_movie("Again", FEW)
    yield from stage.open_sidebar()
    yield from stage.click("sequencer.matte_preview", _preview)
    yield from _previewed(stage, "again")
    yield from started(stage)
    yield from until(lambda: _preview() is None, "the end of the preview by a job")
    yield from ended()

    bpy.context.scene.sequence_editor_clear()
    stage.add_movie("Third", FEW)
    yield from stage.open_sidebar()
    yield from stage.click("sequencer.matte_preview", _preview)
    yield from _previewed(stage, "third")
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    assert _preview() is None
    yield from rest(1.0)


def quit_with_preview(stage: Stage) -> Iterator[None]:
    """Blender quits while the preview is on: nothing may hold it up or crash it."""
    stage.add_movie("Movie", 40)
    yield from stage.open_sidebar()
    yield from stage.click("sequencer.matte_preview", _preview)
    yield from _previewed(stage, "first")
    yield from quits(stage)


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
    began, stage.clock.longest_gap = time.monotonic(), 0.0
    sys.modules[f"{ADDON}.operators.preview"]._tick()  # what has changed is seen now
    yield from until(lambda: _preview() and _preview().made and _preview().made.wish == _preview().wish, what)
    assert not _preview().made.trouble, _preview().made.trouble
    yield from until(
        lambda: _preview()._texture and _preview()._texture[0] is _preview().made, f"{what} to be drawn", 5.0
    )
    print(f"# {what}: {time.monotonic() - began:.2f} s, longest gap {stage.clock.longest_gap:.2f} s")
