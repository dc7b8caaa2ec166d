# SPDX-License-Identifier: GPL-3.0-or-later
"""A file built as PyTorch's exporter built the authors' U2-Net and U2-NetP, with random weights.

    python tests/full_u2net.py OUT.onnx [--width 1]

The architecture is that of Qin et al. 2020, "U2-Net: Going Deeper with Nested U-Structure for Salient Object
Detection", as the authors' model/u2net.py has it. Weights are random from a seed. What batch normalisation, which the
exporter folds into them, does to a trained network's activations, a seeded picture's statistics do here: each channel
has a mean a little below zero, so that half of what ReLU gives is nothing, and some channels are louder than others.
They make a map that means nothing, but that depends on the picture, and on every layer.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

SIDE = 320  # of the pictures that the authors' files take
COUNT, SEEN = 6, 96  # the pictures whose statistics are used, and their side
FIRST, FOLDED = 799, 1966  # the exporter's numbers for the first tensor and for the first of those it folds
SPREAD = 1.0  # deviation of the map on them, before the sigmoid
# How large the weights are of what comes from a deeper level. With 1, what rounding adds grows from layer to layer
# (Yang et al. 2019, on batch normalisation without training), as it does not in a trained network; with much less than
# this, deep layers do not show in the map.
DEEPER = 0.25
STEADY = (0.02, 8.0)  # deviation and mean of the first channel after a Concat: nearly constant, as some of U2-NetP's


class Stage(NamedTuple):
    """One nested U: its height, 0 for the one that dilates instead of shrinking, and two numbers of channels."""

    height: int
    middle: int
    out: int


class Tensor(NamedTuple):
    """A tensor's name, what the seeded pictures become there, (pictures, channels, h, w) float32, and how many of the
    channels, the first ones, come from a deeper level."""

    name: str
    value: np.ndarray
    deeper: int = 0


FULL = (
    *(Stage(7, 32, 64), Stage(6, 32, 128), Stage(5, 64, 256), Stage(4, 128, 512), Stage(0, 256, 512)),
    *(Stage(0, 256, 512), Stage(0, 256, 512)),
    *(Stage(4, 128, 256), Stage(5, 64, 128), Stage(6, 32, 64), Stage(7, 16, 64)),
)
SMALL = tuple(Stage(stage.height, 16, 64) for stage in FULL)
ENCODERS = 6  # the stages before the decoder's


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1, help="divides the numbers of channels")
    options = parser.parse_args()
    model = built(FULL, options.width)
    content = model.SerializeToString()
    options.out.write_bytes(content)
    numbers = sum(numpy_helper.to_array(array).size for array in model.graph.initializer)
    print(f"{options.out.name}: {numbers} numbers, {len(content)} bytes")


def built(stages: tuple[Stage, ...], width: int = 1, seed: int = 0) -> onnx.ModelProto:
    """The network of these stages with every number of channels divided by width, for (1, 3, 320, 320) as exported."""
    stages = tuple(Stage(stage.height, stage.middle // width, stage.out // width) for stage in stages)
    exporter = Exporter(seed)
    picture = Tensor("input.1", seeded_pictures(seed, COUNT, SEEN))
    outputs = network(exporter, picture, stages)
    graph = helper.make_graph(
        exporter.nodes,
        "torch-jit-export",
        [helper.make_tensor_value_info(picture.name, onnx.TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [_answer(each.name, fixed=place < 2) for place, each in enumerate(outputs)],
        [numpy_helper.from_array(array, name) for name, array in exporter.weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    onnx.checker.check_model(model, full_check=True)
    return model


def _answer(name: str, fixed: bool) -> onnx.ValueInfoProto:
    """An output. The exporter loses the shape of what goes through a Resize (not fixed)."""
    shape = [1, 1, SIDE, SIDE] if fixed else [f"Sigmoid{name}_dim_{axis}" for axis in range(4)]
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def seeded_pictures(seed: int, count: int, side: int) -> np.ndarray:
    """Clouds of all sizes, some bright and some dull: (count, 3, side, side) float32, about as normalised pictures."""
    rng = np.random.default_rng(seed)
    grey, colours = (_clouds(rng, (count, planes), side) for planes in (1, 3))
    contrast, offset = rng.uniform(0.3, 1.0, (count, 1, 1, 1)), rng.normal(0, 0.7, (count, 1, 1, 1))
    return np.clip((grey + 0.4 * colours) * contrast + offset, -2.1, 2.6).astype(np.float32)


def _clouds(rng: np.random.Generator, shape: tuple[int, int], side: int) -> np.ndarray:
    total = np.zeros((*shape, side, side))
    for cells in (2, 4, 8, 16, 32, 64):
        for plane in total.reshape(-1, side, side):
            plane += cv2.resize(rng.standard_normal((cells, cells)), (side, side)) / cells**0.5
    return total


def network(exporter: Exporter, picture: Tensor, stages: tuple[Stage, ...]) -> list[Tensor]:
    """The whole of U2-Net; its seven maps."""
    answers: list[Tensor] = []
    for stage in stages[:ENCODERS]:
        fed = exporter.pool(answers[-1]) if answers else picture
        answers.append(nested(exporter, fed, stage))
    deep = answers.pop()
    decoded = [deep]
    for stage in stages[ENCODERS:]:
        like = answers.pop()
        deep = nested(exporter, exporter.joined(exporter.resized(deep, like), like), stage)
        decoded.append(deep)
    sides: list[Tensor] = []
    for number, each in enumerate(reversed(decoded), 1):
        side = exporter.side(each, f"side{number}")
        sides.append(exporter.resized(side, sides[0]) if sides else side)
    joined = exporter.side(exporter.joined(*sides), "outconv")
    return [exporter.sigmoid(each) for each in (joined, *sides)]


def nested(exporter: Exporter, fed: Tensor, stage: Stage) -> Tensor:
    """A residual U block: RSU7, RSU6, RSU5 and RSU4 by their height, RSU4F where it is 0."""
    if not stage.height:
        return nested_flat(exporter, fed, stage)
    start = exporter.unit(fed, stage.out)
    down = [exporter.unit(start, stage.middle)]
    for _ in range(stage.height - 2):
        down.append(exporter.unit(exporter.pool(down[-1]), stage.middle))
    up = exporter.unit(down[-1], stage.middle, dilation=2)
    up = exporter.unit(exporter.joined(up, down.pop()), stage.middle)
    while down:
        like = down.pop()
        up = exporter.unit(exporter.joined(exporter.resized(up, like), like), stage.middle if down else stage.out)
    return exporter.added(up, start)


def nested_flat(exporter: Exporter, fed: Tensor, stage: Stage) -> Tensor:
    """RSU4F, which has no MaxPool and no Resize."""
    start = exporter.unit(fed, stage.out)
    down = [exporter.unit(start, stage.middle)]
    for dilation in (2, 4):
        down.append(exporter.unit(down[-1], stage.middle, dilation))
    up = exporter.unit(down[-1], stage.middle, dilation=8)
    for dilation in (4, 2, 1):
        out = stage.out if dilation == 1 else stage.middle
        up = exporter.unit(exporter.joined(up, down.pop()), out, dilation)
    return exporter.added(up, start)


class Exporter:
    """Nodes and weights with the numbers and in the order of PyTorch 1.9's exporter to opset 11."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}
        self._random = np.random.default_rng(seed)
        self._number, self._folded = FIRST, FOLDED

    def unit(self, fed: Tensor, channels: int, dilation: int = 1) -> Tensor:
        """REBNCONV: a 3 x 3 convolution with its batch normalisation folded, and ReLU."""
        weights = self._he(channels, fed, 3)
        weights[:, : fed.deeper] *= np.float32(DEEPER)
        found = computed("Conv", _convolution(3, dilation), fed.value, weights)
        deviation = self._random.uniform(0.5, 1.5, channels).astype(np.float32)
        mean = self._random.normal(-0.3, 0.3, channels).astype(np.float32)
        if fed.deeper:
            deviation[0], mean[0] = STEADY
        by = deviation / found.std(axis=(0, 2, 3))
        bias = mean - by * found.mean(axis=(0, 2, 3))
        output, *names = (str(self._folded + place) for place in range(3))
        self._folded += 3
        self._number += 2  # the convolution and the normalisation had one each
        self.weights |= zip(names, (weights * by[:, None, None, None], bias), strict=True)
        self._node("Conv", [fed.name, *names], output, **_convolution(3, dilation))
        summed = found * by[:, None, None] + bias[:, None, None]
        return Tensor(self._node("Relu", [output]), np.maximum(summed, 0))

    def side(self, fed: Tensor, name: str) -> Tensor:
        """A convolution to one channel, scaled to SPREAD: 1 x 1 for the last, whose weights are all positive."""
        size = 1 if name == "outconv" else 3
        weights = self._he(1, fed, size)
        weights = np.abs(weights) + 0.5 if size == 1 else weights
        found = computed("Conv", _convolution(size), fed.value, weights)
        by = np.float32(SPREAD) / found.std()
        names = [f"{name}.weight", f"{name}.bias"]
        self.weights |= zip(names, (weights * by, (-found.mean() * by).reshape(1)), strict=True)
        output = self._node("Conv", [fed.name, *names], **_convolution(size))
        return Tensor(output, (found - found.mean()) * by)

    def pool(self, fed: Tensor) -> Tensor:
        how: dict[str, Any] = {"ceil_mode": 1, "kernel_shape": [2, 2], "pads": [0, 0, 0, 0], "strides": [2, 2]}
        return Tensor(self._node("MaxPool", [fed.name], **how), computed("MaxPool", how, fed.value))

    def joined(self, *parts: Tensor) -> Tensor:
        value = np.concatenate([part.value for part in parts], axis=1)
        return Tensor(self._node("Concat", [part.name for part in parts], axis=1), value, parts[0].value.shape[1])

    def added(self, one: Tensor, other: Tensor) -> Tensor:
        return Tensor(self._node("Add", [one.name, other.name]), one.value + other.value)

    def sigmoid(self, fed: Tensor) -> Tensor:
        return Tensor(self._node("Sigmoid", [fed.name]), 1 / (1 + np.exp(-fed.value)))

    def resized(self, fed: Tensor, like: Tensor) -> Tensor:
        """F.upsample(fed, size=like.shape[2:], mode="bilinear"): the size is asked for while the network runs."""
        sides = []
        for axis in (2, 3):
            shape = self._node("Shape", [like.name])
            sides.append(self._node("Gather", [shape, self._constant(np.int64(axis))], axis=0))
        wanted = [self._node("Unsqueeze", [side], axes=[0]) for side in sides]
        size = self._node("Concat", wanted, axis=0)
        shape = self._node("Shape", [fed.name])
        axes, starts, ends = (self._constant(np.array([number])) for number in (0, 0, 2))
        start = self._node("Slice", [shape, starts, ends, axes])
        cast = self._node("Cast", [size], to=onnx.TensorProto.INT64)
        sizes = self._node("Concat", [start, cast], axis=0)
        empty = [self._constant(np.zeros(0, np.float32)) for _ in range(2)]
        how: dict[str, Any] = {
            "coordinate_transformation_mode": "pytorch_half_pixel",
            "mode": "linear",
            "nearest_mode": "floor",
        }
        output = self._node("Resize", [fed.name, *empty, sizes], cubic_coeff_a=-0.75, **how)
        shape_of = np.array([*fed.value.shape[:2], *like.value.shape[2:]])
        return Tensor(output, computed("Resize", how, fed.value, *(np.zeros(0, np.float32) for _ in empty), shape_of))

    def _he(self, channels: int, fed: Tensor, size: int) -> np.ndarray:
        """Random weights as of He et al. 2015, float32."""
        weights = self._random.standard_normal((channels, fed.value.shape[1], size, size), np.float32)
        return weights * np.float32(np.sqrt(2 / weights[0].size))

    def _constant(self, value: Any) -> str:
        return self._node("Constant", [], value=numpy_helper.from_array(np.asarray(value)))

    def _node(self, op: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add a node; its output, which has the next number where no other name is given."""
        if not output:
            output, self._number = str(self._number), self._number + 1
        self.nodes.append(helper.make_node(op, inputs, [output], f"{op}_{len(self.nodes)}", **attributes))
        return output


def _convolution(size: int, dilation: int = 1) -> dict[str, Any]:
    pad = dilation if size == 3 else 0
    return {
        "dilations": [dilation] * 2,
        "group": 1,
        "kernel_shape": [size] * 2,
        "pads": [pad] * 4,
        "strides": [1, 1],
    }


def computed(op: str, attributes: dict[str, Any], *inputs: np.ndarray) -> np.ndarray:
    """What one operation of opset 11 gives."""
    names = [f"in{place}" for place in range(len(inputs))]
    typed = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(each.dtype), each.shape)
        for name, each in zip(names, inputs, strict=True)
    ]
    out = helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node(op, names, ["out"], **attributes)], op, typed, [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, dict(zip(names, inputs, strict=True)))
    return found


if __name__ == "__main__":
    main()
