# SPDX-License-Identifier: GPL-3.0-or-later
"""What a network runs in is chosen by measurement, said, and settled by a folder's first run."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

import inference
from inference import BUILT_IN_MODEL, Job, networks
from inference.job import eight_bits
from inference.model import Model
from inference.movie import decode
from inference.picture import Pixels


@pytest.fixture
def job(bunny: Path, tmp_path: Path) -> Job:
    return Job(str(bunny), (0, 1), str(tmp_path / "images"), BUILT_IN_MODEL, device="CPU", cores=2, quality="EVERY")


def told(job: Job) -> str:
    sentences: list[str] = []
    list(inference.generate(job, lambda _, text: sentences.append(text)))
    return sentences[0]


def test_full_precision_is_had_for_the_asking(job: Job) -> None:
    assert "full precision on CPU" in told(replace(job, precision="FULL"))


def test_what_is_chosen_is_said_and_settled(job: Job) -> None:
    """A farm's machines differ: the second takes what the first one wrote, whatever it would choose itself. So does
    the other output, whose images are to be of the same mattes."""
    said = told(job)
    manifest = Path(job.folder) / "strip_matte.json"
    content = json.loads(manifest.read_text())
    words = {"int8": "8 bits", "fp32": "full precision"}
    assert words[content["precision"]] in said
    other = {"int8": "fp32", "fp32": "int8"}[content["precision"]]
    manifest.write_text(json.dumps({**content, "precision": other}))
    assert words[other] in told(replace(job, frames=(2,)))
    mattes = replace(job, output="MATTE", frames=(3,), folder=f"{job.folder}_mattes", mattes=job.folder)
    assert words[other] in told(mattes)


def test_eight_bits_are_near(job: Job, bunny: Path) -> None:
    """The network's two forms on the same picture; tools/model/evaluate.py judges on many."""
    _, picture = next(decode(str(bunny), [60]))
    full, eight = (networks.load(job.model, networks.Plan(name, 1, 1)) for name in ("fp32", "int8"))
    away = np.abs(full.map(full.planes(Pixels(picture))) - eight.map(eight.planes(Pixels(picture))))
    assert 0 < away.mean() < 0.01


def test_another_programs_bursts_do_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """They fall on the 8-bit form alone, five times in a row."""
    networks.unload()
    chosen = networks.fastest(BUILT_IN_MODEL, "CPU", 1, "auto").precision
    networks.unload()
    timed, load_forms, bursts = networks._rate, networks._forms, [0.1] * 5
    eight: list[Model] = []

    def forms(path: str) -> tuple[Model, Model]:
        loaded = load_forms(path)
        eight.append(loaded[1])
        return loaded

    def rate(model: Model, frames: int) -> float:
        return timed(model, frames) * (bursts.pop() if model in eight and bursts else 1.0)

    monkeypatch.setattr(networks, "_forms", forms)
    monkeypatch.setattr(networks, "_rate", rate)
    assert networks.fastest(BUILT_IN_MODEL, "CPU", 1, "auto").precision == chosen
    assert not bursts


@pytest.mark.parametrize("cores", [1, 2, 3, 8])
def test_no_more_cores_than_allowed(cores: int) -> None:
    plan = networks.fastest(BUILT_IN_MODEL, "CPU", cores, "int8")
    assert plan.frames * plan.threads <= cores


def test_eight_bits_that_come_out_wrong_are_not_used(tmp_path: Path) -> None:
    """As in ONNX Runtime 1.23.2: the form is there and fast, and its answers are not the network's."""
    path = tmp_path / "network.onnx"
    shutil.copy(BUILT_IN_MODEL, path)
    wrong = onnx.load(eight_bits(BUILT_IN_MODEL))
    last = wrong.graph.node[-1]
    last.output[0] = "before"
    wrong.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1, np.float32), "one"))
    wrong.graph.node.append(onnx.helper.make_node("Sub", ["one", "before"], [wrong.graph.output[0].name]))
    onnx.save(wrong, tmp_path / "network_int8.onnx")
    assert networks.fastest(str(path), "CPU", 1, "auto").precision == "fp32"
    with pytest.raises(inference.MatteError, match="computes wrongly"):
        networks.fastest(str(path), "CPU", 1, "int8")
