# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands still is made once, and only what stands still."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import inference
from inference import BUILT_IN_MODEL, Job, Shape, Subject, png
from inference.movie import decode


@pytest.fixture
def held(bunny: Path, tmp_path: Path) -> Job:
    """Two pictures, one that is held for eight frames, and two more. On one core, where each image is made after the
    one before."""
    pictures = dict(decode(str(bunny), range(60, 65)))
    files = {frame: tmp_path / f"{frame}.png" for frame in pictures}
    for frame, picture in pictures.items():
        cv2.imwrite(str(files[frame]), picture)
    shown = tuple(str(files[frame]) for frame in (60, 61, *[62] * 8, 63, 64))
    return Job(str(tmp_path), tuple(range(12)), str(tmp_path / "images"), BUILT_IN_MODEL, pictures=shown, cores=1)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each image that is encoded."""
    count: list[int] = []
    encode: Callable[..., bytes] = png.encoded

    def counted(strips: Iterable[np.ndarray], note: str = "") -> bytes:
        count.append(1)
        return encode(strips, note)

    monkeypatch.setattr(png, "encoded", counted)
    return count


def made(job: Job) -> list[bytes]:
    """The job's images, by frame."""
    return [Path(image.path).read_bytes() for image in sorted(inference.generate(job), key=lambda image: image.frame)]


@pytest.mark.parametrize("changes", [{}, {"output": "MATTE", "format": "PNG16"}, {"shape": Shape(grow=3)}])
def test_a_held_picture_is_encoded_once_and_gives_the_same_bytes(
    held: Job, tmp_path: Path, encoded: list[int], changes: dict[str, Any]
) -> None:
    job = replace(held, quality="EVERY", steady=False, **changes)
    whole = made(job)
    assert len(encoded) == 5, "a held picture was encoded again"
    alone = [made(replace(job, frames=(frame,), folder=str(tmp_path / f"at {frame}")))[0] for frame in job.frames]
    assert whole == alone
    assert len(set(whole)) == 5


def test_a_mask_that_moves_over_a_held_picture_is_seen(held: Job, tmp_path: Path) -> None:
    masks = []
    for frame in held.frames:
        masks.append(str(tmp_path / f"mask{frame}.png"))
        drawn = np.zeros((90, 160), np.uint8)
        drawn[:, 8 * frame :] = 255
        cv2.imwrite(masks[-1], drawn)
    job = replace(held, steady=False, subject=Subject(mask="drawn", masks=tuple(masks), mask_mode="INCLUDE"))
    assert len(set(made(job))) == len(job.frames)
