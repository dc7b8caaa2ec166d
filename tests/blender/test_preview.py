# SPDX-License-Identifier: GPL-3.0-or-later
"""The preview without a window: what is wished for, where it goes, what comes of it, and that nothing is left.

How it looks is seen in tests/window.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import timeline


@pytest.fixture
def preview(shot) -> Iterator[Any]:
    """The module, off before and after."""
    module = timeline.addon("operators.preview")
    shot.scene.strip_matte.quality = "EVERY"
    yield module
    module.off(wait=True)


def made(preview: Any) -> Any:
    """What the thread has made of what is wished for now, once the timer has looked."""
    end = time.monotonic() + 60
    preview._tick()
    while preview._preview is not None and preview._preview.wish is not None and preview._preview.waiting:
        assert time.monotonic() < end
        time.sleep(0.02)
    return preview._preview and preview._preview.made


def test_without_a_window_it_says_so(shot, blender, preview) -> None:
    shot.movie()
    with pytest.raises(RuntimeError, match="needs a window"):
        blender.ops.sequencer.matte_preview()
    assert not preview.is_on()


def test_without_a_strip_under_the_playhead_it_is_not_offered(shot, blender) -> None:
    assert not blender.ops.sequencer.matte_preview.poll()
    shot.movie(start=5, length=10)
    shot.scene.frame_set(3)
    assert not blender.ops.sequencer.matte_preview.poll()
    shot.scene.frame_set(5)
    assert blender.ops.sequencer.matte_preview.poll()


def test_it_shows_the_pixels_that_the_run_writes(shot, blender, preview) -> None:
    """In the strip's own time: trimmed and reversed."""
    movie = shot.movie(left=60, length=8)
    movie.use_reverse_frames = True
    now = timeline.addon("operators.strips").extent(movie)[0] + 3
    shot.scene.frame_set(now)
    shot.scene.strip_matte.grow = 3
    preview.switch_on(blender.context)
    blender.context.window_manager.strip_matte_preview = "MATTE"
    shown = made(preview)
    assert shown.trouble == ""
    assert shown.wish.timeline == now
    matte = np.rint(shown.pixels[..., 0] * 255).astype(np.uint8)
    preview.off(wait=True)
    assert not shot.folder.exists()  # nothing was written
    assert blender.ops.sequencer.matte_add() == {"FINISHED"}
    (images,) = [strip for strip in timeline.strips(shot.scene.sequence_editor) if strip.type == "IMAGE"]
    image = cv2.imread(str(Path(images.directory) / images.elements[3].filename), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(matte, image[..., 3])


def test_playhead_and_settings_are_followed(shot, blender, preview) -> None:
    shot.movie(left=60, length=8)
    shot.scene.strip_matte.steady = False
    shot.scene.frame_set(61)
    preview.switch_on(blender.context)
    first = made(preview)
    assert made(preview) is first  # nothing has changed: nothing is made
    shot.scene.strip_matte.invert = True
    inverted = made(preview)
    assert inverted.wish.frame == first.wish.frame
    assert not np.array_equal(inverted.pixels, first.pixels)
    shot.scene.frame_set(63)
    assert preview._preview.made is inverted  # until the timer looks
    assert made(preview).wish.frame == first.wish.frame + 2
    shot.scene.frame_set(1)  # off the strip
    assert made(preview) is None
    assert preview.is_on()
    shot.scene.frame_set(61)
    assert made(preview).wish.frame == first.wish.frame


def test_what_is_wrong_is_told(shot, blender, preview) -> None:
    shot.movie(left=60, length=8)
    shot.scene.frame_set(61)
    shot.scene.strip_matte.keep = "PICKED"
    preview.switch_on(blender.context)
    assert made(preview) is None
    assert "Pick Subject" in preview._preview.text
    shot.scene.strip_matte.keep, shot.scene.strip_matte.model = "ALL", "FILE"
    shot.preferences.model_file = "/nowhere/gone.onnx"
    assert "gone.onnx" in made(preview).trouble
    assert "gone.onnx" in preview._preview.text


def test_a_drawn_mask_is_seen_and_followed(shot, blender, preview) -> None:
    shot.movie(left=60, length=8)
    shot.scene.frame_set(61)
    shot.scene.strip_matte.steady = False
    mask = blender.data.masks.new("Drawn")
    spline = mask.layers.new(name="Layer").splines.new()
    spline.points.add(3)
    spline.use_cyclic = True
    corners = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
    for point, corner in zip(spline.points, corners, strict=True):
        point.co = point.handle_left = point.handle_right = corner
    shot.scene.strip_matte.mask, shot.scene.strip_matte.mask_mode = mask, "INCLUDE"
    scenes = len(blender.data.scenes)
    preview.switch_on(blender.context)
    blender.context.window_manager.strip_matte_preview = "MATTE"
    drawn = made(preview)
    assert drawn.pixels[20:-20, 660:-20, 0].min() == 1.0  # its corners are a little round
    assert drawn.pixels[:, :600, 0].min() == 0.0
    for point in spline.points[0], spline.points[3]:  # dragged to the picture's left side
        point.co.x = point.handle_left.x = point.handle_right.x = 0.0
    assert made(preview).pixels[20:-20, 20:-20, 0].min() == 1.0
    assert len(blender.data.scenes) == scenes
    scratch = preview._preview._scratch.name
    preview.off()
    assert not os.path.exists(scratch)


@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True), (True, True)])
def test_corners_are_where_a_click_finds_them(shot, preview, flips: tuple[bool, bool]) -> None:
    strips = timeline.addon("operators.strips")
    movie = shot.movie(length=1)
    transform = movie.transform
    transform.offset_x, transform.offset_y, transform.scale_x, transform.scale_y = 100, -40, 0.5, 0.25
    transform.rotation, transform.origin = 0.7, (0.2, 0.9)
    movie.use_flip_x, movie.use_flip_y = flips
    places, shares = preview.corners(movie)
    assert shares == [(0, 0), (1, 0), (0, 1), (1, 1)]
    for place, share in zip(places, shares, strict=True):
        assert strips.picture_point(movie, *place) == pytest.approx(share, abs=1e-6)
    movie.crop.min_x, movie.crop.max_y = 128, 72
    places, shares = preview.corners(movie)
    assert shares == pytest.approx(np.array([(0.1, 0.1), (1, 0.1), (0.1, 1), (1, 1)]))
    for place, share in zip(places, shares, strict=True):
        assert strips.picture_point(movie, *place) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("flipped", [False, True])
def test_corners_are_where_blender_renders_them(shot, preview, tmp_path: Path, flipped: bool) -> None:
    """A white picture on black, moved, scaled, turned around a point of its own, cropped, and flipped or not."""
    file = tmp_path / "white.png"
    cv2.imwrite(str(file), np.full((400, 600, 3), 255, np.uint8))
    strip = timeline.strips(shot.scene.sequence_editor).new_image("White", str(file), 1, 1)
    timeline.render(shot.scene, 1)  # Blender reads its size
    transform = strip.transform
    transform.offset_x, transform.offset_y, transform.scale_x, transform.scale_y = 80, 50, 0.8, 1.1
    transform.rotation, strip.crop.min_x, strip.crop.max_y = 0.4, 150, 40
    transform.origin, strip.use_flip_x = (0.3, 0.6), flipped
    shown = timeline.render(shot.scene, 1)[..., 0] > 128
    places = preview.corners(strip)[0]
    outline = np.array([places[n] for n in (0, 1, 3, 2)]) * (1, -1) + (640, 360)
    drawn = cv2.fillPoly(np.zeros(shown.shape, np.uint8), [np.rint(outline).astype(np.int32)], 1) > 0
    assert np.count_nonzero(drawn != shown) < 0.01 * np.count_nonzero(shown)


def test_corners_are_as_far_apart_as_the_preview_shows_its_pixels(shot, preview) -> None:
    """The preview draws a frame of 1280 x 720 pixels that are 1.5 times as wide as high 1920 wide and 720 high."""
    movie = shot.movie(length=1)
    shot.scene.render.pixel_aspect_x = 1.5
    places, shares = preview.corners(movie)
    assert np.array(places) == pytest.approx(np.array([(-960, 360), (960, 360), (-960, -360), (960, -360)]))
    assert shares == [(0, 0), (1, 0), (0, 1), (1, 1)]


def test_it_ends_with_its_strip_a_job_or_its_file(shot, blender, preview) -> None:
    movie = shot.movie(left=60, length=8)
    shot.scene.frame_set(61)
    preview.switch_on(blender.context)
    made(preview)
    timeline.strips(shot.scene.sequence_editor).remove(movie)
    assert preview._tick() is None
    assert not preview.is_on()

    shot.movie(left=60, length=8)
    preview.switch_on(blender.context)
    runs = timeline.addon("operators.run")
    run = runs.Run(())
    runs.add(run)
    try:
        assert preview._tick() is None
        assert not preview.is_on()
    finally:
        runs.remove(run)

    preview.switch_on(blender.context)
    blender.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert not preview.is_on()


def test_nothing_is_left_when_it_is_off(shot, blender, preview) -> None:
    shot.movie(left=60, length=8)
    shot.scene.frame_set(61)
    before = set(threading.enumerate())
    preview.switch_on(blender.context)
    assert blender.app.timers.is_registered(preview._tick)
    made(preview)
    preview.off(wait=True)
    assert not blender.app.timers.is_registered(preview._tick)
    assert set(threading.enumerate()) <= before
    still = timeline.addon("inference.still")
    assert still._desk._source is None  # the movie's file is closed


def test_a_tick_that_fails_leaves_nothing(shot, blender, preview, monkeypatch) -> None:
    """A defect ends the preview, not the timer alone."""
    shot.movie(left=60, length=8)
    shot.scene.frame_set(61)
    preview.switch_on(blender.context)
    monkeypatch.setattr(preview, "_wish", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        preview._tick()
    assert not preview.is_on()
    assert not blender.app.timers.is_registered(preview._tick)


def test_unregistering_ends_it(shot, blender, preview) -> None:
    shot.movie(left=60, length=8)
    shot.scene.frame_set(61)
    handlers = len(blender.app.handlers.load_pre)
    preview.switch_on(blender.context)
    preview.unregister()
    try:
        assert not preview.is_on()
        assert not blender.app.timers.is_registered(preview._tick)
        assert len(blender.app.handlers.load_pre) == handlers - 1
        assert not hasattr(blender.types.WindowManager, "strip_matte_preview")
        assert not hasattr(blender.types, "SEQUENCER_OT_matte_preview")
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("strip_matte_preview")]
    finally:
        with contextlib.suppress(ValueError):
            preview.register()
