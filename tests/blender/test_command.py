# SPDX-License-Identifier: GPL-3.0-or-later
"""`--command strip_matte` from within: its arguments, its exit status, and the same bytes as the operator."""

from pathlib import Path

import pytest
import timeline


@pytest.fixture
def command(shot):
    return timeline.addon("operators.command").main


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.png")}


def test_the_command_does_what_the_operator_does(shot, command, tmp_path: Path) -> None:
    """Same bytes, same strip, for every movie strip or those named; the selection does not matter."""
    first = shot.movie(length=2)
    second = shot.movie(channel=3, left=50, length=2)
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    by_operator = bytes_in(shot.folder)
    made = {s.name for s in timeline.strips(shot.scene.sequence_editor)} - {first.name, second.name}
    for name in made:
        timeline.strips(shot.scene.sequence_editor).remove(timeline.strips(shot.scene.sequence_editor)[name])
    first.select = second.select = False
    assert command(["--folder", str(tmp_path / "command")]) == 0
    assert bytes_in(tmp_path / "command") == by_operator
    assert {s.name for s in timeline.strips(shot.scene.sequence_editor)} == made | {first.name, second.name}


def test_frames_are_timeline_frames_both_included(shot, command) -> None:
    movie = shot.movie(start=-3, left=10, length=20)
    start = timeline.addon("operators.strips").extent(movie)[0]
    assert command([f"--frames={start + 2}-{start + 3}"]) == 0
    (made,) = [strip for strip in timeline.strips(shot.scene.sequence_editor) if strip.type == "IMAGE"]
    assert timeline.addon("operators.strips").extent(made) == (start + 2, start + 4)
    assert [element.filename for element in made.elements] == ["000012.png", "000013.png"]


@pytest.mark.parametrize("output", ["CUTOUT", "MATTE"])
def test_another_scene_than_the_one_shown(shot, command, output: str) -> None:
    """As a farm's worker has it, where another scene was open when the project was saved."""
    shot.movie(left=60, length=2).name = "Here"
    other = shot.scene.copy()
    other.name = "Other"
    strips = timeline.strips(other.sequence_editor)
    strips[0].name = "There"
    other.strip_matte.output = output
    assert command(["--strip=There"]) == 1
    assert command(["--scene=Nowhere"]) == 1
    assert command(["--scene=Other", "--strip=There"]) == 0
    assert [strip.name for strip in strips] == ["There", f"There {output.title()}"]
    assert len(timeline.strips(shot.scene.sequence_editor)) == 1
    assert command(["--scene=Other", "--verify"]) == 0


def test_saving(shot, command, tmp_path: Path) -> None:
    shot.movie(length=1)
    path = tmp_path / "result.blend"
    assert command(["--save", str(path)]) == 0
    shot.bpy.ops.wm.open_mainfile(filepath=str(path))
    kinds = [strip.type for strip in timeline.strips(shot.bpy.context.scene.sequence_editor)]
    assert sorted(kinds) == ["IMAGE", "MOVIE"]


@pytest.mark.parametrize(
    "arguments", [["--frames", "9-3"], ["--frames", "x"], ["--output", "gif"], ["--unknown"], ["stray"]]
)
def test_wrong_arguments_end_with_2(command, arguments: list[str], capfd) -> None:
    assert command(arguments) == 2
    assert "usage: blender FILE.blend --command strip_matte" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["--strip", "Nobody"], ["--frames", "900-901"], ["--model", "nowhere.onnx"]])
def test_a_job_that_cannot_be_done_ends_with_1(shot, command, arguments: list[str], capfd) -> None:
    shot.movie(length=1)
    assert command(arguments) == 1
    said = capfd.readouterr().err
    assert any(word in said for word in ("Nobody", "no movie strip there", "nowhere.onnx"))
    assert not list(shot.images())


def test_help_can_be_read(command, capfd) -> None:
    assert command(["--help"]) == 0
    text = capfd.readouterr().out
    for option in ("--strip", "--frames", "--output", "--folder", "--model", "--save", "Exit status"):
        assert option in text


def test_progress_is_printed(shot, command, capfd) -> None:
    shot.movie(length=2)
    assert command([]) == 0
    assert "2 of 2 frames" in capfd.readouterr().out
