# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist's Blender does before the farm begins, on bpy from pip.

artist.py make PROJECT MOVIE    save a project whose strip shows source frames 40 to 51 on timeline frames 41 to 52
artist.py eval PROJECT          evaluate the Python expressions in the JSON on stdin as Flamenco's add-on does
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
RESOURCES = Path(tempfile.mkdtemp(prefix="strip_matte_farm_"))
atexit.register(shutil.rmtree, RESOURCES, ignore_errors=True)
os.environ["BLENDER_USER_RESOURCES"] = str(RESOURCES)

import bpy  # noqa: E402  it reads the variable
import timeline  # noqa: E402


def make(project: str, movie: str) -> None:
    if not Path(movie).exists():  # Blender makes a strip of one frame then
        raise SystemExit(f"{movie} is missing: `python tools/build.py gather --only=clips` brings it")
    timeline.use_checkout(RESOURCES)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = timeline.new_scene(1280, 720, 25)
    scene.name = "Edit"
    strip = timeline.add_movie(scene, Path(movie), name="Bunny, wide")
    timeline.trim(strip, left=40, length=12)
    scene.sequence_editor.active_strip = strip
    # By itself a machine chooses 8 bits where it measures them to be faster.
    scene.strip_matte.precision = "FULL"
    bpy.ops.wm.save_as_mainfile(filepath=project)


def evaluate(project: str) -> None:
    if project:
        timeline.use_checkout(RESOURCES)
        bpy.ops.wm.open_mainfile(filepath=project)
    # The names that Flamenco's documentation lists, those that the job type uses.
    names = {"bpy": bpy, "C": bpy.context, "Path": Path}
    values = {key: eval(text, {}, dict(names)) for key, text in json.load(sys.stdin).items()}
    print("VALUES", json.dumps(values))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(*sys.argv[2:])
    else:
        evaluate(*sys.argv[2:])
