# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks being made, on a thread or in place, and the counts that a window reads meanwhile. No bpy here."""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Generator, Sequence

from .. import inference
from .tasks import Task

log = logging.getLogger(__name__)
_current: "Run | None" = None


class Run:
    """One press of the button: its tasks, one after the other.

    done, total: images so far and in all. whole: tasks whose images are all there, each with the number of those that
    are doubtful. failures: a sentence for each task that could not be finished. warnings: what was found out about the
    sources on the way. notes: what the work was done with. made: images that were not there before; size: their bytes.
    seconds: from the beginning to the latest image.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tuple(tasks)
        self.total = sum(len(task.job.frames) for task in self.tasks)
        self.done = 0
        self.whole: list[tuple[Task, int]] = []
        self.failures: list[str] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self.stopped = False
        self.made = 0
        self.size = 0
        self.seconds = 0.0
        self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="strip_matte", daemon=True)

    @property
    def message(self) -> str:
        """Frames done, frames a second and time left, for a status bar."""
        text = f"{self.done} of {self.total} frames"
        if self.stopped:
            return f"{text}, stopping after the one in hand"
        if not self.made:
            return text
        rate = self.made / (time.monotonic() - self._begun)
        left = int((self.total - self.done) / rate + 0.5)
        return f"{text}, {rate:.1f} frames/s, {left // 60}:{left % 60:02d} left"

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        """Work on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end after the frames in hand."""
        self.stopped = True

    def join(self) -> None:
        """Wait for the thread to end."""
        if self._thread.is_alive():
            self._thread.join()

    def images(self) -> Generator[inference.Image, None, None]:
        """Make every task's images here. A task that fails is noted and the next one goes on."""
        for task in self.tasks:
            files: list[str] = []
            try:
                with contextlib.closing(inference.generate(task.job, self._hear)) as images:
                    for image in images:
                        self.done += 1
                        if not image.reused:
                            self.made += 1
                            self.size += os.path.getsize(image.path)
                        self.seconds = time.monotonic() - self._begun
                        files.append(image.path)
                        yield image
                doubtful = len(inference.doubtful(files))
            except inference.MatteError as error:
                log.info("%s failed", task.strip, exc_info=True)
                self.failures.append(f"{task.strip}: {error}")
            except Exception as error:  # a defect of ours: the editor gets a sentence, the log the traceback
                log.exception("%s failed", task.strip)
                self.failures.append(f"{task.strip}: {type(error).__name__}: {error}. Please report this as a bug")
            else:
                self.whole.append((task, doubtful))

    def _hear(self, kind: str, text: str) -> None:
        log.info("%s", text)
        (self.warnings if kind == "WARNING" else self.notes).append(text)

    def _work(self) -> None:
        with contextlib.closing(self.images()) as images:
            for _ in images:
                if self.stopped:
                    return


def current() -> Run | None:
    """The run that works in the background, if one does."""
    return _current


def busy() -> str:
    """Why nothing else can be begun now, as a sentence without a full stop; empty where it can."""
    return "A matte is being made. Wait for it, or cancel it" if _current is not None else ""


def set_current(run: Run | None) -> None:
    global _current  # noqa: PLW0603  the panel, the Cancel button and unregister() all ask for the one run there is
    _current = run
