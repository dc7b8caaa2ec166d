# SPDX-License-Identifier: GPL-3.0-or-later
"""Write ranges.json: what each channel of the network carries on the calibration pictures of pictures.toml.

    python -m tools.model.calibrate [build/models/u2netp.onnx] [--out tools/model/ranges.json]

convert.py needs nothing but this file and the network, so that it is quick and gives the same bytes on every machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from . import graph
from .pictures import NETWORK, pictures, views

DIGITS = 4
OUT = Path(__file__).with_name("ranges.json")
MEASURED = ("Relu", "MaxPool", "Add")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", type=Path, default=NETWORK)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    net = graph.read(onnx.load(options.network))
    found = measured(net, pictures("calibrate"))
    digest = hashlib.sha256(options.network.read_bytes()).hexdigest()
    options.out.write_text(text(digest, found), encoding="utf-8")
    print(f"{options.out.name}: {len(found)} tensors")


def measured(net: graph.Net, seen: Iterable[tuple[str, np.ndarray]]) -> dict[str, dict[str, list[float]]]:
    """For each tensor's channels: lowest, highest and mean value, and the mean over pictures of the highest.

    seen: names and pictures, as pictures.pictures gives them.
    """
    names = [net.input, *(node.output for node in net.nodes if node.op in MEASURED)]
    model = graph.write(net, None, None, "for calibration")
    for name in names[1:]:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    sums: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for label, picture in seen:
        print(label, flush=True)
        for fed in views(picture):
            answers = [fed, *session.run(names[1:], {net.input: fed})]
            for name, answer in zip(names, answers, strict=True):
                flat = answer[0].reshape(answer.shape[1], -1)
                sums[name].append(np.stack([flat.min(axis=1), flat.max(axis=1), flat.mean(axis=1)]))
    return {name: summary(np.stack(each)) for name, each in sums.items()}


def text(digest: str, found: dict[str, dict[str, list[float]]]) -> str:
    """What measured() found of the network with this SHA-256, as JSON."""
    tensors = ",\n".join(f'  "{name}": {json.dumps(ranges)}' for name, ranges in found.items())
    return f'{{\n"network": "{digest}",\n"tensors": {{\n{tensors}\n}}\n}}\n'


def summary(each: np.ndarray) -> dict[str, list[float]]:
    """(pictures, 3, channels) to lists of one number a channel."""
    rows = {
        "low": each[:, 0].min(axis=0),
        "high": each[:, 1].max(axis=0),
        "mean": each[:, 2].mean(axis=0),
        "usual": each[:, 1].mean(axis=0),
    }
    return {key: [float(f"{value:.{DIGITS}g}") for value in row] for key, row in rows.items()}


if __name__ == "__main__":
    main()
