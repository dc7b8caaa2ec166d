# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of models, and files that are known by their content and asked as their authors ask them."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from inference import BUILT_IN_MODEL, Job, catalogue, generate
from inference.model import Model
from inference.movie import decode
from inference.picture import Pixels

AUTHORS = Path(__file__).resolve().parents[2] / "build" / "models" / "u2netp.onnx"
"""U2-NetP as rembg publishes it."""
SIDE = 64


def network(path: Path) -> str:
    """An ONNX file that takes 64 x 64 and answers with half the mean of what it is fed, plus a half."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, SIDE, SIDE))
    matte = helper.make_tensor_value_info("matte", TensorProto.FLOAT, (1, 1, SIDE, SIDE))
    half = helper.make_tensor("half", TensorProto.FLOAT, (), [0.5])
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "half"], ["less"]),
        helper.make_node("Add", ["less", "half"], ["matte"]),
    ]
    graph = helper.make_graph(nodes, "half", [image], [matte], [half])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return str(path)


def listed(monkeypatch: pytest.MonkeyPatch, name: str, file: str) -> catalogue.Network:
    """The listed network of a name, of which `file` is taken to be the file."""
    content = Path(file).read_bytes()
    known = catalogue.find(name)
    assert known is not None
    known = replace(known, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(catalogue, "NETWORKS", (known,))
    return known


def as_rembg(picture: np.ndarray, mean: tuple[float, ...], deviation: tuple[float, ...]) -> np.ndarray:
    """normalize() of rembg's sessions (its base.py) for a picture that has a white pixel: (1, 3, 64, 64)."""
    small = np.array(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    fed = (small / small.max() - mean) / deviation
    return fed.transpose(2, 0, 1)[None].astype(np.float32)


def test_the_five_are_told_apart() -> None:
    names = [known.name for known in catalogue.NETWORKS]
    assert names == ["u2netp", "u2net", "u2net_human_seg", "silueta", "isnet-general-use"]
    for known in catalogue.NETWORKS:
        assert catalogue.find(known.name) is known
        assert catalogue.find(known.identifier.lower()) is known
        assert len(bytes.fromhex(known.sha256)) == 32
        assert known.address.startswith("https://") and known.address.endswith(known.file)
    assert len({known.sha256 for known in catalogue.NETWORKS}) == 5
    assert catalogue.find("/somewhere/u2net.onnx") is None


def test_the_published_file_is_the_listed_one() -> None:
    """The one of the five that a fresh checkout has: its MD5 is the one in rembg 2.0.86."""
    content = AUTHORS.read_bytes()
    assert hashlib.md5(content).hexdigest() == "8e83ca70e441ab06c318d82300c84806"
    assert catalogue.recognised(str(AUTHORS)) is catalogue.SHIPPED
    assert catalogue.recognised(BUILT_IN_MODEL) is None  # another form of it, that is asked the same way


def test_a_file_is_known_by_its_content_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = network(tmp_path / "renamed.bin")
    assert catalogue.recognised(path) is None
    known = listed(monkeypatch, "isnet-general-use", path)
    assert catalogue.recognised(path) is known
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[:-1] + b"x")
    os.utime(path, ns=(1, 1))
    assert catalogue.recognised(path) is None


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And only where its size is that of a listed one."""
    path, other = network(tmp_path / "once.onnx"), tmp_path / "other.onnx"
    other.write_bytes(b"of another size")
    known = listed(monkeypatch, "u2net", path)
    read: list[str] = []
    before = catalogue.sha256

    def reading(file: str) -> str:
        read.append(file)
        return before(file)

    monkeypatch.setattr(catalogue, "sha256", reading)
    assert [catalogue.recognised(path) for _ in range(3)] == [known] * 3
    assert catalogue.recognised(str(other)) is None
    assert read == [path]


@pytest.mark.parametrize(
    ("name", "mean", "deviation"),
    [
        ("isnet-general-use", (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)),
        ("u2net_human_seg", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
    ids=["isnet", "u2net", "unknown"],
)
def test_a_network_is_fed_as_rembg_feeds_it(
    bunny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, mean: tuple, deviation: tuple
) -> None:
    path = network(tmp_path / "own.onnx")
    if name:
        listed(monkeypatch, name, path)
    _, picture = next(decode(str(bunny), [60]))
    picture[:90, :160] = 255  # rembg divides by the brightest value, which would flicker; by 255 where there is white
    model = Model(path)
    ours = model.map(model.planes(Pixels(picture)))
    theirs = np.clip(as_rembg(picture, mean, deviation).mean(axis=1)[0] / 2 + 0.5, 0, 1)
    assert ours.shape == theirs.shape == (SIDE, SIDE)
    assert np.ptp(theirs) > 0.4  # there is something to compare
    assert np.abs(ours - theirs).mean() < 0.002


def test_an_answer_keeps_its_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its authors stretch each answer of IS-Net to 0..1, which would blow up the noise of a frame without subject."""
    path = network(tmp_path / "own.onnx")
    listed(monkeypatch, "isnet-general-use", path)
    model = Model(path)
    grey = np.full((72, 128, 3), 102, np.uint8)
    grey[30:40, 50:70] = 110
    answer = model.map(model.planes(Pixels(grey)))
    np.testing.assert_allclose([answer.min(), answer.max()], [0.45, 0.466], atol=0.003)


def test_a_movie_is_matted_with_a_network_of_the_list(
    bunny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file gives other mattes where it is known for what it is."""
    path = network(tmp_path / "own.onnx")
    job = Job(str(bunny), (60,), str(tmp_path / "unknown"), path, "MATTE", device="CPU", cores=1, edges=False)
    (before,) = generate(replace(job, quality="EVERY"))
    listed(monkeypatch, "isnet-general-use", path)
    os.utime(path, ns=(1, 1))  # a session that is kept is of the file as it was
    (after,) = generate(replace(job, quality="EVERY", folder=str(tmp_path / "known")))
    contrast = [np.asarray(Image.open(image.path)).std() for image in (before, after)]
    assert contrast[0] > 2 * contrast[1] > 0  # U2-Net's deviation is .22, IS-Net's 1
