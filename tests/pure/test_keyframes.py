# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps carried from frame to frame: the same from every chunk, nothing across a cut, nothing for a still."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import inference
from inference import BUILT_IN_MODEL, Job, keyframes, waits
from inference.movie import decode


@pytest.fixture
def job(bunny: Path, tmp_path: Path) -> Job:
    return Job(str(bunny), tuple(range(36)), str(tmp_path / "whole"), BUILT_IN_MODEL, cores=2, quality="ADAPTIVE")


def made(job: Job) -> tuple[dict[str, bytes], int]:
    """The job's images by name, and how many frames the network saw."""
    told: list[str] = []
    files = [Path(image.path) for image in inference.generate(job, lambda _, text: told.append(text))]
    return {file.name: file.read_bytes() for file in files}, int(told[-1].split()[3])


def alphas(job: Job) -> np.ndarray:
    """The job's mattes: (frames, H, W) uint8."""
    return np.stack([cv2.imread(image.path, cv2.IMREAD_UNCHANGED)[..., 3] for image in inference.generate(job)])


def test_chunks_give_the_bytes_of_one_run(job: Job, tmp_path: Path) -> None:
    """As a farm cuts a job up, and as a trim leaves single frames."""
    whole, seen = made(job)
    assert seen < len(whole)
    for number, frames in enumerate((range(5), range(5, 23), (35, 34, 29))):
        chunk = replace(job, frames=tuple(sorted(frames)), folder=str(tmp_path / str(number)))
        found, _ = made(chunk)
        assert found == {name: whole[name] for name in found}
        assert len(found) == len(chunk.frames)


def test_a_draft_asks_less_and_is_near(job: Job, tmp_path: Path) -> None:
    job = replace(job, steady=False)  # which asks for the frames around, too
    every = replace(job, quality="EVERY", folder=str(tmp_path / "every"))
    draft = replace(job, quality="DRAFT", folder=str(tmp_path / "draft"))
    assert made(draft)[1] < made(job)[1] < made(every)[1] == len(job.frames)
    away = np.abs(alphas(draft).astype(float) - alphas(every)).mean(axis=(1, 2)) / 255
    assert away.max() < 0.06


def test_nothing_is_carried_across_a_cut(bunny: Path, tmp_path: Path) -> None:
    """Two shots, of which the second is the first one mirrored, meet within a span."""
    movie = tmp_path / "cut.mp4"
    cut = 21
    with av.open(str(movie), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for frame, picture in decode(str(bunny), range(60, 92)):
            small = cv2.resize(picture, (640, 360), interpolation=cv2.INTER_AREA)
            if frame - 60 >= cut:
                small = np.ascontiguousarray(small[:, ::-1])
            file.mux(stream.encode(av.VideoFrame.from_ndarray(small, format="rgb24")))
        file.mux(stream.encode(None))
    job = Job(str(movie), tuple(range(16, 32)), str(tmp_path / "adaptive"), BUILT_IN_MODEL, cores=2)
    every = replace(job, quality="EVERY", folder=str(tmp_path / "every"))
    away = np.abs(alphas(job).astype(float) - alphas(every)).mean(axis=(1, 2)) / 255
    assert away.max() < 0.03
    assert away[cut - 1 - 16] < 0.01
    assert away[cut - 16] < 0.01


def test_a_still_is_seen_once(tmp_path: Path, bunny: Path) -> None:
    ((_, picture),) = decode(str(bunny), [60])
    still = str(tmp_path / "still.png")
    cv2.imwrite(still, picture)
    for quality in ("EVERY", "ADAPTIVE"):
        folder, pictures = str(tmp_path / quality), (still,) * 20
        job = Job(str(tmp_path), tuple(range(20)), folder, BUILT_IN_MODEL, pictures=pictures, quality=quality)
        images, seen = made(job)
        assert (len(images), len(set(images.values())), seen) == (20, 1, 1)


def test_pictures_of_different_sizes_are_all_seen(tmp_path: Path, bunny: Path) -> None:
    files = []
    for frame, picture in decode(str(bunny), range(60, 66)):
        files.append(str(tmp_path / f"{frame}.png"))
        cv2.imwrite(files[-1], picture if frame % 2 else picture[:500])
    job = Job(str(tmp_path), tuple(range(6)), str(tmp_path / "images"), BUILT_IN_MODEL, pictures=tuple(files))
    images, seen = made(job)
    assert (len(images), seen) == (6, 6)


def test_what_stands_still_keeps_its_outline_beside_what_moves() -> None:
    """The flow is smooth, and would take some of it along."""
    height, width, border = 180, 320, 160
    random = np.random.default_rng(7)
    noise = random.integers(0, 255, (height // 4, width // 4), np.uint8)
    moving = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    standing = 60 + random.normal(0, 2, (height, width)).astype(np.float32)  # little for the flow to hold on to
    map_ = np.zeros((height, width), np.float32)
    map_[:, border - 12 :] = 1.0

    def look(moved: int) -> keyframes.Look:
        shown = standing.copy()
        shown[:, border:] = np.roll(moving, moved, 0)[:, border:]
        return keyframes.look(np.repeat(shown[None], 3, 0))

    carried = keyframes.carry(look(0), (look(-5), map_), (look(5), map_), 0.5)
    np.testing.assert_allclose(carried[:, : border - 4], map_[:, : border - 4], atol=1e-3)


def seen_frames(vanished: int, side: int = 60, cut: int = 0) -> list[int]:
    """Which of 17 frames the network is asked about while a bright square goes across: its answer is the square, but in
    one frame there is nothing. Frames before a cut show it before something else."""
    random = np.random.default_rng(7)

    def noise(low: int, high: int, height: int, width: int) -> np.ndarray:
        return cv2.GaussianBlur(random.uniform(low, high, (height, width)).astype(np.float32), (5, 5), 0)

    behind, pattern = noise(0, 150, 180, 320), noise(170, 250, side, side)
    other = noise(0, 150, 180, 320)
    looks = []
    for frame in range(17):
        grey = (other if frame < cut else behind).copy()
        grey[60 : 60 + side, 40 + 2 * frame : 40 + side + 2 * frame] = pattern
        looks.append(keyframes.look(np.repeat(grey[None], 3, 0)))
    asked: list[int] = []

    def answer(planes: np.ndarray) -> np.ndarray:
        (frame,) = (number for number, look in enumerate(looks) if look.planes is planes)
        asked.append(frame)
        map_ = np.zeros((180, 320), np.float32)
        if frame != vanished:
            map_[60 : 60 + side, 40 + 2 * frame : 40 + side + 2 * frame] = 1.0
        return map_

    quality = keyframes.QUALITIES["ADAPTIVE"]
    with ThreadPoolExecutor(1) as pool:
        maps = keyframes.Maps(answer, pool, quality)
        for span in keyframes.spans(range(17), quality, 16):
            found = waits.finished(maps.of(span, lambda _: (), looks.__getitem__))
            assert sorted(found) == list(span.wanted)
            for frame, map_ in found.items():
                exact = answer(looks[frame].planes)
                asked.pop()
                assert np.abs(map_.result() - exact).mean() < 0.012
    return asked


def test_where_a_spans_ends_agree_the_network_sees_nothing_between() -> None:
    assert seen_frames(-1) == [0, 8, 16]


def test_where_they_do_not_it_sees_on() -> None:
    """In one span, and not in the other, about whose middle it is asked all the same, and not heard."""
    asked = seen_frames(0)
    assert asked[:4] == [0, 8, 4, 2]
    assert [frame for frame in asked if frame > 8] == [12, 16]


def test_of_a_small_subject_less_may_be_missed() -> None:
    """Half of it, at the middle, is a part of the picture that of a large one may be off."""
    half = 0.5 * 24 * 24 / (180 * 320)
    assert half < (keyframes.QUALITIES["ADAPTIVE"].tolerance or 0.0)
    assert seen_frames(0, side=24)[:4] == [0, 8, 4, 2]


def test_at_a_cut_it_sees_on() -> None:
    """Where the maps alone do not tell, for the subject is in the same place."""
    asked = seen_frames(-1, side=24, cut=3)
    assert {2, 6} <= set(asked)
