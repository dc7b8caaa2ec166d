# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process makes which frames of a folder, so that two at once do not do the same work.

Byte N of an empty file in the folder stands for source frame N, and who makes a frame has locked it. The operating
system takes the locks of a process back when it dies, so that there is no old lock to judge. What the processes are is
told in files beside it, one for each. Frames that differ do not meet: a farm's workers go on side by side. Nothing but
work depends on any of this: where a file system has no locks, everything is free, and images take their names whole.
"""

import contextlib
import errno
import itertools
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Collection, Iterator

from .errors import MatteError
from .folder import write_whole

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)
LOCKS = "strip_matte.lock"  # stays, empty: to remove it would be to take it from under another process
TELLS = "strip_matte.{}.hold"
SLOT, SLOTS = 1 << 30, 64  # the byte of the first file that tells, far beyond any frame; how many there may be
HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
LONGEST = 1 << 16  # bytes of a file that tells

_of_process: "dict[str, _Held]" = {}
_guard = threading.Lock()


@contextlib.contextmanager
def taken(folder: str, frames: Collection[int]) -> Iterator[set[int]]:
    """Hold those of the source frames that no other process holds, and give them; they are free again on leaving.

    Threads of one process share what it holds: none waits for another, for it may be the one that would have to go on.
    """
    path = os.path.realpath(folder)
    with _guard:
        held = _of_process.get(path)
        if held is None:
            held = _of_process[path] = _Held(path)
        held.users += 1
        mine = held.take(sorted(frames))
    try:
        yield mine
    finally:
        with _guard:
            held.users -= 1
            if not held.users:
                del _of_process[path]
                held.close()


def holders(folder: str, frames: Collection[int]) -> str:
    """Who else makes any of these source frames, for a sentence: 'process 1234 on HOST since 14:02'."""
    told = [_told(os.path.join(folder, TELLS.format(slot))) for slot in _others(folder)]
    wanted = set(frames)
    names = [name for name, runs in told if any(not wanted.isdisjoint(range(*run)) for run in runs)]
    return " and ".join(dict.fromkeys(names)) or "another process"


def busy(folder: str) -> bool:
    """Whether another process makes images there."""
    return bool(_others(folder))


def _others(folder: str) -> list[int]:
    """The slots of the files in which other processes tell what they hold."""
    sweep(folder)
    own = _of_process.get(os.path.realpath(folder))
    return [slot for slot in _telling(folder) if not own or slot != own.slot]


def sweep(folder: str) -> None:
    """Remove what processes have told that are dead."""
    path = os.path.realpath(folder)
    with _guard:
        slots = _telling(path)
        if not slots:
            return
        # POSIX: to close a file is to lose all locks that this process has on it, through whatever handle.
        own = _of_process.get(path)
        held = own or _Held(path)
        for slot in slots:
            if held.slot != slot and held.lock(SLOT + slot, 1):
                _remove(os.path.join(path, TELLS.format(slot)))
                held.unlock(SLOT + slot, 1)
        if own is None:
            held.close()


class _Held:
    """What this process holds in one folder. users: how many of its jobs. slot: of the file that tells; -1 for none."""

    def __init__(self, path: str) -> None:
        self.users = 0
        self.slot = -1
        self._path = path
        self._frames: set[int] = set()
        self._runs: list[tuple[int, int]] = []  # first and count, as they were locked: Windows unlocks no part of one
        try:
            # Not through a link, which could lead out of the folder; nor is a pipe waited for.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            self._file = os.open(os.path.join(path, LOCKS), flags, 0o666)
        except OSError as error:
            self._file = self._lacking(error)

    def take(self, frames: list[int]) -> set[int]:
        """Lock frames, ascending, and return those that are this process's now."""
        new = [frame for frame in frames if frame not in self._frames]
        before = len(self._runs)
        for _, group in itertools.groupby(enumerate(new), lambda pair: pair[1] - pair[0]):
            run = [frame for _, frame in group]
            self._take(run[0], len(run))
        for first, count in self._runs[before:]:
            self._frames.update(range(first, first + count))
        if len(self._runs) > before:
            self._tell()
        return set(frames) if self._file < 0 else self._frames.intersection(frames)

    def _take(self, first: int, count: int) -> None:
        """Lock a run of frames; where others hold some of it, the rest, by halves."""
        if self.lock(first, count):
            self._runs.append((first, count))
        elif count > 1 and self._file >= 0:
            self._take(first, count // 2)
            self._take(first + count // 2, count - count // 2)

    def lock(self, first: int, count: int) -> bool:
        """Lock bytes. False where another process has some of them."""
        if self._file < 0:
            return False
        try:
            if sys.platform == "win32":
                os.lseek(self._file, first, os.SEEK_SET)
                msvcrt.locking(self._file, msvcrt.LK_NBLCK, count)
            else:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, count, first)
        except OSError as error:
            if error.errno not in HELD:
                os.close(self._file)
                self._file = self._lacking(error)
            return False
        return True

    def unlock(self, first: int, count: int) -> None:
        with contextlib.suppress(OSError):  # closing the file, or the end of the process, does it then
            if sys.platform == "win32":
                os.lseek(self._file, first, os.SEEK_SET)
                msvcrt.locking(self._file, msvcrt.LK_UNLCK, count)
            else:
                fcntl.lockf(self._file, fcntl.LOCK_UN, count, first)

    def close(self) -> None:
        """Let go of everything."""
        if self._file < 0:
            return
        if self.slot >= 0:
            _remove(os.path.join(self._path, TELLS.format(self.slot)))
            self.unlock(SLOT + self.slot, 1)
        for run in self._runs:
            self.unlock(*run)
        os.close(self._file)

    def _tell(self) -> None:
        """Say in a file of its own who holds what."""
        if self.slot < 0:
            self.slot = next((slot for slot in range(SLOTS) if self.lock(SLOT + slot, 1)), -1)
        if self.slot < 0:
            return
        runs = [(first, first + count) for first, count in self._runs]
        told = {"host": socket.gethostname(), "process": os.getpid(), "since": time.time(), "frames": runs}
        with contextlib.suppress(MatteError):  # a full disk is told by the first image
            write_whole(os.path.join(self._path, TELLS.format(self.slot)), json.dumps(told).encode())

    def _lacking(self, error: OSError) -> int:
        """The handle of no file."""
        log.info('"%s" can not be held against other processes: %s', self._path, error.strerror)
        return -1


def _telling(folder: str) -> list[int]:
    """The slots of the files in a folder that tell who holds what."""
    there = {entry.name for entry in os.scandir(folder)} if os.path.isdir(folder) else set()
    return [slot for slot in range(SLOTS) if TELLS.format(slot) in there]


def _told(file: str) -> tuple[str, list[tuple[int, int]]]:
    """A process, for a sentence, and the source frames that it holds, as ranges. Empty where the file tells neither."""
    try:
        if not os.path.isfile(file):  # it went meanwhile; and to open a pipe would be to wait for ever
            return "", []
        with open(file, "rb") as stream:
            told = json.loads(stream.read(LONGEST))
        host = "".join(letter for letter in str(told["host"])[:80] if letter.isprintable())
        since = time.localtime(float(told["since"]))
        today = since[:3] == time.localtime()[:3]
        begun = time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", since)
        runs = [(int(first), int(end)) for first, end in told["frames"]]
        return f"process {int(told['process'])} on {host} since {begun}", runs
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return "", []


def _remove(file: str) -> None:
    with contextlib.suppress(OSError):  # somebody else was quicker, or the folder may only be read
        os.unlink(file)
