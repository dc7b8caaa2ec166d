# SPDX-License-Identifier: GPL-3.0-or-later
"""From file to timeline: on every timeline frame the rendered cutout carries the number that the movie does."""

from pathlib import Path

import clips
import conditions
import frames
import numpy as np
import onnx
import pytest
import timeline
from onnx import TensorProto, helper

REFUSED = {"live.mkv", "raw.h264"}


@pytest.fixture(scope="module")
def opaque_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network that takes everything for the subject, at once: here the pictures count, not the mattes."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 32, 32))
    matte = helper.make_tensor_value_info("matte", TensorProto.FLOAT, (1, 1, 32, 32))
    one = helper.make_tensor("one", TensorProto.FLOAT, (1, 1, 32, 32), np.ones(1024, np.float32))
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "one"], ["matte"]),
    ]
    zero = helper.make_tensor("zero", TensorProto.FLOAT, (), [0.0])
    graph = helper.make_graph(nodes, "opaque", [image], [matte], [one, zero])
    path = tmp_path_factory.mktemp("model") / "opaque.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return str(path)


@pytest.mark.parametrize("condition", conditions.CONDITIONS, ids=lambda condition: condition.__name__)
def test_the_cutout_follows_what_is_done_to_the_strip(
    shot, opaque_model: str, tmp_path: Path, condition: conditions.Condition
) -> None:
    stage = conditions.Stage()
    movie = timeline.add_movie(stage.scene, clips.make("phone.mp4"), start=conditions.START)
    stage.scene.sequence_editor.active_strip = movie
    condition(stage, movie, conditions.content_length(movie))
    strips, tasks = timeline.addon("operators.strips"), timeline.addon("operators.tasks")
    movie = strips.find(stage.scene, movie.name)
    first, end = strips.extent(movie)
    before = list(frames.rendered(stage.scene, first, end - first, tmp_path / "movie"))
    task = tasks.plan(shot.bpy.context, stage.scene, movie, folder=str(tmp_path / "images"), model=opaque_model)
    list(timeline.addon("inference").generate(task.job))
    assert tasks.place(task) == task.warnings
    after = list(frames.rendered(stage.scene, first, end - first, tmp_path / "cutout"))
    assert movie.mute
    shown = [clips.number_in(conditions.flipped_back(movie, picture)) for picture in before]
    assert None not in shown
    assert [clips.number_in(conditions.flipped_back(movie, picture)) for picture in after] == shown


@pytest.mark.parametrize("name", [clip.name for clip in clips.CLIPS if clip.name not in REFUSED])
def test_the_cutout_carries_the_movies_numbers(shot, opaque_model: str, tmp_path: Path, name: str) -> None:
    scene = shot.scene
    scene.render.resolution_x, scene.render.resolution_y = clips.WIDTH * 2, clips.HEIGHT * 2
    scene.strip_matte.model = "FILE"
    shot.preferences.model_file = opaque_model
    movie = timeline.add_movie(scene, clips.make(name))
    first, end = timeline.addon("operators.strips").extent(movie)
    before = list(frames.rendered(scene, first, end - first, tmp_path / "movie"))
    task = timeline.addon("operators.tasks").plan(shot.bpy.context, scene, movie)
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    after = list(frames.rendered(scene, first, end - first, tmp_path / "cutout"))

    known = frames.DEVIATIONS.get(name)
    excused = known if known and known.releases(shot.bpy.app.version) else None
    if excused and (excused.colour or (excused.frames and "cut_short" not in name)):
        assert task.warnings, "the editor is not told of what is known to differ"
    for frame, (theirs, ours) in enumerate(zip(before, after, strict=True)):
        if excused and (excused.colour or frame in excused.frames):
            continue
        number = clips.number_in(theirs)
        assert clips.number_in(ours) == number, f"source frame {frame}"
        if number is None:  # a damaged picture: the pixels alone speak
            assert np.abs(theirs.astype(int) - ours).mean() <= frames.SAME * 2, f"source frame {frame}"
