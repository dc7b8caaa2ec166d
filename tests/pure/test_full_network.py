# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/model on the full U2-Net's architecture, with weights of our own and a quarter of its channels.

Its maps mean nothing, so that areas can not be compared: correlation, and MAE as a part of what the map itself
deviates from its mean.
"""

import hashlib
from pathlib import Path

import full_u2net
import numpy as np
import onnx
import pytest

from inference import catalogue, movie
from inference.model import DEVIATION, MEAN, Model
from inference.picture import Pixels
from tools.model import calibrate, convert, evaluate, graph, last, quantise, rounding, search
from tools.model.pictures import NETWORK, planes, wide

WIDTH = 4


@pytest.fixture(scope="module")
def frames(bunny: Path) -> list[np.ndarray]:
    return [picture[..., :3] for _, picture in movie.decode(str(bunny), [0, 50, 100])]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, frames: list[np.ndarray]) -> convert.Files:
    """Made on two frames, rounding.json on one; search.py tries every sixteenth convolution."""
    folder = tmp_path_factory.mktemp("full")
    names = ("u2net.onnx", "ranges.json", "kept.json", "rounding.json")
    found = convert.Files(*(folder / name for name in names))
    content = full_u2net.built(full_u2net.FULL, WIDTH).SerializeToString()
    found.network.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    seen = [("first", frames[0]), ("last", frames[2])]
    measured = calibrate.measured(graph.read(onnx.load(found.network)), seen)
    found.ranges.write_text(calibrate.text(digest, measured), encoding="utf-8")
    net = graph.read(onnx.load(found.network))
    ranges = convert.prepared(net, convert.made_for(digest, found.ranges)["tensors"], (), search.SHARE)
    errors = search.harm(net, ranges, net.activated()[::16], [wide(frames[0])])
    budget = 0.08 * sum(search.multiplications(net).values())
    kept = search.chosen(errors, search.costs(net), budget)
    assert 0 < len(kept) < len(errors)
    found.kept.write_text(search.text(digest, {name: errors[name] for name in kept}), encoding="utf-8")
    net = graph.read(onnx.load(found.network))
    ranges = convert.prepared(net, convert.made_for(digest, found.ranges)["tensors"], kept)
    convs = [conv for conv in quantise.inner(net) if conv.output not in kept]
    turned = rounding.chosen(net, ranges, convs, [wide(frames[2])])
    found.rounding.write_text(rounding.text(digest, turned), encoding="utf-8")
    return found


@pytest.fixture(scope="module", params=["whole", "wide"])
def fed(request: pytest.FixtureRequest, frames: list[np.ndarray]) -> np.ndarray:
    """A frame that calibration did not see."""
    return planes(frames[1], 320, 320) if request.param == "whole" else wide(frames[1])


@pytest.fixture(scope="module")
def truth(files: convert.Files, fed: np.ndarray) -> np.ndarray:
    found = evaluate.answer(evaluate.opened(files.network), fed)
    assert found.std() > 0.1, "a map that is the same everywhere shows nothing"
    return found


def converted(files: convert.Files, form: str) -> bytes:
    return convert.converted(form, files)


def test_built_as_the_authors_file_is() -> None:
    """With U2-NetP's channels it is U2-NetP: the same 1055 nodes and the same arrays but for their numbers."""
    ours, authors = full_u2net.built(full_u2net.SMALL), onnx.load(NETWORK)
    assert [described(node) for node in ours.graph.node] == [described(node) for node in authors.graph.node]
    assert shapes(ours) == shapes(authors)
    for values in ("input", "output"):
        assert [(each.name, each.type) for each in getattr(ours.graph, values)] == [
            (each.name, each.type) for each in getattr(authors.graph, values)
        ]


def test_as_large_as_the_published_file() -> None:
    """With U2-Net's channels it has u2net.onnx's size, when both have the exporter's name and the like."""
    others = NETWORK.stat().st_size - full_u2net.built(full_u2net.SMALL).ByteSize()
    (known,) = [network for network in catalogue.NETWORKS if network.name == "u2net"]
    assert full_u2net.built(full_u2net.FULL).ByteSize() + others == known.size


def test_opened_is_the_file_itself(files: convert.Files, frames: list[np.ndarray]) -> None:
    whole = planes(frames[1], 320, 320)
    found = evaluate.answer(evaluate.opened(files.network), whole)
    assert np.array_equal(found, evaluate.answer(evaluate.session(files.network), whole))


def test_fp32_is_exact(files: convert.Files, fed: np.ndarray, truth: np.ndarray) -> None:
    network = evaluate.session(converted(files, "fp32"))
    assert len(network.get_outputs()) == 1
    assert np.abs(evaluate.answer(network, fed) - truth).max() < 5e-5, "the deepest layers change it by more"


def test_int8_is_near(files: convert.Files, fed: np.ndarray, truth: np.ndarray) -> None:
    found = evaluate.answer(evaluate.session(converted(files, "int8")), fed)
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.95
    assert np.abs(found - truth).mean() < 0.2 * np.abs(truth - truth.mean()).mean()


def test_int8_is_in_eight_bits(files: convert.Files) -> None:
    """All but what is kept: 112 convolutions and the six at the sides, and far fewer bytes."""
    content = converted(files, "int8")
    model = onnx.load_from_string(content)
    bits = {array.name for array in model.graph.initializer if array.data_type == onnx.TensorProto.INT8}
    kept = convert.made_for(hashlib.sha256(files.network.read_bytes()).hexdigest(), files.kept)["convolutions"]
    assert sum("weights_bits" in name for name in bits) == 112 - len(kept)
    products = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    assert len(products) == 7, "one for each side, two for the one that reads a sum"
    floats = [
        node.output[0] for node in model.graph.node if node.op_type == "Conv" and node.input[1] not in scaled(model)
    ]
    assert sorted(floats) == sorted(kept)
    assert len(content) < 0.45 * files.network.stat().st_size


def test_channels_last_changes_nothing(files: convert.Files, fed: np.ndarray) -> None:
    digest = hashlib.sha256(files.network.read_bytes()).hexdigest()
    maps = []
    for sides, enlarged in ((False, False), (False, True), (True, True)):
        net = graph.read(onnx.load(files.network))
        ends = convert.rounded(net, digest, files)
        if sides:
            last.sides_in_integers(net, ends)
        if enlarged:
            last.resize_last(net)
        maps.append(evaluate.answer(evaluate.session(graph.write(net, None, None, "").SerializeToString()), fed))
    plain, larger, both = maps
    assert np.array_equal(plain, larger)
    assert np.abs(plain - both).max() < 1e-3


@pytest.mark.parametrize("form", ["fp32", "int8"])
def test_the_add_on_opens_it(files: convert.Files, form: str, frames: list[np.ndarray], tmp_path: Path) -> None:
    content = converted(files, form)
    path = tmp_path / "u2net.onnx"
    path.write_bytes(content)
    model = Model(str(path))
    assert model.sides is None
    seen = model.planes(Pixels(frames[1]))
    assert seen.shape == (3, 180, 320)
    fed = (seen / 255.0 - MEAN[:, None, None]) / DEVIATION[:, None, None]
    rim = np.pad(fed, ((0, 0), (6, 6), (0, 0)), mode="edge")[None]
    assert np.array_equal(model.map(seen), evaluate.answer(evaluate.session(content), rim)[6:-6])


def test_u2net_ps_ranges_do_not_fit(files: convert.Files) -> None:
    with pytest.raises(graph.Refused, match="another network"):
        convert.converted("int8", convert.Files(files.network))


def described(node: onnx.NodeProto) -> tuple[object, ...]:
    attributes = sorted((each.name, each.SerializeToString()) for each in node.attribute)
    return node.op_type, node.name, list(node.input), list(node.output), attributes


def shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    return {array.name: tuple(array.dims) for array in model.graph.initializer}


def scaled(model: onnx.ModelProto) -> set[str]:
    """Names of arrays that are turned back from integers."""
    return {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
