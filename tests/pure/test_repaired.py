# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that an editor repairs in another program, however that writes them: what becomes of the repair."""

import errno
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import inference
from inference import BUILT_IN_MODEL, Job, MatteError, Subject, notes, sequence
from inference.folder import name_for


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


def written(image: np.ndarray, how: str) -> bytes:
    """What a program writes under the name that a file had."""
    data = cv2.imencode(f".{how.split()[0]}", image)[1].tobytes()
    return data + b"\n" if "byte" in how else data


@pytest.mark.parametrize("how", ["png and a byte behind its end", "jpg", "webp and a byte"])
@pytest.mark.parametrize("named", ["PNG8", "WEBP"])
def test_a_repair_is_kept_and_carried_however_it_is_written(job: Job, how: str, named: str) -> None:
    job = replace(job, format=named, frames=(60,))
    file = Path(run(job)[0])
    matte = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    matte[:104] = 200  # whole blocks of a JPEG
    file.write_bytes(written(matte, how))
    repaired = file.read_bytes()
    said: list[str] = []
    for force in (False, True):
        list(inference.generate(replace(job, force=force), lambda _, text: said.append(text)))
        assert file.read_bytes() == repaired
    assert said.count("1 images that were altered by hand are kept") == 2
    assert inference.doubtful([str(file)], "MATTE") == {}
    cutout = sequence.read(run(other(job))[0])
    np.testing.assert_array_equal(cutout[:96, :, 3], 200)


@pytest.mark.parametrize("named", ["PNG8", "WEBP"])
def test_what_is_no_picture_is_made_again(job: Job, named: str) -> None:
    """Empty, cut short, or damaged in its middle; of ours, and of what another program has written."""
    job = replace(job, format=named, frames=(60,))
    file = Path(run(job)[0])
    whole = file.read_bytes()
    middle, jpeg = len(whole) // 2, written(sequence.read(str(file)), "jpg")
    damaged = whole[:middle] + bytes((whole[middle] ^ 16,)) + whole[middle + 1 :]
    for spoilt in (b"", b"no picture", whole[:20], whole[:-1000], whole[:-1], damaged, jpeg[:-500]):
        file.write_bytes(spoilt)
        assert [image.reused for image in inference.generate(job)] == [False]
        assert file.read_bytes() == whole


def test_an_image_that_can_not_be_read_is_named(job: Job, monkeypatch) -> None:
    """As where another user's program has written it, or Windows has it locked; in either output's folder."""
    job = replace(job, frames=(60,))
    (file,) = run(job)

    def refuse(path: str, _mode: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(notes, "open", refuse, raising=False)
    for one in (job, other(job)):
        with pytest.raises(MatteError, match="Permission denied. Make it readable, or remove it") as told:
            run(one)
        assert file in str(told.value)
    monkeypatch.undo()
    assert [image.reused for image in inference.generate(job)] == [True]


# Carried to the other output


def paint(file: str, level: int) -> None:
    """Repair a matte, or the alpha of a cutout."""
    image = cv2.imread(file, cv2.IMREAD_UNCHANGED)
    image[:100, ..., -1 if image.ndim == 3 else slice(None)] = level
    cv2.imwrite(file, image)


def top(file: str) -> set[int]:
    return set(sequence.read(file)[:100, :, 3 if Path(file).parent.name == "CUTOUT" else 0].flat)


@pytest.mark.parametrize("first", ["MATTE", "CUTOUT"])
def test_a_repair_is_carried_though_the_other_output_is_there(job: Job, first: str) -> None:
    """Once, of the frame that was repaired; and what was repaired itself stays."""
    one = replace(job, output=first, folder=str(Path(job.folder).with_name(first)))
    back = replace(other(one), frames=(60,))  # as after a trim
    one = replace(one, mattes=back.folder)
    here, _ = run(one)
    (there,) = run(back)
    back = replace(back, frames=one.frames)
    run(back)
    before = Path(there).with_name("000061.png").read_bytes()
    said: list[str] = []
    for level in (200, 90):
        paint(here, level)
        images = list(inference.generate(back, lambda _, text: said.append(text)))
        assert [image.frame for image in images if not image.reused] == [60]
        assert top(there) == {level}
        assert all(image.reused for job_ in (back, one) for image in inference.generate(job_))
    assert not [text for text in said if "The network saw" in text]
    assert Path(there).with_name("000061.png").read_bytes() == before
    paint(there, 40)
    paint(here, 30)
    assert all(image.reused for job_ in (back, one) for image in inference.generate(job_))
    assert (top(here), top(there)) == ({30}, {40})


def test_a_repair_is_not_carried_to_a_matte_of_16_bits(job: Job) -> None:
    """A cutout has 8: the matte would lose its steps."""
    deep = replace(job, format="PNG16", frames=(60,), mattes=other(job).folder)
    (matte,) = run(deep)
    (cutout,) = run(other(deep))
    paint(cutout, 200)
    before = Path(matte).read_bytes()
    assert all(image.reused for image in inference.generate(deep))
    assert Path(matte).read_bytes() == before


def test_a_repair_is_carried_though_another_mask_is_drawn_the_same_there(job: Job, tmp_path: Path) -> None:
    """Whose image would be copied."""
    drawing = tmp_path / "drawn.png"
    cv2.imwrite(str(drawing), np.full((9, 16), 255, np.uint8))
    first, second = (
        replace(job, frames=(60,), subject=Subject(mask=mask, masks=(str(drawing),))) for mask in ("one", "two")
    )
    first = replace(first, output="CUTOUT", folder=str(tmp_path / "home" / name_for(replace(first, output="CUTOUT"))))
    second = replace(second, folder=str(tmp_path / "home" / name_for(second)))
    back = replace(second, output="CUTOUT", mattes=second.folder)
    back = replace(back, folder=str(tmp_path / "home" / name_for(back)))
    run(first)
    (matte,) = run(second)
    paint(matte, 200)
    (cutout,) = run(back)
    assert set(sequence.read(cutout)[:100, :, 3].flat) == {200}
    paint(matte, 90)
    run(back)
    assert set(sequence.read(cutout)[:100, :, 3].flat) == {90}
