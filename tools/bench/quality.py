# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a matte is, as an editor gets it, beside rembg's: on the clips whose alpha and colour are known exactly."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tools.truth import metrics
from tools.truth.clips import CLIPS, Truth, load, make

from .cases import DEFAULTS, MATTING, REFINED, REMBG, Case
from .clips import BENCH, Clip
from .measure import measure, say
from .tables import table

MEASURES = {"MAE": 4, "gradient": 6, "IoU": 3, "dtSSD": 4, "edge colour": 4}
"""What is told, and with how many digits behind the point."""
WON = ("MAE", "gradient", "dtSSD", "edge colour")
"""In which ours is to be smaller than rembg's."""


def pairs(frames: int) -> list[int]:
    """Of a clip of so many frames three pairs of neighbours, on which dear cases are judged."""
    return [first + step for first in (frames // 6, frames // 2, 5 * frames // 6) for step in (0, 1)]


@dataclass(frozen=True)
class Row:
    """One case on one clip. few: whether it was judged on `pairs` alone. seconds: a frame."""

    clip: str
    case: str
    few: bool
    seconds: float
    errors: dict[str, float]


def judge_all(names: Sequence[str]) -> list[Row]:
    """Every case on every clip of these names, all without one. The clips that are missing are made."""
    make(names)
    return [row for name in names or CLIPS for row in judge_clip(load(name))]


def judge_clip(truth: Truth) -> list[Row]:
    height, width = truth.alphas(0).shape
    clip = Clip(truth.name, truth.path, width, height)
    every, few = list(range(truth.frames)), pairs(truth.frames)
    rows = []
    with tempfile.TemporaryDirectory(dir=BENCH) as scratch:
        for case in (REMBG, MATTING, *REFINED):
            folder = Path(scratch, case.name)
            folder.mkdir()
            sampled = case is MATTING
            seconds = measure(case, clip, len(few) if sampled else len(every), folder, truth.frames).seconds
            say(f"{truth.name}: {case.name}, {1e3 * seconds:.0f} ms a frame")
            if not sampled:
                rows.append(Row(truth.name, case.name, False, seconds, errors(folder, truth, every)))
            if case in (REMBG, MATTING, DEFAULTS):
                rows.append(Row(truth.name, case.name, True, seconds, errors(folder, truth, few)))
            for file in folder.glob("*.png"):
                file.unlink()
    return rows


def errors(folder: Path, truth: Truth, frames: Sequence[int]) -> dict[str, float]:
    """Means over frames, by MEASURES. dtSSD is over those whose next one is there too."""
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    before: tuple[int, np.ndarray, np.ndarray] | None = None
    for frame in frames:
        image = cv2.cvtColor(cv2.imread(str(folder / f"{frame:06d}.png"), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
        true = truth.rgba(frame)
        alpha, true_alpha = image[..., 3], true[..., 3]
        found["MAE"].append(metrics.mae(alpha, true_alpha))
        found["gradient"].append(metrics.gradient(alpha, true_alpha))
        found["IoU"].append(metrics.iou(alpha, true_alpha))
        found["edge colour"].append(metrics.edge_colour(image[..., :3], alpha, true[..., :3], true_alpha))
        if before is not None and before[0] == frame - 1:
            found["dtSSD"].append(metrics.dtssd((before[1], alpha), (before[2], true_alpha)))
        before = frame, alpha, true_alpha
    return {name: float(np.nanmean(values)) for name, values in found.items()}


# Telling


def median_table(rows: Sequence[Row]) -> list[str]:
    """A row for each case: medians over the clips, of whole clips."""
    whole = [row for row in rows if not row.few]
    cells = [(case, *_cells([row for row in whole if row.case == case])) for case in _cases(whole)]
    return table(("case", "ms/frame", *MEASURES), cells)


def few_table(rows: Sequence[Row]) -> list[str]:
    few = [row for row in rows if row.few]
    cells = [(case, *_cells([row for row in few if row.case == case])) for case in _cases(few)]
    return table(("case", "ms/frame", *MEASURES), cells)


def clip_table(rows: Sequence[Row]) -> list[str]:
    return table(
        ("clip", "frames", "case", "ms/frame", *MEASURES),
        [(row.clip, "6" if row.few else "all", row.case, *_cells([row])) for row in rows],
    )


def lost(rows: Sequence[Row]) -> Iterator[str]:
    """A line for every clip and measure in which ours, as it comes, is not better than rembg's."""
    for few, rival in ((False, REMBG), (True, MATTING)):
        for clip in dict.fromkeys(row.clip for row in rows):
            ours, theirs = (_row(rows, clip, case, few).errors for case in (DEFAULTS, rival))
            for name in WON:
                if not ours[name] < theirs[name]:
                    digits = MEASURES[name]
                    yield f"- {clip}, {name}: {ours[name]:.{digits}f}, {rival.name} {theirs[name]:.{digits}f}"


def _row(rows: Sequence[Row], clip: str, case: Case, few: bool) -> Row:
    (found,) = [row for row in rows if (row.clip, row.case, row.few) == (clip, case.name, few)]
    return found


def _cases(rows: Sequence[Row]) -> dict[str, None]:
    return dict.fromkeys(row.case for row in rows)


def _cells(rows: Sequence[Row]) -> list[str]:
    medians = {name: statistics.median(row.errors[name] for row in rows) for name in MEASURES}
    told = [f"{medians[name]:.{digits}f}" for name, digits in MEASURES.items()]
    return [f"{1e3 * statistics.median(row.seconds for row in rows):.0f}", *told]
