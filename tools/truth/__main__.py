# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the clips of known truth in build/truth/, and look at them.

    python -m tools.truth [NAME ...] [--blender PYTHON]

Run in the environment of tools/packages/bench.txt and runtime.txt; subjects are rendered by a Python that has bpy. For
each clip: seconds it took (0 where it was there), size, and how U2-NetP's map, as it is, compares with the truth over
every third frame; build/truth/NAME/sheet.png shows frame, true alpha and map.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from inference import movie
from inference.model import Model
from inference.picture import Pixels

from . import metrics
from .clips import CLIPS, Truth, load, make
from .layers import HEIGHT, ROOT, WIDTH

NETWORK = ROOT / "inference" / "models" / "u2netp.onnx"
EVERY = 3
CELL = (480, 270)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CLIPS)}; all without one")
    parser.add_argument("--blender", type=Path, help="a Python that has bpy; else BPY_PYTHON, else nox' own")
    options = parser.parse_args()
    if unknown := set(options.names) - set(CLIPS):
        parser.error(f"there is no clip {', '.join(sorted(unknown))}")
    model = Model(str(NETWORK), "CPU")
    print(
        f"{'clip':10} {'seconds':>8} {'clip kB':>8} {'truth':>8} {'area':>6} {'MAE':>6} {'IoU':>6} {'worst':>6}  tags"
    )
    for name in options.names or CLIPS:
        start = time.perf_counter()
        make([name], options.blender)
        seconds = time.perf_counter() - start
        truth = load(name)
        sizes = [truth.path.stat().st_size, sum(f.stat().st_size for f in truth.path.parent.glob("truth/*.png"))]
        area, mae, iou, worst = _look(truth, model)
        kilobytes = " ".join(f"{size / 1000:8.0f}" for size in sizes)
        print(f"{name:10} {seconds:8.1f} {kilobytes} {area:6.3f} {mae:6.3f} {iou:6.3f} {worst:6.3f}", end="  ")
        print(", ".join(sorted(truth.tags)), flush=True)


def _look(truth: Truth, model: Model) -> tuple[float, float, float, float]:
    """Write the sheet. Returns means over frames: area of the true alpha, the map's MAE and IoU; and the worst IoU.

    Frames with less than a thousandth of the picture in the truth have no part in IoU.
    """
    rows, areas, errors, overlaps = [], [], [], []
    for frame, picture in movie.decode(str(truth.path), range(0, truth.frames, EVERY)):
        alpha = truth.alphas(frame)
        found = cv2.resize(model.map(model.planes(Pixels(picture))), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        found = np.clip(found, 0, 1)
        areas.append(float(metrics.unit(alpha).mean()))
        errors.append(metrics.mae(found, alpha))
        if areas[-1] > 0.001:
            overlaps.append(metrics.iou(found, alpha))
        if frame % (2 * EVERY) == 0:
            maps = [cv2.cvtColor(plane, cv2.COLOR_GRAY2BGR) for plane in (alpha, np.uint8(found * 255))]
            shown = [cv2.resize(cell, CELL, interpolation=cv2.INTER_AREA) for cell in (picture[..., ::-1], *maps)]
            rows.append(np.hstack(shown))
    cv2.imwrite(str(truth.path.with_name("sheet.png")), np.vstack(rows))
    return float(np.mean(areas)), float(np.mean(errors)), float(np.mean(overlaps)), float(np.min(overlaps))


if __name__ == "__main__":
    main()
