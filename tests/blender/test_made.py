# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with a result later: made again, and taken away with or without its files."""

import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import timeline


@pytest.fixture
def made(shot):
    """A movie of four frames with its cutout, both selected."""
    movie = shot.movie(left=60, length=4)
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    movie.select = True
    return movie


def of_ours(shot) -> list:
    return [strip for strip in timeline.strips(shot.scene.sequence_editor) if "strip_matte" in strip]


def extent(strip) -> tuple[int, int]:
    return timeline.addon("operators.strips").extent(strip)


def times(shot) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in shot.images()}


def paint(path: Path) -> None:
    """As an editor repairs an image in another program."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    image[:40] = 0
    assert cv2.imwrite(str(path), image)


def test_a_run_with_what_is_there_makes_nothing(shot, made) -> None:
    before = times(shot)
    assert shot.bpy.ops.sequencer.matte_rerun() == {"FINISHED"}
    assert times(shot) == before
    assert len(of_ours(shot)) == 1
    assert made.mute


def test_a_run_with_force_makes_all_but_what_was_painted(shot, made) -> None:
    painted, *others = sorted(shot.images())
    paint(painted)
    content, before = painted.read_bytes(), times(shot)
    assert shot.bpy.ops.sequencer.matte_rerun(force=True) == {"FINISHED"}
    assert painted.read_bytes() == content
    assert all(times(shot)[path] > before[path] for path in others)
    assert len(of_ours(shot)) == 1


def test_a_run_with_other_settings_takes_the_place(shot, made) -> None:
    """A cutout becomes a matte where the output was changed meanwhile; the movie is as a matte leaves it."""
    (cutout,) = of_ours(shot)
    place, folder = timeline.addon("operators.strips").extent(cutout), cutout.directory
    shot.scene.strip_matte.output, shot.scene.strip_matte.grow = "MATTE", 3
    assert shot.bpy.ops.sequencer.matte_rerun() == {"FINISHED"}
    (matte,) = of_ours(shot)
    assert matte["strip_matte"]["output"] == "MATTE"
    assert timeline.addon("operators.strips").extent(matte) == place
    assert matte.directory != folder
    assert not made.mute
    assert [modifier.type for modifier in made.modifiers] == ["MASK"]


def test_a_run_follows_a_movie_that_became_longer(shot, made) -> None:
    before = times(shot)
    timeline.trim(made, length=6)
    assert shot.bpy.ops.sequencer.matte_rerun() == {"FINISHED"}
    (cutout,) = of_ours(shot)
    extent = timeline.addon("operators.strips").extent
    assert extent(cutout) == extent(made)
    assert before.items() <= times(shot).items()
    assert len(times(shot)) == len(before) + 2


def test_without_its_movie_it_is_refused(shot, made) -> None:
    (cutout,) = of_ours(shot)
    timeline.strips(shot.scene.sequence_editor).remove(made)
    cutout.select = True
    with pytest.raises(RuntimeError, match="is gone"):
        shot.bpy.ops.sequencer.matte_rerun()
    assert of_ours(shot) == [cutout]


def test_removing_leaves_what_is_not_ours(shot, made) -> None:
    """Images that were painted stay unless they are asked for, and so does what somebody else put there."""
    painted, *others = sorted(shot.images())
    paint(painted)
    (painted.parent / "notes.txt").write_text("ours")
    (painted.parent / "reference.png").write_bytes(others[0].read_bytes())
    assert shot.bpy.ops.sequencer.matte_remove(files=True) == {"FINISHED"}
    assert not of_ours(shot)
    assert not made.mute
    left = {path.name for path in painted.parent.iterdir()} - {"strip_matte.lock"}
    assert left == {painted.name, "notes.txt", "reference.png", "strip_matte.json"}


def test_removing_all_leaves_no_folder(shot, made) -> None:
    painted, *_ = sorted(shot.images())
    paint(painted)
    assert shot.bpy.ops.sequencer.matte_remove(files=True, by_hand=True) == {"FINISHED"}
    assert not painted.parent.exists()


def test_images_that_another_strip_shows_stay(shot, made) -> None:
    before = times(shot)
    shot.movie(channel=5, left=60, length=4)
    made.select = False
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    assert len(of_ours(shot)) == 2
    for strip in timeline.strips(shot.scene.sequence_editor):
        strip.select = strip == made
    assert shot.bpy.ops.sequencer.matte_remove(files=True) == {"FINISHED"}
    assert len(of_ours(shot)) == 1
    assert times(shot) == before


def test_images_that_another_scene_shows_stay(shot, made) -> None:
    """As that of another version of the edit in the same project."""
    before = times(shot)
    shot.scene.copy()
    assert shot.bpy.ops.sequencer.matte_remove(files=True) == {"FINISHED"}
    assert not of_ours(shot)
    assert times(shot) == before


def images_folder(shot) -> Path:
    (folder,) = {path.parent for path in shot.images()}
    return folder


def test_images_that_a_plain_strip_shows_stay(shot, made) -> None:
    """As an editor puts them on the timeline with Add > Image/Sequence."""
    before = times(shot)
    first, *others = sorted(before)
    plain = timeline.strips(shot.scene.sequence_editor).new_image("Plain", str(first), 6, 61)
    for path in others:
        plain.elements.append(path.name)
    assert shot.bpy.ops.sequencer.matte_remove(files=True) == {"FINISHED"}
    assert not of_ours(shot)
    assert times(shot) == before


def test_images_that_the_compositor_shows_stay(shot, made) -> None:
    before = times(shot)
    assert shot.bpy.ops.sequencer.matte_to_compositor() == {"FINISHED"}
    assert shot.bpy.ops.sequencer.matte_remove(files=True) == {"FINISHED"}
    assert times(shot) == before


HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
from inference import hold
with hold.taken(sys.argv[2], [90]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_images_stay_while_another_process_makes_more(shot, made) -> None:
    before, folder = times(shot), images_folder(shot)
    words = [sys.executable, "-c", HOLDER, str(timeline.ROOT), str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout and other.stdin
        assert other.stdout.readline() == b"held\n"
        assert shot.bpy.ops.sequencer.matte_remove(files=True) == {"FINISHED"}
        other.stdin.close()
    assert times(shot) == before


@pytest.mark.parametrize("operator", ["matte_rerun", "matte_switch"])
def test_without_a_free_channel_what_is_there_stays(shot, operator: str) -> None:
    movie = shot.movie(channel=127, left=60, length=2)
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    (cutout,) = of_ours(shot)
    timeline.add_colour(shot.scene, (0, 0, 0), 128, extent(movie)[1], 5)
    timeline.trim(movie, length=3)
    movie.select = True
    assert getattr(shot.bpy.ops.sequencer, operator)() == {"CANCELLED"}
    assert of_ours(shot) == [cutout]
    assert movie.mute


@pytest.mark.parametrize("operator", ["matte_rerun", "matte_switch"])
def test_the_channel_of_what_goes_is_free(shot, operator: str) -> None:
    shot.movie(channel=127, left=60, length=2).select = True
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    assert getattr(shot.bpy.ops.sequencer, operator)() == {"FINISHED"}
    assert [strip.channel for strip in of_ours(shot)] == [128]


def test_of_two_cutouts_the_one_that_stays_hides_the_movie(shot, made) -> None:
    shot.scene.strip_matte.grow = 5
    for strip in of_ours(shot):
        strip.select = False
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    for expected in (True, False):
        kept = of_ours(shot)[0]
        for strip in timeline.strips(shot.scene.sequence_editor):
            strip.select = strip == kept
        assert shot.bpy.ops.sequencer.matte_remove() == {"FINISHED"}
        assert made.mute == expected


def test_a_folder_without_our_manifest_is_left_alone(tmp_path: Path, addon) -> None:
    (tmp_path / "000001.png").write_bytes(b"somebody's")
    assert timeline.addon("operators.made").delete(str(tmp_path), by_hand=True) == (0, 0)
    assert (tmp_path / "000001.png").exists()
