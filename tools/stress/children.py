# SPDX-License-Identifier: GPL-3.0-or-later
"""Trials in forked processes under a watchdog: a crash or a hang of one is an outcome, and not the end."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import resource
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

import cv2

from inference import MatteError

from .jobs import HOME
from .tally import Tally

LOST = HOME / "lost"  # files that made a loss
WORKERS = 2
MEMORY = 6 << 30  # bytes of address space a child may have: what asks for more is lost, and not the machine
Try = Callable[[int], str]
"""Given the number of a trial: the name of its good end, such as 'right'. Raises MatteError for a sentence to the
editor, which is a good end too, Wrong for a wrong result, and any other exception for a defect."""


class Wrong(Exception):
    """A result that is not right; the text says which."""


@dataclass(frozen=True)
class Outcome:
    """How a trial ended. good: whether that is no loss. kind: short, the same for what is the same. text: the rest."""

    good: bool
    kind: str
    text: str


def tried(
    name: str,
    count: int,
    try_one: Try,
    about: Callable[[int], str],
    limit: float,
    fed: Callable[[int], tuple[str, bytes]] | None = None,
) -> Tally:
    """Try numbers 0 to count - 1.

    about: what number n does. limit: seconds a trial may take. fed: name and content of the file that number n is fed;
    where it was a loss, that is kept in LOST.
    """
    tally = Tally(name)
    began = time.monotonic()
    for number, outcome in sorted(outcomes(count, try_one, limit), key=lambda pair: pair[0]):
        tally.add(outcome.kind, "" if outcome.good else f"#{number}, {about(number)}: {outcome.text}")
        if fed is not None and not outcome.good:
            file, data = fed(number)
            LOST.mkdir(parents=True, exist_ok=True)
            (LOST / f"{name.replace(' ', '_')}_{number}_{file}").write_bytes(data)
    tally.facts.append(f"{time.monotonic() - began:.0f} s")
    return tally


def outcomes(count: int, try_one: Try, limit: float) -> Iterator[tuple[int, Outcome]]:
    """Each number's outcome, as they come."""
    numbers = iter(range(count))
    cv2.setNumThreads(1)  # OpenCV's own threads would not live in a forked process, and be waited for there
    workers = [_Worker(try_one) for _ in range(min(WORKERS, count))]
    try:
        busy = [worker for worker in workers if worker.take(next(numbers, None))]
        while busy:
            first = min(worker.began for worker in busy) + limit
            ready = wait([worker.pipe for worker in busy], max(first - time.monotonic(), 0))
            for worker in list(busy):
                late = time.monotonic() > worker.began + limit
                if worker.pipe in ready or late:
                    assert worker.number is not None
                    yield worker.number, worker.outcome(late=worker.pipe not in ready)
                    if not worker.take(next(numbers, None)):
                        busy.remove(worker)
    finally:
        for worker in workers:
            worker.end(signal.SIGKILL)


class _Worker:
    """A forked process that tries one number after the other, and is forked anew when it dies."""

    def __init__(self, try_one: Try) -> None:
        self._try = try_one
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  lives as long as the worker
        self._start()
        self.number: int | None = None
        self.began = 0.0

    def _start(self) -> None:
        self._log.seek(0)
        self._log.truncate()
        context = multiprocessing.get_context("fork")
        self.pipe, there = context.Pipe()
        self._process = context.Process(target=_work, args=(self._try, there, self._log.fileno()), daemon=True)
        self._process.start()
        there.close()  # so that the child's death is the end of the pipe

    def take(self, number: int | None) -> bool:
        """Begin a trial; False where there is none."""
        self.number, self.began = number, time.monotonic()
        if number is not None:
            self.pipe.send(number)
        return number is not None

    def outcome(self, late: bool) -> Outcome:
        if not late:
            try:
                found: Outcome = self.pipe.recv()
                return found
            except EOFError:
                pass
        kind = "hang" if late else "crash"
        self.end(signal.SIGABRT if late else None)
        status, said = self._process.exitcode, self._said()
        self._start()
        return Outcome(False, kind, f"status {status}: {said}")

    def end(self, signal_: signal.Signals | None) -> None:
        if signal_ is not None and self._process.pid and self._process.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal_)
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()

    def _said(self) -> str:
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().splitlines() if line.strip()]
        return " / ".join(lines[:24])[:1500]


def _work(try_one: Try, pipe: Connection, log: int) -> None:
    """The child's whole life."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    faulthandler.enable(file=log, all_threads=True)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with contextlib.suppress(EOFError):
        while True:
            pipe.send(_outcome(try_one, pipe.recv()))


def _outcome(try_one: Try, number: int) -> Outcome:
    try:
        return Outcome(True, try_one(number), "")
    except MatteError as error:
        return sentence(str(error))
    except Wrong as error:
        return Outcome(False, "wrong result", str(error))
    except BaseException as error:  # noqa: BLE001  each is a loss, and is told
        places = [
            f"{Path(frame.filename).name}:{frame.lineno}"
            for frame in traceback.extract_tb(error.__traceback__)
            if "inference" in frame.filename
        ]
        return Outcome(False, f"{type(error).__name__} at {places[-1] if places else '?'}", str(error)[:300])


def sentence(text: str) -> Outcome:
    """A sentence must be one that Blender can show: some words, valid UTF-8, not a page."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return Outcome(False, "a sentence that is not UTF-8", ascii(text))
    if len(text) < 20 or len(text) > 1500 or "Traceback" in text or "\0" in text:
        return Outcome(False, "a sentence that is none", ascii(text))
    return Outcome(True, "told", text)
