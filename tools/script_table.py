# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables in docs/script.md: every operator, setting and preference, as a script finds them in Blender.

python tools/script_table.py          print them, with the bpy beside this Python (.nox/blender-*/bin/python)
python tools/script_table.py --docs   write them into docs/script.md
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "script.md"
OPERATORS = ("sequencer", "preferences")
MOST = 2**31 - 1  # what Blender says of a number without a limit
BEGIN, END = "<!-- begin of the tables -->", "<!-- end of the tables -->"
HEAD = ["| name | values | at first | what it is |", "| --- | --- | --- | --- |"]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]


def tables() -> str:
    """Of the add-on that is enabled in this Blender."""
    import bpy
    import timeline

    preferences = bpy.context.preferences.addons[timeline.MODULE].preferences
    parts = [
        *("## Settings of a scene", "", "`scene.strip_matte`", "", *properties(bpy.context.scene.strip_matte)),
        *("", "## Preferences of the machine", ""),
        *(f'`bpy.context.preferences.addons["{timeline.MODULE}"].preferences`', ""),
        *properties(preferences),
        *("", "## Operators", "", *operators()),
    ]
    return "\n".join(parts)


def operators() -> Iterator[str]:
    import bpy

    yield from ("| operator | what it does |", "| --- | --- |")
    for module in OPERATORS:
        for name in sorted(dir(getattr(bpy.ops, module))):
            operator = getattr(getattr(bpy.ops, module), name)
            if not name.startswith("matte_"):
                continue
            kind = operator.get_rna_type()
            given = [described(each) for each in own(kind)]
            told = ". ".join(filter(None, (kind.description, "; ".join(given))))
            yield f"| `bpy.ops.{module}.{name}({', '.join(each.identifier for each in own(kind))})` | {told} |"


def described(each: Any) -> str:
    about = f": {each.description}" if each.description else ""
    return f"`{each.identifier}` ({values(each)}; {at_first(each)}){about}"


def properties(group: Any) -> Iterator[str]:
    yield from HEAD
    for each in own(group.bl_rna):
        yield f"| `{each.identifier}` | {values(each)} | {at_first(each)} | {each.description} |"


def own(kind: Any) -> list[Any]:
    """A type's properties but those that every type has, and those that are not meant for people."""
    return [
        each
        for each in kind.properties
        if each.identifier not in ("rna_type", "name", "bl_idname") and not each.is_hidden
    ]


def values(each: Any) -> str:
    """What a property can be."""
    if each.type == "ENUM":
        return ", ".join(f"`{name}`" for name in names(each))
    if each.type == "BOOLEAN":
        return "`True`, `False`"
    if each.type in ("INT", "FLOAT"):
        count = f"{each.array_length} of " if each.is_array else ""
        low, high = each.hard_min, each.hard_max
        return f"{count}{low:g} to {high:g}" if high < MOST else f"from {low:g} on"
    if each.type == "POINTER":
        return f"of `bpy.types.{each.fixed_type.identifier}`"
    return "a path"


def names(each: Any) -> list[str]:
    """An enumeration's values. Blender does not tell those of the devices, a list that is made when it is drawn."""
    import timeline

    return [item.identifier for item in each.enum_items] or [*timeline.addon("operators.settings").DEVICE_NUMBERS]


def at_first(each: Any) -> str:
    if each.type == "POINTER":
        return "`None`"
    if each.type == "ENUM":
        return f"`{(each.default or names(each)[0])!r}`"
    if each.type in ("INT", "FLOAT") and each.is_array:
        return f"`({', '.join(f'{value:g}' for value in each.default_array)})`"
    if each.type == "FLOAT":
        return f"`{each.default:g}`"
    return f"`{each.default!r}`"


def main() -> None:
    with tempfile.TemporaryDirectory() as resources:
        os.environ["BLENDER_USER_RESOURCES"] = resources
        import bpy
        import timeline

        timeline.use_checkout(Path(resources))
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        made = tables()
    if "--docs" in sys.argv:
        before, rest = DOCS.read_text().split(BEGIN)
        DOCS.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}")
    else:
        print(made)


if __name__ == "__main__":
    main()
