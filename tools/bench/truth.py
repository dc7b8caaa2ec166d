# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors beside time: every case on the clips whose alpha is known exactly (tools/truth)."""

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

from .cases import FULL, REMBG, Case
from .clips import BENCH, Clip
from .measure import Result, measure, say
from .tables import table

STEADY = "steady"
MEASURES = {"MAE": 4, "IoU": 3, "gradient": 6, "dtSSD": 4, "MAE to fp32": 4, "IoU to fp32": 3}
"""What is told, and with how many digits behind the point."""


@dataclass(frozen=True)
class Row:
    """One case on one clip. ratio: times rembg. errors: by MEASURES; those to fp32 only of ours."""

    clip: str
    tags: frozenset[str]
    case: str
    result: Result
    ratio: float
    errors: dict[str, float]


def judge_all(cases: Sequence[Case], names: Sequence[str]) -> list[Row]:
    """Every case once on every clip of these names. The clips that are missing are made, which takes minutes."""
    make(names)
    return [row for name in names or CLIPS for row in judge_clip(cases, load(name))]


def judge_clip(cases: Sequence[Case], truth: Truth) -> list[Row]:
    """REMBG and FULL must be among the cases: the others are compared with them."""
    height, width = truth.alphas(0).shape
    clip = Clip(truth.name, truth.path, width, height)
    results: dict[str, Result] = {}
    rows = []
    with tempfile.TemporaryDirectory(dir=BENCH) as scratch:
        for case in cases:
            folder = Path(scratch, case.name)
            folder.mkdir()
            results[case.name] = measure(case, clip, truth.frames, folder)
            say(f"{truth.name}: {case.name}, {1e3 * results[case.name].seconds:.0f} ms a frame")
        for case in cases:
            found = Alphas(Path(scratch, case.name), truth.frames)
            errors = against_truth(found, truth)
            if case.job is not None:
                full = Alphas(Path(scratch, FULL.name), truth.frames)
                errors |= {
                    f"{name} to fp32": mean(error(one, other) for one, other in zip(found, full, strict=True))
                    for name, error in (("MAE", metrics.mae), ("IoU", metrics.iou))
                }
            ratio = results[REMBG.name].seconds / results[case.name].seconds
            rows.append(Row(truth.name, truth.tags, case.name, results[case.name], ratio, errors))
    return rows


@dataclass(frozen=True)
class Alphas:
    """The alphas of a folder's images, (H, W) uint8 each, read anew whenever they are gone through."""

    folder: Path
    frames: int

    def __iter__(self) -> Iterator[np.ndarray]:
        for file in sorted(self.folder.glob("*.png"))[: self.frames]:
            yield cv2.imread(str(file), cv2.IMREAD_UNCHANGED)[..., 3]


def against_truth(found: Alphas, truth: Truth) -> dict[str, float]:
    """Means over the frames."""
    errors: dict[str, list[float]] = {"MAE": [], "IoU": [], "gradient": []}
    exact = [truth.alphas(frame) for frame in range(truth.frames)]
    for alpha, true in zip(found, exact, strict=True):
        for name, error in (("MAE", metrics.mae), ("IoU", metrics.iou), ("gradient", metrics.gradient)):
            errors[name].append(error(alpha, true))
    return {**{name: mean(values) for name, values in errors.items()}, "dtSSD": metrics.dtssd(found, exact)}


def mean(values: Iterator[float] | Sequence[float]) -> float:
    return statistics.fmean(values)


# Telling


def clip_table(rows: Sequence[Row]) -> list[str]:
    """A row for each clip and case."""
    heads = ("clip", "case", "ms/frame", "CPU ms/frame", "times rembg", "seen, %", *MEASURES)
    return table(heads, [(_label(row), row.case, *_cells([row])) for row in rows])


def median_table(rows: Sequence[Row]) -> list[str]:
    """A row for each case: medians over the clips, and over those that are steady."""
    cells = []
    for told, some in (("all", rows), (STEADY, [row for row in rows if STEADY in row.tags])):
        for case in dict.fromkeys(row.case for row in some):
            own = [row for row in some if row.case == case]
            cells.append((f"{told} ({len(own)})", case, *_cells(own)))
    return table(("clips", "case", "ms/frame", "CPU ms/frame", "times rembg", "seen, %", *MEASURES), cells)


def beside_full(rows: Sequence[Row]) -> list[str]:
    """Each error as a part of fp32's on the same clip: median, smallest and largest over the clips."""
    full = {row.clip: row.errors for row in rows if row.case == FULL.name}
    cells = []
    for case in dict.fromkeys(row.case for row in rows if row.case != FULL.name):
        own = [row for row in rows if row.case == case]
        parts = ([row.errors[name] / full[row.clip][name] for row in own] for name in ("MAE", "gradient", "dtSSD"))
        loss = [full[row.clip]["IoU"] - row.errors["IoU"] for row in own]
        told = [f"{statistics.median(part):.3f} ({min(part):.3f} to {max(part):.3f})" for part in (*parts, loss)]
        cells.append((case, *told))
    return table(("case", "MAE / fp32's", "gradient / fp32's", "dtSSD / fp32's", "fp32's IoU less this"), cells)


def _label(row: Row) -> str:
    return f"{row.clip} ({', '.join(sorted(row.tags))})" if row.tags else row.clip


def _cells(rows: Sequence[Row]) -> list[str]:
    """Medians."""
    seen = [row.result.seen for row in rows if row.result.seen is not None]
    found = {name: [row.errors[name] for row in rows if name in row.errors] for name in MEASURES}
    errors = [f"{statistics.median(values):.{MEASURES[name]}f}" if values else "" for name, values in found.items()]
    return [
        f"{1e3 * statistics.median([row.result.seconds for row in rows]):.0f}",
        f"{1e3 * statistics.median([row.result.cpu for row in rows]):.0f}",
        f"{statistics.median([row.ratio for row in rows]):.2f}",
        f"{100 * statistics.median(seen):.0f}" if seen else "",
        *errors,
    ]
