# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight-bit form of a network: QuantizeLinear and DequantizeLinear around what ONNX Runtime computes in integers.

Activations are unsigned with one scale a tensor, weights signed with one scale an output channel. A ReLU is where an
unsigned number ends, so in eight bits it needs no node.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Container, Mapping

import numpy as np

from .graph import Net, Node
from .rewrite import Ranges

# What black and white become in the input, over the three channels. One step is about one of a picture's 255; what
# Lanczos overshoots is clipped, as Pillow does.
INPUT = (-0.485 / 0.229, (1 - 0.406) / 0.225)
LARGEST = 127  # of a weight, and of the sum of two weights of one sign that meet in 16 bits
# The first convolution reads the picture so many times over, and each weight is shared out: steps a quarter as large,
# for 1% more time. Only one other convolution's rounded weights did more harm, and search.py keeps that one.
TIMES = 4
KEEPS_SCALE = ("MaxPool", "Resize", "Concat")


def quantise(net: Net, ranges: Ranges, kept: Container[str], turned: Mapping[str, str]) -> None:
    """Put a network into eight bits in place.

    kept: outputs of the convolutions (before a ReLU) that stay float32. turned: for others' outputs, likewise, which
    weights are not rounded to the nearest, see packed.
    """
    before = _drop_relus(net, kept)
    eight = _eight(net, kept)
    whole = [node for node in net.nodes if node.output in eight]
    names = dict.fromkeys(name for node in whole for name in (*node.inputs, node.output) if name in ranges)
    scales = _scales(whole, list(names))
    steps = {name: max(float(ranges[each].high.max()) for each in group) / 255 for name, group in scales.items()}
    steps[net.input] = (INPUT[1] - INPUT[0]) / 255
    for conv in list(net.convolutions()):
        if conv.output in eight:
            times = TIMES if conv.inputs[0] == net.input else 1
            bits = turned.get(before.get(conv.output, ""), "")
            _weights(net, conv, steps[conv.inputs[0]], ranges, times, bits)
            if times > 1:
                joined = Node("Concat", [net.input] * times, net.fresh("pictures"), {"axis": 1})
                net.nodes.insert(net.nodes.index(conv), joined)
                conv.inputs[0] = joined.output
                eight.add(joined.output)
                steps[joined.output] = steps[net.input]
    nodes: list[Node] = []
    rounded: dict[str, str] = {}
    black = round(-INPUT[0] / steps[net.input])
    fed = {net.input, *(node.output for node in net.nodes if node.op == "Concat" and node.inputs[0] == net.input)}
    zeros = {name: black if name in fed else 0 for name in steps}

    def round_off(exact: str, name: str) -> None:
        scale = net.add("scale", np.array(steps[name], np.float32))
        zero = net.add("zero", np.array(zeros[name], np.uint8))
        rounded[name] = f"{name}_rounded"
        bits = f"{name}_bits"
        nodes.append(Node("QuantizeLinear", [exact, scale, zero], bits))
        nodes.append(Node("DequantizeLinear", [bits, scale, zero], rounded[name]))

    for node in net.nodes:
        name = node.output
        if name in eight:
            for each in node.inputs:
                if each in steps and each not in rounded:
                    round_off(each, each)
        # What computes in 32 bits reads the exact numbers, where there are any.
        node.inputs = [rounded.get(each, each) if name in eight or each in eight else each for each in node.inputs]
        nodes.append(node)
        if name in eight:
            node.output = f"{name}_exact"
            round_off(node.output, name)
    net.nodes = nodes
    net.prune()


def inner(net: Net) -> list[Node]:
    """The convolutions that a ReLU follows, but the first, whose weights have finer steps (TIMES)."""
    return [conv for conv in net.activated() if conv.inputs[0] != net.input]


def rounded_alone(net: Net, conv: Node, ranges: Ranges) -> Net:
    """A copy of a network whose convolution conv, before a ReLU, has weights rounded to the nearest and a rounded
    output. Its weights' steps are those of CPUs with VNNI, which sums of two do not bind. All the rest stays exact.
    """
    copy = Net(
        [Node(node.op, list(node.inputs), node.output, node.attributes) for node in net.nodes],
        dict(net.arrays),
        net.input,
        net.output,
    )
    (relu,) = [node for node in copy.nodes if node.op == "Relu" and node.inputs[0] == conv.output]
    weights, bias = (net.arrays[name].astype(np.float64) for name in conv.inputs[1:])
    times = TIMES if conv.inputs[0] == net.input else 1
    steps = np.abs(weights).max(axis=(1, 2, 3), keepdims=True) / LARGEST / times
    rounded = np.rint(weights / np.where(steps > 0, steps, 1)) * steps
    bias = bias - (rounded - weights).sum(axis=(2, 3)) @ ranges[conv.inputs[0]].mean
    maker = next(node for node in copy.nodes if node.output == conv.output)
    maker.inputs[1:] = [copy.add("weights", rounded.astype(np.float32)), copy.add("bias", bias.astype(np.float32))]
    scale = copy.add("scale", np.array(ranges[relu.output].high.max() / 255, np.float32))
    zero = copy.add("zero", np.zeros((), np.uint8))
    name, relu.output = relu.output, f"{relu.output}_exact"
    place = copy.nodes.index(relu) + 1
    copy.nodes[place:place] = [
        Node("QuantizeLinear", [relu.output, scale, zero], f"{name}_bits"),
        Node("DequantizeLinear", [f"{name}_bits", scale, zero], name),
    ]
    copy.prune()
    return copy


def _drop_relus(net: Net, kept: Container[str]) -> dict[str, str]:
    """Returns what the convolutions' outputs were called, by what they are called now."""
    before = {}
    for relu in [node for node in net.nodes if node.op == "Relu" and node.inputs[0] not in kept]:
        conv = net.producer(relu.inputs[0])
        assert conv is not None
        before[relu.output] = conv.output
        conv.output = relu.output
        net.nodes.remove(relu)
    return before


def _eight(net: Net, kept: Container[str]) -> set[str]:
    """Outputs of the nodes that compute in eight bits: convolutions that are not kept, and what lies between them."""
    eight = {conv.output for conv in net.convolutions() if conv.output not in kept}
    eight.update(node.output for node in net.nodes if node.op == "MaxPool" and node.inputs[0] in eight)
    for node in reversed(net.nodes):
        wanted = any(reader.output in eight for reader in net.consumers(node.output))
        if wanted and node.op in ("Add", *KEEPS_SCALE):
            eight.add(node.output)
    return eight


def _scales(nodes: list[Node], names: list[str]) -> dict[str, set[str]]:
    """For each tensor those that have one scale. What only moves or compares values shares it with what goes in."""
    groups = {name: {name} for name in names}
    for node in nodes:
        if node.op in KEEPS_SCALE:
            group = groups[node.output]
            for name in node.inputs:
                if name in groups and groups[name] is not group:
                    group |= groups[name]
                    for member in group:
                        groups[member] = group
    return groups


def _weights(net: Net, conv: Node, scale: float, ranges: Ranges, times: int, bits: str) -> None:
    """Replace a convolution's weights and bias by integers and what turns them back.

    times: how many integers share a weight, each for its own copy of what is read. bits: see packed. The bias makes up
    for what rounding the weights adds to the mean (Nagel et al. 2019).
    """
    weights = net.arrays[conv.inputs[1]].astype(np.float64)
    bias = net.arrays[conv.inputs[2]].astype(np.float64)
    steps = steps_of(weights, times)
    integers = integers_of(weights, steps, times, bits)
    carried = ranges[conv.inputs[0]]
    constant = carried.low == carried.high
    seen = np.where(constant, np.rint(carried.mean / scale) * scale, carried.mean)
    rounded = (integers * steps[:, None, None, None]).sum(axis=(2, 3))
    bias = bias - rounded @ seen + weights.sum(axis=(2, 3)) @ carried.mean
    shares = np.concatenate([(integers + part) // times for part in range(times)], axis=1)
    small = (np.float32(scale) * steps).astype(np.float32)
    conv.inputs[1] = _dequantised(net, conv, "weights", shares.astype(np.int8), steps)
    conv.inputs[2] = _dequantised(net, conv, "bias", np.rint(bias / small).astype(np.int32), small)


def integers_of(weights: np.ndarray, steps: np.ndarray, times: int, bits: str) -> np.ndarray:
    """Weights in steps of steps_of, rounded; float64, of their shape. times, bits: as in _weights."""
    exact = weights / steps[:, None, None, None]
    nearest = np.clip(np.rint(exact), -LARGEST * times, LARGEST * times)
    return nearest + unpacked(bits, weights.shape) * np.where(nearest > exact, -1.0, 1.0) if bits else nearest


def packed(turned: np.ndarray) -> str:
    """Which weights are rounded to the integer on the other side of them than the nearest, as a line of text."""
    return base64.b64encode(zlib.compress(np.packbits(turned).tobytes(), 9)).decode()


def unpacked(bits: str, shape: tuple[int, ...]) -> np.ndarray:
    """What was packed: bool, of the weights' shape."""
    found = np.frombuffer(zlib.decompress(base64.b64decode(bits)), np.uint8)
    return np.unpackbits(found, count=math.prod(shape)).reshape(shape).astype(bool)


def steps_of(weights: np.ndarray, times: int = 1) -> np.ndarray:
    """One step an output channel, float32, for weights (outputs, inputs, height, width). times: as in _weights.

    CPUs with AVX2 and without VNNI multiply bytes in pairs and add each pair in 16 bits, which overflow above
    255 * 128. ONNX Runtime puts a tap's channels side by side, so the sum of two neighbours must fit.
    """
    # Which weights are neighbours shows only once the copies lie side by side.
    rows = np.tile(weights, (1, times, 1, 1)).transpose(0, 2, 3, 1).reshape(len(weights), -1)
    rows = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
    largest = np.abs(rows).max(axis=1)
    for sign in (1, -1):
        pairs = np.maximum(sign * rows, 0).reshape(len(rows), -1, 2).sum(axis=2)
        largest = np.maximum(largest, pairs.max(axis=1))
    return np.where(largest > 0, largest / LARGEST, 1).astype(np.float32) / np.float32(times)


def _dequantised(net: Net, conv: Node, stem: str, integers: np.ndarray, steps: np.ndarray) -> str:
    names = [net.add(f"{stem}_{part}", array) for part, array in (("bits", integers), ("scale", steps))]
    zero = net.add(f"{stem}_zero", np.zeros(len(steps), integers.dtype))
    node = Node("DequantizeLinear", [*names, zero], net.fresh(f"{stem}_of_{conv.output}"), {"axis": 0})
    net.nodes.insert(net.nodes.index(conv), node)
    return node.output
