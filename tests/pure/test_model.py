# SPDX-License-Identifier: GPL-3.0-or-later
"""The network is asked as its authors ask it, and files that are no such network are refused with a sentence."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from PIL import Image

from inference import BUILT_IN_MODEL, MatteError
from inference.batches import Batches
from inference.model import DEVIATION, MEAN, Model
from inference.movie import decode
from inference.picture import Pixels

NETWORK = Path(__file__).resolve().parents[2] / "build" / "models" / "u2netp.onnx"
"""U2-NetP as its authors trained it."""


def test_map_is_the_authors(bunny: Path) -> None:
    """Against the same network asked in the plain way: Pillow's resize, 0..1, ImageNet's mean and deviation, map 0."""
    _, picture = next(decode(str(bunny), [60]))
    small = np.asarray(Image.fromarray(picture).resize((320, 320), Image.Resampling.LANCZOS), np.float32) / 255
    planes = (small - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    session = onnxruntime.InferenceSession(str(NETWORK))
    answers = session.run(None, {session.get_inputs()[0].name: planes.transpose(2, 0, 1)[None].astype(np.float32)})
    model = Model(str(NETWORK))
    ours = model.map(model.planes(Pixels(picture)))
    assert ours.shape == (320, 320)
    assert ours.dtype == np.float32
    assert ours.max() > 0.9  # there is a rabbit
    assert np.abs(ours - answers[0][0, 0]).mean() < 0.001


def test_an_empty_frame_stays_empty() -> None:
    """Stretching each map to 0..1 would make a matte of its noise."""
    model = Model(BUILT_IN_MODEL)
    assert model.map(model.planes(Pixels(np.zeros((180, 320, 3), np.uint8)))).max() < 0.1


@pytest.mark.parametrize("size", [(90, 160), (160, 90)], ids=["wide", "high"])
def test_a_batch_gives_what_each_picture_gives(size: tuple[int, int]) -> None:
    """Ten threads ask at once, with pictures of two sizes between them; the built-in network takes any number."""
    model = Model(BUILT_IN_MODEL, "CPU")
    random = np.random.default_rng(0)
    planes = [random.uniform(0, 255, (3, *(size if n % 3 else (96, 96)))).astype(np.float32) for n in range(10)]
    fed = [np.pad(each, ((0, 0), (0, -each.shape[1] % 32), (0, -each.shape[2] % 32))) / 255 for each in planes]
    sizes: list[int] = []
    started = threading.Barrier(10)

    def run(batch: np.ndarray) -> np.ndarray:
        sizes.append(len(batch))
        return model._run(batch)

    batches = Batches(run, most=4)

    def ask(picture: np.ndarray) -> np.ndarray:
        started.wait(10)
        return batches.answer(picture)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(ask, fed))
    assert sum(sizes) == 10
    assert 1 < max(sizes) <= 4
    for answer, picture in zip(answers, fed, strict=True):
        np.testing.assert_allclose(answer, model._run(picture[None])[0], atol=1e-5)


def test_a_batch_that_fails_fails_for_each() -> None:
    def run(batch: np.ndarray) -> np.ndarray:
        raise MatteError("The model failed")

    batches = Batches(run, most=4)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(batches.answer, np.zeros((3, 32, 32), np.float32)) for _ in range(8)]
    assert all(isinstance(each.exception(), MatteError) for each in asked)


def network(path: Path, kind: int = TensorProto.FLOAT, shape: tuple = (1, 3, 64, 96), inputs: int = 1) -> str:
    """An ONNX file whose output is the mean of its input's channels."""
    names = [f"in{n}" for n in range(inputs)]
    node = helper.make_node("ReduceMean", [names[0]], ["out"], axes=[1], keepdims=1)
    graph = helper.make_graph(
        [node],
        "mean",
        [helper.make_tensor_value_info(name, kind, shape) for name in names],
        [helper.make_tensor_value_info("out", kind, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return str(path)


def test_an_own_model_is_asked_at_its_own_size(tmp_path: Path) -> None:
    model = Model(network(tmp_path / "own.onnx"))
    planes = model.planes(Pixels(np.full((100, 100, 3), 255, np.uint8)))
    assert planes.shape == (3, 64, 96)
    assert model.map(planes).shape == (64, 96)


@pytest.mark.parametrize(
    ("size", "small"),
    [((1080, 1920), (180, 320)), ((1920, 1080), (320, 180)), ((100, 100), (320, 320)), ((100, 2000), (96, 320))],
    ids=lambda size: "x".join(map(str, size)),
)
def test_open_sides_keep_the_pictures_aspect(tmp_path: Path, size: tuple[int, int], small: tuple[int, int]) -> None:
    """The network gets sides that are multiples of 32, and the map is that of the picture alone."""
    model = Model(network(tmp_path / "open.onnx", shape=(1, 3, "h", "w")))
    ramp = np.linspace(40, 255, size[0] * size[1]).reshape(*size, 1).repeat(3, axis=2).astype(np.uint8)
    planes = model.planes(Pixels(ramp))
    assert planes.shape == (3, *small)
    expected = np.clip(((planes / 255 - MEAN[:, None, None]) / DEVIATION[:, None, None]).mean(axis=0), 0, 1)
    np.testing.assert_allclose(model.map(planes), expected, atol=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": TensorProto.DOUBLE},
        {"shape": (1, 64, 96)},
        {"shape": (1, 4, 64, 96)},
        {"shape": (8, 3, 64, 96)},
        {"inputs": 2},
    ],
    ids=lambda wrong: next(iter(wrong.items())),
)
def test_another_kind_of_network_is_refused(tmp_path: Path, wrong: dict) -> None:
    path = network(tmp_path / "wrong.onnx", **wrong)
    with pytest.raises(MatteError, match=r"wrong\.onnx.*NCHW float"):
        Model(path)


@pytest.mark.parametrize("content", [b"", b"not a model", None], ids=["empty", "text", "truncated"])
def test_a_file_that_is_no_network_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(Path(BUILT_IN_MODEL).read_bytes()[:100_000] if content is None else content)
    with pytest.raises(MatteError, match=r"broken\.onnx.*NCHW float"):
        Model(str(path))


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(MatteError, match="nowhere.onnx"):
        Model(str(tmp_path / "nowhere.onnx"))
