# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a converted network's map is from the authors' network's, and how long it takes beside it.

    python -m tools.model.evaluate INT8.onnx [MORE.onnx ...] [--rounds 5] [--each] [--wide]

Pictures and frames that calibration never saw (pictures.toml, use = "evaluate"), whole and in crops. MAE is on a scale
of 0 to 1, IoU that of the areas above 0.5; 'decided' is its mean over the pictures on which the authors' network is
sure, see sure(). --wide: the 16:9 middle at 320x192 instead of the whole at 320x320. Runs of one thread take turns, so
that a busy machine slows all alike; the least time that each thread was at work counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from . import graph
from .pictures import NETWORK, SIDE, pictures, planes, varied, wide

VIEWS = 3
SMALLEST = 0.001  # part of a picture; where less is above 0.5 in both maps, there is no area to compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("candidates", nargs="+", type=Path)
    parser.add_argument("--network", type=Path, default=NETWORK)
    parser.add_argument("--rounds", type=int, default=5, help="timed runs of each")
    parser.add_argument("--views", type=int, default=VIEWS, help="views of each picture")
    parser.add_argument("--each", action="store_true", help="also a line for each picture")
    parser.add_argument("--wide", action="store_true", help="16:9 at 320x192")
    parser.add_argument("--use", default="evaluate", help="which pictures of pictures.toml")
    options = parser.parse_args()
    exact, *others = [opened(options.network), *(session(path) for path in options.candidates)]
    errors: list[list[tuple[float, float, bool]]] = [[] for _ in others]
    fed = np.zeros(0)
    for name, picture in pictures(options.use):
        for number, view in enumerate(varied(picture, options.views)):
            fed = wide(view) if options.wide else planes(view, SIDE, SIDE)
            truth = answer(exact, fed)
            found = [difference(answer(other, fed), truth) for other in others]
            for rows, pair in zip(errors, found, strict=True):
                rows.append((*pair, sure(truth)))
            if options.each:
                pairs = "  ".join(f"{mae:.4f} {iou:.4f}" for mae, iou in found)
                print(f"{name[:28]:28} {number}  {(truth > 0.5).mean():.3f}  {pairs}", flush=True)
    times = timed([exact, *others], fed, options.rounds)
    columns = ("MAE mean", "median", "worst", "IoU mean", "median", "worst", "decided")
    print(f"{'':24} {' '.join(f'{name:>8}' for name in columns)}  time")
    print(f"{options.network.name:24} {'':62} 1.000 ({times[0] * 1000:.0f} ms)")
    for path, rows, seconds in zip(options.candidates, errors, times[1:], strict=True):
        mae, iou, decided = (np.array(column) for column in zip(*rows, strict=True))
        sure_iou = np.nanmean(iou[decided])
        iou = iou[~np.isnan(iou)]
        row = (mae.mean(), np.median(mae), mae.max(), iou.mean(), np.median(iou), iou.min(), sure_iou)
        numbers = " ".join(f"{number:8.4f}" for number in row)
        print(f"{path.name:24} {numbers}  {seconds / times[0]:.3f} ({seconds * 1000:.0f} ms)")


def opened(path: Path) -> Any:
    """The authors' network as it is, but for any size."""
    return session(graph.write(graph.read(onnx.load(path)), None, None, "").SerializeToString())


def session(network: Path | bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    content = network if isinstance(network, bytes) else str(network)
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def answer(network: Any, fed: np.ndarray) -> np.ndarray:
    """The first output for a picture: (height, width) float32."""
    (maps,) = network.run([network.get_outputs()[0].name], {network.get_inputs()[0].name: fed})
    return maps[0, 0]


def difference(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """MAE and IoU at 0.5 of two maps; IoU is NaN where both are empty."""
    either, both = (found > 0.5) | (truth > 0.5), (found > 0.5) & (truth > 0.5)
    iou = both.sum() / either.sum() if either.mean() > SMALLEST else float("nan")
    return float(np.abs(found - truth).mean()), float(iou)


def sure(truth: np.ndarray) -> bool:
    """Whether a map has a subject, and less than a tenth of it lies between 0.1 and 0.9."""
    return bool((truth > 0.5).mean() > 0.01 and ((truth > 0.1) & (truth < 0.9)).mean() < 0.1)


def timed(networks: Sequence[Any], fed: np.ndarray, rounds: int) -> list[float]:
    """Least seconds of processor time of a run for each network, in turns."""
    taken: list[list[float]] = [[] for _ in networks]
    for _ in range(rounds):
        for network, row in zip(networks, taken, strict=True):
            start = time.thread_time()
            answer(network, fed)
            row.append(time.thread_time() - start)
    return [min(row) for row in taken]


if __name__ == "__main__":
    main()
