# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables in docs/frames.md: is what we read from a movie, and name for a timeline frame, what Blender shows?

    python tools/frames_table.py          render everything with the bpy beside this Python, and print the tables
    python tools/frames_table.py --docs   also write them into docs/frames.md

Run it once with each release's Python (.nox/blender-*/bin/python), or all four by `nox -s frames`: results are kept in
build/frames/, and the tables have a column for every release that is there.
"""

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "frames"
DOCS = ROOT / "docs" / "frames.md"
READERS = {
    "PyAV, by time stamps: what Strip Matte does": "exact",
    "OpenCV, by its milliseconds": "timed",
    "OpenCV, by counting its pictures": "counted",
}
Results = dict[str, dict[str, list[dict[str, Any]]]]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def measure(resources: Path) -> None:
    """Render every clip, and every condition of a strip, in this release, and keep the results."""
    os.environ["BLENDER_USER_RESOURCES"] = str(resources)
    import bpy
    import timeline

    release = ".".join(map(str, bpy.app.version))
    timeline.use_checkout(resources)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    results = {"clips": measured_clips(bpy.app.version), "conditions": measured_conditions(resources)}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{release}.json").write_text(json.dumps(results, indent=1))


def measured_clips(release: tuple[int, ...]) -> list[dict[str, Any]]:
    import clips
    import frames

    rows = []
    for clip in clips.CLIPS:
        row = frames.measure(clip.name)
        known = frames.deviation(row, release)
        found = {"cell": frames.cell(row), "about": clip.about, "why": known.why if known else ""}
        rows.append(asdict(row) | found | {"exact": not row.wrong and not row.said})
        print(f"{clip.name:20} {frames.cell(row):12} {frames.unexpected(row, release)}", flush=True)
    return rows


def measured_conditions(folder: Path) -> list[dict[str, Any]]:
    import conditions

    rows = []
    for condition in conditions.CONDITIONS:
        found = [conditions.measure(condition, name, folder) for name in conditions.CLIPS]
        count = sum(row.frames for row in found)
        rows.append({"name": conditions.title(condition), "length": count, "cell": conditions.cell(found)})
        print(f"{rows[-1]['name']:40} {count:5} {rows[-1]['cell']}", flush=True)
    return rows


def results() -> Results:
    """What was kept of every release, the oldest first."""
    files = sorted(RESULTS.glob("*.json"), key=lambda file: [int(part) for part in file.stem.split(".")])
    return {file.stem: json.loads(file.read_text()) for file in files}


def tables(found: Results) -> dict[str, str]:
    """Each table in Markdown, by the name of its place in the page."""
    return {"readers": readers(found), "clips": clip_by_clip(found), "conditions": condition_by_condition(found)}


def readers(found: Results) -> str:
    lines = heading(["read by"], found)
    for name, key in READERS.items():
        cells = []
        for kept in found.values():
            readable = [row for row in kept["clips"] if not row["said"]]
            cells.append(f"{sum(row[key] for row in readable)} of {len(readable)}")
        lines.append(line(name, *cells))
    return "\n".join(lines)


def clip_by_clip(found: Results) -> str:
    lines = heading(["clip", "what it is", "source frames"], found)
    reasons: dict[str, str] = {}
    for rows in zip(*(kept["clips"] for kept in found.values()), strict=True):
        cells = []
        for row in rows:
            mark = f"[{reasons.setdefault(row['why'], str(len(reasons) + 1))}]" if row["why"] else ""
            cells.append(row["cell"] + mark)
        lines.append(line(rows[0]["name"], rows[0]["about"], "-" if rows[0]["said"] else lengths(rows), *cells))
    lines += [""] + [f"[{number}] {why}." for why, number in reasons.items()]
    return "\n".join(lines)


def condition_by_condition(found: Results) -> str:
    lines = heading(["condition", "timeline frames"], found)
    for rows in zip(*(kept["conditions"] for kept in found.values()), strict=True):
        lines.append(line(rows[0]["name"], lengths(rows), *(row["cell"] for row in rows)))
    return "\n".join(lines)


def heading(columns: list[str], found: Results) -> list[str]:
    columns = [*columns, *found]
    return [line(*columns), line(*["---"] * len(columns))]


def line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def lengths(rows: tuple[dict[str, Any], ...]) -> str:
    return " or ".join(map(str, sorted({row["length"] for row in rows})))


def write_into_docs(made: dict[str, str]) -> None:
    page = DOCS.read_text()
    for name, text in made.items():
        begin, end = f"<!-- begin of the table: {name} -->", f"<!-- end of the table: {name} -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
    DOCS.write_text(page)


def main() -> int:
    with tempfile.TemporaryDirectory() as resources:
        measure(Path(resources))
    made = tables(results())
    print("\n\n".join(made.values()))
    if "--docs" in sys.argv[1:]:
        write_into_docs(made)
    return 0


if __name__ == "__main__":
    # A thread of Blender's may hold the process at exit; there is nothing left to lose.
    status = main()
    sys.stdout.flush()
    os._exit(status)
