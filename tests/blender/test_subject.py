# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several things, drawn masks, and doubtful frames: from the settings in Blender to the pixels and markers."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import timeline


def alphas(shot, **settings) -> list[np.ndarray]:
    """The mattes of the selected strip with these settings: (H, W) uint8 each. What the operator placed is removed."""
    import bpy

    for name, value in settings.items():
        setattr(shot.scene.strip_matte, name, value)
    assert bpy.ops.sequencer.matte_add() == {"FINISHED"}
    strips = timeline.strips(shot.scene.sequence_editor)
    (made,) = [strip for strip in strips if strip.type == "IMAGE"]
    files = [Path(made.directory) / element.filename for element in made.elements]
    strips.remove(made)
    for strip in strips:
        strip.select, strip.mute = True, False
    return [cv2.imread(str(file), cv2.IMREAD_UNCHANGED)[..., 3] for file in files]


def rectangle(bpy, left: float, low: float, right: float, high: float):
    """A mask of one rectangle with sharp corners, in the mask editor's shares of the picture's width."""
    mask = bpy.data.masks.new("Drawn")
    spline = mask.layers.new(name="Layer").splines.new()
    spline.points.add(3)
    spline.use_cyclic = True
    for point, corner in zip(spline.points, ((left, low), (right, low), (right, high), (left, high)), strict=True):
        point.co = point.handle_left = point.handle_right = corner
    return mask


def moving(mask) -> None:
    """Let a mask fade out, with a key on every timeline frame that a test shows."""
    for frame in range(50, 81):
        mask.layers[0].alpha = (80 - frame) / 30
        mask.layers[0].keyframe_insert("alpha", frame=frame)


def test_a_drawn_mask_limits_the_matte(shot, blender) -> None:
    """The rectangle lies in the right half; the mask editor's square is as wide as the picture, in its middle."""
    shot.movie(left=60, length=2)
    free = alphas(shot)
    mask = rectangle(blender, 0.5, 0.0, 1.0, 1.0)
    scenes = len(blender.data.scenes)
    for before, after in zip(free, alphas(shot, mask=mask), strict=True):
        assert after[:, :630].max() == 0
        assert before[:, :630].max() > 0
        np.testing.assert_array_equal(after[:, 650:], before[:, 650:])
    for before, after in zip(free, alphas(shot, mask=mask, mask_mode="EXCLUDE"), strict=True):
        assert after[:, 650:].max() == 0
        np.testing.assert_array_equal(after[:, :630], before[:, :630])
    assert len(blender.data.scenes) == scenes


def test_a_mask_that_moves_is_drawn_for_each_frame(shot, blender) -> None:
    """As it is where a picture is shown for the first time of two; before the mask begins, as it is there."""
    movie = shot.movie(start=5, left=60, length=8)
    movie.strobe = 2
    mask = rectangle(blender, 0.0, 0.0, 1.0, 1.0)
    moving(mask)
    mask.frame_start = 67
    peaks = [int(alpha.max()) for alpha in alphas(shot, mask=mask)]
    assert peaks == pytest.approx([255 * (80 - frame) / 30 for frame in (67, 67, 67, 67, 69, 69, 71, 71)], abs=3)


def test_a_drawn_mask_is_the_same_mask_tomorrow(shot, blender) -> None:
    """A run again makes nothing again, a trim neither; a point moved by a hair is another mask. Blender writes the time
    into its pictures: their bytes are never the same twice."""
    movie = shot.movie(left=60, length=3)
    mask = rectangle(blender, 0.5, 0.0, 1.0, 1.0)
    alphas(shot, mask=mask)
    before = {path: path.stat().st_mtime_ns for path in shot.images() if "masks" not in path.parts}
    assert len(before) == 3
    assert len(list((shot.folder / "masks").iterdir())) == 1
    time.sleep(1.1)
    alphas(shot)
    timeline.trim(movie, 1, 1)
    alphas(shot)
    assert {path: path.stat().st_mtime_ns for path in shot.images() if "masks" not in path.parts} == before
    mask.layers[0].splines[0].points[0].co[0] += 0.004
    alphas(shot)
    assert len([path for path in shot.images() if "masks" not in path.parts]) == 4


def test_a_region_keeps_what_is_in_it(shot) -> None:
    """Y is upwards, as everywhere in Blender."""
    shot.movie(left=60, length=1)
    (free,) = alphas(shot)
    (upper,) = alphas(shot, use_region=True, region_min=(0.0, 0.6), region_max=(1.0, 1.0))
    assert free[420:].max() > 200
    assert upper[420:].max() == 0
    assert upper[:280].max() > 200


def test_the_shape_reaches_the_pixels(shot) -> None:
    shot.movie(left=60, length=1)
    (free,) = alphas(shot)
    (grown,) = alphas(shot, grow=10)
    (inverted,) = alphas(shot, grow=0, invert=True)
    assert grown.astype(int).sum() > 1.02 * free.astype(int).sum()
    np.testing.assert_array_equal(inverted, 255 - free)


def test_a_picked_thing_is_kept_and_nothing_far_from_it(shot, blender) -> None:
    """The rabbit stands left of the middle; at the right rim is nothing."""
    movie = shot.movie(left=60, length=1)
    (free,) = alphas(shot)
    rows, columns = np.nonzero(free > 200)
    shot.scene.frame_set(61)
    picks = {"x": float(columns.mean()) / 1280, "y": float(rows.mean()) / 720}
    assert blender.ops.sequencer.matte_pick(**picks) == {"FINISHED"}
    assert shot.scene.strip_matte.keep == "PICKED"
    assert list(movie["strip_matte_path"]) == pytest.approx([60, picks["x"], picks["y"]])
    (kept,) = alphas(shot)
    assert np.count_nonzero((kept > 128) != (free > 128)) < 0.05 * np.count_nonzero(free > 128)
    blender.ops.sequencer.matte_pick(x=0.98, y=0.5)
    (none,) = alphas(shot)
    assert none.max() == 0
    blender.ops.sequencer.matte_pick_clear()
    with pytest.raises(RuntimeError, match="Pick Subject"):
        blender.ops.sequencer.matte_add()


def test_a_pick_is_followed_through_the_shot(shot, blender) -> None:
    movie = shot.movie(left=60, length=30)
    shot.scene.frame_set(75)
    blender.ops.sequencer.matte_pick(x=0.35, y=0.6)
    assert blender.ops.sequencer.matte_follow() == {"FINISHED"}
    path = timeline.addon("operators.strips").path(movie)
    assert [frame for frame, _, _ in path] == sorted({74, *range(60, 90, 4)})
    masses = alphas(shot)
    for frame, x, y in path:  # the path is on the rabbit
        assert masses[frame - 60][int(y * 720), int(x * 1280)] > 128


@pytest.mark.parametrize(
    ("flip_x", "flip_y", "aspect"),
    [(False, False, (1.0, 1.0)), (True, False, (1.5, 1.0)), (False, True, (1.0, 1.25)), (True, True, (1.0, 1.0))],
)
def test_a_click_in_the_preview_finds_the_picture(shot, tmp_path: Path, flip_x: bool, flip_y: bool, aspect) -> None:
    """A picture with one bright spot, moved, scaled, turned around a corner and flipped: where the render shows the
    spot, the spot is meant. The preview shows the render's pixels as wide as they are."""
    strips = timeline.addon("operators.strips")
    picture = np.zeros((300, 400, 3), np.uint8)
    picture[95:106, 255:266] = 255
    cv2.imwrite(str(tmp_path / "spot.png"), picture)
    strip = timeline.strips(shot.scene.sequence_editor).new_image("Spot", str(tmp_path / "spot.png"), 1, 1)
    transform = strip.transform
    transform.offset_x, transform.offset_y, transform.scale_x, transform.scale_y = 100, -40, 1.5, 1.2
    transform.rotation, transform.origin = 0.3, (0.25, 0.75)
    strip.use_flip_x, strip.use_flip_y = flip_x, flip_y
    shot.scene.render.pixel_aspect_x, shot.scene.render.pixel_aspect_y = aspect
    rows, columns = np.nonzero(timeline.render(shot.scene, 1)[..., 0] > 128)
    x, y = (columns.mean() + 0.5 - 640) * aspect[0] / aspect[1], 360 - (rows.mean() + 0.5)
    assert strips.picture_point(strip, x, y) == pytest.approx((260.5 / 400, 100.5 / 300), abs=0.004)


def test_doubtful_frames_get_markers_and_lose_them(shot, blender) -> None:
    shot.movie(start=101, left=60, length=14)
    shot.scene.timeline_markers.new("Mine", frame=165)
    assert blender.ops.sequencer.matte_add() == {"FINISHED"}
    (made,) = [strip for strip in timeline.strips(shot.scene.sequence_editor) if strip.type == "IMAGE"]
    blender.ops.sequencer.matte_mark()
    assert [marker.name for marker in shot.scene.timeline_markers] == ["Mine"]
    cv2.imwrite(str(Path(made.directory) / made.elements[7].filename), np.zeros((720, 1280, 4), np.uint8))
    blender.ops.sequencer.matte_mark()
    found = {marker.name: marker.frame for marker in shot.scene.timeline_markers}
    assert found.pop("Mine") == 165
    ((name, frame),) = found.items()
    assert name.startswith("Matte: ")
    assert "empty" in name
    assert frame == 168
    blender.ops.sequencer.matte_mark(clear=True)
    assert [marker.name for marker in shot.scene.timeline_markers] == ["Mine"]


def test_images_that_are_gone_are_told_and_markers_stay(shot, blender) -> None:
    """Not that no frame is doubtful."""
    shot.movie(left=60, length=14)
    assert blender.ops.sequencer.matte_add() == {"FINISHED"}
    (made,) = [strip for strip in timeline.strips(shot.scene.sequence_editor) if strip.type == "IMAGE"]
    file = Path(made.directory) / made.elements[7].filename
    cv2.imwrite(str(file), np.zeros((720, 1280, 4), np.uint8))
    blender.ops.sequencer.matte_mark()
    assert [marker.frame for marker in shot.scene.timeline_markers] == [68]
    file.unlink()
    with pytest.raises(RuntimeError, match=f'"{file}" is missing. Run Add Matte again'):
        blender.ops.sequencer.matte_mark()
    file.write_text("This is no picture.")
    with pytest.raises(RuntimeError, match=file.name):
        blender.ops.sequencer.matte_mark()
    assert [marker.frame for marker in shot.scene.timeline_markers] == [68]
    blender.ops.sequencer.matte_mark(clear=True)
    assert not shot.scene.timeline_markers


def stamps(shot) -> dict[str, int]:
    """When each image was written, by folder and name."""
    return {
        f"{path.parent.name}/{path.name}": path.stat().st_mtime_ns
        for path in shot.images()
        if "masks" not in path.parts
    }


def test_a_trim_with_a_moving_mask_makes_only_the_new_frames(shot, blender) -> None:
    """On either side, and of what a shorter trim shows nothing is made."""
    movie = shot.movie(left=60, length=4)
    mask = rectangle(blender, 0.0, 0.0, 1.0, 1.0)
    moving(mask)
    first = alphas(shot, mask=mask)
    before = stamps(shot)
    assert len(before) == 4
    assert len({alpha.max() for alpha in first}) == 4  # each has another mask
    timeline.trim(movie, -2, 7)
    longer = alphas(shot)
    after = stamps(shot)
    assert len(after) == 7
    assert len({name.partition("/")[0] for name in after}) == 1
    assert {name: after[name] for name in before} == before
    for old, new in zip(first, longer[2:6], strict=True):
        np.testing.assert_array_equal(old, new)
    timeline.trim(movie, 3, 2)
    alphas(shot)
    assert stamps(shot) == after


def test_another_moving_mask_leaves_the_images_of_the_first(shot, blender) -> None:
    """Strips of an earlier project may show them."""
    shot.movie(left=60, length=2)
    one, two = (rectangle(blender, 0.0, 0.0, right, 1.0) for right in (1.0, 0.6))
    for mask in (one, two):
        moving(mask)
    alphas(shot, mask=one)
    before = stamps(shot)
    alphas(shot, mask=two)
    after = stamps(shot)
    assert len(after) == 4
    assert after.items() > before.items()


def test_only_a_frame_whose_mask_has_changed_is_made_again(shot, blender, capfd) -> None:
    """The others are the same images, and those of the mask as it was stay for strips that show them. Two changes: one
    at a frame by which masks are told apart (16 of the mask's own range, 1 to 100), one not."""
    shot.movie(left=60, length=8)
    mask = rectangle(blender, 0.0, 0.0, 1.0, 1.0)
    moving(mask)
    before = alphas(shot, mask=mask)
    for frame in (67, 63):
        mask.layers[0].alpha = 0.05
        mask.layers[0].keyframe_insert("alpha", frame=frame)
        capfd.readouterr()
        after = alphas(shot)
        told = capfd.readouterr().out
        assert told.count("skipping existing frame") == 7
        assert len([line for line in told.splitlines() if line.startswith("Saved: ") and "masks" not in line]) == 1
        changed = [61 + n for n, (old, new) in enumerate(zip(before, after, strict=True)) if (old != new).any()]
        assert changed == [frame]
        assert after[frame - 61].max() < 30
        before = after


def test_a_moving_mask_can_be_switched_and_switched_back(shot, blender) -> None:
    shot.movie(left=60, length=2)
    mask = rectangle(blender, 0.0, 0.0, 1.0, 1.0)
    moving(mask)
    shot.scene.strip_matte.mask = mask
    assert blender.ops.sequencer.matte_add() == {"FINISHED"}
    assert blender.ops.sequencer.matte_switch() == {"FINISHED"}
    before = stamps(shot)
    assert len(before) == 4
    assert blender.ops.sequencer.matte_switch() == {"FINISHED"}
    for strip in timeline.strips(shot.scene.sequence_editor):
        strip.select = strip.type == "MOVIE"
    shot.scene.strip_matte.output = "MATTE"
    assert blender.ops.sequencer.matte_add() == {"FINISHED"}
    assert stamps(shot) == before


def test_make_again_makes_again_what_nobody_has_altered(shot, blender) -> None:
    shot.movie(left=60, length=3)
    first = alphas(shot)
    before = stamps(shot)
    (folder,) = {name.partition("/")[0] for name in before}
    by_hand = f"{folder}/000061.png"
    cv2.imwrite(str(shot.folder / by_hand), np.zeros((720, 1280, 4), np.uint8))
    before = stamps(shot)
    assert blender.ops.sequencer.matte_add(force=True) == {"FINISHED"}
    after = stamps(shot)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] == before[name]] == [by_hand]
    np.testing.assert_array_equal(cv2.imread(str(shot.folder / folder / "000060.png"), -1)[..., 3], first[0])


def test_force_on_the_command_line(shot) -> None:
    shot.movie(left=60, length=2)
    alphas(shot)
    before = stamps(shot)
    command = timeline.addon("operators.command")
    assert command.main([]) == 0
    assert stamps(shot) == before
    assert command.main(["--force", "--frames", "61-61"]) == 0
    after = stamps(shot)
    assert {name.partition("/")[2] for name in before if after[name] != before[name]} == {"000060.png"}
