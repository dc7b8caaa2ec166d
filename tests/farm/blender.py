# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for Blender's program, on bpy from pip: `blender [-b -y] FILE --command strip_matte ARGUMENTS`.

With STRIP_MATTE_TEST_KILL set, the whole worker dies while it writes its second image: this process, and the one that
started it, are killed.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
BEFORE_FILE = {"-b", "--background", "-y"}


def main(words: list[str]) -> int:
    """The command's exit status, which is the program's."""
    while words and words[0] in BEFORE_FILE:
        words = words[1:]
    project, flag, name, *arguments = words
    if flag != "--command" or name != "strip_matte":
        raise SystemExit(f"This stand-in runs one command only, not {words}")

    resources = Path(tempfile.mkdtemp(prefix="strip_matte_farm_"))
    os.environ["BLENDER_USER_RESOURCES"] = str(resources)
    import bpy
    import timeline

    timeline.use_checkout(resources)
    bpy.ops.wm.open_mainfile(filepath=project)
    if os.environ.get("STRIP_MATTE_TEST_KILL"):
        die_in_second_image(timeline.addon("inference.folder"))
    status: int = timeline.addon("operators.command").main(arguments)
    return status


def die_in_second_image(folder: Any) -> None:
    """Let the writing of images end half way through the second, as where the power goes."""
    write, lock = folder.write_whole, threading.Lock()
    written: list[str] = []

    def write_whole(path: str, data: bytes, replace: bool = True) -> None:
        if not path.endswith(".png"):
            write(path, data, replace)
            return
        with lock:
            if written:
                Path(f"{path}.{os.getpid()}.part").write_bytes(data[: len(data) // 2])
                os.kill(os.getppid(), signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)
            write(path, data, replace)
            written.append(path)

    folder.write_whole = write_whole


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
