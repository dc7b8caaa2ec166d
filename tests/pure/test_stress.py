# SPDX-License-Identifier: GPL-3.0-or-later
"""`make stress` in short, and that it would notice. What it does is Linux's."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

if sys.platform != "linux":
    pytest.skip("killing, mounting and forking as on Linux", allow_module_level=True)

from inference import MatteError
from tools.stress import children, disk, jobs, kill, length, manifests, movies, mutate, networks, pictures, share
from tools.stress.children import Wrong
from tools.stress.tally import Tally, markdown

SEED = 2


def no_loss(tallies: list[Tally]) -> None:
    assert tallies
    for tally in tallies:
        assert tally.lost == []
        assert tally.tried or tally.skipped


# What it finds


def test_killed_at_any_instant() -> None:
    tallies = list(kill.run(9, SEED, network=str(jobs.network()), frames=16))
    no_loss(tallies)
    assert sum(tally.tried for tally in tallies) == 9


def test_two_processes_killed_at_any_instant() -> None:
    no_loss(list(share.run(3, SEED, network=str(jobs.network()), frames=12)))


def test_a_disk_that_fills_and_one_that_turns_read_only() -> None:
    tallies = list(disk.run(2, SEED, frames=8))
    if any(tally.skipped for tally in tallies):
        pytest.skip(tallies[0].skipped)
    no_loss(tallies)
    assert all(tally.survived["told and resumed"] for tally in tallies)


def test_images_that_are_cut_short_are_made_again(tmp_path: Path) -> None:
    job = jobs.job(tmp_path / "images", 6)
    jobs.finish(job)
    wanted = jobs.contents(job.folder)
    for number, kept in enumerate((0.0, 0.01, 0.5, 0.999)):
        image = Path(job.folder, f"{number:06d}.png")
        image.write_bytes(image.read_bytes()[: int(kept * image.stat().st_size)])
    assert sum(not image.reused for image in jobs.finish(job)) == 4
    assert jobs.contents(job.folder) == wanted


@pytest.mark.parametrize("part", [manifests, pictures, networks, movies], ids=lambda part: part.__name__.split(".")[-1])
def test_rubbish_gets_a_sentence_or_a_right_result(part: ModuleType) -> None:
    no_loss(list(part.run(12, SEED)))


def test_memory_does_not_grow_with_the_clip() -> None:
    """Far from 20,000 frames: a picture that is kept, of 173 KB, would show all the same."""
    (tally,) = length.run(250, SEED)
    no_loss([tally])


# That it would notice


def test_what_a_child_does_is_told() -> None:
    def end(number: int) -> str:
        match number:
            case 0:
                return "right"
            case 1:
                raise MatteError("The folder is full. Make room, and run again")
            case 2:
                raise Wrong("two frames are one")
            case 3:
                raise KeyError("fp16")
            case 4:
                os.kill(os.getpid(), signal.SIGSEGV)
            case 5:
                time.sleep(60)
            case 6:
                raise MatteError("no")
            case 7:
                raise MatteError("The file caf\udce9.mp4 is missing. Choose another one")
        return "right again"

    found = dict(children.outcomes(9, end, limit=1.5))
    assert [found[number].good for number in range(9)] == [True, True, False, False, False, False, False, False, True]
    assert [found[number].kind for number in (2, 4, 5)] == ["wrong result", "crash", "hang"]
    assert found[3].kind.startswith("KeyError")
    assert "Segmentation" in found[4].text
    assert "sleep" in found[5].text or "Aborted" in found[5].text


def test_a_folder_that_is_not_as_it_was_is_told(tmp_path: Path) -> None:
    job = jobs.job(tmp_path / "images", 4)
    jobs.finish(job)
    wanted = jobs.contents(job.folder)
    assert jobs.differences(wanted, wanted) == ""
    shutil.copy(Path(job.folder, "000001.png"), Path(job.folder, "000002.png"))
    Path(job.folder, "000003.png").unlink()
    Path(job.folder, "left.txt").touch()
    said = jobs.differences(jobs.contents(job.folder), wanted)
    assert "missing: 000003.png" in said and "too much: left.txt" in said and "other: 000002.png" in said


def test_a_broken_image_is_told(tmp_path: Path) -> None:
    job = jobs.job(tmp_path / "images", 2)
    image = Path(jobs.finish(job)[0].path)
    assert jobs.unsound(image, jobs.WIDTH, jobs.HEIGHT) == ""
    assert jobs.unsound(image, jobs.WIDTH + 1, jobs.HEIGHT)
    whole = image.read_bytes()
    for spoilt in (whole[:-1], whole[:-12], whole[:3000] + bytes(9) + whole[3009:], whole[8:]):
        image.write_bytes(spoilt)
        assert jobs.unsound(image, jobs.WIDTH, jobs.HEIGHT)


def test_a_process_is_killed_when_it_is_to_be(tmp_path: Path) -> None:
    job = jobs.job(tmp_path / "images", 16)
    assert kill.live(job, step=6).killed
    assert not Path(job.folder, "000015.png").exists()
    whole = kill.live(job)
    assert not whole.killed and whole.status == 0


def test_the_same_seed_does_the_same() -> None:
    data = bytes(range(256)) * 40
    spoilt = [mutate.mutated(data, jobs.dice(SEED, "test", number)) for number in range(40)]
    assert spoilt == [mutate.mutated(data, jobs.dice(SEED, "test", number)) for number in range(40)]
    assert sum(changed != data for changed, _ in spoilt) >= 38
    assert len({changed for changed, _ in spoilt}) >= 38


def test_the_table_counts() -> None:
    tally = Tally("rubbish")
    tally.add("told")
    tally.add("right")
    tally.add("KeyError at networks.py:70", "#7 a | b")
    text = markdown([tally, Tally("a disk", skipped="no mount")])
    assert "| rubbish | 3 | 2 | 1 | 1 told; 1 right |" in text
    assert "- 1 x KeyError at networks.py:70\n  - #7 a | b" in text
    assert "SKIPPED: no mount" in text


def test_an_unknown_part_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.stress", "nonsense"], capture_output=True, text=True, cwd=jobs.ROOT
    )
    assert done.returncode == 2
    assert "nonsense" in done.stderr
