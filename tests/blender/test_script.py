# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/script.md is what a script finds in Blender."""

import re
import sys

import timeline

DOCS = timeline.ROOT / "docs" / "script.md"
sys.path.insert(0, str(timeline.ROOT))


def test_the_tables_are_true(blender) -> None:
    from tools import script_table

    told = DOCS.read_text("utf-8").split(script_table.BEGIN)[1].split(script_table.END)[0]
    assert told.strip() == script_table.tables(), "tools/script_table.py --docs writes them"


def test_the_script_works_as_it_stands(shot, tmp_path) -> None:
    """But for its paths."""
    shot.scene.strip_matte.folder = "//strip_matte/"
    shot.movie(left=60, length=2).name = "Interview"
    shot.movie(channel=3, left=60, length=2).name = "Other"
    shot.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    shot.bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    (script,) = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    exec(script.replace("/shots/010", tmp_path.as_posix()), {})
    made = [strip for strip in timeline.strips(shot.bpy.context.scene.sequence_editor) if strip.type == "IMAGE"]
    assert [strip.name for strip in made] == ["Interview Cutout"]
    assert (tmp_path / "shot_cutout.blend").exists()
    assert len(list((tmp_path / "strip_matte").rglob("*.png"))) == 2
