# SPDX-License-Identifier: GPL-3.0-or-later
"""The threads that a job's work is done on, and what each does next."""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from . import air


class Pool(ThreadPoolExecutor):
    """Threads for steps towards maps, and for the images that are made of these. All of it waits for `air`.

    An image takes a thousand short operations of NumPy and OpenCV, each of which gives up Python's lock and takes it
    back: of two threads that make images beside each other, each waits for the other a third of the time. Steps are few
    long operations. So at most half of the threads make images while there are steps to do; otherwise all do.

    threads: how many. unfinished: steps that they have in hand or that wait for one of them; images aside.
    """

    def __init__(self, threads: int, name: str = "") -> None:
        super().__init__(threads, name)
        self.threads = threads
        self.unfinished = 0
        self._steps: deque[Callable[[], None]] = deque()
        self._images: deque[Callable[[], None]] = deque()
        self._making = 0  # images in hand
        self._counting = threading.Lock()

    def submit(self, step: Callable[..., Any], /, *args: Any, **keywords: Any) -> Future[Any]:
        with self._counting:
            self.unfinished += 1
        future: Future[Any] = Future()
        future.add_done_callback(self._finished)
        self._put(self._steps, functools.partial(_done, future, step, *args, **keywords))
        return future

    def submit_image(self, found: Future[Any], make: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Make an image once that is done which it is made of: no thread is to wait for another."""
        future: Future[Any] = Future()
        waiting = [functools.partial(_done, future, make, *args)]  # a future goes on holding what is called when done

        def ready(_: Future[Any]) -> None:
            try:
                self._put(self._images, waiting.pop())
            except RuntimeError as error:  # the pool has shut down meanwhile: who still waits is told
                if future.set_running_or_notify_cancel():
                    future.set_exception(error)

        found.add_done_callback(ready)
        return future

    def _put(self, lane: deque[Callable[[], None]], piece: Callable[[], None]) -> None:
        with self._counting:
            super().submit(self._next)  # raises where the pool has shut down: then nothing is to be in the lane
            lane.append(piece)

    def _next(self) -> None:
        """Do a piece of work: there is one for each time that this is called."""
        with self._counting:
            image = bool(self._images) and (not self._steps or self._making < max(1, self.threads // 2))
            piece = (self._images if image else self._steps).popleft()
            self._making += image
        air.wait()
        piece()
        with self._counting:
            self._making -= image

    def _finished(self, _: Future[Any]) -> None:
        with self._counting:
            self.unfinished -= 1


def _done(future: Future[Any], work: Callable[..., Any], *args: Any, **keywords: Any) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work(*args, **keywords)
    except BaseException as error:  # noqa: BLE001  who waits for it is told
        future.set_exception(error)
    else:
        future.set_result(result)
