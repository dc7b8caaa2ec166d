# SPDX-License-Identifier: GPL-3.0-or-later
"""The Open Job Description template, run by openjd-cli: four chunks, several workers, one of which dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from openjd.model import (
    StepDependencyGraph,
    StepParameterSpaceIterator,
    create_job,
    decode_job_template,
    preprocess_job_parameters,
)

TEMPLATE = Path(__file__).resolve().parents[2] / "farm" / "openjd" / "template.yaml"


def parameters(home: Path, first: int, last: int, size: int) -> dict[str, str]:
    return {
        "Strip": "Wide",
        "Project": str(home / "shot.blend"),
        "FirstFrame": str(first),
        "LastFrame": str(last),
        "Folder": str(home / "images"),
        "Result": str(home / "result.blend"),
        "ChunkSize": str(size),
    }


def of(farm: Any, home: Path, first: int, last: int, size: int) -> dict[str, str]:
    """The parameters for the farm's project."""
    real = {"Blender": str(farm.blender), "Project": str(farm.project), "Strip": farm.strip}
    return {**parameters(home, first, last, size), **real}


def chunks(values: dict[str, str]) -> list[str]:
    """The chunks of frames that a farm's scheduler makes of the template."""
    template = decode_job_template(
        template=yaml.safe_load(TEMPLATE.read_text()), supported_extensions=["TASK_CHUNKING"]
    )
    typed = preprocess_job_parameters(
        job_template=template,
        job_parameter_values=values,
        job_template_dir=TEMPLATE.parent,
        current_working_dir=Path.cwd(),
    )
    job = create_job(job_template=template, job_parameter_values=typed)
    assert [step.name for step in StepDependencyGraph(job=job).topo_sorted()] == ["Matte", "Strip", "Verify"]
    return [task["Frames"].value for task in StepParameterSpaceIterator(space=job.steps[0].parameterSpace)]


def run(
    values: dict[str, str], home: Path, step: str, *options: str, **environment: str
) -> subprocess.CompletedProcess:
    """A worker that does a step's task, or all its tasks."""
    words = [word for name, value in values.items() for word in ("-p", f"{name}={value}")]
    command = [sys.executable, "-m", "openjd", "run", str(TEMPLATE), "--step", step, *options, *words]
    # Sessions are below the temporary folder, and a worker that is killed leaves its own.
    environment = {**os.environ, "TMPDIR": str(home), **environment}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def test_a_farm_leaves_what_one_run_leaves_though_a_worker_died(farm: Any, tmp_path: Path) -> None:
    """It prints the table in docs/farm.md."""
    values, folder = of(farm, tmp_path, farm.first, farm.last, 3), tmp_path / "images"
    four = chunks(values)
    assert four == ["41-43", "44-46", "47-49", "50-52"]
    project = farm.project.read_bytes()

    def work(step: str, chunk: str, **environment: str) -> subprocess.CompletedProcess:
        option = ("--task-param", f"Frames={chunk}") if chunk else ("--no-run-dependencies",)
        begun = time.monotonic()
        done = run(values, tmp_path, step, *option, **environment)
        seconds, there = time.monotonic() - begun, len(farm.images(folder))
        print(f"| {step} | {chunk} | {done.returncode} | {seconds:.1f} | {there} |")
        return done

    def first_try(chunk: str) -> int:
        return work("Matte", chunk, **({"STRIP_MATTE_TEST_KILL": "1"} if chunk == four[1] else {})).returncode

    with ThreadPoolExecutor(2) as workers:
        assert list(workers.map(first_try, four)) == [0, -signal.SIGKILL, 0, 0]
    of_the_dead = set(list(farm.whole)[3:6])
    assert farm.whole.keys() - of_the_dead < farm.images(folder).keys() < farm.whole.keys()  # in mid-chunk
    assert len(list(folder.rglob("*.part"))) == 1
    before = times(folder)

    again = work("Matte", four[1])
    assert again.returncode == 0, again.stdout
    assert farm.images(folder) == farm.whole
    assert times(folder).items() > before.items()  # nothing that was whole is made again

    before = times(folder)
    assert work("Matte", four[0]).returncode == 0  # a task that a farm gives out twice
    strip = work("Strip", "")
    assert strip.returncode == 0, strip.stdout
    assert "The network" not in strip.stdout  # it was not asked
    assert times(folder) == before
    verify = work("Verify", "")
    assert verify.returncode == 0, verify.stdout
    assert "frames 41 to 52, 12 compared, all the same" in verify.stdout
    assert farm.project.read_bytes() == project


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.png")}


def test_one_machine_can_run_the_whole_job(farm: Any, tmp_path: Path) -> None:
    done = run(of(farm, tmp_path, 45, 48, 2), tmp_path, "Verify", "--run-dependencies")
    assert done.returncode == 0, done.stdout
    assert "frames 45 to 48, 4 compared, all the same" in done.stdout
    assert list(farm.images(tmp_path / "images").items()) == list(farm.whole.items())[4:8]


def test_a_job_that_blender_wrote_runs_as_it_is(farm: Any, tmp_path: Path) -> None:
    """Written by the command, run without a word but for where Blender is."""
    words = [
        str(farm.blender),
        "-b",
        str(farm.project),
        "--command",
        "strip_matte",
        "--frames=45-99",
        "--quality=EVERY",
    ]
    words += ["--write-job", str(tmp_path / "jobs"), "--folder", str(tmp_path / "images")]
    done = subprocess.run(words, capture_output=True, text=True)
    job = tmp_path / "jobs" / "Bunny%2c wide"
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, str(job)), done.stderr
    listed = json.loads((job / "parameter_values.json").read_text())["parameterValues"]
    values = {parameter["name"]: parameter["value"] for parameter in listed}
    assert values == json.loads((job / "parameters.json").read_text())
    result = Path(values["Result"])
    assert values == {
        "Project": str(farm.project),
        "Scene": "Edit",
        "Strip": farm.strip,
        "FirstFrame": 45,
        "LastFrame": farm.last,
        "Folder": str(tmp_path / "images"),
        "Quality": "EVERY",
        "Result": str(farm.project.with_name("shot 1_Bunny%2c wide_cutout.blend")),
    }
    assert (job / "template.yaml").read_bytes() == TEMPLATE.read_bytes()
    command = [sys.executable, "-m", "openjd", "run", str(job / "template.yaml"), "--step=Verify", "--run-dependencies"]
    command += ["-p", f"file://{job / 'parameters.json'}", "-p", f"Blender={farm.blender}"]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert ran.returncode == 0, ran.stdout
    assert "frames 45 to 52, 8 compared, all the same" in ran.stdout
    assert farm.images(tmp_path / "images").keys() == set(list(farm.whole)[4:])
    assert result.is_file()


def test_a_task_that_cannot_be_done_fails(farm: Any, tmp_path: Path) -> None:
    """The command's exit status and sentence reach the farm."""
    values = {**of(farm, tmp_path, 41, 43, 3), "Strip": "Nobody"}
    done = run(values, tmp_path, "Matte", "--task-param", "Frames=41-43")
    assert done.returncode != 0
    assert 'has no movie or image strip "Nobody"' in done.stdout


@pytest.mark.parametrize(
    ("first", "last", "size", "expected"),
    [(7, 7, 48, ["7-7"]), (-3, 9, 4, ["-3-0", "1-3", "4-6", "7-9"]), (-5, -1, 3, ["-5--3", "-2--1"])],
)
def test_every_chunk_is_a_range_that_the_command_takes(
    tmp_path: Path, first: int, last: int, size: int, expected: list[str]
) -> None:
    assert chunks(parameters(tmp_path, first, last, size)) == expected
