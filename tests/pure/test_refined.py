# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to the network's maps on their way to an image: settings as an editor has them, on a real clip."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import inference
from inference import BUILT_IN_MODEL, Job, Shape, Subject, notes
from inference.movie import pictures


@pytest.fixture
def job(bunny: Path, tmp_path: Path) -> Job:
    return Job(str(bunny), (60, 61), str(tmp_path / "images"), BUILT_IN_MODEL, cores=2, quality="EVERY", device="CPU")


def made(job: Job, folder: Path) -> list[np.ndarray]:
    """(H, W, 4) uint8 BGRA images of the job's frames, made in this folder."""
    images = sorted(inference.generate(replace(job, folder=str(folder))), key=lambda image: image.frame)
    return [cv2.imread(image.path, cv2.IMREAD_UNCHANGED) for image in images]


@pytest.mark.parametrize("quality", ["EVERY", "ADAPTIVE"])
@pytest.mark.parametrize("keep", ["ALL", "LARGEST"])
def test_chunks_give_what_one_run_gives(job: Job, tmp_path: Path, quality: str, keep: str) -> None:
    """A farm's worker asks for neighbours itself; nothing is forgotten where two chunks meet."""
    settings = replace(job, quality=quality, subject=Subject(keep=keep))
    whole = replace(settings, frames=tuple(range(14, 34)), folder=str(tmp_path / "whole"))
    assert len(list(inference.generate(whole))) == 20
    for chunk in ((14, 15, 16), (17,), tuple(range(18, 34))):
        list(inference.generate(replace(settings, frames=chunk, folder=str(tmp_path / "chunks"))))
    for frame in whole.frames:
        one, other = (tmp_path / name / f"{frame:06d}.png" for name in ("whole", "chunks"))
        whole_, parted = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (one, other))
        np.testing.assert_array_equal(parted, whole_, err_msg=f"source frame {frame}")  # which tells how they differ
        assert one.read_bytes() == other.read_bytes()


def test_every_setting_changes_the_image_and_the_folder(job: Job, tmp_path: Path) -> None:
    """Two settings never share a folder, and none is without effect."""
    from inference.folder import name_for

    one = replace(job, frames=(60,))
    variants = {
        "as it comes": one,
        "edges": replace(one, edges=False),
        "edge colour": replace(one, edge_colour=False),
        "steady": replace(one, steady=False),
        "region": replace(one, subject=Subject(region=(0.2, 0.1, 0.9, 1.0))),
        "grow": replace(one, shape=Shape(grow=4)),
        "invert": replace(one, shape=Shape(invert=True)),
    }
    assert len({name_for(variant) for variant in variants.values()}) == len(variants)
    images = {name: made(variant, tmp_path / name)[0] for name, variant in variants.items()}
    for name, image in images.items():
        assert image.shape == (720, 1280, 4)
        assert name == "as it comes" or not np.array_equal(image, images["as it comes"]), name


def test_with_everything_off_the_matte_is_the_networks(job: Job, tmp_path: Path) -> None:
    """The promise that a switch costs nothing and changes nothing when it is off."""
    from inference import cutout, networks
    from inference.model import Model

    plain = replace(job, frames=(60,), precision="FULL", edges=False, edge_colour=False, steady=False)
    (image,) = made(plain, tmp_path / "plain")
    ((_, picture),) = pictures(job.movie, [60])
    model = Model(BUILT_IN_MODEL, "CPU", networks.fastest(BUILT_IN_MODEL, "CPU", 2, "fp32").threads)
    matte = cutout.matte_at_full_size(model.map(model.planes(picture)), 720, 1280)
    np.testing.assert_array_equal(image[..., 3], matte)
    seen = matte > 0
    np.testing.assert_array_equal(image[seen][:, 2::-1], picture.pixels()[seen])


def test_nothing_outside_a_region_is_kept(job: Job, tmp_path: Path) -> None:
    (whole,) = made(replace(job, frames=(60,)), tmp_path / "whole")
    (part,) = made(replace(job, frames=(60,), subject=Subject(region=(0.25, 0.0, 1.0, 1.0))), tmp_path / "part")
    assert part[:, :180, 3].max() == 0  # the region with its margin begins at about 224
    both = (whole[:, 400:, 3] > 128) & (part[:, 400:, 3] > 128)
    either = (whole[:, 400:, 3] > 128) | (part[:, 400:, 3] > 128)
    assert np.count_nonzero(both) > 0.8 * np.count_nonzero(either)  # and it is the same rabbit


@pytest.mark.parametrize("mode", ["LIMIT", "EXCLUDE", "INCLUDE"])
def test_a_drawn_mask_is_obeyed(job: Job, tmp_path: Path, mode: str) -> None:
    drawing = np.zeros((90, 160), np.uint8)
    drawing[:, :80] = 255
    file = tmp_path / "mask.png"
    cv2.imwrite(str(file), drawing)
    subject = Subject(mask="drawn", masks=(str(file),), mask_mode=mode)
    (free,) = made(replace(job, frames=(60,)), tmp_path / "free")
    (image,) = made(replace(job, frames=(60,), subject=subject), tmp_path / "masked")
    left, right = image[:, :620, 3], image[:, 660:, 3]
    if mode == "INCLUDE":
        assert left.min() == 255
        np.testing.assert_array_equal(right, free[:, 660:, 3])
    elif mode == "LIMIT":
        assert right.max() == 0
        np.testing.assert_array_equal(left, free[:, :620, 3])
    else:
        assert left.max() == 0
        np.testing.assert_array_equal(right, free[:, 660:, 3])


def test_the_movies_own_alpha_multiplies_the_matte(job: Job) -> None:
    from inference import finish

    picture = np.random.default_rng(2).integers(0, 256, (80, 90, 4), np.uint8)
    matte = np.full((80, 90), 200, np.uint8)
    image = finish.image(replace(job, edge_colour=False), list(cv2.split(picture)), matte)
    np.testing.assert_array_equal(image[..., 3], np.rint(200 * picture[..., 3].astype(float) / 255))


def test_a_mask_that_is_gone_is_named(job: Job, tmp_path: Path) -> None:
    subject = Subject(mask="drawn", masks=(str(tmp_path / "gone.png"),) * 2)
    with pytest.raises(inference.MatteError, match=r"gone\.png"):
        list(inference.generate(replace(job, subject=subject)))
    assert not list(Path(job.folder).glob("*.png"))


def test_an_image_repaired_by_hand_is_kept_and_told(job: Job) -> None:
    first, second = (image.path for image in inference.generate(job))
    repaired = cv2.imread(first, cv2.IMREAD_UNCHANGED)
    repaired[100:200, 100:200, 3] = 255
    cv2.imwrite(first, repaired)
    before = Path(first).read_bytes()
    told: list[str] = []
    images = list(inference.generate(job, lambda _, text: told.append(text)))
    assert all(image.reused for image in images)
    assert Path(first).read_bytes() == before
    assert [text for text in told if "1 images that were altered by hand" in text]
    assert notes.read(first) is None
    assert notes.read(second)


def test_an_image_that_was_cut_short_is_made_again(job: Job) -> None:
    first, second = (Path(image.path) for image in inference.generate(job))
    whole = first.read_bytes()
    first.write_bytes(whole[:-1000])
    second.write_bytes(b"")
    assert not any(image.reused for image in inference.generate(job))
    assert first.read_bytes() == whole


def test_doubtful_images_are_told(job: Job) -> None:
    """Faults are put in by hand, as an editor's repair would be read too."""
    files = [image.path for image in inference.generate(replace(job, frames=tuple(range(60, 76)), quality="ADAPTIVE"))]
    assert inference.doubtful(files, job.output) == {}
    empty = np.zeros((720, 1280, 4), np.uint8)
    cv2.imwrite(files[7], empty)
    found = inference.doubtful(files, job.output)
    assert list(found) == [files[7]]
    assert "empty" in found[files[7]]
