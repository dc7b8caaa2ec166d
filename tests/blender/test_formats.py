# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of the images, as Blender shows them."""

import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import timeline


@pytest.fixture
def over_green(shot):
    """A movie strip over green, frames 60 to 63 of the clip on timeline frames 61 to 64."""
    timeline.add_colour(shot.scene, (0.0, 1.0, 0.0), 1, 1, 400)
    return shot.movie(channel=2, left=60, length=4)


def made_of(scene):
    """The one strip of ours."""
    (found,) = [strip for strip in timeline.strips(scene.sequence_editor) if "strip_matte" in strip]
    return found


def pictures(scene) -> list[np.ndarray]:
    return [timeline.render(scene, frame)[..., :3].astype(float) for frame in range(61, 65)]


def furthest(some: list[np.ndarray], others: list[np.ndarray]) -> float:
    return max(float(np.abs(one - other).max()) for one, other in zip(some, others, strict=True))


def deep(shot, frame: int) -> np.ndarray:
    """The sequencer's picture of a timeline frame in 16 bits, (H, W, 3) uint16 RGB."""
    settings = shot.scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "16"
    shot.scene.render.dither_intensity = 0.0
    shot.scene.frame_set(frame)
    with tempfile.TemporaryDirectory() as folder:
        shot.scene.render.filepath = str(Path(folder) / "frame.png")
        shot.bpy.ops.render.render(write_still=True)
        return cv2.cvtColor(cv2.imread(shot.scene.render.filepath, cv2.IMREAD_UNCHANGED), cv2.COLOR_BGR2RGB)


def files(made) -> list[Path]:
    return [Path(made.directory) / element.filename for element in made.elements]


@pytest.mark.parametrize("output", ["CUTOUT", "MATTE"])
def test_webp_looks_as_png_does(shot, over_green, blender, output: str) -> None:
    """To the last bit, enlarged and turned too, where colour under an alpha of 0 is seen; and in smaller files."""
    shot.scene.strip_matte.output = output
    shot.scene.strip_matte.white = 0.3  # hard edges
    over_green.transform.rotation, over_green.transform.scale_x = 0.3, 1.7
    blender.ops.sequencer.matte_add()
    before = pictures(shot.scene)
    size = sum(path.stat().st_size for path in files(made_of(shot.scene)))
    assert blender.ops.sequencer.matte_remove() == {"FINISHED"}
    over_green.select, shot.scene.strip_matte.format = True, "WEBP"
    blender.ops.sequencer.matte_add()
    made = made_of(shot.scene)
    assert [path.name for path in files(made)] == [f"{frame:06d}.webp" for frame in range(60, 64)]
    assert furthest(before, pictures(shot.scene)) == 0
    assert sum(path.stat().st_size for path in files(made)) < 0.8 * size


def test_webp_goes_where_png_goes(shot, over_green, blender) -> None:
    """Again, switched there and back, re-aligned, marked, verified."""
    shot.scene.strip_matte.format = "WEBP"
    blender.ops.sequencer.matte_add()
    before = {path: path.stat().st_mtime_ns for path in shot.folder.rglob("*.webp")}
    assert len(before) == 4
    for output in ("MATTE", "CUTOUT"):
        assert blender.ops.sequencer.matte_switch() == {"FINISHED"}
        made = made_of(shot.scene)
        assert (made["strip_matte"]["output"], made["strip_matte"]["format"]) == (output, "WEBP")
        assert {path.suffix for path in files(made)} == {".webp"}
        assert all(path.exists() for path in files(made))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not list(shot.images())
    timeline.trim(over_green, 1, 2)
    assert blender.ops.sequencer.matte_realign() == {"FINISHED"}
    assert [path.name for path in files(made_of(shot.scene))] == ["000061.webp", "000062.webp"]
    assert blender.ops.sequencer.matte_mark() == {"FINISHED"}
    assert blender.ops.sequencer.matte_verify() == {"FINISHED"}
    assert made_of(shot.scene)["strip_matte"]["verdict"].endswith("all the same")


def test_the_sequencer_shows_16_bits_of_a_matte(shot, over_green, blender, tmp_path: Path) -> None:
    """Of white in float, seen through the matte over black, more than 256 steps are left, and those of the file."""
    shot.scene.strip_matte.output, shot.scene.strip_matte.format = "MATTE", "PNG16"
    shot.scene.strip_matte.feather = 60.0
    blender.ops.sequencer.matte_add()
    made = made_of(shot.scene)
    matte = cv2.imread(str(files(made)[1]), cv2.IMREAD_UNCHANGED)
    assert (matte.dtype, matte.ndim) == (np.uint16, 2)
    cv2.imwrite(str(tmp_path / "white.png"), np.full((720, 1280, 3), 255, np.uint8))
    timeline.add_colour(shot.scene, (0.0, 0.0, 0.0), 8, 1, 400)
    white = timeline.strips(shot.scene.sequence_editor).new_image("White", str(tmp_path / "white.png"), 9, 62)
    white.blend_type, white.use_float = "ALPHA_OVER", True
    mask = white.modifiers.new("Mask", "MASK")
    mask.input_mask_type, mask.input_mask_strip = "STRIP", made
    shown = deep(shot, 62)[..., 0]
    assert len(np.unique(shown)) > 2000
    assert np.abs(shown.astype(int) - matte).max() <= 4


def test_a_matte_of_8_bits_masks_a_movie_in_float(shot, over_green, blender) -> None:
    """As it masks one in bytes."""
    shot.scene.strip_matte.output = "MATTE"
    shot.scene.render.dither_intensity = 0.0
    blender.ops.sequencer.matte_add()
    before = pictures(shot.scene)
    over_green.use_float = True
    assert furthest(before, pictures(shot.scene)) <= 2.0


def test_a_matte_of_16_bits_masks_a_movie_in_bytes(shot, over_green, blender) -> None:
    """As one of 8 bits does, within rounding; and can be switched to a cutout and back, and re-aligned."""
    shot.scene.strip_matte.output = "MATTE"
    blender.ops.sequencer.matte_add()
    plain = pictures(shot.scene)
    shot.scene.strip_matte.format = "PNG16"
    over_green.select = True
    blender.ops.sequencer.matte_add()
    wide = pictures(shot.scene)
    off = [np.abs(one - other).max(axis=2) for one, other in zip(plain, wide, strict=True)]
    assert max(float(np.quantile(each, 0.99)) for each in off) <= 2.0
    assert max(float(each.max()) for each in off) <= 8.0
    for output, kind in (("CUTOUT", np.uint8), ("MATTE", np.uint16)):
        assert blender.ops.sequencer.matte_switch() == {"FINISHED"}
        assert made_of(shot.scene)["strip_matte"]["output"] == output
        assert cv2.imread(str(files(made_of(shot.scene))[0]), cv2.IMREAD_UNCHANGED).dtype == kind
    read = made_of(shot.scene).colorspace_settings
    if read.is_data:  # as another release has it
        read.name = "sRGB"
    else:
        read.is_data = True
    assert furthest(wide, pictures(shot.scene)) > 2.0
    assert blender.ops.sequencer.matte_realign() == {"FINISHED"}
    assert furthest(wide, pictures(shot.scene)) == 0


def test_the_compositor_reads_16_bits_of_a_matte(shot, over_green, blender) -> None:
    """As data, in float."""
    shot.scene.strip_matte.output, shot.scene.strip_matte.format = "MATTE", "PNG16"
    blender.ops.sequencer.matte_add()
    assert blender.ops.sequencer.matte_to_compositor() == {"FINISHED"}
    tree = timeline.addon("operators.strips").compositor(shot.scene)
    (image,) = [node.image for node in tree.nodes if node.get("strip_matte_role") == "Matte"]
    assert image.is_float
    assert image.colorspace_settings.is_data


def test_16_bits_of_a_cutout_are_refused(shot, blender) -> None:
    shot.movie(left=60, length=2)
    shot.scene.strip_matte.format = "PNG16"
    with pytest.raises(RuntimeError, match="A cutout has 8 bits"):
        blender.ops.sequencer.matte_add()
    assert not shot.folder.exists()


def test_the_command_takes_a_format(shot, blender, capsys) -> None:
    shot.movie(left=60, length=2)
    command = timeline.addon("operators.command").main
    assert command(["--format", "webp"]) == 0
    assert {path.suffix for path in files(made_of(shot.scene))} == {".webp"}
    assert command(["--format", "PNG16", "--output", "CUTOUT"]) == 1
    assert "A cutout has 8 bits" in capsys.readouterr().err
    assert command(["--format", "gif"]) == 2


def test_the_estimate_tells_no_size_of_another_format(shot, blender) -> None:
    estimate = timeline.addon("operators.estimate")
    movie = shot.movie(left=60, length=16)
    shot.scene.strip_matte.format = "WEBP"
    assert blender.ops.sequencer.matte_add() == {"FINISHED"}
    assert estimate.tell(shot.preferences, [movie]).endswith("MB")
    shot.scene.strip_matte.format = "PNG8"
    assert estimate.tell(shot.preferences, [movie]).endswith("min")
