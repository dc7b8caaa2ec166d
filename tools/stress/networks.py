# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutated and hostile ONNX files as the network of a job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from inference import BUILT_IN_MODEL, Job
from inference import model as models

from . import jobs
from .children import Wrong, tried
from .mutate import mutated
from .tally import Tally

LIMIT = 45.0  # seconds
PATIENCE = 8.0  # seconds for one answer, so that many a one fits in LIMIT: an editor's network is given more
FRAMES = 3


def run(count: int, seed: int) -> Iterator[Tally]:
    jobs.clip(FRAMES)
    models.PATIENCE = PATIENCE
    sources = [jobs.bright().SerializeToString(), Path(BUILT_IN_MODEL).read_bytes()]

    def spoilt(number: int) -> tuple[bytes, str]:
        dice, data = jobs.dice(seed, "networks", number), sources[number % 4 == 0]
        # In the built-in one weights are most of the bytes, and any will do.
        return mutated(data, dice, None if dice.random() < 0.5 else 2000)

    yield _tried("mutated networks", count, lambda number: spoilt(number))
    names = list(HOSTILE)
    yield _tried("hostile networks", min(count, len(names)), lambda number: (HOSTILE[names[number]](), names[number]))


def _tried(name: str, count: int, make: Callable[[int], tuple[bytes, str]]) -> Tally:
    def try_one(number: int) -> str:
        with jobs.scratch() as folder:
            path = folder / "network.onnx"
            path.write_bytes(make(number)[0])
            return matte(jobs.job(folder / "images", FRAMES, model=str(path), cores=1))

    return tried(
        name, count, try_one, lambda number: make(number)[1], LIMIT, lambda number: ("network.onnx", make(number)[0])
    )


def matte(job: Job) -> str:
    """Any map is right, for nobody knows what the network should say; the images must be whole."""
    for image in jobs.finish(job):
        reason = jobs.unsound(Path(image.path), jobs.WIDTH, jobs.HEIGHT)
        if reason:
            raise Wrong(reason)
    return "right"


def _model(
    nodes: list[onnx.NodeProto],
    weights: dict[str, np.ndarray] | None = None,
    shape: tuple[str | int | None, ...] = jobs.NETWORK_SIZE,
    output: tuple[str | int | None, ...] | None = ("n", 1, "h", "w"),
    kinds: tuple[int, int] = (TensorProto.FLOAT, TensorProto.FLOAT),
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("picture", kinds[0], shape)],
        [helper.make_tensor_value_info("map", kinds[1], output)],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    data: bytes = made.SerializeToString()
    return data


def _mean(*more: onnx.NodeProto, last: str = "map") -> list[onnx.NodeProto]:
    return [helper.make_node("ReduceMean", ["picture"], [last], axes=[1], keepdims=1), *more]


def _times(value: float) -> bytes:
    """All NaN, all infinite."""
    return _model(
        _mean(helper.make_node("Mul", ["mean", "by"], ["map"]), last="mean"), {"by": np.array([value], np.float32)}
    )


def _reshaped(*shape: int) -> bytes:
    nodes = _mean(helper.make_node("Reshape", ["mean", "shape"], ["map"]), last="mean")
    return _model(nodes, {"shape": np.array(shape, np.int64)}, output=None)


def _enlarged(by: float) -> bytes:
    nodes = _mean(helper.make_node("Resize", ["mean", "", "scales"], ["map"], mode="nearest"), last="mean")
    return _model(nodes, {"scales": np.array([1, 1, by, by], np.float32)}, output=None)


def _constant(*shape: int) -> bytes:
    return _model(
        [helper.make_node("ConstantOfShape", ["shape"], ["map"])], {"shape": np.array(shape, np.int64)}, output=None
    )


def _external(location: str) -> bytes:
    made = jobs.bright()
    weights = made.graph.initializer[0]
    weights.ClearField("float_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "12")):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    data: bytes = made.SerializeToString()
    return data


def _endless() -> bytes:
    """A loop of 2 ** 62 rounds."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["going_on"]),
            helper.make_node("Sigmoid", ["value"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, ()),
            helper.make_tensor_value_info("going", TensorProto.BOOL, ()),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("going_on", TensorProto.BOOL, ()),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    nodes = _mean(helper.make_node("Loop", ["rounds", "on", "mean"], ["map"], body=body), last="mean")
    return _model(nodes, {"rounds": np.array(1 << 62, np.int64), "on": np.array(True)}, output=None)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "pickle": lambda: b"\x80\x04\x95cos\nsystem\n(S'false'\ntR.",
    "not a number": lambda: _times(float("nan")),
    "infinite": lambda: _times(float("inf")),
    "minus infinite": lambda: _times(float("-inf")),
    "one pixel": lambda: _constant(1, 1, 1, 1),
    "no pixel": lambda: _constant(1, 1, 0, 0),
    "another size": lambda: _constant(1, 1, 7, 5),
    "one row": lambda: _constant(1, 1, 1, 320),
    "two dimensions": lambda: _reshaped(-1, 32),
    "one dimension": lambda: _reshaped(-1),
    "five dimensions": lambda: _reshaped(1, 1, 1, -1, 32),
    "a scalar": lambda: _constant(),
    "three channels": lambda: _model([helper.make_node("Identity", ["picture"], ["map"])], output=None),
    "no channel": lambda: _constant(1, 0, 192, 320),
    "two answers": lambda: _constant(2, 1, 192, 320),
    "half the size": lambda: _enlarged(0.5),
    "four times the size": lambda: _enlarged(4),
    "32 GB of map": lambda: _enlarged(400),
    "40 TB of constant": lambda: _constant(1, 1, 3_200_000, 3_200_000),
    "fixed size 1 x 1": lambda: _model(_mean(), shape=(1, 3, 1, 1)),
    "fixed size 1 x 320": lambda: _model(_mean(), shape=(1, 3, 1, 320)),
    "fixed size 100000 x 100000": lambda: _model(_mean(), shape=(1, 3, 100_000, 100_000)),
    "one channel wanted": lambda: _model(_mean(), shape=(1, 1, 320, 320)),
    "NHWC": lambda: _model(_mean(), shape=(1, 320, 320, 3)),
    "three pictures wanted": lambda: _model(_mean(), shape=(3, 3, 320, 320)),
    "fixed height alone": lambda: _model(_mean(), shape=(1, 3, 64, "w")),
    "bytes wanted": lambda: _model(_mean(), kinds=(TensorProto.UINT8, TensorProto.UINT8), shape=(1, 3, 320, 320)),
    "doubles given": lambda: _model(
        _mean(helper.make_node("Cast", ["mean"], ["map"], to=TensorProto.DOUBLE), last="mean"),
        kinds=(TensorProto.FLOAT, TensorProto.DOUBLE),
    ),
    "division by zero": lambda: _model(
        [*_mean(last="mean"), helper.make_node("Div", ["mean", "zero"], ["map"])], {"zero": np.array([0], np.float32)}
    ),
    "an operator nobody has": lambda: _model([helper.make_node("Nonesuch", ["picture"], ["map"])]),
    "weights in /etc/passwd": lambda: _external("/etc/passwd"),
    "weights in ../../../../etc/passwd": lambda: _external("../../../../etc/passwd"),
    "weights in a missing file": lambda: _external("missing.bin"),
    "a loop without end": _endless,
}
