# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of the images: what they hold, what they say of themselves, and that they never mix."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import inference
from inference import BUILT_IN_MODEL, MatteError, edges, finish, folder, notes, png, sequence, shape, webp
from inference.job import Job, Shape, Subject

Writer = Callable[[np.ndarray, str], bytes]
SHAPES = [(70, 101, 4), (32, 64), (1, 1, 4), (1, 9, 4), (9, 1, 4), (1, 1), (5, 2000, 4), (67, 8), (200, 130, 4)]

Region = tuple[float, float, float, float]


@pytest.fixture
def job(bunny: Path, tmp_path: Path) -> Job:
    return Job(str(bunny), (60, 61), str(tmp_path / "out"), BUILT_IN_MODEL, output="MATTE", quality="EVERY", cores=2)


def disc(height: int = 180, width: int = 320) -> np.ndarray:
    """A map with a soft edge, (h, w) float32."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    away = np.hypot(x - width / 2, y - height / 2)
    return np.clip((height / 3 - away) / 40 + 0.5, 0.0, 1.0).astype(np.float32)


def levels(image: np.ndarray) -> int:
    return len(np.unique(image))


# WebP


def pixels(kind: str, size: tuple[int, ...]) -> np.ndarray:
    """Pictures that are hard in different ways: noise, one colour, runs longer than any copy, few values, gradients."""
    random = np.random.default_rng(4)
    if kind == "noise":
        return random.integers(0, 256, size, np.uint8)
    if kind == "empty":
        return np.zeros(size, np.uint8)
    if kind == "sparse":
        return (random.random(size) < 0.02).astype(np.uint8) * np.uint8(255)
    image = np.broadcast_to(np.arange(size[1]).reshape(-1, *(1,) * (len(size) - 2)), size).astype(np.uint8)
    return image + random.integers(0, 3, size, np.uint8)


@pytest.mark.parametrize("kind", ["noise", "empty", "sparse", "slope"])
@pytest.mark.parametrize("size", SHAPES)
def test_a_webp_file_holds_every_pixel(kind: str, size: tuple[int, ...]) -> None:
    """Two readers see what was put in, colour under an alpha of 0 too."""
    image = pixels(kind, size)
    data = webp.encode(image, "a note")
    with Image.open(io.BytesIO(data)) as theirs:
        assert theirs.mode == ("RGB" if image.ndim == 2 else "RGBA")
        other = np.asarray(theirs)
    np.testing.assert_array_equal(other, image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB))
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    read = cv2.cvtColor(read, cv2.COLOR_BGRA2RGBA if image.ndim == 3 else cv2.COLOR_BGR2GRAY)
    np.testing.assert_array_equal(read, image)


def test_a_webp_file_of_an_unlikely_picture_can_be_read() -> None:
    """Values as frequent as Fibonacci's numbers make the deepest codes there are: deeper ones than the format has."""
    counts = [1, 1]
    while len(counts) < 22:
        counts.append(counts[-1] + counts[-2])
    values = np.repeat(np.cumsum(np.arange(len(counts))) % 256, counts).astype(np.uint8)
    np.random.default_rng(1).shuffle(values)
    image = np.cumsum(values[: len(values) // 64 * 64].reshape(-1, 64), axis=0).astype(np.uint8)
    read = cv2.imdecode(np.frombuffer(webp.encode(image), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read[..., 0], image)


def test_a_webp_file_is_smaller_than_a_png_file(bunny: Path, job: Job, tmp_path: Path) -> None:
    sizes = {}
    for output in ("CUTOUT", "MATTE"):
        for name in ("PNG8", "WEBP"):
            asked = replace(job, output=output, format=name, folder=str(tmp_path / f"{output}_{name}"), frames=(60,))
            (image,) = inference.generate(asked)
            sizes[output, name] = Path(image.path).stat().st_size
            assert Path(image.path).suffix == (".webp" if name == "WEBP" else ".png")
        one, other = (str(next((tmp_path / f"{output}_{name}").glob("000060.*"))) for name in ("PNG8", "WEBP"))
        np.testing.assert_array_equal(sequence.read(one), sequence.read(other))
        assert notes.read(one) == notes.read(other)
        assert sizes[output, "WEBP"] < 0.8 * sizes[output, "PNG8"]


def test_a_picture_too_large_for_webp_is_told() -> None:
    with pytest.raises(MatteError, match="16383 pixels a side"):
        webp.encode(np.zeros((1, 16384), np.uint8))


# Notes


def wide(image: np.ndarray, note: str) -> bytes:
    return png.encode(image.astype(np.uint16) * np.uint16(257), note)


@pytest.mark.parametrize("encode", [png.encode, wide, webp.encode], ids=["PNG8", "PNG16", "WEBP"])
def test_a_note_is_bound_to_the_pixels(encode: Writer, tmp_path: Path) -> None:
    """A file says what it said. Cut short it says nothing; with a bit of its pixels turned over it is not whole."""
    file = tmp_path / "file"
    whole = encode(np.random.default_rng(0).integers(0, 256, (12, 12), np.uint8), "of this one")
    file.write_bytes(whole)
    assert notes.is_whole(str(file))
    assert notes.read(str(file)) == "of this one"
    for end in range(len(whole)):
        file.write_bytes(whole[:end])
        assert not notes.is_whole(str(file))
        assert notes.read(str(file)) is None
    file.write_bytes(whole + b"x")
    assert not notes.is_whole(str(file))
    at = whole.index(b"VP8L" if whole.startswith(b"RIFF") else b"IDAT") + 8
    for place in range(at, len(whole) - 13):
        file.write_bytes(whole[:place] + bytes((whole[place] ^ 16,)) + whole[place + 1 :])
        assert not notes.is_whole(str(file))


def test_a_webp_file_that_was_repaired_by_hand_is_kept(job: Job) -> None:
    asked = replace(job, format="WEBP", output="CUTOUT")
    first, second = (Path(image.path) for image in inference.generate(asked))
    repaired = cv2.imread(str(first), cv2.IMREAD_UNCHANGED)
    repaired[100:200, 100:200, 3] = 255
    cv2.imwrite(str(first), repaired, (cv2.IMWRITE_WEBP_QUALITY, 101))
    before = first.read_bytes()
    told: list[str] = []
    assert all(image.reused for image in inference.generate(asked, lambda _, text: told.append(text)))
    assert first.read_bytes() == before
    assert [text for text in told if "1 images that were altered by hand" in text]
    whole = second.read_bytes()
    second.write_bytes(whole[:-50])
    assert [image.reused for image in inference.generate(asked)] == [True, False]
    assert second.read_bytes() == whole


# 16 bits


@pytest.mark.parametrize("size", [(70, 101), (1, 1), (33, 5, 3), (9, 7, 4)])
def test_a_png_file_of_16_bits_holds_every_pixel(size: tuple[int, ...]) -> None:
    image = np.random.default_rng(3).integers(0, 65536, size, np.uint16)
    read = cv2.imdecode(np.frombuffer(png.encode(image), np.uint8), cv2.IMREAD_UNCHANGED)
    if image.ndim == 3:
        read = cv2.cvtColor(read, cv2.COLOR_BGRA2RGBA if size[2] == 4 else cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(read, image)


@pytest.mark.parametrize("noise", [0, 255])
def test_a_soft_edge_has_more_than_256_steps(noise: int) -> None:
    """And none is far from what 8 bits say; on a plain picture, where the map alone speaks, and on a noisy one."""
    picture = list(np.random.default_rng(0).integers(0, noise + 1, (3, 360, 640), np.uint8))
    deep, plain = edges.matte(disc(), picture, np.uint16), edges.matte(disc(), picture)
    assert deep.dtype == np.uint16
    assert levels(plain) <= 256
    assert levels(deep) > 4000
    assert np.abs(deep / 257 - plain).max() <= 1.0


@pytest.mark.parametrize(
    "altered",
    [
        Shape(black=0.1, white=0.8),
        Shape(grow=5),
        Shape(grow=-5),
        Shape(feather=4.0),
        Shape(feather=40.0),
        Shape(invert=True),
        Shape(specks=0.01, holes=0.01),
        Shape(0.1, 0.9, 0.01, 0.01, 3, 9.0, True),
    ],
)
def test_every_setting_keeps_the_steps(altered: Shape) -> None:
    """With a speck and a hole in it, which go where they shall."""
    deep = cv2.resize(np.rint(disc() * 65535).astype(np.uint16), (640, 360), interpolation=cv2.INTER_LINEAR)
    deep[20:30, 20:30], deep[178:182, 318:322] = 60000, 0
    before = deep.copy()
    plain = cv2.convertScaleAbs(deep, alpha=1 / 257)
    found, wanted = shape.shaped(deep, altered), shape.shaped(plain, altered)
    np.testing.assert_array_equal(deep, before)
    assert found.dtype == np.uint16
    assert levels(found) > 2000
    assert np.abs(found / 257 - wanted).max() <= 2.5
    if altered.specks:
        rim, middle = (0, 65535) if not altered.invert else (65535, 0)
        assert (found[25, 25], found[180, 320]) == (rim, middle)


@pytest.mark.parametrize(("region", "refined"), [((0.2, 0.1, 0.9, 0.9), True), (None, False)])
def test_a_matte_of_the_clip_has_more_than_256_steps(
    job: Job, region: Region | None, refined: bool, tmp_path: Path
) -> None:
    mask = tmp_path / "mask.png"
    mask.write_bytes(png.encode(np.tile(np.linspace(255, 120, 960).astype(np.uint8), (540, 1))))
    subject = Subject(region=region, mask="drawn", masks=(str(mask),) * 2)
    job = replace(job, subject=subject, edges=refined)
    plain, _ = (sequence.read(image.path)[..., 0] for image in inference.generate(job))
    job = replace(job, format="PNG16", folder=f"{job.folder}_16")
    deep, _ = (cv2.imread(image.path, cv2.IMREAD_UNCHANGED) for image in inference.generate(job))
    assert (deep.dtype, deep.ndim) == (np.uint16, 2)
    assert levels(deep) > 2000
    off = np.abs(deep / 257 - plain)
    assert off.max() <= 8.0  # where a slight change of colour says much: 8 bits round colour first, and then alpha
    assert off.mean() < 0.2


def test_a_cutout_of_a_matte_of_16_bits_is_the_same_by_every_way(job: Job, tmp_path: Path) -> None:
    """Out of the mattes that are there, and out of the network."""
    mattes = replace(job, format="PNG16")
    assert len(list(inference.generate(mattes))) == 2
    cutout = replace(mattes, output="CUTOUT", folder=str(tmp_path / "taken"), mattes=mattes.folder)
    told: list[str] = []
    taken = [Path(image.path) for image in inference.generate(cutout, lambda _, text: told.append(text))]
    assert [text for text in told if "2 mattes were there" in text]
    made = [Path(image.path) for image in inference.generate(replace(cutout, folder=str(tmp_path / "made"), mattes=""))]
    assert [path.read_bytes() for path in taken] == [path.read_bytes() for path in made]
    # The other way there are no 16 bits to be had, and none are made up.
    back = replace(mattes, folder=str(tmp_path / "back"), mattes=cutout.folder)
    assert finish.taken_file(back, 60) == ""
    assert finish.taken_file(cutout, 60)


# Folders


def test_two_formats_never_share_a_folder(job: Job) -> None:
    list(inference.generate(job))
    for name in ("PNG16", "WEBP"):
        asked = replace(job, format=name)
        assert folder.name_for(asked) != folder.name_for(job)
        with pytest.raises(MatteError, match="another movie, model or setting"):
            list(inference.generate(asked))


def test_a_strange_webp_file_keeps_us_out_of_a_folder(job: Job) -> None:
    holiday = Path(job.folder) / "holiday.webp"
    holiday.parent.mkdir()
    holiday.write_bytes(b"holiday")
    with pytest.raises(MatteError, match="not Strip Matte's"):
        list(inference.generate(job))
