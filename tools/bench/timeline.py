# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of one job: which stage ran when, in which thread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from . import svg
from .cases import Case
from .clips import Clip
from .measure import ask_worker
from .tables import table
from .workers import HOOKS

WIDTH, LEFT, RIGHT, ROW, BAR, TOP = 960, 110, 60, 34, 24, 34
STAGES = tuple(dict.fromkeys(stage for stage, *_ in HOOKS))
TICKS = 10  # at most, on the axis of time


@dataclass(frozen=True)
class Span:
    """One call of a stage: seconds from the moment when the network was loaded."""

    thread: str
    stage: str
    start: float
    end: float


def record(case: Case, clip: Clip, frames: int) -> list[Span]:
    """Run a case with clocks in it."""
    return [Span(*span) for span in ask_worker("timeline", clip, frames, case.job)[0]]


def threads(spans: Sequence[Span]) -> list[str]:
    """The one that decodes first."""
    return sorted({span.thread for span in spans}, key=lambda name: (name != "MainThread", name))


def draw(title: str, spans: Sequence[Span]) -> str:
    """The SVG: one row a thread, time to the right, a colour for each stage."""
    whole = max(span.end for span in spans)
    unit = (WIDTH - LEFT - RIGHT) / whole
    rows = threads(spans)
    bottom = TOP + ROW * len(rows)
    parts = [svg.text(8, 20, title)]
    step = _step(whole)
    for tick in range(int(whole / step) + 1):
        x = LEFT + tick * step * unit
        parts += [svg.line([(x, TOP), (x, bottom)]), svg.text(x, bottom + 16, f"{tick * step:g} s", "middle")]
    for row, thread in enumerate(rows):
        y = TOP + ROW * (row + 0.5)
        own = [span for span in spans if span.thread == thread]
        busy = sum(span.end - span.start for span in own) / whole
        parts += [svg.text(8, y + 4, thread), svg.text(WIDTH - 8, y + 4, f"{busy:.0%}", "end")]
        for stage, colour in zip(STAGES, svg.COLOURS, strict=False):
            places = [(LEFT + s.start * unit, LEFT + s.end * unit) for s in own if s.stage == stage]
            parts += [svg.bars(y, BAR, places, colour)] if places else []
    for column, (stage, colour) in enumerate(zip(STAGES, svg.COLOURS, strict=False)):
        x, y = 8 + column * 134, bottom + 44
        total = sum(span.end - span.start for span in spans if span.stage == stage)
        parts += [svg.box(x, y - 10, 10, colour), svg.text(x + 15, y, f"{stage} {total:.2f} s")]
    return svg.picture(WIDTH, bottom + 60, parts)


def _step(whole: float) -> float:
    """Seconds between two ticks: 1, 2 or 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(whole / TICKS))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if whole / step <= TICKS)


def busy_table(named: dict[str, list[Span]]) -> list[str]:
    """The part of the time that each thread spent in a stage, and each stage's sum over the threads."""
    rows = []
    for name, spans in named.items():
        whole = max(span.end for span in spans)
        shares = {
            thread: sum(span.end - span.start for span in spans if span.thread == thread) / whole
            for thread in threads(spans)
        }
        busy = ", ".join(f"{thread} {share:.0%}" for thread, share in shares.items())
        sums = {stage: sum(span.end - span.start for span in spans if span.stage == stage) for stage in STAGES}
        rows.append((name, f"{whole:.2f}", busy, *(f"{seconds:.2f}" for seconds in sums.values())))
    return table(("seconds", "whole", "threads busy", *STAGES), rows)
