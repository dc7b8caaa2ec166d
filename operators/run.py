# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks being made, on a thread or in place, the queue they wait in, and the counts that a window reads meanwhile.

No bpy here. The queue is the main thread's alone: one run works, those behind it have no thread yet. A run's thread
writes what its items have done; what is asked of it is one word an item, `stopped`.
"""

import collections
import contextlib
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence

from .. import inference
from ..inference import air
from .tasks import Task

log = logging.getLogger(__name__)
STALLED = 60.0  # seconds without an image after which a job says so
ADVICE = (
    "Look whether its disk answers and memory is free, then wait, or cancel and add the matte again: finished frames "
    "are kept"
)
WAITING, WORKING, DONE, STOPPED, FAILED = "WAITING", "WORKING", "DONE", "STOPPED", "FAILED"
_numbers = itertools.count(1)
_queue: "list[Run]" = []


class Item:
    """A task, and how far it is.

    id: a number that no other item of this session has. total: images in all. done: images that are there. made:
    images of these that were not there before; size: their bytes. seconds: from the task's beginning to its latest
    image. state: WAITING, WORKING, DONE, STOPPED or FAILED. stopped: whether it was asked to end.
    """

    def __init__(self, task: Task) -> None:
        self.id = next(_numbers)
        self.task = task
        self.total = len(task.job.frames)
        self.done = 0
        self.made = 0
        self.size = 0
        self.seconds = 0.0
        self.stopped = False
        self.heard = 0.0  # when the latest image came, or the task was begun, on the monotonic clock
        self._begun = 0.0
        self._state = WAITING

    @property
    def state(self) -> str:
        """One that is stopped before its turn has nothing to end, and is so at once."""
        return STOPPED if self.stopped and self._state == WAITING else self._state

    @property
    def ended(self) -> bool:
        """Whether no image will come any more."""
        return self.state in (DONE, STOPPED, FAILED)

    @property
    def message(self) -> str:
        """How far it is: frames done, and for one that works, frames a second and time left."""
        count = f"{self.done} of {self.total} frames"
        if self.ended:
            return {DONE: f"{self.total} frames done", FAILED: "failed"}.get(self.state, f"stopped, {count}")
        if self.state == WAITING:
            return f"{self.total} frames, waiting"
        if self.stopped:
            return f"{count}, stopping after the one in hand"
        return count + _pace(self.total - self.done, self.made, self.seconds)

    @property
    def silence(self) -> str:
        """For how long no image has come, where that is long; otherwise empty."""
        quiet = time.monotonic() - self.heard
        if self.state != WORKING or quiet < STALLED:
            return ""
        return f"no progress for {_clock(quiet)}"

    def begin(self) -> None:
        self.heard = self._begun = time.monotonic()
        self._state = WORKING

    def end(self, state: str) -> None:
        """state: DONE, STOPPED or FAILED."""
        self._state = state

    def count(self, image: inference.Image) -> None:
        """An image stands on the disk."""
        self.done += 1
        if not image.reused:
            self.made += 1
            self.size += os.path.getsize(image.path)
        self.heard = time.monotonic()
        self.seconds = self.heard - self._begun


class Run:
    """One press of the button: its tasks, one after the other.

    whole: tasks whose images are all there, each with the number of those that are doubtful. failures: a sentence for
    each task that could not be finished. warnings: what was found out about the sources on the way. notes: what the
    work was done with. warn: is told once when no image has come for STALLED seconds, by a thread of its own.
    """

    def __init__(self, tasks: Sequence[Task], warn: Callable[[str], None] = log.warning) -> None:
        self.items = tuple(Item(task) for task in tasks)
        self.whole: list[tuple[Task, int]] = []
        self.failures: list[str] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self._warn = warn
        self._thread = threading.Thread(target=self._work, name="strip_matte", daemon=True)

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(item.task for item in self.items)

    @property
    def done(self) -> int:
        return sum(item.done for item in self.items)

    @property
    def total(self) -> int:
        return sum(item.total for item in self.items)

    @property
    def made(self) -> int:
        return sum(item.made for item in self.items)

    @property
    def size(self) -> int:
        return sum(item.size for item in self.items)

    @property
    def seconds(self) -> float:
        """What the items took until their latest images."""
        return sum(item.seconds for item in self.items)

    @property
    def message(self) -> str:
        """Frames done, frames a second and time left, for a terminal."""
        return f"{self.done} of {self.total} frames" + _pace(self.total - self.done, self.made, self.seconds)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def over(self) -> bool:
        """Whether its thread has ended, or will never be needed."""
        begun = self._thread.ident is not None
        return not self.running and (begun or all(item.ended for item in self.items))

    def start(self) -> None:
        """Work on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Ask every item to end after the frames in hand."""
        for item in self.items:
            item.stopped = True

    def join(self) -> None:
        """Wait for the thread to end."""
        if self._thread.is_alive():
            self._thread.join()

    def images(self) -> Generator[inference.Image, None, None]:
        """Make every task's images here. A task that fails is noted and the next one goes on."""
        for item in self.items:
            if item.stopped:
                item.end(STOPPED)
            else:
                yield from self._images(item)

    def _images(self, item: Item) -> Generator[inference.Image, None, None]:
        files: list[str] = []
        item.begin()
        try:
            with (
                _watched(item, self._warn),
                contextlib.closing(inference.generate(item.task.job, self._hear, lambda: item.stopped)) as images,
            ):
                for image in images:
                    item.count(image)
                    files.append(image.path)
                    yield image
                    if item.stopped:
                        break
            # Without an image too: while it waits for another process.
            if item.stopped:
                item.end(STOPPED)
                return
            doubtful = len(inference.doubtful(files, item.task.job.output))
        except inference.MatteError as error:
            log.info("%s failed", item.task.strip, exc_info=True)
            self._fail(item, str(error))
        except Exception as error:  # a defect of ours: the editor gets a sentence, the log the traceback
            log.exception("%s failed", item.task.strip)
            self._fail(item, f"{type(error).__name__}: {error}. Please report this as a bug")
        else:
            self.whole.append((item.task, doubtful))
            item.end(DONE)

    def _fail(self, item: Item, why: str) -> None:
        self.failures.append(f"{item.task.strip}: {why}")
        item.end(FAILED)

    def _hear(self, kind: str, text: str) -> None:
        log.info("%s", text)
        (self.warnings if kind == "WARNING" else self.notes).append(text)

    def _work(self) -> None:
        air.yield_cores()
        collections.deque(self.images(), maxlen=0)  # an item that is stopped ends by itself


@contextlib.contextmanager
def _watched(item: Item, warn: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile, let a thread tell once for each time that no image has come for long."""
    over = threading.Event()

    def watch() -> None:
        told = 0.0
        while not over.wait(min(STALLED / 4, 1.0)):
            heard, silence = item.heard, item.silence
            if silence and heard != told:
                told = heard
                warn(f"{item.task.strip}: {silence}. {ADVICE}")

    thread = threading.Thread(target=watch, name="strip_matte_watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _pace(left: int, made: int, seconds: float) -> str:
    """Frames a second and the time that so many frames will take; empty before there is a pace to tell."""
    if not made or not seconds:
        return ""
    rate = made / seconds
    return f", {rate:.1f} frames/s, {_clock(left / rate)} left"


def _clock(seconds: float) -> str:
    whole = int(seconds + 0.5)
    return f"{whole // 60}:{whole % 60:02d}"


# The queue. Main thread only.


def queue() -> tuple[Run, ...]:
    """The runs that work, wait, or have ended and are not yet on the timeline; the one that works first."""
    return tuple(_queue)


def add(run: Run) -> None:
    """Let a run work after those that are there."""
    _queue.append(run)
    advance()


def advance() -> None:
    """Begin the next run where none works."""
    for run in _queue:
        if not run.over:
            if not run.running:
                run.start()
            return


def remove(run: Run) -> None:
    """Stop a run, wait for its thread, and take it out of the queue. Images stay."""
    run.stop()
    run.join()
    if run in _queue:
        _queue.remove(run)


def current() -> Run | None:
    """The run at the head of the queue."""
    return _queue[0] if _queue else None


def items() -> tuple[Item, ...]:
    """All that is in the queue, in the order in which it is done."""
    return tuple(item for run in _queue for item in run.items)


def ahead() -> tuple[Item, ...]:
    """Those of the items that have not ended. The first is the one that works."""
    return tuple(item for item in items() if not item.ended)


def stop(number: int) -> bool:
    """Stop the item with this id after the frame in hand; the others go on. False where there is none to stop."""
    found = [item for item in ahead() if item.id == number]
    for item in found:
        item.stopped = True
    return bool(found)


def stop_all() -> None:
    """Stop everything after the frame in hand."""
    for run in _queue:
        run.stop()


def queued(task: Task) -> bool:
    """Whether this strip's matte is being made, will be, or is about to be put on the timeline."""
    alive = [item.task for item in items() if not (item.stopped or item.state == FAILED)]
    return (task.scene, task.strip) in [(other.scene, other.strip) for other in alive]


def folders() -> set[str]:
    """Absolute paths of the folders that the queue needs."""
    jobs = [item.task.job for item in items() if item.state == DONE or not item.ended]
    return {folder for job in jobs for folder in (job.folder, job.mattes) if folder}


def busy() -> str:
    """Why nothing else that needs the processor can be begun now, as a sentence without a full stop; empty where it
    can."""
    return "A matte is being made. Wait for it, or cancel it" if _queue else ""
