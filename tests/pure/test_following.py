# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a picked thing goes, from pictures to a path: what of the strip is looked at, and what is kept of it."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

import inference
from inference import BUILT_IN_MODEL, Job
from inference.movie import decode

RABBIT = (0.35, 0.6)


@pytest.fixture
def shots(bunny: Path, tmp_path: Path) -> Job:
    """Three shots of 24 pictures: the clip, the same upside down in other colours, and the clip again."""
    pictures = [cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) for _, picture in decode(str(bunny), range(60, 84))]
    files = [str(tmp_path / f"{number:04d}.png") for number in range(72)]
    for number, file in enumerate(files):
        picture = pictures[number % 24]
        cv2.imwrite(file, cv2.resize(255 - picture[::-1] if number // 24 == 1 else picture, (640, 360)))
    frames = tuple(range(len(files)))
    return Job(str(tmp_path), frames, str(tmp_path / "images"), BUILT_IN_MODEL, cores=2, pictures=tuple(files))


@pytest.mark.parametrize(("frame", "point", "shot"), [(9, RABBIT, 0), (26, (0.35, 0.4), 1), (71, RABBIT, 2)])
def test_a_path_has_a_point_at_every_fourth_frame_of_the_shot_alone(
    shots: Job, frame: int, point: tuple[float, float], shot: int
) -> None:
    told: list[float] = []
    path = inference.follow(shots, frame, point, told.append)
    assert [number for number, *_ in path] == sorted({frame, *range(24 * shot, 24 * shot + 24, 4)})
    assert told == sorted(told)
    assert 0 < told[0] <= told[-1] <= 1


def test_what_is_beyond_the_shot_is_not_decoded(shots: Job) -> None:
    """A strip of an hour has not to be read for a shot of seconds: here what is far beyond it can not even be read."""
    Path(shots.pictures[71]).write_bytes(b"no picture")
    job = replace(shots, frames=(*range(48), 71), pictures=shots.pictures[:48] + shots.pictures[71:] * 24)
    assert inference.follow(job, 9, RABBIT, lambda _: None)[-1][0] == 20


def test_a_long_take_takes_little_memory(shots: Job) -> None:
    """Of what is looked at, a seventh of a megabyte is kept. It was one, and 15 GB for a strip of 40 minutes."""
    job = replace(shots, frames=tuple(range(240)), pictures=shots.pictures[:1] * 240)
    inference.follow(replace(job, frames=(0,)), 0, RABBIT, lambda _: None)  # loads the network
    tracemalloc.start()
    try:
        assert len(inference.follow(job, 0, RABBIT, lambda _: None)) == 60
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()
