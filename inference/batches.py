# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of many threads, answered together: a GPU takes eight in little more time than one."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np


class Batches:
    """While one thread's batch is in the network, the pictures of the others gather for the next one.

    Nobody waits for a batch to fill: what is there goes, one picture if it is alone.
    """

    def __init__(self, run: Callable[[np.ndarray], np.ndarray], most: int) -> None:
        """run: answers (n, ...) with (n, ...), and is called by one thread at a time. most: pictures in a batch."""
        self._run = run
        self._most = most
        self._waiting: deque[tuple[np.ndarray, Future[np.ndarray]]] = deque()
        self._turn = threading.Lock()

    def answer(self, picture: np.ndarray) -> np.ndarray:
        """What `run` answers to one picture. Raises what `run` raised for the batch that it was in."""
        answer: Future[np.ndarray] = Future()
        self._waiting.append((picture, answer))
        with self._turn:
            while not answer.done():  # an earlier turn may have had it with its own
                self._take_turn()
        return answer.result()

    def _take_turn(self) -> None:
        batch = [self._waiting.popleft()]
        # Pictures of a sequence may differ in size; only those of one size go together.
        while self._waiting and len(batch) < self._most and self._waiting[0][0].shape == batch[0][0].shape:
            batch.append(self._waiting.popleft())
        try:
            answers = self._run(np.stack([picture for picture, _ in batch]))
        except Exception as error:  # noqa: BLE001  handed on to each thread that waits
            for _, answer in batch:
                answer.set_exception(error)
            return
        for (_, answer), found in zip(batch, answers, strict=True):
            answer.set_result(found)
