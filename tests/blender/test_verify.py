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
