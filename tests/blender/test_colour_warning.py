# SPDX-License-Identifier: GPL-3.0-or-later
"""Movies whose colours a cutout can not hold: the run says so once, and says what to do; of others nothing is said."""

from pathlib import Path

import clips
import pytest
import timeline

OFFER = "The output Matte leaves the movie's own colors"


def warned(bpy, capfd, output: str = "CUTOUT") -> list[str]:
    """The warnings of a run with the scene's settings."""
    bpy.context.scene.strip_matte.output = output
    capfd.readouterr()
    assert bpy.ops.sequencer.matte_add() == {"FINISHED"}
    return [line for line in capfd.readouterr().out.splitlines() if line.startswith("Warning: ")]


def select(shot, path: Path):
    strip = timeline.add_movie(shot.scene, path)
    for other in timeline.strips(shot.scene.sequence_editor):
        other.select = other == strip
    return strip


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pq.mp4", "HDR (PQ), the wide gamut of BT.2020 and 10 bits a channel"),
        ("p3.mp4", "the wide gamut of Display P3"),
        ("ten.mov", "10 bits a channel"),
    ],
)
def test_a_cutout_of_more_colour_is_warned_of_and_a_matte_is_not(
    shot, blender, capfd, tmp_path: Path, name: str, reason: str
) -> None:
    strip = select(shot, clips.coloured(name, tmp_path))
    (warning,) = warned(blender, capfd)
    assert warning.startswith(f'Warning: "{strip.name}" has {reason}, ')
    assert OFFER in warning
    strip.select = True
    assert warned(blender, capfd, "MATTE") == []
    # The other way round it is a cutout again.
    capfd.readouterr()
    assert blender.ops.sequencer.matte_switch() == {"FINISHED"}
    assert OFFER in capfd.readouterr().out


@pytest.mark.parametrize("name", ["plain.mp4", "untagged.mp4"])
def test_of_plain_colours_nothing_is_said(shot, blender, capfd, tmp_path: Path, name: str) -> None:
    select(shot, clips.coloured(name, tmp_path))
    assert warned(blender, capfd) == []


def test_the_panel_reads_a_movie_once_until_it_changes(shot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row is drawn at every move of the mouse."""
    tasks, inference = timeline.addon("operators.tasks"), timeline.addon("inference")
    movies = inference.load(".movie", inference.__name__)
    strip = select(shot, clips.coloured("p3.mp4", tmp_path))
    read, open_ = [], movies.av.open

    def counted(file: str, *mode: str, **options: str):
        read.append(file)
        return open_(file, *mode, **options)

    monkeypatch.setattr(movies.av, "open", counted)
    for _ in range(3):
        assert tasks.beyond([strip]) == {strip.name: "the wide gamut of Display P3"}
    assert len(read) == 1
    clips.coloured("plain.mp4", tmp_path).replace(tmp_path / "p3.mp4")
    assert tasks.beyond([strip]) == {}
    (tmp_path / "p3.mp4").unlink()
    assert tasks.beyond([strip]) == {}
