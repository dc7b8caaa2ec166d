# SPDX-License-Identifier: GPL-3.0-or-later
"""Write rounding.json: which weights are not rounded to the nearest integer but to the one on the other side.

    python -m tools.model.rounding [build/models/u2netp.onnx] [--out tools/model/rounding.json]

What counts is how far a convolution's answer is off, not each weight. What neighbouring weights are multiplied with is
alike, so that their errors add up where each is rounded for itself, and cancel where some go the other way. Beginning
with the nearest, weights are turned one after the other, each time the one that lessens the answer's mean squared error
on the 'calibrate' pictures of pictures.toml most, until none does. The aim is that of Nagel et al. 2020, "Up or Down?
Adaptive Rounding for Post-Training Quantization". Run it after search.py: what stays in 32 bits has no place in it.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from . import graph
from .convert import KEPT, RANGES, ROUNDING, made_for, prepared
from .evaluate import session
from .pictures import NETWORK, pictures, views
from .quantise import LARGEST, inner, packed, steps_of
from .rewrite import Ranges

PLACES = 1500  # of each picture at which a convolution is looked at
PAIR = LARGEST + 1  # what two weights of one sign may come to, see quantise.steps_of
ROOM = 1 << 30  # bytes of covariances at a time: those of the whole U2-Net are 4.8 GiB
LEAST = 1e-6  # of what turning a weight alone would cost: a gain below that is none


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", type=Path, default=NETWORK)
    parser.add_argument("--ranges", type=Path, default=RANGES)
    parser.add_argument("--kept", type=Path, default=KEPT)
    parser.add_argument("--out", type=Path, default=ROUNDING)
    options = parser.parse_args()
    content = options.network.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    net = graph.read(onnx.load_from_string(content))
    kept = set(made_for(digest, options.kept)["convolutions"])
    ranges = prepared(net, made_for(digest, options.ranges)["tensors"], kept)
    convs = [conv for conv in inner(net) if conv.output not in kept]
    found = chosen(net, ranges, convs, [fed for _, picture in pictures("calibrate") for fed in views(picture)])
    options.out.write_text(text(digest, found), encoding="utf-8")
    print(f"{options.out.name}: {np.mean([each.mean() for each in found.values()]):.1%} of the weights")


def chosen(
    net: graph.Net, ranges: Ranges, convs: Sequence[graph.Node], fed: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """For each convolution's output, the weights that are to be turned: bool, in the weights' shape.

    fed: pictures as pictures.planes makes them, of any size that the network takes.
    """
    found: dict[str, np.ndarray] = {}
    for some in _batches(net, convs):
        together = covariances(net, ranges, some, fed)
        found |= {conv.output: turned(net.arrays[conv.inputs[1]], together[conv.output]) for conv in some}
    return found


def _batches(net: graph.Net, convs: Sequence[graph.Node]) -> Iterator[list[graph.Node]]:
    """Convolutions whose covariances fit ROOM together, or one alone."""
    batch: list[graph.Node] = []
    taken = 0
    for conv in convs:
        size = 8 * net.arrays[conv.inputs[1]][0].size ** 2
        if batch and taken + size > ROOM:
            yield batch
            batch, taken = [], 0
        batch.append(conv)
        taken += size
    if batch:
        yield batch


def covariances(
    net: graph.Net, ranges: Ranges, convs: Sequence[graph.Node], fed: Iterable[np.ndarray]
) -> dict[str, np.ndarray]:
    """For each convolution's output, the covariance (K, K) float64 of the K numbers that one of its outputs is made of,
    the channels of a tap side by side, rounded to eight bits. Their means do not count: biases make up for those.
    """
    names = sorted({conv.inputs[0] for conv in convs})
    model = graph.write(net, None, None, "for rounding")
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    network, dice = session(model.SerializeToString()), np.random.default_rng(0)
    sums: dict[str, np.ndarray] = {}
    count = 0
    for picture in fed:
        answers = dict(zip(names, network.run(names, {net.input: picture}), strict=True))
        for conv in convs:
            columns = _read(answers[conv.inputs[0]][0], conv, net.arrays[conv.inputs[1]].shape[2:], dice)
            # One row of ones: its products are the sums.
            columns = np.concatenate([columns, np.ones((1, PLACES), np.float32)])
            sums[conv.output] = sums.get(conv.output, 0.0) + (columns @ columns.T).astype(np.float64)
        count += PLACES
    found = {}
    for conv in convs:
        products = sums[conv.output] / count
        means, step = products[-1, :-1], ranges[conv.inputs[0]].high.max() / 255
        found[conv.output] = products[:-1, :-1] - np.outer(means, means) + np.eye(len(means)) * step**2 / 12
    return found


def _read(channels: np.ndarray, conv: graph.Node, kernel: Sequence[int], dice: np.random.Generator) -> np.ndarray:
    """What a convolution multiplies at PLACES of its input (C, H, W): (K, PLACES) float32."""
    height, width = channels.shape[1:]
    apart = conv.attributes.get("dilations", (1, 1))
    rims = [(gap * (side // 2),) * 2 for gap, side in zip(apart, kernel, strict=True)]
    padded = np.pad(channels, ((0, 0), *rims))
    rows, columns = dice.integers(height, size=PLACES), dice.integers(width, size=PLACES)
    taps = [(apart[0] * down, apart[1] * across) for down in range(kernel[0]) for across in range(kernel[1])]
    return np.concatenate([padded[:, rows + down, columns + across] for down, across in taps])


def turned(weights: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Which weights (outputs, inputs, height, width) are to be turned; bool, of their shape. covariance: see there."""
    outputs, inputs, height, width = weights.shape
    exact = (weights.astype(np.float64) / steps_of(weights)[:, None, None, None]).transpose(0, 2, 3, 1)
    exact = exact.reshape(outputs, -1)
    exact = np.pad(exact, ((0, 0), (0, exact.shape[1] % 2)))  # for the last one without a neighbour
    covariance = np.pad(covariance, ((0, exact.shape[1] - len(covariance)),) * 2)
    nearest = np.clip(np.rint(exact), -LARGEST, LARGEST)
    integers, alone, each = nearest.copy(), np.diag(covariance), np.arange(outputs)
    slopes = (integers - exact) @ covariance
    while True:
        turns = np.where(integers > exact, -1.0, 1.0)
        gains = np.where(_fit(integers, turns), -2 * turns * slopes - alone, -np.inf)
        best = gains.argmax(axis=1)
        worth = each[gains[each, best] > LEAST * alone[best]]
        if not len(worth):
            break
        turn = turns[worth, best[worth]]
        integers[worth, best[worth]] += turn
        slopes[worth] += turn[:, None] * covariance[best[worth]]
    changed = (integers != nearest)[:, : inputs * height * width]
    return np.ascontiguousarray(changed.reshape(outputs, height, width, inputs).transpose(0, 3, 1, 2))


def _fit(integers: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Where an integer may be turned, alone and beside its neighbour."""
    others = integers.reshape(len(integers), -1, 2)[..., ::-1].reshape(integers.shape)
    found = integers + turns
    return (np.abs(found) <= LARGEST) & ((found * others <= 0) | (np.abs(found + others) <= PAIR))


def text(digest: str, found: Mapping[str, np.ndarray]) -> str:
    """What was chosen for the network with this SHA-256, as JSON."""
    lines = ",\n".join(f'  "{name}": "{packed(each)}"' for name, each in found.items())
    return f'{{\n"network": "{digest}",\n"turned": {{\n{lines}\n}}\n}}\n'


if __name__ == "__main__":
    main()
