# SPDX-License-Identifier: GPL-3.0-or-later
"""Write kept.json: the convolutions that stay in 32 bits, as rounding them harms the map most for what it saves.

    python -m tools.model.search [build/models/u2netp.onnx] [--budget 0.08] [--out tools/model/kept.json]

Each convolution's weights and output are rounded alone, on the 'search' pictures of pictures.toml, all else exact: the
squared errors of the map. (Keeping one exact and rounding the rest tells less: a map that is undecided flips one way or
the other by chance.) Then those with the most error for their cost are kept, until the budget is spent. Weights are
rounded to the nearest: those that rounding.py chooses were tried here, and what was kept then left larger errors.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx

from inference.job import available_cores

from . import graph
from .convert import KEPT, RANGES, made_for, prepared
from .evaluate import answer, session
from .pictures import NETWORK, SIDE, pictures, planes, wide
from .quantise import rounded_alone
from .rewrite import Ranges

SHARE = 0.5  # see rewrite.equalise: what weights need that are rounded to the nearest
# What it costs to write a number in 32 bits instead of 8 and to round it for the next, in multiplications saved.
# Keeping the first convolution made a run 25 ms longer at 320x320; one with 2.7 times its multiplications, at 160x160,
# 13 ms.
WRITTEN = 240


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", type=Path, default=NETWORK)
    parser.add_argument("--ranges", type=Path, default=RANGES)
    parser.add_argument("--budget", type=float, default=0.08, help="what may be kept, as a part of all multiplications")
    parser.add_argument("--out", type=Path, default=KEPT)
    options = parser.parse_args()
    content = options.network.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    net = graph.read(onnx.load_from_string(content))
    cost, budget = costs(net), options.budget * sum(multiplications(net).values())
    ranges = prepared(net, made_for(digest, options.ranges)["tensors"], (), SHARE)
    fed = [feed for _, picture in pictures("search") for feed in (planes(picture, SIDE, SIDE), wide(picture))]
    errors = harm(net, ranges, net.activated(), fed)
    kept = chosen(errors, cost, budget)
    options.out.write_text(text(digest, {name: errors[name] for name in kept}), encoding="utf-8")
    print(f"{options.out.name}: {len(kept)} of {len(errors)} convolutions")


def reductions(net: graph.Net) -> dict[str, float]:
    """How many times smaller a tensor's sides are than those of the network's input."""
    found = {net.input: 1.0}
    for node in net.nodes:
        factor = net.arrays[node.inputs[2]][2] if node.op == "Resize" else 1
        found[node.output] = found[node.inputs[0]] * (2 if node.op == "MaxPool" else 1) / factor
    return found


def multiplications(net: graph.Net) -> dict[str, float]:
    """For each convolution's output, the multiplications for one pixel of the network's input."""
    by = reductions(net)
    return {conv.output: net.arrays[conv.inputs[1]].size / by[conv.output] ** 2 for conv in net.convolutions()}


def costs(net: graph.Net) -> dict[str, float]:
    """For each convolution's output, what 32 bits cost, in multiplications for one pixel of the network's input."""
    by, written = reductions(net), {}
    for conv in net.convolutions():
        written[conv.output] = WRITTEN * len(net.arrays[conv.inputs[1]]) / by[conv.output] ** 2
    return {name: count + written[name] for name, count in multiplications(net).items()}


def harm(net: graph.Net, ranges: Ranges, convs: Sequence[graph.Node], fed: list[np.ndarray]) -> dict[str, float]:
    """For each convolution's output, the mean squared error of the map where that convolution alone is rounded.

    convs: those of net.activated() to try. fed: pictures as pictures.planes makes them, of any size that the network
    takes.
    """
    exact = maps(net, fed)

    def of(conv: graph.Node) -> float:
        each = maps(rounded_alone(net, conv, ranges), fed)
        error = float(np.mean([np.square(a - b).mean() for a, b in zip(each, exact, strict=True)]))
        print(f"{conv.output}: {error:.3g}", flush=True)
        return error

    with ThreadPoolExecutor(available_cores()) as pool:
        return dict(zip((conv.output for conv in convs), pool.map(of, convs), strict=True))


def maps(net: graph.Net, fed: list[np.ndarray]) -> list[np.ndarray]:
    network = session(graph.write(net, None, None, "").SerializeToString())
    return [answer(network, each) for each in fed]


def chosen(errors: dict[str, float], cost: dict[str, float], budget: float) -> list[str]:
    """The convolutions with the most error for their cost that together fit the budget."""
    kept: list[str] = []
    for name in sorted(errors, key=lambda name: -errors[name] / cost[name]):
        if cost[name] <= budget:
            kept.append(name)
            budget -= cost[name]
    return kept


def text(digest: str, errors: dict[str, float]) -> str:
    """What is kept of the network with this SHA-256, and the errors that led to it, as JSON."""
    lines = ",\n".join(f'  "{name}": {errors[name]:.3g}' for name in sorted(errors, key=lambda name: -errors[name]))
    return f'{{\n"network": "{digest}",\n"convolutions": {{\n{lines}\n}}\n}}\n'


if __name__ == "__main__":
    main()
