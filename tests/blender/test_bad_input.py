# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input gets a sentence; the timeline and the disk stay as they were."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import clips
import pytest
import timeline


def refusal(shot) -> str:
    """What the operator says; checks that it changed nothing."""
    strips = timeline.strips(shot.scene.sequence_editor)
    before = [(strip.name, strip.type, strip.mute, strip.channel) for strip in strips]
    with pytest.raises(RuntimeError) as caught:
        shot.bpy.ops.sequencer.matte_add()
    assert [(strip.name, strip.type, strip.mute, strip.channel) for strip in strips] == before
    assert not list(shot.images())
    return str(caught.value)


def test_nothing_selected(shot) -> None:
    movie = shot.movie(length=2)
    movie.select = False
    assert "Select a movie strip" in refusal(shot)


def test_a_strip_that_is_no_movie(shot) -> None:
    timeline.add_colour(shot.scene, (0, 0, 0), 1, 1, 5).select = True
    assert "Select a movie strip" in refusal(shot)


@pytest.fixture
def linked(shot):
    """The shot's scene with a movie, a cutout of it and a pick, in another project that links it; all are selected."""
    shot.movie(length=2)
    shot.scene.name = "Shot"
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    for strip in timeline.strips(shot.scene.sequence_editor):
        strip.select = True
    assert shot.bpy.ops.sequencer.matte_pick() == {"FINISHED"}
    path = str(shot.folder.parent / "shot.blend")
    shot.bpy.ops.wm.save_as_mainfile(filepath=path)
    shot.bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with shot.bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.scenes = ["Shot"]
    (scene,) = [scene for scene in shot.bpy.data.scenes if scene.library]
    shot.bpy.context.window_manager.windows[0].scene = scene
    if hasattr(shot.bpy.context.workspace, "sequencer_scene"):
        shot.bpy.context.workspace.sequencer_scene = scene
    return scene


def test_a_linked_scene_is_left_alone(shot, linked) -> None:
    """Blender would save nothing of what is done in it."""
    edits = ("rerun", "realign", "remove", "switch", "mark", "to_compositor", "pick", "pick_clear", "follow")
    shot.bpy.ops.wm.save_as_mainfile(filepath=str(shot.folder.parent / "linking.blend"))
    for name in ("add", *edits, "farm_job"):
        with pytest.raises(RuntimeError, match="linked from another file. Make it local, and try again"):
            getattr(shot.bpy.ops.sequencer, f"matte_{name}")()
    movie = next(strip for strip in timeline.strips(linked.sequence_editor) if strip.type == "MOVIE")
    with pytest.raises(timeline.addon("inference").MatteError, match="linked from another file"):
        timeline.addon("operators.tasks").plan(shot.bpy.context, linked, movie)
    linked.make_local()
    assert shot.bpy.ops.sequencer.matte_realign() == {"FINISHED"}


def broken(kind: str, whole: Path, folder: Path) -> Path:
    import av

    path = folder / f"{kind}.mp4"
    content = whole.read_bytes()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("This is not a movie.\n" * 50)
    elif kind == "truncated":
        index = content.find(b"moov")
        assert index > len(content) // 2
        path.write_bytes(content[: index // 2])
    elif kind == "sound":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=44100, layout="mono")
            import numpy as np

            for start in range(0, 44100, 1024):
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                frame.sample_rate, frame.pts = 44100, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("kind", "happened", "advice"),
    [
        ("missing", "is missing", "put the file back, or choose another file"),
        ("empty", "is empty", "copy or record it again"),
        ("text", "is not a movie", "choose another file, or convert it to MP4"),
        ("sound", "holds sound only", "choose a movie with pictures"),
        ("truncated", "breaks off before its index", "copy it again, or repair it"),
    ],
)
def test_a_file_that_shows_no_picture(shot, bunny: Path, tmp_path: Path, kind: str, happened: str, advice: str) -> None:
    path = broken(kind, bunny, tmp_path)
    strip = timeline.strips(shot.scene.sequence_editor).new_movie("Bad", str(path), 1, 1)
    strip.select = True
    what, _, to_do = refusal(shot).rpartition(": ")
    assert f'{path.name}" {happened}' in what
    assert to_do.strip() == advice


def test_a_movie_that_was_written_again_shorter(blender, bunny: Path, tmp_path: Path) -> None:
    """The strip keeps its length in the project, and Blender shows magenta past the movie's end."""
    take = tmp_path / "take.mp4"
    shutil.copy(bunny, take)
    timeline.add_movie(timeline.new_scene(160, 96, 25), take)
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "project.blend"))
    shutil.copy(clips.make("rate_25.mp4"), take)
    blender.ops.wm.open_mainfile(filepath=str(tmp_path / "project.blend"))
    scene = blender.context.scene
    scene.strip_matte.folder = str(tmp_path / "images")
    (strip,) = timeline.strips(scene.sequence_editor)
    red, green, blue, _ = timeline.render(scene, 132)[0, 0]
    assert red > 200 and green == 0 and blue > 180
    with pytest.raises(RuntimeError, match="take.mp4.* has 48 frames now, and frame 132 is wanted"):
        blender.ops.sequencer.matte_add()
    assert not (tmp_path / "images").exists()
    timeline.trim(strip, left=45, length=3)
    assert timeline.addon("operators.tasks").plan(blender.context, scene, strip).job.frames == (45, 46, 47)


def test_a_relative_folder_while_the_project_is_unsaved(shot) -> None:
    shot.movie(length=1)
    shot.scene.strip_matte.folder = "//strip_matte/"
    assert "Save the project" in refusal(shot)


def test_a_folder_that_is_no_whole_path(shot) -> None:
    shot.movie(length=1)
    shot.scene.strip_matte.folder = "mattes"
    assert "mattes" in refusal(shot)


def test_a_folder_that_cannot_be_written(shot, tmp_path: Path) -> None:
    shot.movie(length=1)
    (tmp_path / "file").write_text("in the way")
    shot.scene.strip_matte.folder = str(tmp_path / "file" / "images")
    assert "Choose another folder" in refusal(shot)


def test_a_read_only_file_system(shot) -> None:
    shot.movie(length=1)
    shot.scene.strip_matte.folder = "/proc/strip_matte/"
    assert "Choose another folder" in refusal(shot)


@pytest.mark.parametrize("kind", ["none", "missing", "text"])
def test_a_wrong_model(shot, tmp_path: Path, kind: str) -> None:
    shot.movie(length=1)
    shot.scene.strip_matte.model = "FILE"
    path = tmp_path / "model.onnx"
    if kind == "text":
        path.write_text("not a model")
    if kind != "none":
        shot.preferences.model_file = str(path)
    said = refusal(shot)
    assert "preferences" in said if kind == "none" else "model.onnx" in said


def test_no_channel_is_free(shot) -> None:
    """The images stay, the timeline is as it was, and the warning names the folder."""
    movie = shot.movie(channel=127, length=1)
    timeline.add_colour(shot.scene, (0, 0, 0), 128, 1, 5)
    tasks = timeline.addon("operators.tasks")
    task = tasks.plan(shot.bpy.context, shot.scene, movie)
    list(timeline.addon("inference").generate(task.job))
    with pytest.raises(timeline.addon("inference").MatteError, match=task.job.folder):
        tasks.place(task)
    assert len(timeline.strips(shot.scene.sequence_editor)) == 2
    assert not movie.mute


@pytest.mark.parametrize("library", ["onnxruntime", "cv2", "av"])
def test_a_wheel_that_will_not_import(bunny: Path, tmp_path: Path, library: str) -> None:
    """The add-on still registers, the operator says what to install, and the panel does too."""
    stub = tmp_path / "broken" / library
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text('raise ImportError("DLL load failed: the specified module could not be found")\n')
    (tmp_path / "user").mkdir()
    script = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        import bpy, timeline
        from pathlib import Path
        timeline.use_checkout(Path({str(tmp_path / "user")!r}))
        scene = timeline.new_scene(1280, 720, 25)
        scene.strip_matte.folder = {str(tmp_path / "images")!r}
        timeline.trim(timeline.add_movie(scene, Path({str(bunny)!r})), length=1)
        sys.path.insert(0, {str(tmp_path / "broken")!r})
        try:
            bpy.ops.sequencer.matte_add()
        except RuntimeError as error:
            print("SAID", str(error).replace(chr(10), " "))
        print("PANEL", timeline.addon("operators.matte").why_not(bpy.context))
        print("STRIPS", len(timeline.strips(scene.sequence_editor)))
        sys.stdout.flush()
        import os; os._exit(0)
    """)
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "user")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    said = dict(
        line.split(" ", 1) for line in done.stdout.splitlines() if line.startswith(("SAID ", "PANEL ", "STRIPS "))
    )
    assert "einstall Strip Matte" in said["SAID"], done.stderr
    assert "DLL load failed" in said["SAID"]
    assert "einstall Strip Matte" in said["PANEL"]
    assert said["STRIPS"] == "1"
