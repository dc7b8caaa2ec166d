# SPDX-License-Identifier: GPL-3.0-or-later
"""Two processes on one folder: each frame is made once, nobody waits for the dead, and who holds what is told."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import inference
from inference import hold, pipeline
from tools.stress import jobs

FRAMES = 40
LIMIT = 60  # seconds after which a test is over, whatever has happened
HOLDER = """
import sys
from inference import hold
with hold.taken(sys.argv[1], eval(sys.argv[2])) as mine:
    print(sorted(mine), flush=True)
    sys.stdin.read()
"""
MAKER = """
import sys
import inference
from tools.stress import jobs
job = jobs.job(sys.argv[1], int(sys.argv[2]), quality=sys.argv[3])
sys.stdin.readline()
for image in inference.generate(job, lambda kind, text: print("said", text, flush=True)):
    print("kept" if image.reused else "made", image.frame, flush=True)
"""


@contextlib.contextmanager
def process(text: str, *words: object) -> Iterator[subprocess.Popen[str]]:
    """Another Python that runs a text; gone afterwards."""
    command, pipe = [sys.executable, "-c", text, *map(str, words)], subprocess.PIPE
    child = subprocess.Popen(command, cwd=jobs.ROOT, stdin=pipe, stdout=pipe, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def begin(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def line_of(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline()


def held_by(child: subprocess.Popen[str]) -> list[int]:
    return [int(word) for word in line_of(child).strip(" []\n").split(", ") if word]


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix in {".hold", ".part"})


# Who holds what


def test_frames_that_another_process_holds_are_not_given(tmp_path: Path) -> None:
    with process(HOLDER, tmp_path, "[3, 4, 5, 9]") as other:
        assert held_by(other) == [3, 4, 5, 9]
        with hold.taken(str(tmp_path), range(12)) as mine:
            assert mine == {0, 1, 2, 6, 7, 8, 10, 11}
            said = hold.holders(str(tmp_path), [9])
            assert f"process {other.pid} on " in said and " since " in said
            assert hold.holders(str(tmp_path), [8]) == "another process"
        other.communicate("")
        with hold.taken(str(tmp_path), range(12)) as mine:
            assert mine == set(range(12))
    assert leftovers(tmp_path) == []


def test_the_frames_of_a_killed_process_are_free_at_once(tmp_path: Path) -> None:
    with process(HOLDER, tmp_path, "range(8)") as other:
        assert held_by(other) == list(range(8))
        other.kill()
        other.wait()
        assert leftovers(tmp_path)
        with hold.taken(str(tmp_path), range(8)) as mine:
            assert mine == set(range(8))
        hold.sweep(str(tmp_path))
    assert leftovers(tmp_path) == []
    assert (tmp_path / hold.LOCKS).stat().st_size == 0


def test_to_look_who_holds_lets_nothing_go(tmp_path: Path) -> None:
    """With POSIX locks, closing a file would."""
    with hold.taken(str(tmp_path), [1, 2]):
        hold.sweep(str(tmp_path))
        hold.holders(str(tmp_path), [1])
        with hold.taken(str(tmp_path), [2, 3]) as again:  # another job of this process
            assert again == {2, 3}
        with process(HOLDER, tmp_path, "range(5)") as other:
            assert held_by(other) == [0, 4]
    with process(HOLDER, tmp_path, "range(5)") as other:
        assert held_by(other) == [0, 1, 2, 3, 4]


def test_threads_of_one_process_do_not_wait_for_each_other(tmp_path: Path) -> None:
    job = jobs.job(tmp_path / "images", 6)
    first = inference.generate(job)
    next(first)
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.extend(image.frame for image in inference.generate(job)))
    thread.start()
    thread.join(LIMIT)
    assert sorted(done) == list(range(6))
    first.close()
    assert leftovers(tmp_path / "images") == []


@pytest.mark.parametrize("rubbish", [b"", b"[]", b'{"host": 1}', b'{"process": 1e999}', b"\xff", b"[" * 9999])
def test_rubbish_that_tells_who_holds_is_passed_over(tmp_path: Path, rubbish: bytes) -> None:
    with process(HOLDER, tmp_path, "[1]") as other:
        held_by(other)
        (tmp_path / hold.TELLS.format(0)).write_bytes(rubbish)
        assert hold.holders(str(tmp_path), [1]) == "another process"
    hold.sweep(str(tmp_path))
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the error is given by the POSIX call")
def test_without_locks_work_goes_on_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems have none."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.lockf", refuse)
    assert len(list(inference.generate(jobs.job(tmp_path / "images", 4)))) == 4
    assert leftovers(tmp_path / "images") == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_in_the_place_of_the_locks_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / hold.LOCKS).symlink_to(tmp_path / "elsewhere")
    assert len(list(inference.generate(jobs.job(tmp_path / "images", 2)))) == 2
    assert not (tmp_path / "elsewhere").exists()


# Two that make


@pytest.mark.parametrize("quality", ["EVERY", "ADAPTIVE"])
def test_two_processes_make_each_frame_once(tmp_path: Path, quality: str) -> None:
    """Begun at the same time, and the folder is what one would leave."""
    folder = tmp_path / "images"
    with process(MAKER, folder, FRAMES, quality) as one, process(MAKER, folder, FRAMES, quality) as two:
        for child in (one, two):
            begin(child)
        told = [child.communicate(timeout=LIMIT)[0].split("\n") for child in (one, two)]
        assert (one.returncode, two.returncode) == (0, 0)
    made = [[line for line in lines if line.startswith("made")] for lines in told]
    assert sorted(made[0] + made[1]) == sorted(f"made {frame}" for frame in range(FRAMES))
    for lines in told:
        assert len([line for line in lines if line.startswith(("made", "kept"))]) == FRAMES
    alone = jobs.job(tmp_path / "alone", FRAMES, quality=quality)
    assert len(list(inference.generate(alone))) == FRAMES
    assert jobs.contents(folder) == jobs.contents(alone.folder)
    assert leftovers(folder) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no process can be halted there")
def test_the_work_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    """The one that waits says for whom, and goes on when that one dies."""
    folder = tmp_path / "images"
    with process(MAKER, folder, FRAMES, "EVERY") as one, process(MAKER, folder, FRAMES, "EVERY") as two:
        begin(one)
        while not line_of(one).startswith("made"):
            assert one.poll() is None
        one.send_signal(signal.SIGSTOP)  # in mid-work, however quick it is
        begin(two)
        while (line := line_of(two)).startswith("kept"):
            pass
        assert line.startswith("said") and "frames are being made by" in line, line
        one.kill()
        rest = two.communicate(timeout=LIMIT)[0]
        assert two.returncode == 0
        assert f"process {one.pid} on " in line
    assert "made" in rest
    alone = jobs.job(tmp_path / "alone", FRAMES, quality="EVERY")
    assert len(list(inference.generate(alone))) == FRAMES
    assert jobs.contents(folder) == jobs.contents(alone.folder)
    assert not [name for name in leftovers(folder) if name.endswith(".hold")]


def test_who_waits_for_another_process_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "PAUSE", 0.01)
    job = jobs.job(tmp_path / "images", 5)
    Path(job.folder).mkdir()
    asked = iter((False, False, True))
    with process(HOLDER, job.folder, "[3]") as other:
        assert held_by(other) == [3]
        images = list(inference.generate(job, None, lambda: next(asked)))
    assert [image.frame for image in images] == [0, 1, 2, 4]
    assert next(asked, None) is None
