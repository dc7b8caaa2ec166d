# SPDX-License-Identifier: GPL-3.0-or-later
"""Air for a window in the same process: what makes images stands back while another frame is shown there.

Showing a frame takes Blender's main thread, and often all cores, some hundredths of a second; beside a job that keeps
all cores busy it takes twice that, which is seen. Where nobody calls `hold`, as without a window, nothing waits.
"""

import contextlib
import os
import sys
import time

LONGEST = 0.2  # seconds for one frame, should nobody tell that it is shown
LOOK = 0.003  # seconds between two looks at whether it is

_held_from = 0.0
_held_until = 0.0  # monotonic time before which no step begins


def hold() -> None:
    """Let no step begin until `release`, for LONGEST at most. Half of the time is the job's own: just after a frame was
    waited for, the next one is not."""
    global _held_from, _held_until
    now = time.monotonic()
    if now >= _held_until + (_held_until - _held_from):
        _held_from, _held_until = now, now + LONGEST


def release() -> None:
    """The frame is shown."""
    global _held_until  # noqa: PLW0603  of the process, as its window is
    _held_until = min(_held_until, time.monotonic())


def wait() -> None:
    """Before a step: wait while steps are held."""
    while time.monotonic() < _held_until:
        time.sleep(LOOK)


def yield_cores() -> None:
    """Let this thread, and all that it starts from now on, have a core only while nothing else wants it. Linux only:
    elsewhere a thread's priority is not inherited, or the whole process has it."""
    if sys.platform == "linux":
        # More than a low priority: a window's thread that wakes up has a core at once, be a step in hand there or not.
        with contextlib.suppress(OSError):  # a sandbox may forbid it, and the job goes on
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
