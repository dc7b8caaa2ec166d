# SPDX-License-Identifier: GPL-3.0-or-later
"""The table in docs/frames.md: clip by clip, is what we read from a movie what Blender shows?

    python tools/frames_table.py          render the clips with the bpy beside this Python, and print the table
    python tools/frames_table.py --docs   also write it into docs/frames.md

Run it once with each release's Python (.nox/blender-*/bin/python): results are kept in build/frames/, and the table has
a column for every release that is there.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "frames"
DOCS = ROOT / "docs" / "frames.md"
BEGIN, END = "<!-- begin of the table -->", "<!-- end of the table -->"
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def measured() -> None:
    """Render every clip in this release and keep the results."""
    import bpy
    import clips
    import frames

    release = ".".join(map(str, bpy.app.version))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    rows = []
    for clip in clips.CLIPS:
        row = frames.measure(clip.name)
        known = frames.deviation(row, bpy.app.version)
        rows.append(asdict(row) | {"cell": frames.cell(row), "about": clip.about, "why": known.why if known else ""})
        print(f"{release}  {clip.name:20} {frames.cell(row):12} {frames.unexpected(row, bpy.app.version)}", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{release}.json").write_text(json.dumps(rows, indent=1))


def table() -> str:
    """Markdown, from the results of all releases that were measured."""
    files = sorted(RESULTS.glob("*.json"), key=lambda file: [int(part) for part in file.stem.split(".")])
    found: dict[str, list[dict[str, Any]]] = {file.stem: json.loads(file.read_text()) for file in files}
    lines = [
        f"| clip | what it is | source frames | {' | '.join(found)} |",
        f"| --- | --- | --- |{' --- |' * len(found)}",
    ]
    reasons: dict[str, str] = {}
    for rows in zip(*found.values(), strict=True):
        cells = []
        for row in rows:
            mark = f" [{reasons.setdefault(row['why'], str(len(reasons) + 1))}]" if row["why"] else ""
            cells.append(row["cell"] + mark)
        lengths = sorted({row["length"] for row in rows})
        lengths_text = "-" if rows[0]["said"] else " or ".join(map(str, lengths))
        lines.append(f"| {rows[0]['name']} | {rows[0]['about']} | {lengths_text} | {' | '.join(cells)} |")
    lines += [""] + [f"[{number}] {why}." for why, number in reasons.items()]
    return "\n".join(lines)


def main() -> int:
    measured()
    text = table()
    print(text)
    if "--docs" in sys.argv[1:]:
        before, _, rest = DOCS.read_text().partition(BEGIN)
        DOCS.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")
    return 0


if __name__ == "__main__":
    # A thread of Blender's may hold the process at exit; there is nothing left to lose.
    status = main()
    sys.stdout.flush()
    os._exit(status)
