# SPDX-License-Identifier: GPL-3.0-or-later
"""Small SVG pictures, written by hand: what is drawn is named by its place in pixels from the top left corner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

# Okabe and Ito 2008: told apart by all eyes.
COLOURS = ("#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#e69f00", "#0072b2", "#000000")
FONT = "font-family='sans-serif' font-size='12' fill='#222'"


def picture(width: int, height: int, parts: Iterable[str]) -> str:
    """A whole file, on white whatever the page's colour is."""
    size = f"viewBox='0 0 {width} {height}' width='{width}' height='{height}'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {size} {FONT}>"
    return "\n".join((head, "<rect width='100%' height='100%' fill='#fff'/>", *parts, "</svg>\n"))


def text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'>{escape(words)}</text>"


def line(points: Sequence[tuple[float, float]], colour: str = "#ccc", width: float = 1, dashes: str = "none") -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='{width}' stroke-dasharray='{dashes}'/>"
    )


def bars(y: float, height: float, spans: Iterable[tuple[float, float]], colour: str) -> str:
    """Bars in one row around y, each from one x to another."""
    path = "".join(f"M{start:.1f} {y:.1f}h{max(end - start, 0.2):.1f}" for start, end in spans)
    return f"<path d='{path}' stroke='{colour}' stroke-width='{height}'/>"


def dot(x: float, y: float, colour: str) -> str:
    return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{colour}'/>"


def box(x: float, y: float, side: float, colour: str) -> str:
    return f"<rect x='{x:.1f}' y='{y:.1f}' width='{side}' height='{side}' fill='{colour}'/>"
