# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that an editor repairs in another program, however that writes them: what becomes of the repair."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import inference
from inference import BUILT_IN_MODEL, Job, sequence


@pytest.fixture
def job(bunny: Path, tmp_path: Path) -> Job:
    """Quick mattes: how good they are is of no account here."""
    plain = {"quality": "EVERY", "edges": False, "steady": False, "device": "CPU", "cores": 2}
    return Job(str(bunny), (60, 61), str(tmp_path / "mattes"), BUILT_IN_MODEL, "MATTE", **plain)  # type: ignore[arg-type]


def other(job: Job) -> Job:
    """The job of the other output, beside it."""
    output = {"MATTE": "CUTOUT", "CUTOUT": "MATTE"}[job.output]
    return replace(job, output=output, folder=str(Path(job.folder).with_name(output)), mattes=job.folder)


def run(job: Job) -> list[str]:
    """Run a job, and give the paths of its images, frames ascending."""
    return [image.path for image in sorted(inference.generate(job), key=lambda image: image.frame)]


@pytest.mark.parametrize("written", [None, cv2.COLOR_GRAY2BGR, cv2.COLOR_GRAY2BGRA], ids=["grey", "RGB", "RGBA"])
def test_a_repaired_matte_is_the_cutouts_alpha(job: Job, written: int | None) -> None:
    """With whatever channels it was written."""
    file, _ = run(job)
    matte = cv2.imread(file, cv2.IMREAD_UNCHANGED)
    matte[:100] = 200
    cv2.imwrite(file, matte if written is None else cv2.cvtColor(matte, written))
    cutout, _ = run(other(job))
    np.testing.assert_array_equal(cv2.imread(cutout, cv2.IMREAD_UNCHANGED)[..., 3], matte)


@pytest.mark.parametrize("opaque", [False, True])
def test_a_repaired_cutouts_alpha_is_the_matte(job: Job, opaque: bool) -> None:
    """One that was written without an alpha hides nothing, as Blender shows it."""
    job = other(replace(job, mattes=""))
    file, _ = run(job)
    cutout = cv2.imread(file, cv2.IMREAD_UNCHANGED)
    cutout[:100, :, 3] = 200
    cv2.imwrite(file, cutout[..., :3] if opaque else cutout)
    matte, _ = run(replace(other(job), folder=f"{job.folder}_matte"))
    np.testing.assert_array_equal(sequence.read(matte)[..., 0], 255 if opaque else cutout[..., 3])


@pytest.mark.parametrize("written", [None, cv2.COLOR_GRAY2BGRA], ids=["grey", "RGBA"])
def test_a_slight_repair_of_a_matte_is_not_doubted(job: Job, written: int | None) -> None:
    """And an empty one is, with whatever channels it was written."""
    files = run(replace(job, frames=tuple(range(60, 72))))
    for altered, reasons in (lambda matte: matte, 0), (np.zeros_like, 1):
        matte = altered(sequence.read(files[5])[..., 0])
        cv2.imwrite(files[5], matte if written is None else cv2.cvtColor(matte, written))
        assert list(inference.doubtful(files, "MATTE")) == [files[5]] * reasons
