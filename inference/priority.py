# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in the background gives way to the window: it takes what the window leaves, and all of an idle machine."""

import ctypes
import os
import sys
import threading

NICENESS = 10  # of POSIX's 0 to 19; a thread passes it on to those that it starts
BELOW_NORMAL = -1  # THREAD_PRIORITY_BELOW_NORMAL of Windows' SetThreadPriority
THIS_THREAD = -2  # what GetCurrentThread always returns


def give_way() -> None:
    """Let the calling thread, and on Linux all that it starts, run when nothing more urgent wants the core.

    It lasts as long as the thread: Linux lets nobody without rights take it back. macOS is left alone, where the like
    would send the work to the slow cores.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    elif sys.platform == "win32":
        ctypes.windll.kernel32.SetThreadPriority(ctypes.c_void_p(THIS_THREAD), BELOW_NORMAL)
