# SPDX-License-Identifier: GPL-3.0-or-later
"""The preview's frame: the very pixels that the run writes, and not a step done twice while settings are dragged."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import inference
from inference import BUILT_IN_MODEL, Job, MatteError, Shape, Subject, movie, still
from inference.model import Model
from inference.picture import Picture

FRAME = 61


@pytest.fixture
def job(bunny: Path, tmp_path: Path) -> Job:
    return Job(str(bunny), (FRAME,), str(tmp_path / "images"), BUILT_IN_MODEL, cores=2, quality="EVERY", device="CPU")


@pytest.fixture(autouse=True)
def _empty_desk() -> Iterator[None]:
    still.forget()
    yield
    still.forget()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often the network was asked, and pictures were decoded, since it was last set."""
    counted = {"network": 0, "pictures": 0, "files": 0}
    ask, pictures = Model.map, movie.pictures

    def counting_map(self: Model, planes: np.ndarray) -> np.ndarray:
        counted["network"] += 1
        return ask(self, planes)

    def counting_pictures(*arguments: object, **named: object) -> Iterator[tuple[int, Picture]]:
        counted["files"] += 1
        for picture in pictures(*arguments, **named):  # type: ignore[arg-type]
            counted["pictures"] += 1
            yield picture

    still.still(Job("none.mp4", (0,), "", BUILT_IN_MODEL, pictures=("none.png",)), 0)  # the machine is measured
    monkeypatch.setattr(Model, "map", counting_map)
    monkeypatch.setattr(movie, "pictures", counting_pictures)
    return counted


def written(job: Job) -> np.ndarray:
    """What the run writes for FRAME: (H, W, 4) uint8 RGBA."""
    (image,) = inference.generate(job)
    return cv2.cvtColor(cv2.imread(image.path, cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"steady": False, "quality": "DRAFT", "subject": Subject(keep="PICKED", path=((60, 0.35, 0.6),))},
        {"quality": "ADAPTIVE", "subject": Subject(keep="LARGEST", region=(0.2, 0.1, 0.9, 1.0))},
        {
            "steady": False,
            "edges": False,
            "edge_colour": False,
            "shape": Shape(black=0.1, grow=3, feather=8.0, invert=True),
        },
    ],
    ids=["steady", "draft, picked", "largest in a region", "shape"],
)
def test_it_is_what_the_run_writes(job: Job, settings: dict) -> None:
    """Whatever was looked at before, and in whatever order."""
    asked = replace(job, **settings)
    still.still(replace(asked, frames=(FRAME + 1,)), FRAME + 1)
    made = still.still(asked, FRAME)
    image = written(asked)
    np.testing.assert_array_equal(made.image, image)
    np.testing.assert_array_equal(made.matte, image[..., 3])
    ((_, picture),) = movie.decode(job.movie, [FRAME])
    np.testing.assert_array_equal(made.picture, picture)


def test_what_comes_after_the_map_costs_only_itself(job: Job, calls: dict[str, int]) -> None:
    before = still.still(job, FRAME)
    assert calls == {"network": 5, "pictures": 5, "files": 1}  # two frames before and two after have their say
    calls.update(network=0, pictures=0, files=0)
    grown = still.still(replace(job, shape=Shape(grow=5)), FRAME)
    assert np.count_nonzero(grown.matte > 128) > np.count_nonzero(before.matte > 128)
    for change in ({"edges": False}, {"edge_colour": False}, {"steady": False}, {"output": "MATTE"}):
        still.still(replace(job, **change), FRAME)
    still.still(replace(job, subject=Subject(keep="PICKED", path=((FRAME, 0.3, 0.5),))), FRAME)
    assert calls == {"network": 0, "pictures": 0, "files": 0}


def test_the_next_frame_costs_what_is_new_about_it(job: Job, calls: dict[str, int]) -> None:
    still.still(job, FRAME)
    calls.update(network=0, pictures=0, files=0)
    still.still(replace(job, frames=(FRAME + 1,)), FRAME + 1)
    assert calls == {"network": 1, "pictures": 1, "files": 0}  # the file was not opened, or sought through, again
    still.still(job, FRAME)
    assert calls["network"] == 1


def test_nothing_is_written(job: Job, tmp_path: Path) -> None:
    still.still(job, FRAME)
    assert list(tmp_path.iterdir()) == []


def test_a_movie_that_was_replaced_is_read_again(job: Job, bunny: Path, tmp_path: Path) -> None:
    copy = tmp_path / "movie.mp4"
    plain = replace(job, movie=str(copy), steady=False)
    copy.write_bytes(bunny.read_bytes())
    first = still.still(plain, FRAME)
    copy.write_bytes(b"no movie")
    with pytest.raises(MatteError, match="movie.mp4"):
        still.still(plain, FRAME)
    copy.write_bytes(bunny.read_bytes())
    np.testing.assert_array_equal(still.still(plain, FRAME).image, first.image)


def test_past_the_movies_end_it_is_what_the_run_does(job: Job) -> None:
    """The clip has 132 frames. A few more may be counted by another release; many more are a strip that is too long."""
    last, past = replace(job, frames=(131,)), replace(job, frames=(132,))
    image = still.still(last, 131).image
    np.testing.assert_array_equal(still.still(past, 132).image, image)
    np.testing.assert_array_equal(written(past), image)
    with pytest.raises(MatteError, match="has 132 frames now, and frame 141 is wanted"):
        still.still(replace(job, frames=(140,)), 140)


def test_pictures_of_a_sequence_have_their_own_sizes(job: Job, tmp_path: Path) -> None:
    files = []
    for number, (width, height) in enumerate([(200, 120), (320, 180), (200, 120)]):
        picture = np.full((height, width, 3), 40, np.uint8)
        cv2.circle(picture, (width // 2, height // 2), height // 3, (200, 60, 30), -1)
        files.append(str(tmp_path / f"{number}.png"))
        cv2.imwrite(files[-1], picture)
    asked = replace(job, movie=str(tmp_path), pictures=(*files, str(tmp_path / "gone.png")), frames=(1,))
    made = still.still(asked, 1)
    assert made.matte.shape == (180, 320)
    np.testing.assert_array_equal(made.image, written(asked))
    assert still.still(replace(asked, frames=(3,)), 3).image[..., 3].max() == 0  # a gap: Blender shows nothing


def test_pictures_that_were_rendered_anew_are_read_again(job: Job, bunny: Path, tmp_path: Path) -> None:
    """That of the frame itself, one that has a say in it, and one that was missing."""
    files = [tmp_path / f"{number}.png" for number in range(4)]
    shown = [cv2.resize(picture, (320, 180)) for _, picture in movie.decode(str(bunny), range(60, 66))]
    for file, picture in zip(files[:3], shown, strict=False):
        cv2.imwrite(str(file), picture)
    asked = replace(job, movie=str(tmp_path), pictures=tuple(map(str, files)), frames=(1,))
    gap = replace(asked, frames=(3,))
    looked = [still.still(asked, 1)]
    assert still.still(gap, 3).picture.max() == 0
    for file, picture in ((files[1], shown[3]), (files[2], shown[5]), (files[3], shown[4])):
        cv2.imwrite(str(file), picture)
        looked.append(still.still(asked, 1))
    assert still.still(gap, 3).picture.max() > 200
    for before, after in itertools.pairwise(looked):
        assert (after.image != before.image).any()
    still.forget()
    np.testing.assert_array_equal(looked[-1].image, still.still(asked, 1).image)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"movie": "/nowhere/gone.mp4"}, "gone.mp4.* is missing"),
        ({"model": "/nowhere/gone.onnx"}, "gone.onnx.* is not there"),
        ({"subject": Subject(mask="drawn", masks=("/nowhere/gone.png",))}, "gone.png"),
    ],
)
def test_errors_are_sentences_and_do_not_last(job: Job, change: dict, sentence: str) -> None:
    plain = replace(job, steady=False)
    with pytest.raises(MatteError, match=sentence):
        still.still(replace(plain, **change), FRAME)
    assert still.still(plain, FRAME).matte.max() > 200


def test_the_three_views() -> None:
    """One pixel in, one half in, one out; a picture of one colour that the foreground differs from."""
    picture = np.full((1, 3, 3), 100, np.uint8)
    matte = np.array([[255, 128, 0]], np.uint8)
    image = np.dstack([np.full((1, 3, 3), 200, np.uint8), matte])
    made = still.Still(picture, matte, image)
    views = {mode: np.rint(still.view(made, mode, 100) * 255).astype(int) for mode in ("MATTE", "RED", "CUTOUT")}
    for view in views.values():
        assert view.shape == (1, 3, 4)
        assert (view[..., 3] == 255).all()
    assert views["MATTE"][0, :, :3].tolist() == [[255] * 3, [128] * 3, [0] * 3]
    red = views["RED"][0]
    assert red[2, :3].tolist() == [100] * 3
    assert red[0, 0] > red[1, 0] > 100 and red[0, 1] < red[1, 1] < 100
    cutout = views["CUTOUT"][0]
    assert cutout[0, :3].tolist() == [200] * 3
    assert cutout[2, :3].tolist() == [102] * 3  # the dark square


def test_a_view_is_no_larger_than_a_screen() -> None:
    matte = np.zeros((2160, 3840), np.uint8)
    matte[:, 1920:] = 255
    made = still.Still(np.zeros((2160, 3840, 3), np.uint8), matte, np.zeros((2160, 3840, 4), np.uint8))
    view = still.view(made, "MATTE", 1920)
    assert view.shape == (1080, 1920, 4)
    assert view[:, :959, 0].max() == 0 and view[:, 961:, 0].min() == 1
    checker = still.view(made, "CUTOUT", 1920)[..., 0]
    assert len(np.unique(checker)) == 2
