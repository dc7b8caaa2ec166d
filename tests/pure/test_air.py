# SPDX-License-Identifier: GPL-3.0-or-later
"""While a window shows a frame, a job's threads stand back, and never for long."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import inference
from inference import BUILT_IN_MODEL, Job, air
from inference.pool import Pool


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test as in a process that has shown no frame yet."""
    monkeypatch.setattr(air, "_held_from", 0.0)
    monkeypatch.setattr(air, "_held_until", 0.0)


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(2) as pool:
        yield pool


def test_a_step_waits_until_the_frame_is_shown(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(air, "LONGEST", 60.0)
    air.hold()
    step = pool.submit(time.monotonic)
    time.sleep(0.1)
    assert not step.done()
    shown = time.monotonic()
    air.release()
    assert step.result(timeout=20) >= shown


def test_a_step_waits_no_longer_where_nobody_tells_that_it_is_shown(pool: Pool) -> None:
    held = time.monotonic()
    air.hold()
    waited = pool.submit(time.monotonic).result(timeout=20) - held
    assert air.LONGEST <= waited < air.LONGEST + 5.0  # a busy machine may be late


def test_frame_after_frame_leaves_the_job_half_of_the_time(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(air, "LONGEST", 60.0)
    air.hold()
    time.sleep(0.3)
    air.release()
    air.hold()  # as playback does
    pool.submit(time.monotonic).result(timeout=20)  # was not held
    time.sleep(0.5)
    air.hold()
    step = pool.submit(time.monotonic)
    time.sleep(0.1)
    assert not step.done()
    air.release()
    step.result(timeout=20)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own elsewhere")
def test_a_jobs_threads_come_after_the_windows() -> None:
    def policy() -> int:
        return os.sched_getscheduler(0)  # of the thread that asks

    found: list[int] = []

    def work() -> None:
        air.yield_cores()
        with Pool(1) as pool:
            found.extend((policy(), pool.submit(policy).result()))

    before = policy()
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert found == [os.SCHED_IDLE] * 2
    assert policy() == before


def test_what_is_held_comes_out_the_same(bunny: Path, tmp_path: Path) -> None:
    def made(name: str) -> dict[str, bytes]:
        job = Job(str(bunny), tuple(range(20)), str(tmp_path / name), BUILT_IN_MODEL, cores=2)
        return {Path(image.path).name: Path(image.path).read_bytes() for image in inference.generate(job)}

    undisturbed = made("undisturbed")
    over = threading.Event()

    def scrub() -> None:
        while not over.wait(0.03):
            air.hold()
            time.sleep(0.05)
            air.release()

    hand = threading.Thread(target=scrub)
    hand.start()
    try:
        assert made("disturbed") == undisturbed
    finally:
        over.set()
        hand.join()
