# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms that tools/model makes of the network: the same bytes every time, and the same map as the authors' file."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from inference import movie
from tools.model import convert, evaluate, graph, last, rewrite, rounding, search
from tools.model.pictures import NETWORK, planes, wide
from tools.model.quantise import integers_of, packed, steps_of, unpacked


@pytest.fixture(scope="module")
def frame(bunny: Path) -> np.ndarray:
    _, picture = next(movie.decode(str(bunny), [60]))
    return picture[..., :3]


@pytest.fixture(scope="module", params=["whole", "wide"])
def fed(request: pytest.FixtureRequest, frame: np.ndarray) -> np.ndarray:
    return planes(frame, 320, 320) if request.param == "whole" else wide(frame)


@pytest.fixture(scope="module")
def truth(fed: np.ndarray) -> np.ndarray:
    return evaluate.answer(evaluate.opened(NETWORK), fed)


@pytest.fixture(scope="module")
def forms() -> dict[str, Any]:
    return {form: evaluate.session(convert.converted(form, convert.Files())) for form in convert.FORMS}


def test_opened_is_the_authors_network(frame: np.ndarray) -> None:
    """Which evaluate.py measures by, in sizes that the authors' file does not take."""
    whole = planes(frame, 320, 320)
    authors, opened = evaluate.session(NETWORK), evaluate.opened(NETWORK)
    assert np.array_equal(evaluate.answer(opened, whole), evaluate.answer(authors, whole))


def test_fp32_is_exact(forms: dict[str, Any], fed: np.ndarray, truth: np.ndarray) -> None:
    assert len(forms["fp32"].get_outputs()) == 1
    assert np.abs(evaluate.answer(forms["fp32"], fed) - truth).max() < 1e-4


def test_int8_is_near(forms: dict[str, Any], fed: np.ndarray, truth: np.ndarray) -> None:
    mae, iou = evaluate.difference(evaluate.answer(forms["int8"], fed), truth)
    assert mae < 0.02
    assert iou > 0.95


def test_sides_can_be_fixed() -> None:
    network = evaluate.session(convert.converted("int8", convert.Files(), height=192, width=320))
    assert network.get_inputs()[0].shape[1:] == [3, 192, 320]


@pytest.mark.parametrize("form", convert.FORMS)
def test_the_same_bytes_each_time(form: str) -> None:
    assert convert.converted(form, convert.Files()) == convert.converted(form, convert.Files())


@pytest.mark.parametrize("kept", [(), ("2257",)])
def test_rewrites_leave_the_map(kept: tuple[str, ...], fed: np.ndarray, truth: np.ndarray) -> None:
    net = graph.read(onnx.load(NETWORK))
    ranges = rewrite.ranges_of(net, convert.made_for(_digest(), convert.RANGES)["tensors"])
    assert rewrite.centre(net, ranges, kept)
    rewrite.equalise(net, ranges, convert.SHARE)
    rewritten = evaluate.session(graph.write(net, None, None, "").SerializeToString())
    assert np.abs(evaluate.answer(rewritten, fed) - truth).max() < 1e-3


def test_no_two_products_overflow_16_bits() -> None:
    """Without VNNI two products of an activation up to 255 are added in 16 bits."""
    model = onnx.load_from_string(convert.converted("int8", convert.Files()))
    weights = [numpy_helper.to_array(array) for array in model.graph.initializer if "weights_bits" in array.name]
    assert len(weights) == 112 - len(convert.made_for(_digest(), convert.KEPT)["convolutions"])
    for array in weights:
        rows = array.transpose(0, 2, 3, 1).reshape(len(array), -1).astype(np.int64)
        rows = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
        for sign in (1, -1):
            assert 255 * np.maximum(sign * rows, 0).reshape(-1, 2).sum(axis=1).max() < 2**15
    sides = [numpy_helper.to_array(array) for array in model.graph.initializer if "side_bits" in array.name]
    assert len(sides) == 6, "two for the sum of two, one for each of the others but the innermost"
    for array in sides:
        for sign in (1, -1):
            assert 255 * np.maximum(sign * array.astype(np.int64), 0).reshape(-1, 2, 18).sum(axis=1).max() < 2**15


def test_channels_last_changes_nothing(fed: np.ndarray) -> None:
    """Enlarging with the channels last is exact, and 12 bits of the last weights are nearly so."""
    content = NETWORK.read_bytes()
    nets = []
    for rewrites in ((), (last.resize_last,), (last.sides_in_integers, last.resize_last)):
        net = graph.read(onnx.load_from_string(content))
        ends = convert.rounded(net, _digest(), convert.Files())
        for rewrite_ in rewrites:
            rewrite_(net, *([ends] if rewrite_ is last.sides_in_integers else []))
        nets.append(evaluate.session(graph.write(net, None, None, "").SerializeToString()))
    plain, enlarged, both = (evaluate.answer(net, fed) for net in nets)
    assert np.array_equal(plain, enlarged)
    assert np.abs(plain - both).max() < 3e-4


def test_what_is_kept_stays_float() -> None:
    model = onnx.load_from_string(convert.converted("int8", convert.Files()))
    floats = {array.name for array in model.graph.initializer if array.data_type == onnx.TensorProto.FLOAT}
    plain = {node.output[0] for node in model.graph.node if node.op_type == "Conv" and node.input[1] in floats}
    kept = set(convert.made_for(_digest(), convert.KEPT)["convolutions"])
    assert kept <= plain
    assert len(plain - kept) == 1, "the innermost side convolution"


def test_search_spends_its_budget_on_the_most_harm_for_the_cost() -> None:
    errors, cost = {"a": 4.0, "b": 9.0, "c": 1.0}, {"a": 1.0, "b": 3.0, "c": 2.0}
    assert search.chosen(errors, cost, 3.0) == ["a", "c"]
    assert search.chosen(errors, cost, 4.0) == ["a", "b"]


def test_turned_weights_answer_nearer(together: np.ndarray) -> None:
    """Where neighbours are alike, errors of one sign and of the other cancel; the nearest integers leave them."""
    weights = np.random.default_rng(1).normal(size=(8, 5, 3, 3)).astype(np.float32)
    turned = rounding.turned(weights, together)
    assert 0 < turned.mean() < 0.2
    assert error(weights, packed(turned), together) < 0.5 * error(weights, "", together)


def test_no_weight_is_turned_in_vain(together: np.ndarray) -> None:
    """Where all that is read is independent, the nearest integer is the best one; and zeros stay zeros."""
    weights = np.random.default_rng(1).normal(size=(8, 5, 3, 3)).astype(np.float32)
    assert not rounding.turned(weights, np.eye(45)).any()
    assert not rounding.turned(np.zeros_like(weights), together).any()


@pytest.fixture(scope="module")
def together() -> np.ndarray:
    """Covariance of 45 numbers that have much in common."""
    seen = np.random.default_rng(0).normal(size=(45, 1000))
    return np.cov(seen + 3 * seen.mean(axis=0) * np.sqrt(45))


def error(weights: np.ndarray, bits: str, together: np.ndarray) -> float:
    """The answers' mean squared error, by the integers that the form would hold."""
    steps = steps_of(weights)
    off = integers_of(weights, steps, 1, bits) * steps[:, None, None, None] - weights
    rows = off.transpose(0, 2, 3, 1).reshape(len(off), -1)
    return float(np.einsum("ok,kl,ol->", rows, together, rows))


def test_what_is_turned_is_the_same_when_it_was_packed() -> None:
    turned = np.random.default_rng(0).random((4, 3, 3, 3)) < 0.1
    assert np.array_equal(unpacked(packed(turned), turned.shape), turned)


@pytest.mark.parametrize("name", ["ranges", "kept", "rounding"])
def test_what_was_measured_on_another_network_is_refused(tmp_path: Path, name: str) -> None:
    another = tmp_path / "another.json"
    another.write_text('{"network": "another"}')
    with pytest.raises(graph.Refused, match="another network"):
        convert.converted("int8", replace(convert.Files(), **{name: another}))


def test_what_was_rounded_for_other_convolutions_is_refused(tmp_path: Path) -> None:
    kept = json.loads(convert.KEPT.read_text(encoding="utf-8"))
    del kept["convolutions"]["2257"]
    another = tmp_path / "kept.json"
    another.write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(graph.Refused, match=r"rounding\.json was made for another kept\.json"):
        convert.converted("int8", replace(convert.Files(), kept=another))


def test_a_side_that_is_no_multiple_of_32_is_refused() -> None:
    with pytest.raises(graph.Refused, match="32"):
        convert.converted("fp32", convert.Files(), height=180, width=320)


def _digest() -> str:
    """What kept.json and ranges.json name."""
    return hashlib.sha256(NETWORK.read_bytes()).hexdigest()
