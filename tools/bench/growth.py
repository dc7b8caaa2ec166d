# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clip's length costs: time and memory of jobs of 100 to 10,000 frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from . import svg
from .cases import Case
from .clips import Clip, Recipe
from .measure import ask_worker, say
from .tables import table

LENGTHS = (100, 300, 1000, 3000, 10_000)
LONG = Recipe("long", 640, 360, frames=LENGTHS[-1])
PANEL, WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 470, 380, 330, 65, 40, 280  # pixels


@dataclass(frozen=True)
class Point:
    """One job. seconds: from the moment when the network was loaded to the last image. cpu: processor seconds over the
    same stretch. peak: bytes. seen: part of the frames that the network saw."""

    frames: int
    seconds: float
    cpu: float
    peak: int
    seen: float
    others: float


def grow(case: Case, clip: Clip, lengths: Sequence[int]) -> list[Point]:
    points = []
    for frames in lengths:
        told, watch = ask_worker("growth", clip, frames, case.job)
        began, ended = told["began"], told["ended"]
        cpu = watch.seconds_at(ended) - watch.seconds_at(began)
        points.append(Point(frames, ended - began, cpu, watch.peak, told["seen"], watch.others))
        say(f"{frames} frames of {clip.name}: {ended - began:.1f} s, {watch.peak / 1e6:.0f} MB")
    return points


def growth_table(points: Sequence[Point]) -> list[str]:
    rows = [
        (
            f"{point.frames}",
            f"{point.seconds:.1f}",
            f"{1e3 * point.seconds / point.frames:.1f}",
            f"{1e3 * point.cpu / point.frames:.1f}",
            f"{100 * point.seen:.0f}",
            f"{point.peak / 1e6:.0f}",
            f"{point.others:.2f}",
        )
        for point in points
    ]
    heads = ("frames", "seconds", "ms/frame", "CPU ms/frame", "seen, %", "peak MB", "other programs, cores")
    return table(heads, rows)


@dataclass(frozen=True)
class Panel:
    """A diagram. left: its place. lengths: ends of the axis of frames, which is logarithmic. ticks: of the other axis,
    which is logarithmic where they do not begin at 0."""

    left: float
    lengths: tuple[int, int]
    ticks: Sequence[float]

    def place(self, frames: float, value: float) -> tuple[float, float]:
        """Pixels from the left and the top."""
        low, high = self.lengths
        across = math.log(frames / low) / math.log(high / low)
        first, last = self.ticks[0], self.ticks[-1]
        up = math.log(value / first) / math.log(last / first) if first else value / last
        return self.left + across * WIDTH, BOTTOM - up * (BOTTOM - TOP)

    def axes(self, title: str, lengths: Sequence[int]) -> list[str]:
        parts = [svg.text(self.left, 22, title), svg.text(self.left + WIDTH / 2, BOTTOM + 38, "frames", "middle")]
        for tick in self.ticks:
            x, y = self.place(lengths[0], tick)
            parts += [svg.line([(x, y), (x + WIDTH, y)]), svg.text(x - 8, y + 4, f"{tick:g}", "end")]
        for length in lengths:
            x, y = self.place(length, self.ticks[0])
            parts += [svg.line([(x, y), (x, TOP)]), svg.text(x, y + 18, f"{length}", "middle")]
        return parts

    def curve(self, values: Sequence[tuple[float, float]], colour: str) -> list[str]:
        places = [self.place(*value) for value in values]
        return [svg.line(places, colour, 2), *(svg.dot(*place, colour) for place in places)]


def draw(points: Sequence[Point]) -> str:
    """The SVG: seconds beside a straight line through the longest job, and peak memory from 0 up."""
    first, last = points[0], points[-1]
    lengths = [point.frames for point in points]
    pace = last.seconds / last.frames
    seconds = [point.seconds for point in points]
    low = math.floor(math.log10(min(*seconds, first.frames * pace)))
    time = Panel(LEFT, (first.frames, last.frames), _decades(low, math.ceil(math.log10(max(seconds)))))
    memory = Panel(LEFT + PANEL, (first.frames, last.frames), _from_zero(max(point.peak / 1e6 for point in points)))
    ends = [time.place(point.frames, point.frames * pace) for point in (first, last)]
    parts = [
        *time.axes("seconds; dashed: in proportion to the frames", lengths),
        svg.line(ends, "#888", 2, "5 4"),
        *time.curve(list(zip(lengths, seconds, strict=True)), svg.COLOURS[5]),
        *memory.axes("peak memory, MB", lengths),
        *memory.curve([(point.frames, point.peak / 1e6) for point in points], svg.COLOURS[2]),
    ]
    return svg.picture(2 * PANEL, HEIGHT, parts)


def _decades(low: int, high: int) -> list[float]:
    return [10.0**power for power in range(low, max(high, low + 1) + 1)]


def _from_zero(most: float) -> list[float]:
    step = 10.0 ** math.floor(math.log10(most))
    return [step * count for count in range(math.ceil(most / step) + 1)]
