# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight-bit form of a network: QuantizeLinear and DequantizeLinear around what ONNX Runtime computes in integers.

Activations are unsigned with one scale a tensor, weights signed with one scale an output channel. A ReLU is where an
unsigned number ends, so it needs no node.
"""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from .graph import Net, Node
from .rewrite import Ranges

# What black and white become in the input, over the three channels. One step is about one of a picture's 255; what
# Lanczos overshoots is clipped, as Pillow does.
INPUT = (-0.485 / 0.229, (1 - 0.406) / 0.225)
LARGEST = 127  # of a weight, and of the sum of two weights of one sign that meet in 16 bits
KEEPS_SCALE = ("MaxPool", "Resize", "Concat")
INTEGER = ("Conv", "Add", *KEEPS_SCALE)


def quantise(net: Net, ranges: Ranges, kept: Container[int], correct: bool = True) -> None:
    """Put a network into eight bits in place.

    kept: id() of convolutions that stay float32. correct: let each bias make up for what rounding the weights adds to
    the mean (Nagel et al. 2019).
    """
    _drop_relus(net)
    eight = [node for node in net.nodes if node.op in INTEGER and node.output in ranges]
    scales = _scales(eight, ranges)
    first = (INPUT[1] - INPUT[0]) / 255
    for conv in list(net.convolutions()):
        if conv.inputs[0] == net.input:
            _weights(net, conv, first, ranges, correct)
        elif id(conv) not in kept and conv.inputs[0] in scales:
            _weights(net, conv, scales[conv.inputs[0]], ranges, correct)
    zero = net.add("zero", np.zeros((), np.uint8))
    scale, middle = net.add("scale", np.array(first, np.float32)), np.array(round(-INPUT[0] / first), np.uint8)
    nodes = _rounded(net.input, "picture", scale, net.add("middle", middle))
    for node in net.nodes:
        node.inputs = ["picture" if name == net.input else name for name in node.inputs]
        nodes.append(node)
        if node.output in scales:
            scale = net.add("scale", np.array(scales[node.output], np.float32))
            name, node.output = node.output, f"{node.output}_exact"
            nodes += _rounded(node.output, name, scale, zero)
    net.nodes = nodes
    net.prune()


def _rounded(exact: str, name: str, scale: str, zero: str) -> list[Node]:
    bits = f"{name}_bits"
    return [
        Node("QuantizeLinear", [exact, scale, zero], bits),
        Node("DequantizeLinear", [bits, scale, zero], name),
    ]


def _drop_relus(net: Net) -> None:
    for relu in [node for node in net.nodes if node.op == "Relu"]:
        conv = net.producer(relu.inputs[0])
        assert conv is not None
        conv.output = relu.output
        net.nodes.remove(relu)


def _scales(nodes: list[Node], ranges: Ranges) -> dict[str, float]:
    """One scale a tensor. What only moves or compares values shares it with what goes in, so that bits are copied."""
    groups: dict[str, set[str]] = {}
    for node in nodes:
        group = groups.setdefault(node.output, {node.output})
        if node.op in KEEPS_SCALE:
            for name in node.inputs:
                if name in groups and groups[name] is not group:
                    group |= groups[name]
                    for member in group:
                        groups[member] = group
    return {name: max(float(ranges[member].high.max()) for member in group) / 255 for name, group in groups.items()}


def _weights(net: Net, conv: Node, scale: float, ranges: Ranges, correct: bool) -> None:
    """Replace a convolution's weights and bias by integers and what turns them back."""
    weights = net.arrays[conv.inputs[1]].astype(np.float64)
    bias = net.arrays[conv.inputs[2]].astype(np.float64)
    steps = _steps(weights)
    integers = np.clip(np.rint(weights / steps[:, None, None, None]), -LARGEST, LARGEST)
    if correct:
        carried = ranges[conv.inputs[0]]
        constant = carried.low == carried.high
        seen = np.where(constant, np.rint(carried.mean / scale) * scale, carried.mean)
        rounded = (integers * steps[:, None, None, None]).sum(axis=(2, 3))
        bias = bias - rounded @ seen + weights.sum(axis=(2, 3)) @ carried.mean
    small = (np.float32(scale) * steps).astype(np.float32)
    conv.inputs[1] = _dequantised(net, conv, "weights", integers.astype(np.int8), steps)
    conv.inputs[2] = _dequantised(net, conv, "bias", np.rint(bias / small).astype(np.int32), small)


def _steps(weights: np.ndarray) -> np.ndarray:
    """One step an output channel, float32, for (outputs, inputs, height, width).

    CPUs with AVX2 and without VNNI multiply bytes in pairs and add each pair in 16 bits, which overflow above
    255 * 128. ONNX Runtime puts a tap's channels side by side, so the sum of two neighbours counts too.
    """
    rows = weights.transpose(0, 2, 3, 1).reshape(len(weights), -1)
    rows = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
    largest = np.abs(rows).max(axis=1)
    for sign in (1, -1):
        pairs = np.maximum(sign * rows, 0).reshape(len(rows), -1, 2).sum(axis=2)
        largest = np.maximum(largest, pairs.max(axis=1))
    return np.where(largest > 0, largest / LARGEST, 1).astype(np.float32)


def _dequantised(net: Net, conv: Node, stem: str, integers: np.ndarray, steps: np.ndarray) -> str:
    names = [net.add(f"{stem}_{part}", array) for part, array in (("bits", integers), ("scale", steps))]
    zero = net.add(f"{stem}_zero", np.zeros(len(steps), integers.dtype))
    node = Node("DequantizeLinear", [*names, zero], net.fresh(f"{stem}_of_{conv.output}"), {"axis": 0})
    net.nodes.insert(net.nodes.index(conv), node)
    return node.output
