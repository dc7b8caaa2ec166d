# SPDX-License-Identifier: GPL-3.0-or-later
"""One generator, whole files: what stands in the folder after a run, a stop, and a run that goes on."""

import contextlib
import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import clips
import cv2
import numpy as np
import pytest

import inference
from inference import BUILT_IN_MODEL, Job, MatteError, Shape, Subject
from inference.cutout import MARGIN
from inference.folder import name_for
from inference.movie import decode
from inference.png import encode

FRAMES = (0, 1, 5, 6, 7)


@pytest.fixture
def job(bunny: Path, tmp_path: Path) -> Job:
    return Job(str(bunny), FRAMES, str(tmp_path / "images"), BUILT_IN_MODEL, cores=2, quality="EVERY")


def contents(job: Job) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(job.folder).iterdir()}


@pytest.mark.parametrize("cleaned", [True, False])
def test_images_are_the_movies_own_colour_with_a_matte(job: Job, cleaned: bool) -> None:
    """Where the subject is opaque always; with the background's colour left in soft edges, all around it too."""
    images = list(inference.generate(replace(job, edge_colour=cleaned)))
    assert [image.frame for image in images] == list(FRAMES)
    assert not any(image.reused for image in images)
    for image, (_, picture) in zip(images, decode(job.movie, FRAMES), strict=True):
        cutout = cv2.cvtColor(cv2.imread(image.path, cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
        alpha = cutout[..., 3]
        near = cv2.dilate(alpha, np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)) > 0
        own = alpha == 255 if cleaned else near  # under alpha 0 too, where it is near
        np.testing.assert_array_equal(cutout[own][:, :3], picture[own])
        assert alpha.min() == 0
        assert alpha.max() > 250
        assert 0.02 < (alpha > 128).mean() < 0.5


def test_the_number_of_cores_does_not_change_a_byte(job: Job, tmp_path: Path) -> None:
    one = replace(job, folder=str(tmp_path / "one"), cores=1)
    six = replace(job, folder=str(tmp_path / "six"), cores=6)
    for each in (one, six):
        assert len(list(inference.generate(each))) == len(FRAMES)
    assert contents(one) == contents(six)


def test_a_stopped_run_leaves_whole_images_and_the_next_goes_on(job: Job, tmp_path: Path) -> None:
    job = replace(job, frames=tuple(range(30)))  # more than are in hand when it stops
    before = threading.active_count()
    with contextlib.closing(inference.generate(job)) as images:
        next(images)
    assert threading.active_count() == before
    left = contents(job)
    made = {name for name in left if name.endswith(".png")}
    assert 0 < len(made) < len(job.frames)
    assert not [name for name in left if name.endswith(".part")]

    again = list(inference.generate(job))
    assert {Path(image.path).name for image in again if image.reused} == made
    assert sorted(image.frame for image in again) == list(job.frames)
    undisturbed = replace(job, folder=str(tmp_path / "undisturbed"))
    assert len(list(inference.generate(undisturbed))) == len(job.frames)
    assert contents(job) == contents(undisturbed)


def test_an_image_is_told_as_soon_as_it_is_made(job: Job) -> None:
    """And not when the next stretch of frames has its maps, of which the network may make one in half a minute."""
    job = replace(job, quality="ADAPTIVE", frames=tuple(range(24)))
    not_told = [
        len(list(Path(job.folder).glob("*.png"))) - told for told, _ in enumerate(inference.generate(job), start=1)
    ]
    assert len(not_told) == 24
    assert max(not_told) < 4


def test_what_a_killed_process_left_is_swept_away(job: Job) -> None:
    """A day later. What is younger may be another process's, at work in the same folder."""
    Path(job.folder).mkdir()
    old, young = (Path(job.folder) / f"00000{n}.png.123.abcd.part" for n in (1, 2))
    for part in (old, young):
        part.write_bytes(b"half")
    os.utime(old, (0, time.time() - 90_000))
    list(inference.generate(replace(job, frames=(0,))))
    assert not old.exists()
    assert young.exists()


def test_a_folder_holds_one_movie_and_one_model(job: Job, tmp_path: Path) -> None:
    list(inference.generate(replace(job, frames=(0,))))
    before = contents(job)
    manifest = json.loads(before["strip_matte.json"])
    assert manifest["model"]["size"] == Path(BUILT_IN_MODEL).stat().st_size
    other = tmp_path / "other.mp4"
    other.write_bytes(Path(job.movie).read_bytes() + b"\0")
    with pytest.raises(MatteError, match="another movie"):
        next(inference.generate(replace(job, movie=str(other))))
    assert contents(job) == before


def test_a_thing_that_is_followed_for_an_hour_can_be_made_and_gone_on_with(job: Job) -> None:
    path = tuple((4 * point, 0.4 + 1e-9 * point, 1 / 3) for point in range(54_000))  # at 60 frames a second
    job = replace(job, frames=(0,), subject=Subject(keep="PICKED", path=path))
    assert [[image.reused for image in inference.generate(job)] for _ in range(2)] == [[False], [True]]


def test_a_folder_of_somebody_elses_images_is_left_alone(job: Job) -> None:
    Path(job.folder).mkdir()
    holiday = Path(job.folder) / "000000.png"
    holiday.write_bytes(b"holiday")
    with pytest.raises(MatteError, match="not Strip Matte's"):
        next(inference.generate(job))
    assert contents(job) == {"000000.png": b"holiday"}


def test_a_folder_that_cannot_be_made_is_named(job: Job, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MatteError, match="file"):
        next(inference.generate(replace(job, folder=str(tmp_path / "file" / "images"))))


def test_a_wrong_model_leaves_no_image(job: Job, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_text("no")
    with pytest.raises(MatteError, match="model.onnx"):
        next(inference.generate(replace(job, model=str(model))))
    assert not list(Path(job.folder).glob("*.png"))


# Made again


def rewritten(tmp_path: Path, frames: tuple[int, ...], **settings: object) -> Job:
    """A job of a strip whose movie was written again after it was put on the timeline, with 48 frames now."""
    movie = str(clips.make("rate_25.mp4"))
    settings = {"quality": "EVERY", **settings}
    return Job(movie, frames, str(tmp_path / "images"), BUILT_IN_MODEL, cores=2, device="CPU", **settings)  # type: ignore[arg-type]


def test_a_movie_that_is_shorter_than_its_strip_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    job = rewritten(tmp_path, (46, 47, 48, 60))
    with pytest.raises(MatteError, match=r"has 48 frames now, and frame 61 is wanted: .*Reload Strips"):
        list(inference.generate(job))
    assert not Path(job.folder).exists()


@pytest.mark.parametrize("settings", [{}, {"steady": False}, {"quality": "ADAPTIVE"}])
def test_frames_that_are_counted_past_the_end_show_the_last_picture(tmp_path: Path, settings: dict) -> None:
    """In one run, and in a chunk that holds them alone."""
    whole = rewritten(tmp_path, (46, 47, 48, 49), **settings)
    assert [image.frame for image in inference.generate(whole)] == list(whole.frames)
    chunk = rewritten(tmp_path / "chunk", (48, 49), **settings)
    assert [image.frame for image in inference.generate(chunk)] == [48, 49]
    images = contents(whole)
    assert images["000046.png"] != images["000047.png"] == images["000048.png"] == images["000049.png"]
    assert {name: images[name] for name in ("000048.png", "000049.png")}.items() <= contents(chunk).items()


def told_of(job: Job) -> list[str]:
    """Run a job, and give the sentences that it told."""
    said: list[str] = []
    list(inference.generate(job, lambda _kind, text: said.append(text)))
    return said


def test_force_makes_all_again_but_what_was_altered_by_hand(job: Job) -> None:
    list(inference.generate(job))
    wanted = contents(job)
    by_hand = Path(job.folder, "000005.png")
    cv2.imwrite(str(by_hand), np.zeros((4, 4, 4), np.uint8))
    altered = by_hand.read_bytes()
    before = {path.name: path.stat().st_mtime_ns for path in Path(job.folder).glob("*.png")}
    said: list[str] = []
    images = list(inference.generate(replace(job, force=True), lambda _kind, text: said.append(text)))
    assert sorted(image.frame for image in images) == list(FRAMES)
    assert [image.frame for image in images if image.reused] == [5]
    after = {path.name: path.stat().st_mtime_ns for path in Path(job.folder).glob("*.png")}
    assert {name for name in before if after[name] != before[name]} == before.keys() - {by_hand.name}
    assert contents(job) == {**wanted, by_hand.name: altered}
    assert "1 images that were altered by hand are kept" in said


def test_a_forced_run_asks_the_network_though_the_other_output_is_there(job: Job, tmp_path: Path) -> None:
    job = replace(job, frames=(0, 1))
    list(inference.generate(job))
    matte = replace(job, output="MATTE", folder=str(tmp_path / "mattes"), mattes=job.folder)
    for force in (False, True):
        assert any("The network saw" in text for text in told_of(replace(matte, force=force))) == force


@pytest.mark.parametrize("pictures", [False, True], ids=["movie", "pictures"])
def test_the_other_output_of_what_is_transparent_itself(job: Job, tmp_path: Path, pictures: bool) -> None:
    """A cutout's alpha is the matte times the picture's own: there and back, each output is that of a run of its own.
    Inverted, so that there is much matte where the picture is transparent."""
    movie, frames, files = str(clips.make("alpha_png.mov")), (0, 1), []
    for frame, picture in decode(movie, frames if pictures else (), channels=4):
        files.append(str(tmp_path / f"{frame}.png"))
        Path(files[-1]).write_bytes(encode(picture))
    movie = str(tmp_path) if pictures else movie
    job = replace(job, movie=movie, frames=frames, pictures=tuple(files), shape=Shape(invert=True))

    def made(output: str, folder: str, mattes: str) -> list[np.ndarray]:
        asked = replace(job, output=output, folder=str(tmp_path / folder), mattes=mattes and str(tmp_path / mattes))
        return [cv2.imread(image.path, cv2.IMREAD_UNCHANGED) for image in inference.generate(asked)]

    cutouts, mattes = made("CUTOUT", "cutouts", ""), made("MATTE", "mattes", "")
    assert all(matte[:40].min() > 128 >= cutout[:40, :, 3].max() for matte, cutout in zip(mattes, cutouts, strict=True))
    np.testing.assert_array_equal(made("MATTE", "there", "cutouts"), mattes)
    np.testing.assert_array_equal(made("CUTOUT", "back", "there"), cutouts)


def test_a_forced_run_that_is_stopped_leaves_whole_images(job: Job) -> None:
    """Old ones or new ones, and the next run takes them all."""
    job = replace(job, frames=tuple(range(30)), edges=False, steady=False)
    list(inference.generate(job))
    wanted = contents(job)
    with contextlib.closing(inference.generate(replace(job, force=True))) as images:
        next(images)
    assert contents(job) == wanted
    assert all(image.reused for image in inference.generate(job))


# A drawn mask


def drawing(folder: Path, name: str, level: int) -> str:
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), np.full((9, 16), level, np.uint8))
    return str(path)


def test_only_frames_whose_drawing_has_changed_are_made_again(job: Job, tmp_path: Path) -> None:
    """And a trim, which takes frames away and adds others, makes no other again."""
    white, grey, black = (drawing(tmp_path, name, level) for name, level in (("w", 255), ("g", 128), ("b", 0)))

    def made(frames: tuple[int, ...], *files: str, job: Job = job) -> list[int]:
        masked = replace(job, frames=frames, subject=Subject(mask="mask", masks=files))
        images = list(inference.generate(masked))
        assert sorted(image.frame for image in images) == list(frames)
        return sorted(image.frame for image in images if not image.reused)

    def peak(frame: int) -> int:
        return int(cv2.imread(str(Path(job.folder, f"{frame:06d}.png")), cv2.IMREAD_UNCHANGED)[..., 3].max())

    assert made((5, 6), white, white) == [5, 6]
    assert made((5, 6, 7), white, grey, grey) == [6, 7]
    assert peak(5) > 240 and 120 < peak(6) <= 128
    assert made((6, 7), grey, grey) == []
    assert made((6,), white) == [6]
    assert peak(6) > 240
    cv2.imwrite(str(Path(job.folder, "000006.png")), np.zeros((720, 1280, 4), np.uint8))  # by hand
    assert made((5, 6), black, black) == [5]
    # The other output takes those mattes over whose drawing is the same.
    other = replace(job, output="MATTE", folder=str(tmp_path / "mattes"), mattes=job.folder)
    matte = replace(other, frames=(5, 6, 7), subject=Subject(mask="mask", masks=(black, grey, white)))
    assert "2 mattes were there and are taken over" in told_of(matte)
    assert made((5, 6, 7), black, grey, white, job=other) == []


def test_images_of_another_mask_are_copied_where_it_is_drawn_the_same(job: Job, tmp_path: Path) -> None:
    """And of no other: not of other settings, and not what was altered by hand."""
    white, grey = drawing(tmp_path, "w", 255), drawing(tmp_path, "g", 128)
    home = tmp_path / "home"

    def run(mask: str, *files: str, job: Job = job) -> dict[int, bool]:
        masked = replace(job, frames=(0, 1, 5), subject=Subject(mask=mask, masks=files))
        masked = replace(masked, folder=str(home / name_for(masked)))
        return {image.frame: image.reused for image in inference.generate(masked)}

    first = run("one", white, white, grey)
    assert first == {0: False, 1: False, 5: False}
    (folder,) = home.iterdir()
    cv2.imwrite(str(folder / "000001.png"), np.zeros((720, 1280, 4), np.uint8))
    assert run("two", white, white, white) == {0: True, 1: False, 5: False}
    other = next(path for path in home.iterdir() if path != folder)
    assert (other / "000000.png").read_bytes() == (folder / "000000.png").read_bytes()
    assert run("two", white, white, white, job=replace(job, steady=False)) == {0: False, 1: False, 5: False}
    assert run("three", white, white, white, job=replace(job, force=True)) == {0: False, 1: False, 5: False}
