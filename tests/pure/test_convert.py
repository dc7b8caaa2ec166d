# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms that tools/model makes of the network: the same bytes every time, and the same map as the authors' file."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from inference import movie
from tools.model import convert, evaluate, graph, rewrite
from tools.model.pictures import planes

NETWORK = convert.NETWORK


def made(form: str, folder: Path) -> Any:
    path = folder / f"{form}.onnx"
    path.write_bytes(convert.converted(form, NETWORK, convert.RANGES))
    return evaluate.session(path)


@pytest.fixture(scope="module")
def fed(bunny: Path) -> np.ndarray:
    _, picture = next(movie.decode(str(bunny), [60]))
    return planes(picture[..., :3], 320, 320)


@pytest.fixture(scope="module")
def truth(fed: np.ndarray) -> np.ndarray:
    return evaluate.answer(evaluate.session(NETWORK), fed)


def test_fp32_is_exact(tmp_path: Path, fed: np.ndarray, truth: np.ndarray) -> None:
    network = made("fp32", tmp_path)
    assert len(network.get_outputs()) == 1
    assert np.abs(evaluate.answer(network, fed) - truth).max() < 1e-4


def test_int8_is_near(tmp_path: Path, fed: np.ndarray, truth: np.ndarray) -> None:
    network = made("int8", tmp_path)
    assert [value.shape for value in network.get_inputs()] == [[1, 3, 320, 320]]
    mae, iou = evaluate.difference(evaluate.answer(network, fed), truth)
    assert mae < 0.02
    assert iou > 0.95


def test_the_same_bytes_each_time() -> None:
    first, second = (convert.converted("int8", NETWORK, convert.RANGES) for _ in range(2))
    assert first == second


def test_rewrites_leave_the_map(tmp_path: Path, fed: np.ndarray, truth: np.ndarray) -> None:
    net = graph.read(onnx.load(NETWORK))
    ranges = rewrite.ranges_of(net, convert.measured(convert.RANGES)["tensors"])
    assert len(rewrite.centre(net, ranges)) == 2
    rewrite.equalise(net, ranges, 0.5)
    onnx.save(graph.write(net, 320, 320, ""), tmp_path / "rewritten.onnx")
    assert np.abs(evaluate.answer(evaluate.session(tmp_path / "rewritten.onnx"), fed) - truth).max() < 1e-3


def test_no_two_products_overflow_16_bits() -> None:
    """Without VNNI two products of an activation up to 255 are added in 16 bits."""
    model = onnx.load_from_string(convert.converted("int8", NETWORK, convert.RANGES))
    weights = [numpy_helper.to_array(array) for array in model.graph.initializer if "weights_bits" in array.name]
    assert len(weights) > 100
    for array in weights:
        rows = array.transpose(0, 2, 3, 1).reshape(len(array), -1).astype(np.int64)
        rows = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
        for sign in (1, -1):
            assert 255 * np.maximum(sign * rows, 0).reshape(-1, 2).sum(axis=1).max() < 2**15


def test_other_ranges_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ranges.json").write_text('{"network": "another", "tensors": {}}')
    with pytest.raises(graph.Refused, match="another network"):
        convert.converted("int8", NETWORK, tmp_path / "ranges.json")


def test_a_side_that_is_no_multiple_of_32_is_refused() -> None:
    with pytest.raises(graph.Refused, match="32"):
        convert.converted("fp32", NETWORK, convert.RANGES, 180, 320)
