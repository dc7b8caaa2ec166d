# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs for a farm, written from the Strip menu. tests/farm runs one."""

import json
from pathlib import Path

import pytest
import timeline


def values(job: Path) -> dict[str, object]:
    return json.loads((job / "parameters.json").read_text())


def test_a_job_for_each_selected_strip(shot, tmp_path: Path) -> None:
    operator, project = shot.bpy.ops.sequencer.matte_farm_job, tmp_path / "shot.blend"
    shot.movie(length=5)
    other = shot.movie(channel=3, left=50, length=2)
    other.name = "../take 2."
    assert not operator.poll()  # the project is not saved
    shot.bpy.ops.wm.save_as_mainfile(filepath=str(project))
    assert operator.poll()
    assert operator(directory=str(tmp_path / "jobs")) == {"FINISHED"}
    first, second = sorted((tmp_path / "jobs").iterdir(), key=lambda job: job.name != "%2e.%2ftake 2%2e")
    assert (first.name, second.name) == ("%2e.%2ftake 2%2e", "bigbuckbunny")
    assert sorted(file.name for file in first.iterdir()) == [
        "parameter_values.json",
        "parameters.json",
        "template.yaml",
    ]
    start, end = timeline.addon("operators.strips").extent(other)
    assert values(first) == {
        "Project": str(project),
        "Scene": shot.scene.name,
        "Strip": other.name,
        "FirstFrame": start,
        "LastFrame": end - 1,
        "Folder": str(shot.folder),
        "Quality": shot.scene.strip_matte.quality,
        "Result": str(tmp_path / "shot_%2e.%2ftake 2%2e_cutout.blend"),
    }


def test_what_can_not_be_written_is_told(shot, tmp_path: Path) -> None:
    shot.movie(length=1)
    shot.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeError, match='The folder ".*file.*" can not be made'):
        shot.bpy.ops.sequencer.matte_farm_job(directory=str(tmp_path / "file"))
    with pytest.raises(RuntimeError, match="Choose a folder for the job"):
        shot.bpy.ops.sequencer.matte_farm_job()
