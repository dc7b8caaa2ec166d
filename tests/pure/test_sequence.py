# SPDX-License-Identifier: GPL-3.0-or-later
"""Image sequences: what is missing, what can not be read, and what the files' samples mean."""

import struct
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import clips
import cv2
import numpy as np
import pytest

import inference
from inference import BUILT_IN_MODEL, Job, MatteError, png, sequence

COUNT = 24


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A sequence in a folder of its own, whose third picture is missing."""
    share = tmp_path / "share"
    share.mkdir()
    files = [share / f"{number:04d}.png" for number in range(COUNT)]
    for number, file in enumerate(files):
        cv2.imwrite(str(file), cv2.cvtColor(clips.picture_of(number), cv2.COLOR_RGB2BGR))
    files[2].unlink()
    return Job(
        str(share),
        tuple(range(COUNT)),
        str(tmp_path / "images"),
        BUILT_IN_MODEL,
        quality="EVERY",
        edges=False,
        cores=1,
        device="CPU",
        pictures=tuple(map(str, files)),
    )


def contents(job: Job) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(job.folder).glob("*.png")}


@pytest.mark.parametrize("planned", [True, False])
def test_a_drive_that_drops_out_ends_the_run_and_leaves_no_empty_image(job: Job, tmp_path: Path, planned: bool) -> None:
    """Whoever planned it: the operator, which knows the gaps, or a script, which does not."""
    whole = replace(job, folder=str(tmp_path / "whole"))
    assert len(list(inference.generate(whole))) == COUNT
    job = replace(job, gaps=frozenset({2})) if planned else job
    share, away = Path(job.movie), tmp_path / "away"
    with closing(inference.generate(job)) as images:
        made = [next(images), next(images)]
        share.rename(away)
        with pytest.raises(MatteError, match=r"\d\.png\" is not there any more: .*Whole frames are kept"):
            made += images
    assert 2 <= len(made) <= len(contents(job)) < COUNT
    assert contents(job).items() <= contents(whole).items()
    away.rename(share)
    assert len(list(inference.generate(job))) == COUNT
    assert contents(job) == contents(whole)
    assert sequence.read(str(Path(job.folder, "000002.png"))).max() == 0  # missing from the first


def test_a_drive_that_drops_out_while_a_job_waits_leaves_nothing_behind(job: Job, tmp_path: Path) -> None:
    """In the queue, behind another job: no folder is claimed for a sequence of gaps."""
    job = replace(job, gaps=frozenset({2}))
    Path(job.movie).rename(tmp_path / "away")
    with pytest.raises(MatteError, match=r"0000\.png\" is not there any more"):
        list(inference.generate(job))
    assert not Path(job.folder).exists()


def exr() -> bytes:
    """A whole OpenEXR picture."""
    encoder = av.CodecContext.create("exr", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 36, "gbrpf32le", Fraction(1, 25)
    packets = [*encoder.encode(av.VideoFrame(64, 36, "gbrpf32le")), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def huge_png() -> bytes:
    """A PNG picture whose header says 60000 x 60000."""
    small = png.encode(np.zeros((4, 4, 3), np.uint8))
    head = b"IHDR" + struct.pack(">2I5B", 60000, 60000, 8, 2, 0, 0, 0)
    return small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]


@pytest.mark.parametrize("make", [exr, huge_png])
def test_a_picture_that_opencv_refuses_gets_a_sentence(tmp_path: Path, make: Callable[[], bytes]) -> None:
    file = tmp_path / "picture"
    file.write_bytes(make())
    with pytest.raises(MatteError, match="is not a picture that can be matted. Use PNG, JPEG or TIFF"):
        inference.check_picture(str(file))


def tiff(samples: tuple[int, ...], order: str = "<", turned: int = 1, compressed: bool = False) -> bytes:
    """A TIFF of 20 x 10 pixels of 8 bits a sample; 2 and 4 samples have a straight alpha. order: of struct, for its
    bytes. turned: its orientation tag."""
    width, height, count = 20, 10, len(samples)
    content = bytes(samples) * (width * height)
    stored = zlib.compress(content) if compressed else content
    extra = [(338, 3, 1, 2)] if count in (2, 4) else []  # ExtraSamples: unassociated alpha
    size = 8 + 2 + 12 * (12 + len(extra)) + 4
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, count, size),
        (259, 3, 1, 8 if compressed else 1),
        (262, 3, 1, 2 if count > 2 else 1),
        (273, 4, 1, size + 8),
        (274, 3, 1, turned),
        (277, 3, 1, count),
        (278, 4, 1, height),
        (279, 4, 1, len(stored)),
        (284, 3, 1, 1),
        (317, 3, 1, 1),
        *extra,
    ]

    def entry(tag: int, kind: int, number: int, value: int) -> bytes:
        # What fits into four bytes stands there, from the left.
        short = struct.pack(f"{order}{number}H", *[8 if tag == 258 else value] * number) if kind == 3 else b""
        placed = short.ljust(4, b"\0") if short and len(short) <= 4 else struct.pack(f"{order}I", value)
        return struct.pack(f"{order}HHI", tag, kind, number) + placed

    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    directory = head + b"".join(entry(*tag) for tag in tags) + bytes(4)
    return directory + struct.pack(f"{order}4H", 8, 8, 8, 8) + stored


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("samples", "shown"),
    [
        ((200, 100, 50, 128), (200, 100, 50, 128)),
        ((200, 100, 50), (200, 100, 50)),
        ((200, 128), (200, 200, 200, 128)),
        ((200,), (200, 200, 200)),
    ],
    ids=["RGBA", "RGB", "grey with alpha", "grey"],
)
def test_a_tiff_of_8_bits_shows_what_is_stored(
    tmp_path: Path, samples: tuple[int, ...], shown: tuple[int, ...], order: str, compressed: bool
) -> None:
    """Not multiplied by its alpha, and not turned: as Blender shows it."""
    file = tmp_path / "picture.tif"
    for turned in (1, 6):
        file.write_bytes(tiff(samples, order, turned, compressed))
        found = sequence.read(str(file))
        assert found.shape == (10, 20, len(shown))
        assert (found == shown).all()
        assert found.flags.c_contiguous


def test_a_tiff_that_is_cut_short_gets_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "picture.tif"
    file.write_bytes(tiff((200, 100, 50, 128))[:-1])
    with pytest.raises(MatteError, match="is not a picture that can be matted"):
        sequence.read(str(file))


def test_a_tiff_of_16_bits_is_read(tmp_path: Path) -> None:
    file = tmp_path / "picture.tif"
    cv2.imwrite(str(file), np.full((10, 20, 3), (50 * 257, 100 * 257, 200 * 257), np.uint16))
    assert (sequence.read(str(file)) == (200, 100, 50)).all()
