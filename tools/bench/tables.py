# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures as tables of Markdown, and the pages they go to."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from .cases import REMBG
from .clips import ROOT
from .measure import Measured, Result

DOCS = ROOT / "docs" / "speed.md"
PACKAGES = ("rembg", "onnxruntime", "opencv-python-headless", "av", "isal", "pillow", "numpy")
VECTORS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8")  # as /proc/cpuinfo calls them


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def spread(values: Iterable[float | None], digits: int, factor: float = 1.0) -> str:
    """The median, and in brackets the smallest and the largest. Empty where there is nothing to tell."""
    scaled = sorted(value * factor for value in values if value is not None)
    if not scaled:
        return ""
    middle, low, high = (f"{value:.{digits}f}" for value in (statistics.median(scaled), scaled[0], scaled[-1]))
    return middle if low == high else f"{middle} ({low} to {high})"


def ratios(measured: Measured, name: str) -> list[float]:
    """How many times as fast as rembg, frame by frame, of the same round."""
    reference = measured.results[REMBG.name]
    return [base.seconds / own.seconds for base, own in zip(reference, measured.results[name], strict=True)]


def others(results: Iterable[Result]) -> str:
    return f"Other programs kept {spread((result.others for result in results), 2)} cores busy meanwhile."


def all_results(measured: Measured) -> list[Result]:
    return [result for results in measured.results.values() for result in results]


def case_table(measured: Measured) -> list[str]:
    rows = [
        (
            name,
            spread((1 / result.seconds for result in results), 2),
            spread(ratios(measured, name), 2),
            spread((result.cpu for result in results), 3),
            spread((result.seen for result in results), 0, 100),
            spread((result.peak for result in results), 0, 1e-6),
            spread((result.size for result in results), 2, 1e-6),
            spread((result.first for result in results), 2),
            spread((result.again for result in results), 2),
        )
        for name, results in measured.results.items()
    ]
    heads = ("case", "frames/s", "times rembg", "CPU s/frame", "seen, %", "peak MB", "MB/frame")
    return table((*heads, "first image, s", "the same, network loaded"), rows)


def networks(measured: Measured) -> list[str]:
    """What our cases said that they ran, each sentence once."""
    said: dict[str, list[str]] = {}
    for name, results in measured.results.items():
        for text in {result.network for result in results if result.network}:
            said.setdefault(text, []).append(name)
    return [f"*{'*, *'.join(names)}*: {text}." for text, names in said.items()]


def stage_table(measured: Measured) -> list[str]:
    stages = list(dict.fromkeys(stage for rounds in measured.stages.values() for each in rounds for stage in each))
    cores = len(os.sched_getaffinity(0))
    rows = []
    for name, rounds in measured.stages.items():
        walls = [result.seconds for result in measured.results[name]]
        alone = {stage: statistics.median(each[stage][0] for each in rounds) for stage in rounds[0]}
        busiest = max(alone, key=lambda stage: alone[stage])
        over = [wall / each[busiest][0] for wall, each in zip(walls, rounds, strict=True)]
        shared = [sum(processor for _, processor in each.values()) / cores for each in rounds]
        rows.append(
            (
                name,
                *(spread((each[stage][0] for each in rounds if stage in each), 1, 1e3) for stage in stages),
                spread(walls, 1, 1e3),
                f"{spread(over, 2)} of {busiest}",
                spread(shared, 1, 1e3),
                spread((wall / least for wall, least in zip(walls, shared, strict=True)), 2),
            )
        )
    heads = ("ms a frame", *stages, "the whole job", "job / busiest stage")
    return table((*heads, f"all stages' CPU time / {cores} cores", "job / that"), rows)


def machine() -> str:
    """What the figures were measured on, and with which packages."""
    lines = [line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line]
    facts = {key.strip(): value.strip() for key, value in lines}
    flags = (facts.get("flags") or facts.get("Features", "")).split()
    has = [flag for flag in VECTORS if flag in flags]
    model = facts.get("model name", platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    hardware = (
        f"{len(os.sched_getaffinity(0))} cores of {model} (family {facts.get('cpu family')}, model "
        f"{facts.get('model')}; of {', '.join(VECTORS)} it has {', '.join(has) or 'none'}), {memory:.0f} GB"
    )
    system = f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    libraries = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{hardware}. {system}, {libraries}. Load before the start: {os.getloadavg()[0]:.1f}."


# The page


def marks(part: str) -> tuple[str, str]:
    return f"<!-- begin of the figures: {part} -->", f"<!-- end of the figures: {part} -->"


def write_docs(part: str, text: str) -> None:
    """Put a part's figures in the place of its last ones. ValueError where the page has no place for them."""
    begin, end = marks(part)
    page = DOCS.with_name("quality.md") if part in {"quality", "edges"} else DOCS
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"{page} has no lines {begin} and {end}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def docs_ratios(part: str) -> dict[str, float]:
    """Case and ratio of the two-column table that stands in a part of the page."""
    begin, end = marks(part)
    text = DOCS.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0]
    return {name: float(ratio) for name, ratio in re.findall(r"^\| ([^|]+) \| (\d+\.\d+)", text, re.MULTILINE)}
