# SPDX-License-Identifier: GPL-3.0-or-later
"""The two outputs, and what can be done with them later: in each, the picture is the same."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import timeline

GREEN = np.array((0, 255, 0))


@pytest.fixture
def over_green(shot):
    """A movie strip over green, frames 60 to 63 of the clip on timeline frames 61 to 64; its colour not cleaned, so
    that both outputs hold the movie's own."""
    timeline.add_colour(shot.scene, (0.0, 1.0, 0.0), 1, 1, 400)
    shot.scene.strip_matte.edge_colour = False
    return shot.movie(channel=2, left=60, length=4)


def made_of(scene):
    """The one strip of ours."""
    (found,) = [strip for strip in timeline.strips(scene.sequence_editor) if "strip_matte" in strip]
    return found


def pictures(scene, frames=range(61, 65)) -> list[np.ndarray]:
    return [timeline.render(scene, frame)[..., :3].astype(float) for frame in frames]


def furthest(some: list[np.ndarray], others: list[np.ndarray]) -> float:
    return max(float(np.abs(one - other).max()) for one, other in zip(some, others, strict=True))


def test_a_matte_leaves_the_movie_and_masks_it(shot, over_green, blender) -> None:
    plain = pictures(shot.scene)
    shot.scene.strip_matte.output = "MATTE"
    assert blender.ops.sequencer.matte_add() == {"FINISHED"}
    made = made_of(shot.scene)
    assert made.mute
    assert not over_green.mute
    assert made.name == "bigbuckbunny Matte"
    (mask,) = over_green.modifiers
    assert (mask.type, mask.input_mask_strip) == ("MASK", made)
    for before, after, element in zip(plain, pictures(shot.scene), made.elements, strict=True):
        matte = cv2.imread(str(Path(made.directory) / element.filename), cv2.IMREAD_UNCHANGED)
        assert matte.ndim == 2
        alpha = matte[..., None] / 255
        assert np.abs(after - (before * alpha + GREEN * (1 - alpha))).max() <= 1.5
        assert matte.max() > 250


@pytest.mark.parametrize("output", ["CUTOUT", "MATTE"])
@pytest.mark.parametrize("blend", ["SCREEN", "ADD", "OVERLAY", "REPLACE", "CROSS", "GAMMA_CROSS", "MULTIPLY"])
def test_the_blend_mode_is_carried_over(shot, blender, output: str, blend: str) -> None:
    """The subject is seen as in the movie, and what is below as it is alone where the matte is empty. Multiplied, that
    would be transparent: there the subject lies over it, and a sentence says so."""
    timeline.add_colour(shot.scene, (0.2, 0.5, 0.3), 1, 1, 400)
    shot.scene.strip_matte.edge_colour = False
    shot.scene.strip_matte.output = output
    movie = shot.movie(channel=2, left=60, length=1)
    movie.mute = True
    alone = timeline.render(shot.scene, 61).astype(int)
    movie.mute, movie.blend_type = False, "ALPHA_OVER" if blend == "MULTIPLY" else blend
    before = timeline.render(shot.scene, 61).astype(int)
    movie.blend_type = blend
    tasks = timeline.addon("operators.tasks")
    told = tasks.plan(blender.context, shot.scene, movie).warnings
    assert [sentence for sentence in told if "multiplied" in sentence] == list(told)
    assert len(told) == (blend == "MULTIPLY")
    assert blender.ops.sequencer.matte_add() == {"FINISHED"}
    made = made_of(shot.scene)
    after = timeline.render(shot.scene, 61).astype(int)
    image = cv2.imread(str(Path(made.directory) / made.elements[0].filename), cv2.IMREAD_UNCHANGED)
    alpha = image if image.ndim == 2 else image[..., 3]
    assert (alpha == 255).mean() > 0.03
    assert (alpha == 0).mean() > 0.03
    assert np.abs(after - before)[alpha == 255].mean() < 1.0
    assert np.array_equal(after[alpha == 0], alone[alpha == 0])


@pytest.mark.parametrize("placed", ["as it is", "moved", "flipped and cropped", "moved and flipped"])
def test_both_outputs_look_the_same(shot, over_green, blender, placed: str) -> None:
    """The pixels differ by rounding alone, wherever the movie stands in the picture, and while it moves."""
    transform, crop = over_green.transform, over_green.crop
    if "moved" in placed:
        transform.rotation, transform.origin, transform.offset_y = 0.2, (0.1, 0.8), -35
        for frame, offset in ((61, 0), (64, 200)):
            transform.offset_x = offset
            transform.keyframe_insert("offset_x", frame=frame)
    if "flipped" in placed:
        over_green.use_flip_x = True
        crop.min_x, crop.max_x, crop.min_y, crop.max_y = 200, 800, 250, 60
    blender.ops.sequencer.matte_add()
    cutout = pictures(shot.scene)
    blender.ops.sequencer.matte_switch()
    assert made_of(shot.scene)["strip_matte"]["output"] == "MATTE"
    matte = pictures(shot.scene)
    # A turned picture is resampled with its alpha, or alpha and picture apart: they meet at edges.
    off = [np.abs(one - other).max(axis=2) for one, other in zip(cutout, matte, strict=True)]
    assert max(float(np.quantile(each, 0.99)) for each in off) <= 2.0
    assert max(float(each.mean()) for each in off) < 0.3


def test_switching_asks_the_network_for_nothing(shot, over_green, blender, monkeypatch) -> None:
    """There and back, and the files are those that a run of its own makes."""
    blender.ops.sequencer.matte_add()
    first = pictures(shot.scene)
    files = {path.relative_to(shot.folder): path.read_bytes() for path in shot.images()}
    model = timeline.addon("inference.model").Model

    def asked(*_: object) -> None:
        raise AssertionError("the network was asked")

    with monkeypatch.context() as patch:
        patch.setattr(model, "map", asked)
        assert blender.ops.sequencer.matte_switch() == {"FINISHED"}
        made_of(shot.scene)
        assert not over_green.mute
        assert blender.ops.sequencer.matte_switch() == {"FINISHED"}
    assert over_green.mute
    assert not over_green.modifiers
    assert furthest(first, pictures(shot.scene)) == 0
    now = {path.relative_to(shot.folder): path.read_bytes() for path in shot.images()}
    assert files.items() <= now.items()
    mattes = {path: data for path, data in now.items() if path not in files}
    assert len(mattes) == 4
    shot.scene.strip_matte.folder = str(shot.folder.parent / "other")
    shot.scene.strip_matte.output = "MATTE"
    over_green.select = True
    blender.ops.sequencer.matte_add()
    again = {
        path.relative_to(shot.folder.parent / "other"): path for path in (shot.folder.parent / "other").rglob("*.png")
    }
    assert {path: again[path].read_bytes() for path in mattes} == mattes


@pytest.mark.parametrize("output", ["CUTOUT", "MATTE"])
def test_switching_carries_a_repair_though_both_outputs_are_there(shot, over_green, blender, output: str) -> None:
    shot.scene.strip_matte.output = output
    blender.ops.sequencer.matte_add()
    blender.ops.sequencer.matte_switch()
    blender.ops.sequencer.matte_switch()
    made = made_of(shot.scene)
    assert made["strip_matte"]["output"] == output
    file = str(Path(made.directory) / made.elements[1].filename)
    image = cv2.imread(file, cv2.IMREAD_UNCHANGED)
    image[:200] = 255
    cv2.imwrite(file, image)
    before = pictures(shot.scene)
    blender.ops.sequencer.matte_switch()
    other = made_of(shot.scene)
    shown = cv2.imread(str(Path(other.directory) / other.elements[1].filename), cv2.IMREAD_UNCHANGED)
    assert shown[:200, ..., -1 if shown.ndim == 3 else slice(None)].min() == 255
    after = pictures(shot.scene)
    # And nothing else has changed, but that Blender 4.2 reads a movie's colours a little otherwise than we.
    assert furthest([before[0], *before[2:]], [after[0], *after[2:]]) <= 4


@pytest.mark.parametrize("output", ["CUTOUT", "MATTE"])
def test_a_movie_that_was_edited_gets_its_matte_back_in_place(shot, over_green, blender, output: str) -> None:
    shot.scene.strip_matte.output = output
    blender.ops.sequencer.matte_add()
    before = pictures(shot.scene)
    timeline.trim(over_green, 1, 2)
    move(over_green, 40)
    over_green.transform.offset_x = 50
    assert blender.ops.sequencer.matte_realign() == {"FINISHED"}
    made = made_of(shot.scene)
    strips = timeline.addon("operators.strips")
    assert strips.extent(made) == strips.extent(over_green)
    frames = strips.source_frames(shot.scene, over_green)
    assert [element.filename for element in made.elements] == [f"{frame:06d}.png" for frame in frames]
    after = pictures(shot.scene, range(*strips.extent(made)))
    for frame, picture in zip(frames, after, strict=True):
        old = before[frame - 60]
        assert np.abs(picture[:, 60:1200] - old[:, 10:1150]).mean() < 1.0


def test_realigning_to_frames_that_have_no_matte_changes_nothing(shot, over_green, blender) -> None:
    blender.ops.sequencer.matte_add()
    before = timeline.addon("operators.strips").extent(made_of(shot.scene))
    timeline.trim(over_green, 0, 9)
    assert blender.ops.sequencer.matte_realign() == {"CANCELLED"}
    assert timeline.addon("operators.strips").extent(made_of(shot.scene)) == before


@pytest.mark.parametrize("output", ["CUTOUT", "MATTE"])
@pytest.mark.parametrize("files", [False, True])
def test_removing_leaves_the_movie_as_it_was(shot, over_green, blender, output: str, files: bool) -> None:
    before = pictures(shot.scene)
    shot.scene.strip_matte.output = output
    blender.ops.sequencer.matte_add()
    made = len(list(shot.images()))
    assert blender.ops.sequencer.matte_remove(files=files) == {"FINISHED"}
    assert len(timeline.strips(shot.scene.sequence_editor)) == 2
    assert not over_green.mute
    assert not over_green.modifiers
    assert furthest(before, pictures(shot.scene)) == 0
    assert len(list(shot.images())) == (0 if files else made)


@pytest.mark.parametrize("output", ["CUTOUT", "MATTE"])
@pytest.mark.parametrize("blend", ["REPLACE", "CROSS", "SCREEN"])
@pytest.mark.parametrize("times", [1, 2])
def test_removing_puts_back_how_the_movie_was_muted_and_blended(
    shot, over_green, blender, output: str, blend: str, times: int
) -> None:
    over_green.blend_type, over_green.mute = blend, True
    shot.scene.strip_matte.output = output
    for _ in range(times):
        over_green.select = True
        blender.ops.sequencer.matte_add()
    for strip in timeline.strips(shot.scene.sequence_editor):
        strip.select = "strip_matte" in strip
    assert blender.ops.sequencer.matte_remove() == {"FINISHED"}
    assert (over_green.blend_type, over_green.mute) == (blend, True)


def test_a_matte_outlives_saving_and_loading(tmp_project: Path, shot, over_green, blender) -> None:
    shot.scene.strip_matte.output, shot.scene.strip_matte.folder = "MATTE", "//mattes"
    blender.ops.sequencer.matte_add()
    before = pictures(shot.scene)
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=str(tmp_project))
    scene = blender.context.scene
    assert furthest(before, pictures(scene)) == 0
    assert json.loads(made_of(scene)["strip_matte"]["made_with"])["quality"] == "ADAPTIVE"


def move(strip, frames: int) -> None:
    if hasattr(strip, "content_start"):
        strip.content_start += frames
    else:
        strip.frame_start += frames


def test_the_estimate_tells_what_the_last_run_took(shot, blender) -> None:
    """The same strip again: as many frames, about as long, about as large."""
    estimate = timeline.addon("operators.estimate")
    movie = shot.movie(left=60, length=16)
    assert estimate.tell(shot.preferences, [movie]) == "16 frames"
    assert blender.ops.sequencer.matte_add() == {"FINISHED"}
    size = sum(path.stat().st_size for path in shot.images()) / 1e6
    assert estimate.tell(shot.preferences, [movie]).startswith("16 frames, about 0:0")
    assert estimate.tell(shot.preferences, [movie]).endswith(f", {size:.0f} MB")
    assert estimate.tell(shot.preferences, []) == ""


def test_a_disk_without_room_is_told_before_the_work(shot, blender) -> None:
    """From the figures of a run before; nothing is made, and the timeline stays."""
    shot.movie(left=60, length=16)
    machine = shot.preferences
    machine.seconds_a_frame, machine.pixels_a_frame, machine.bytes_a_frame = 0.1, 1280 * 720, 1e15
    with pytest.raises(RuntimeError, match="16 images need about .* GB"):
        blender.ops.sequencer.matte_add()
    assert not list(shot.images())
    assert len(timeline.strips(shot.scene.sequence_editor)) == 1


@pytest.fixture
def crossed(shot):
    """A cross on timeline frames 65 to 68 from one movie to another; both are selected."""
    first, second = shot.movie(left=60, length=8), shot.movie(channel=2, start=5, left=60, length=8)
    first.name, second.name = "First", "Second"
    shot.scene.strip_matte.edge_colour = False
    return timeline.add_effect(shot.scene, "CROSS", "Cross", 3, 65, 4, (first, second))


def see_through(scene, frame: int = 66) -> float:
    """The share of a timeline frame's picture behind which the background is gone."""
    return float(np.mean(timeline.render(scene, frame)[..., 3] < 250))


def test_an_effect_that_shows_the_background_is_told(shot, crossed, blender, capfd) -> None:
    blender.ops.sequencer.matte_add()
    told = capfd.readouterr().out
    assert see_through(shot.scene) == 0.0
    for name in ("First", "Second"):
        words = (
            f'"Cross" still shows "{name}" with its background. Use Switch Output, or make "{name} Cutout" its input '
            "and move it above that"
        )
        assert words in told


def test_an_effect_shows_the_masks_of_its_movies(shot, crossed, blender, capfd) -> None:
    """And does what the warning says: Switch Output."""
    blender.ops.sequencer.matte_add()
    capfd.readouterr()
    assert blender.ops.sequencer.matte_switch() == {"FINISHED"}
    assert see_through(shot.scene) > 0.5
    assert "still shows" not in capfd.readouterr().out


def test_an_effect_keeps_the_cutout_it_was_given(shot, crossed, blender, capfd) -> None:
    """As the warning says. Re-run gives it the new one; Remove Matte the movie."""
    blender.ops.sequencer.matte_add()
    strips = timeline.strips(shot.scene.sequence_editor)
    crossed.input_1, crossed.input_2 = strips["First Cutout"], strips["Second Cutout"]
    crossed.channel = 8
    assert see_through(shot.scene) > 0.5
    capfd.readouterr()
    shot.scene.strip_matte.grow = 4
    assert blender.ops.sequencer.matte_rerun() == {"FINISHED"}
    crossed = strips["Cross"]
    assert [crossed.input_1.name, crossed.input_2.name] == ["First Cutout", "Second Cutout"]
    assert timeline.addon("operators.strips").extent(crossed) == (65, 69)
    assert see_through(shot.scene) > 0.5
    assert "still shows" not in capfd.readouterr().out
    assert blender.ops.sequencer.matte_remove() == {"FINISHED"}
    assert [crossed.input_1.name, crossed.input_2.name] == ["First", "Second"]
    assert see_through(shot.scene) == 0.0
