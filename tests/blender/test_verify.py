# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on proves its own frames, and finds it where they are wrong."""

import clips
import pytest
import timeline


def state(scene) -> list:
    """What an editor could notice that verifying has changed."""
    render = scene.render
    return [
        scene.frame_current,
        render.filepath,
        render.resolution_percentage,
        render.image_settings.file_format,
        [(s.name, s.mute, s.blend_type, s.channel) for s in timeline.strips(scene.sequence_editor)],
    ]


@pytest.fixture
def cutout(shot):
    movie = shot.movie(left=40, length=6)
    movie.transform.scale_x = 0.6
    movie.use_flip_x = True
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    (made,) = [strip for strip in timeline.strips(shot.scene.sequence_editor) if strip.type == "IMAGE"]
    return made


def test_a_right_cutout_is_found_right_and_nothing_is_touched(shot, cutout) -> None:
    before, scenes = state(shot.scene), len(shot.bpy.data.scenes)
    assert shot.bpy.ops.sequencer.matte_verify(all=True) == {"FINISHED"}
    assert cutout["strip_matte"]["verdict"] == "frames 41 to 46, 6 compared, all the same"
    assert state(shot.scene) == before
    assert len(shot.bpy.data.scenes) == scenes


def test_a_cutout_that_slipped_is_found_out(shot, cutout) -> None:
    """Two elements change places: those two frames are named, and the command fails."""
    names = [element.filename for element in cutout.elements]
    cutout.elements[1].filename, cutout.elements[4].filename = names[4], names[1]
    command = timeline.addon("operators.command").main
    assert command(["--verify", "--all"]) == 1
    assert cutout["strip_matte"]["verdict"] == "frames 41 to 46, 6 compared, not the same: 42, 45"


def muted_channel(scene) -> None:
    scene.sequence_editor.channels[1].mute = True


def render_region(scene) -> None:
    scene.render.use_border, scene.render.border_max_x = True, 0.5


def cropped_to_a_render_region(scene) -> None:
    render_region(scene)
    scene.render.use_crop_to_border = True


def stereoscopy(scene) -> None:
    scene.render.use_multiview = True


@pytest.mark.parametrize(
    "hide", [muted_channel, render_region, cropped_to_a_render_region, stereoscopy], ids=lambda hide: hide.__name__
)
def test_what_the_scene_hides_is_no_difference(shot, cutout, hide) -> None:
    hide(shot.scene)
    assert shot.bpy.ops.sequencer.matte_verify(all=True) == {"FINISHED"}
    assert cutout["strip_matte"]["verdict"] == "frames 41 to 46, 6 compared, all the same"
    assert shot.scene.render.use_border == (hide in {render_region, cropped_to_a_render_region})
    assert shot.scene.render.use_multiview == (hide is stereoscopy)
    assert shot.scene.sequence_editor.channels[1].mute == (hide is muted_channel)


@pytest.fixture
def in_a_meta_strip(shot):
    """A cutout of six frames on timeline frames 1 to 6, and the meta strip around it and its movie."""
    movie = shot.movie(length=6)
    meta = timeline.strips(shot.scene.sequence_editor).new_meta("Meta", 2, 1)
    movie.move_to_meta(meta)
    timeline.trim(meta, 0, 6)
    shot.scene.sequence_editor.display_stack(meta)
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    return next(strip for strip in timeline.strips(meta) if strip.type == "IMAGE"), meta


def test_a_meta_strip_that_is_placed_and_graded_is_no_difference(shot, in_a_meta_strip) -> None:
    cutout, meta = in_a_meta_strip
    meta.transform.scale_x = meta.transform.scale_y = 0.5
    meta.transform.offset_x, meta.crop.min_y, meta.use_flip_x = 200, 60, True
    meta.color_multiply, meta.blend_alpha = 0.4, 0.5
    meta.channels[1].mute = True
    assert shot.bpy.ops.sequencer.matte_verify(all=True) == {"FINISHED"}
    assert cutout["strip_matte"]["verdict"] == "frames 1 to 6, 6 compared, all the same"
    assert meta.transform.scale_x == 0.5


def test_frames_that_a_meta_strip_hides_are_not_compared(shot, in_a_meta_strip) -> None:
    cutout, meta = in_a_meta_strip
    names = [element.filename for element in cutout.elements]
    cutout.elements[1].filename, cutout.elements[4].filename = names[4], names[1]
    timeline.trim(meta, 2, 2)
    assert shot.bpy.ops.sequencer.matte_verify(all=True) == {"FINISHED"}
    assert cutout["strip_matte"]["verdict"] == "frames 3 to 4, 2 compared, all the same"
    timeline.trim(meta, 0, 4)
    assert shot.bpy.ops.sequencer.matte_verify(all=True) == {"FINISHED"}
    assert cutout["strip_matte"]["verdict"] == "frames 3 to 6, 4 compared, not the same: 5"
    timeline.trim(cutout, 0, 2)
    with pytest.raises(RuntimeError, match="hides all of it"):
        shot.bpy.ops.sequencer.matte_verify()


def test_the_command_verifies_the_cutouts_of_a_movie(shot, cutout, capfd) -> None:
    command = timeline.addon("operators.command").main
    assert command(["--verify", "--strip", cutout["strip_matte"]["source"]]) == 0
    assert "all the same" in capfd.readouterr().out
    assert command(["--verify", "--strip", "Nobody"]) == 1


def test_a_cutout_without_its_movie_is_told(shot, cutout) -> None:
    timeline.strips(shot.scene.sequence_editor).remove(
        timeline.strips(shot.scene.sequence_editor)[cutout["strip_matte"]["source"]]
    )
    with pytest.raises(RuntimeError, match="is gone"):
        shot.bpy.ops.sequencer.matte_verify()


@pytest.mark.parametrize(
    "name",
    ["turned_90.mp4", "alpha_png.mov", "phone.mp4", "anamorphic.mp4", "odd_size.webm", "hevc_10.mp4", "interlaced.ts"],
)
def test_every_kind_of_movie_is_found_right(shot, name: str) -> None:
    """From the file to the rendered cutout: size, orientation, place and frame are those that Blender shows."""
    path = clips.make(name)
    shot.scene.render.resolution_x, shot.scene.render.resolution_y = 320, 240
    movie = timeline.add_movie(shot.scene, path)
    timeline.trim(movie, 5, 8)
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    movie.select = True
    assert shot.bpy.ops.sequencer.matte_verify(all=True) == {"FINISHED"}
    (made,) = [strip for strip in timeline.strips(shot.scene.sequence_editor) if strip.type == "IMAGE"]
    assert made["strip_matte"]["verdict"].endswith("8 compared, all the same")


@pytest.mark.parametrize("output", ["CUTOUT", "MATTE"])
def test_a_slip_that_no_opaque_place_shows_is_found_out(shot, output: str) -> None:
    """Movie and matte are placed alike and hold a number each frame that the matte covers nowhere; nor has a grey matte
    any colour to compare."""
    movie = timeline.add_movie(shot.scene, clips.make("phone.mp4"))
    timeline.trim(movie, 5, 8)
    movie.use_flip_x, movie.transform.rotation, movie.crop.min_x = True, 0.4, 40
    shot.scene.strip_matte.output = output
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    (made,) = [strip for strip in timeline.strips(shot.scene.sequence_editor) if strip.type == "IMAGE"]
    made.select = True
    shot.bpy.ops.sequencer.matte_verify(all=True)
    assert made["strip_matte"]["verdict"].endswith("8 compared, all the same")
    names = [element.filename for element in made.elements]
    for element, name in zip(made.elements, [*names[1:], names[-1]], strict=True):
        element.filename = name
    shot.bpy.ops.sequencer.matte_verify(all=True)
    assert len(made["strip_matte"]["verdict"].partition("not the same: ")[2].split(", ")) == 7
