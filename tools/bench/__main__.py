# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: how fast, beside what an editor could run instead. Linux only: it reads /proc.

    python -m tools.bench                       speed at 1080p and at 4K, errors against truth, the picture of one job
    python -m tools.bench --growth              only what a clip's length costs; --speed, --truth, --timeline likewise
    python -m tools.bench --docs                any of these, and put what is printed and drawn into docs/
    python -m tools.bench --quality             how good a matte is, beside rembg and rembg with alpha matting
    python -m tools.bench --edges               a picture of edges, ours beside rembg's
    python -m tools.bench --short               ratios at 1080p in about a minute, beside those in docs/speed.md
    python -m tools.bench --speed --only fp32   cases whose names hold a word, and the one that ratios are taken to

docs/speed.md says what the figures mean. Pictures go to build/bench/, or with --docs to docs/.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import edges, growth, quality, tables, timeline, truth
from .cases import ADAPTIVE, CASES, DEFAULTS, FULL, PIPE, REMBG, SHORT, STAGED, Case
from .clips import BENCH, HD, HELD, UHD, Clip, make
from .measure import Measured, measure_clip, say
from .watch import Failed

ROUNDS, SHORT_ROUNDS = 3, 2
# Ours, others': ours are as short as an editor's shortest shots.
FRAMES = {HD: (128, 24), UHD: (64, 12), HELD: (128, 24)}
SHORT_FRAMES = (32, 8)
TIMELINE_FRAMES = 48
LOSS = 0.9  # of the ratio in docs/speed.md: below this, --short says so


def main() -> int:
    options = arguments()
    BENCH.mkdir(parents=True, exist_ok=True)
    chosen = [part for part in PARTS if getattr(options, part)] or [part for part in PARTS if part in USUAL]
    try:
        for part in chosen:
            about = tables.machine()
            text = "\n".join([about, "", *PARTS[part](options)])
            print(text, end="\n\n", flush=True)
            if options.docs:
                tables.write_docs(part, text)
    except Failed as reason:
        say(f"tools.bench: {reason}")
        return 1
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m tools.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="a few ratios at 1080p")
    parser.add_argument("--speed", action="store_true", help="every case and the stages of ours, at 1080p and at 4K")
    parser.add_argument("--timeline", action="store_true", help="which stage ran when")
    parser.add_argument("--truth", action="store_true", help="every case's errors on the clips of known alpha")
    parser.add_argument("--growth", action="store_true", help="time and memory of 100 to 10,000 frames")
    parser.add_argument("--quality", action="store_true", help="mattes and edge colours as an editor gets them")
    parser.add_argument("--edges", action="store_true", help="a picture of edges, ours and rembg's")
    parser.add_argument("--docs", action="store_true", help="write what is printed into docs/speed.md, pictures beside")
    parser.add_argument("--only", metavar="WORD", default="", help="of --speed: only cases whose name holds this")
    parser.add_argument("--rounds", type=int, help="of --speed and --short: how many times each case runs")
    parser.add_argument("--clips", nargs="*", metavar="NAME", default=[], help="of --truth, --quality: only these")
    lengths = growth.LENGTHS[1:]
    parser.add_argument("--longest", type=int, choices=lengths, default=lengths[-1], help="of --growth: none is longer")
    return parser.parse_args()


# The parts: each returns lines of Markdown


def speed(options: argparse.Namespace) -> list[str]:
    cases = [case for case in CASES if case is REMBG or options.only in case.name]
    rounds = options.rounds or ROUNDS
    lines: list[str] = []
    for recipe, frames in FRAMES.items():
        measured = take(make(recipe), cases, frames, rounds, with_stages=recipe is not HELD)
        lines += [f"### {recipe.name}", "", about_rounds(measured, frames, rounds), "", *tables.case_table(measured)]
        lines += ["", *tables.networks(measured), ""]
        if measured.stages:
            lines += ["Each stage alone, and the job, in which they overlap:", "", *tables.stage_table(measured), ""]
    return lines[:-1]


def short(options: argparse.Namespace) -> list[str]:
    rounds = options.rounds or SHORT_ROUNDS
    measured = take(make(HD), SHORT, SHORT_FRAMES, rounds, with_stages=False)
    known = tables.docs_ratios("short")
    ratios = {name: tables.ratios(measured, name) for name in measured.results}
    lines = [about_rounds(measured, SHORT_FRAMES, rounds), ""]
    lines += tables.table((HD.name, "times rembg"), [(name, tables.spread(each, 2)) for name, each in ratios.items()])
    if not options.docs:
        for name, each in ratios.items():
            best = max(each)
            if name in known and best < LOSS * known[name]:
                part = best / known[name]
                lines += ["", f"LOST: {name} is at most {best:.2f} times rembg, {part:.2f} of what docs/speed.md says."]
    return [*lines, "", *tables.networks(measured)]


def take(clip: Clip, cases: Sequence[Case], frames: tuple[int, int], rounds: int, with_stages: bool) -> Measured:
    ours, others = frames
    return measure_clip(clip, cases, lambda case: ours if case.job is not None else others, rounds, with_stages)


def about_rounds(measured: Measured, frames: tuple[int, int], rounds: int) -> str:
    others = tables.others(tables.all_results(measured))
    return (
        f"Rounds: {rounds}, of {frames[0]} frames of ours and {frames[1]} of others; medians (smallest to largest). "
        f"{others}"
    )


def timelines(options: argparse.Namespace) -> list[str]:
    clip = make(HD)
    named, lines = {}, []
    for case in STAGED:
        say(f"The timeline of {case.name}")
        named[case.name] = timeline.record(case, clip, TIMELINE_FRAMES)
        title = f"{case.name}, {clip.name}, {TIMELINE_FRAMES} frames"
        file = f"timeline-{case.name.rpartition(', ')[2].replace(' ', '-')}.svg"
        lines += [draw(options, file, title, timeline.draw(title, named[case.name])), ""]
    return [*lines, *timeline.busy_table(named)]


def truths(options: argparse.Namespace) -> list[str]:
    # The pipe gives the same pictures as frame by frame.
    rows = truth.judge_all([case for case in CASES if case not in (PIPE, DEFAULTS)], options.clips)
    others = tables.others(row.result for row in rows)
    return [
        f"One run of each case on each clip. {others} Medians over the clips:",
        "",
        *truth.median_table(rows),
        "",
        f"Beside *{FULL.name}* on the same clip, medians over the clips (smallest to largest):",
        "",
        *truth.beside_full(rows),
        "",
        "Each clip:",
        "",
        *truth.clip_table(rows),
    ]


def judged(options: argparse.Namespace) -> list[str]:
    rows = quality.judge_all(options.clips)
    losses = list(quality.lost(rows))
    return [
        "Medians over the clips:",
        "",
        *quality.median_table(rows),
        "",
        "On three pairs of neighbouring frames of each clip:",
        "",
        *quality.few_table(rows),
        "",
        "Where ours, as it comes, is not better than rembg, or on the pairs than rembg with alpha matting:",
        "",
        *(losses or ["Nowhere."]),
        "",
        "Each clip:",
        "",
        *quality.clip_table(rows),
    ]


def pictured(options: argparse.Namespace) -> list[str]:
    folder: Path = tables.DOCS.parent if options.docs else BENCH
    edges.draw(folder / "edges.jpg")
    say(f"{folder / 'edges.jpg'} is written")
    return ["![Edges twice enlarged: frame, truth, ours, rembg, rembg with alpha matting](edges.jpg)"]


def grown(options: argparse.Namespace) -> list[str]:
    lengths = [length for length in growth.LENGTHS if length <= options.longest]
    points = growth.grow(ADAPTIVE, make(growth.LONG), lengths)
    title = f"{ADAPTIVE.name}, {growth.LONG.width} x {growth.LONG.height}"
    return [
        draw(options, "growth.svg", f"{title}: seconds and peak memory", growth.draw(points)),
        "",
        f"{title}, one job of each length:",
        "",
        *growth.growth_table(points),
    ]


def draw(options: argparse.Namespace, name: str, title: str, content: str) -> str:
    """Write a picture, and return the Markdown that shows it."""
    folder: Path = tables.DOCS.parent if options.docs else BENCH
    (folder / name).write_text(content, encoding="utf-8")
    say(f"{folder / name} is written")
    return f"![{title}]({name})"


PARTS: dict[str, Callable[[argparse.Namespace], list[str]]] = {
    "short": short,
    "speed": speed,
    "timeline": timelines,
    "truth": truths,
    "growth": grown,
    "quality": judged,
    "edges": pictured,
}
USUAL = ("speed", "timeline", "truth")

if __name__ == "__main__":
    sys.exit(main())
