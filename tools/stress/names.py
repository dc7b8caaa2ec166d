# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as editors and their systems give them: of movies, folders, networks and strips, through the command line in
Blender as a module; and the same of movies and folders without Blender."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import jobs
from .children import Outcome, sentence, tried
from .movies import matte
from .tally import Tally

FRAMES = 3
LONGEST = 255  # bytes of a file's name
NAMES = {
    "plain": "clip",
    "spaces": " a clip  of two ",
    "quotes": 'it\'s a "clip"',
    "%04d": "clip_%04d",
    "%s%n": "%s%n%%",
    "#": "clip_####",
    "emoji": "👩‍👩‍👧 clip 🎬",
    "255 bytes": "",  # filled up below
    "leading dash": "--clip",
    "leading dot": ".clip",
    "backslash": "a\\clip",
    "newline": "a\nclip",
    "tab": "a\tclip",
    "braces": "{clip} {0}",
    "stars": "*?[clip]",
    "shell": "a;b|c&d$(e)`f`",
    "colon": "c:clip",
    "dots": "clip..",
    "right to left": "مقطع فيديو",
    "combining": "cafe\u0301",
    "not UTF-8": "caf\udce9",
}


def name_of(kind: str, ending: str = "") -> str:
    """The name of a kind, with an ending such as .mp4."""
    if kind == "255 bytes":
        return "ä" * ((LONGEST - len(ending)) // 2) + "x" * ((LONGEST - len(ending)) % 2) + ending
    return NAMES[kind] + ending


def run(_count: int, _seed: int) -> Iterator[Tally]:
    kinds = list(NAMES)
    source = jobs.clip(FRAMES)
    jobs.network()

    def try_one(number: int) -> str:
        with jobs.scratch() as home:
            folder = home / name_of(kinds[number])
            folder.mkdir()
            path = folder / name_of(kinds[number], ".mp4")
            shutil.copy(source, path)
            return matte(path, folder / "images")

    yield tried("names of movies and folders", len(kinds), try_one, lambda number: kinds[number], 30.0)
    yield _in_blender(kinds)


def _in_blender(kinds: list[str]) -> Tally:
    tally = Tally("names of movies, folders, networks and strips in Blender")
    if importlib.util.find_spec("bpy") is None:
        tally.skipped = "this Python has no bpy"
        return tally
    with jobs.scratch() as resources:
        command = [sys.executable, "-m", "tools.stress.names", *kinds]
        environment = os.environ | {"BLENDER_USER_RESOURCES": str(resources)}
        done = subprocess.run(command, capture_output=True, text=True, cwd=jobs.ROOT, env=environment)
    ends = [json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("END: ")]
    for kind, good, end, text in ends:
        tally.add(end, "" if good else f"{kind}: {text}")
    for kind in kinds[len(ends) :]:
        tally.add(f"status {done.returncode}", f"{kind} or one before: {done.stderr[-300:]}")
    return tally


def main(kinds: list[str]) -> None:
    """In Blender: print one line for each kind."""
    sys.path[:0] = [str(jobs.ROOT / "tests")]
    import timeline

    timeline.use_checkout(Path(os.environ["BLENDER_USER_RESOURCES"]))
    for kind in kinds:
        with jobs.scratch() as home:
            outcome = _tried(timeline, kind, home)
        print("END: " + json.dumps([kind, outcome.good, outcome.kind, ascii(outcome.text)]), flush=True)
    os._exit(0)


def _tried(timeline: Any, kind: str, home: Path) -> Outcome:
    try:
        folder = home / name_of(kind)
        folder.mkdir()
        movie, network = folder / name_of(kind, ".mp4"), folder / name_of(kind, ".onnx")
        shutil.copy(jobs.clip(FRAMES), movie)
        shutil.copy(jobs.network(), network)
        scene = timeline.new_scene(jobs.WIDTH, jobs.HEIGHT, 25)
        try:
            strip = timeline.add_movie(scene, movie, name=os.fsencode(NAMES[kind] or "ä" * 99).decode(errors="replace"))
        except TypeError:  # Blender's own word on a path that is not UTF-8
            return Outcome(True, "refused by Blender", "")
        arguments = [f"--strip={strip.name}", f"--folder={folder / 'images'}", f"--model={network}"]
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            status = timeline.addon("operators.command").main(arguments)
        if status:
            return sentence(said.getvalue())
        return _seen(timeline, scene, home)
    except Exception as error:  # noqa: BLE001  a loss, and told
        return Outcome(False, type(error).__name__, str(error)[:300])


def _seen(timeline: Any, scene: Any, home: Path) -> Outcome:
    """Whether the strip that was made shows the disc, and still does when the project was saved and opened."""
    import bpy

    project = home / "project.blend"
    for _ in range(2):
        (made,) = [strip for strip in timeline.strips(scene.sequence_editor) if strip.type == "IMAGE"]
        directory = bpy.path.abspath(made.directory)
        missing = [e.filename for e in made.elements if not os.path.isfile(os.path.join(directory, e.filename))]
        if missing or len(made.elements) != FRAMES:
            return Outcome(False, "the strip names no file", f"{missing} in {directory!r}")
        picture = timeline.render(scene, 2)
        if picture[..., 3].min() > 0 or picture[..., 3].max() < 255:
            return Outcome(False, "the strip shows nothing", f"alpha {picture[..., 3].min()}..{picture[..., 3].max()}")
        bpy.ops.wm.save_as_mainfile(filepath=str(project))
        bpy.ops.wm.open_mainfile(filepath=str(project))
        scene = bpy.context.scene
    return Outcome(True, "right", "")


if __name__ == "__main__":
    main(sys.argv[1:])
