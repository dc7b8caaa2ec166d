# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a converted network's map is from the authors' network's, and how long it takes beside it.

    python -m tools.model.evaluate INT8.onnx [MORE.onnx ...] [--rounds 5] [--each]

Pictures and frames that calibration never saw (pictures.toml, use = "evaluate"), whole and in crops. MAE is on a scale
of 0 to 1, IoU that of the areas above 0.5. Runs of one thread take turns, so that a busy machine slows all alike.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from .pictures import ROOT, pictures, planes, varied

NETWORK = ROOT / "build" / "models" / "u2netp.onnx"
SIDE = 320
VIEWS = 3
SMALLEST = 0.001  # part of a picture; where less is above 0.5 in both maps, there is no area to compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("candidates", nargs="+", type=Path)
    parser.add_argument("--network", type=Path, default=NETWORK)
    parser.add_argument("--rounds", type=int, default=5, help="timed runs of each")
    parser.add_argument("--views", type=int, default=VIEWS, help="views of each picture")
    parser.add_argument("--each", action="store_true", help="also a line for each picture")
    options = parser.parse_args()
    exact, *others = [session(path) for path in (options.network, *options.candidates)]
    errors: list[list[tuple[float, float]]] = [[] for _ in others]
    fed = np.zeros(0)
    for name, picture in pictures("evaluate"):
        for number, view in enumerate(varied(picture, options.views)):
            fed = planes(view, SIDE, SIDE)
            truth = answer(exact, fed)
            found = [difference(answer(other, fed), truth) for other in others]
            for rows, pair in zip(errors, found, strict=True):
                rows.append(pair)
            if options.each:
                pairs = "  ".join(f"{mae:.4f} {iou:.4f}" for mae, iou in found)
                print(f"{name[:28]:28} {number}  {(truth > 0.5).mean():.3f}  {pairs}", flush=True)
    times = timed([exact, *others], fed, options.rounds)
    print(f"{'':24} {'MAE mean':>9} {'median':>7} {'worst':>7} {'IoU mean':>9} {'median':>7} {'worst':>7}  time")
    print(f"{options.network.name:24} {'':51} 1.000 ({times[0] * 1000:.0f} ms)")
    for path, rows, seconds in zip(options.candidates, errors, times[1:], strict=True):
        mae, iou = (np.array(column) for column in zip(*rows, strict=True))
        iou = iou[~np.isnan(iou)]
        numbers = f"{mae.mean():9.4f} {np.median(mae):7.4f} {mae.max():7.4f}"
        numbers += f" {iou.mean():9.4f} {np.median(iou):7.4f} {iou.min():7.4f}"
        print(f"{path.name:24} {numbers}  {seconds / times[0]:.3f} ({seconds * 1000:.0f} ms)")


def session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def answer(network: Any, fed: np.ndarray) -> np.ndarray:
    """The first output for a picture: (height, width) float32."""
    (maps,) = network.run([network.get_outputs()[0].name], {network.get_inputs()[0].name: fed})
    return maps[0, 0]


def difference(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """MAE and IoU at 0.5 of two maps; IoU is NaN where both are empty."""
    either, both = (found > 0.5) | (truth > 0.5), (found > 0.5) & (truth > 0.5)
    iou = both.sum() / either.sum() if either.mean() > SMALLEST else float("nan")
    return float(np.abs(found - truth).mean()), float(iou)


def timed(networks: Sequence[Any], fed: np.ndarray, rounds: int) -> list[float]:
    """Median seconds of a run for each network, in turns."""
    taken: list[list[float]] = [[] for _ in networks]
    for _ in range(rounds):
        for network, row in zip(networks, taken, strict=True):
            start = time.perf_counter()
            answer(network, fed)
            row.append(time.perf_counter() - start)
    return [float(np.median(row)) for row in taken]


if __name__ == "__main__":
    main()
