# SPDX-License-Identifier: GPL-3.0-or-later
"""Spans beside each other: many threads find work, and no more pictures are held than there is room for."""

import threading
from pathlib import Path

import numpy as np
import pytest

from inference import BUILT_IN_MODEL, Job, mapping, pipeline
from inference.job import eight_bits
from inference.model import Model
from inference.pool import Pool
from inference.waits import Waiting

FRAMES = 41
THREADS = 8
OF_A_SPAN = 4  # frames that one span has in the network at most: the middles of its quarters


class Crowd(Model):
    """Counts how many frames it has in hand at once. most: the largest number so far."""

    def __init__(self) -> None:
        super().__init__(eight_bits(BUILT_IN_MODEL))
        self.most = 0
        self._now = 0
        self._counting = threading.Lock()

    def map(self, planes: np.ndarray) -> np.ndarray:
        with self._counting:
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            return super().map(planes)
        finally:
            with self._counting:
                self._now -= 1


def maps(bunny: Path, crowd: Crowd, threads: int) -> dict[int, np.ndarray]:
    """Of a shot in which much moves, by source frame."""
    job = Job(str(bunny), tuple(range(FRAMES)), "", BUILT_IN_MODEL, steady=False)
    with pipeline.opencv_on_one_thread(), Pool(threads) as pool:
        found = {}
        for shown in mapping.mapped(job, list(job.frames), crowd, pool, lambda *_: None):
            if isinstance(shown, Waiting):
                shown.wait()
            else:
                found[shown.frame] = shown.map.result()
        return found


def test_threads_find_work_in_other_spans(bunny: Path) -> None:
    """And all is as one thread finds it."""
    crowd = Crowd()
    found = maps(bunny, crowd, THREADS)
    assert crowd.most > OF_A_SPAN
    alone = maps(bunny, Crowd(), 1)
    assert list(found) == list(alone) == list(range(FRAMES))
    for frame, map_ in found.items():
        np.testing.assert_array_equal(map_, alone[frame])


def test_spans_wait_where_there_is_no_room(bunny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "MOST_ROOM", 0)
    crowd = Crowd()
    maps(bunny, crowd, THREADS)
    assert 1 < crowd.most <= OF_A_SPAN
