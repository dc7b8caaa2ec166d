# SPDX-License-Identifier: GPL-3.0-or-later
"""A farm on one machine: a Blender program, a project, and the images that one run makes of it.

The tests run where openjd-cli is. Blender is another Python's, named by BPY_PYTHON.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CLIP = HERE.parent.parent / "build" / "clips" / "bigbuckbunny.mp4"


@dataclass(frozen=True)
class Farm:
    """What a farm is given: a Blender program, and a project with a strip as artist.py makes it.

    first, last: the strip's timeline frames. whole: the images that one run makes of them, in order, by name.
    """

    blender: Path
    project: Path
    whole: dict[str, bytes]
    strip: str = "Bunny, wide"
    first: int = 41
    last: int = 52

    @staticmethod
    def images(folder: Path) -> dict[str, bytes]:
        """Every PNG file below a folder, by name, in order."""
        return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.png"))}


@pytest.fixture(scope="session")
def bpy_python() -> str:
    python = os.environ.get("BPY_PYTHON")
    assert python, "BPY_PYTHON must name a Python that has bpy"
    return python


@pytest.fixture(scope="session")
def farm(bpy_python: str, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    home = tmp_path_factory.mktemp("farm")
    (home / "tmp").mkdir()
    blender = home / "blender"
    # A worker that is killed leaves its temporary files: pytest's folder takes them along.
    command = shlex.join([bpy_python, str(HERE / "blender.py")])
    blender.write_text(f'#!/bin/sh\nTMPDIR={shlex.quote(str(home / "tmp"))} exec {command} "$@"\n')
    blender.chmod(0o755)
    project = home / "shot 1.blend"
    subprocess.run([bpy_python, HERE / "artist.py", "make", project, CLIP], check=True)
    folder = home / "one run"
    subprocess.run([blender, "-b", project, "--command", "strip_matte", "--folder", folder], check=True)
    whole = Farm.images(folder)
    assert list(whole) == [f"{frame:06d}.png" for frame in range(40, 52)]
    return Farm(blender, project, whole)
