# SPDX-License-Identifier: GPL-3.0-or-later
"""A network as plain nodes and arrays, small enough to be rewritten: read from ONNX, made static, written as ONNX.

Only what U2-Net and U2-NetP are made of is known: Conv, Relu, MaxPool, Resize, Concat, Add, Sigmoid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # the one of opset 17: every ONNX Runtime that the add-on runs on reads it


class Refused(Exception):
    """The file is not a network that can be converted; the text says why."""


@dataclass
class Node:
    """One operation. Inputs and outputs are names of tensors; those that Net.arrays holds are constants."""

    op: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Net:
    """Nodes in an order that can be computed, one input (1, 3, H, W) float32, one output."""

    nodes: list[Node]
    arrays: dict[str, np.ndarray]
    input: str
    output: str

    def producer(self, tensor: str) -> Node | None:
        return next((node for node in self.nodes if node.output == tensor), None)

    def consumers(self, tensor: str) -> list[Node]:
        return [node for node in self.nodes if tensor in node.inputs]

    def convolutions(self) -> Iterator[Node]:
        return (node for node in self.nodes if node.op == "Conv")

    def activated(self) -> list[Node]:
        """The convolutions that a ReLU follows."""
        read = {node.inputs[0] for node in self.nodes if node.op == "Relu"}
        return [conv for conv in self.convolutions() if conv.output in read]

    def fresh(self, stem: str) -> str:
        """A name that no tensor has."""
        taken = {self.input, *self.arrays, *(node.output for node in self.nodes)}
        return next(name for number in range(len(taken) + 1) if (name := f"{stem}_{number}") not in taken)

    def add(self, stem: str, array: np.ndarray) -> str:
        """Store a constant; its name."""
        name = self.fresh(stem)
        self.arrays[name] = array
        return name

    def prune(self) -> None:
        """Leave out what the output does not need."""
        needed, kept = {self.output}, []
        for node in reversed(self.nodes):
            if node.output in needed:
                kept.append(node)
                needed.update(node.inputs)
        self.nodes = kept[::-1]
        self.arrays = {name: array for name, array in self.arrays.items() if name in needed}


def read(model: onnx.ModelProto) -> Net:
    """The network up to its first output, with the size of each Resize as a constant factor.

    PyTorch writes each size as a computation on shapes; the factor is found from which two tensors' shapes it asks for.
    Raises Refused where the file is not built like U2-Net.
    """
    nodes = [_node(node) for node in model.graph.node]
    arrays = {array.name: numpy_helper.to_array(array) for array in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in arrays]
    if len(inputs) != 1 or not model.graph.output:
        raise Refused(f"one input was expected, there are {len(inputs)}")
    net = Net(nodes, arrays, inputs[0], model.graph.output[0].name)
    makers = {node.output: node for node in net.nodes}
    reductions = {net.input: 1}
    for node in net.nodes:
        before = [reductions[name] for name in node.inputs if name in reductions]
        if node.op == "Resize":
            like = _shape_wanted(node, makers)
            factor = np.float32(reductions[node.inputs[0]] / reductions[like])
            node.inputs = [node.inputs[0], "", net.add("factor", np.array([1, 1, factor, factor], np.float32))]
            node.attributes.pop("cubic_coeff_a", None)
            node.attributes.pop("nearest_mode", None)
            reductions[node.output] = reductions[like]
        elif node.op == "MaxPool":
            if tuple(node.attributes["strides"]) != (2, 2) or tuple(node.attributes["kernel_shape"]) != (2, 2):
                raise Refused("a MaxPool is not one of 2 x 2")
            # Sides are multiples of 32, so rounding up never happens; without it more kernels fit.
            node.attributes["ceil_mode"] = 0
            reductions[node.output] = before[0] * 2
        elif node.op in ("Conv", "Relu", "Concat", "Add", "Sigmoid") and before:
            if len(set(before)) != 1:
                raise Refused(f"{node.op} joins tensors of different size")
            reductions[node.output] = before[0]
    net.prune()
    strange = {node.op for node in net.nodes} - {"Conv", "Relu", "MaxPool", "Resize", "Concat", "Add", "Sigmoid"}
    if strange:
        raise Refused(f"operations that U2-Net does not have: {', '.join(sorted(strange))}")
    return net


def _node(node: onnx.NodeProto) -> Node:
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    return Node(node.op_type, list(node.input), node.output[0], attributes)


def _shape_wanted(resize: Node, makers: dict[str, Node]) -> str:
    """The tensor to whose height and width a Resize is asked to go, found through the nodes that compute the size."""
    asked, waiting = set(), [resize.inputs[3]]
    while waiting:
        node = makers.get(waiting.pop())
        if node is None:
            continue
        if node.op == "Shape":
            asked.add(node.inputs[0])
        else:
            waiting.extend(node.inputs)
    asked.discard(resize.inputs[0])
    if len(asked) != 1:
        raise Refused("a Resize's size does not come from one other tensor")
    return asked.pop()


def write(net: Net, height: int | None, width: int | None, about: str) -> onnx.ModelProto:
    """The network as ONNX, for any number of pictures. height, width: fixed sides of the input, None to leave open."""
    sides: list[int | str] = [height or "height", width or "width"]
    used = {name for node in net.nodes for name in node.inputs}
    graph = helper.make_graph(
        [
            helper.make_node(node.op, node.inputs, [node.output], name=f"{node.op}_{place}", **node.attributes)
            for place, node in enumerate(net.nodes)
        ],
        "matte",
        [helper.make_tensor_value_info(net.input, onnx.TensorProto.FLOAT, ["pictures", 3, *sides])],
        [helper.make_tensor_value_info(net.output, onnx.TensorProto.FLOAT, ["pictures", 1, *sides])],
        [numpy_helper.from_array(net.arrays[name], name) for name in sorted(used & net.arrays.keys())],
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="strip_matte")
    model.doc_string = about
    onnx.checker.check_model(model, full_check=True)
    return model
