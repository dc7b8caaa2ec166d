# SPDX-License-Identifier: GPL-3.0-or-later
"""Every language says all that the interface says. Blender as a module has no languages: that a label is shown in one
is seen in a real window, tests/window/scenarios/pictures.py."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import timeline

NAMES = {"U2-Net", "U2-Net P", "U2-Net Human", "Silueta", "IS-Net", "X", "Y", "Name", "filepath"}
"""Names of networks, and words that Blender has in all its languages."""
BLENDERS = {"rna_type", "name", "bl_idname"}
DRAWN = [Path(timeline.ROOT, "ui"), Path(timeline.ROOT, "operators")]


@pytest.fixture
def languages(blender) -> dict[str, dict[str, str]]:
    return timeline.addon("operators.translations").of_languages()


def of_properties(rna) -> Iterator[str]:
    for known in rna.properties:
        if known.identifier not in BLENDERS and not known.is_hidden and not known.identifier.startswith("bl_"):
            yield from (known.name, known.description)
            for item in known.enum_items if known.type == "ENUM" else ():
                yield from (item.name, item.description)


def of_classes(bpy) -> Iterator[str]:
    """Names and tooltips of our panels, operators and properties."""
    ours = [known for name in dir(bpy.types) if is_ours(known := getattr(bpy.types, name))]
    for known in ours:
        yield known.bl_label
        if issubclass(known, bpy.types.Operator):
            group, name = known.bl_idname.split(".")
            operator = getattr(getattr(bpy.ops, group), name).get_rna_type()
            yield operator.description
            yield from of_properties(operator)
    yield from of_properties(timeline.addon("operators.settings").StripMatteSettings.bl_rna)
    yield from of_properties(bpy.context.preferences.addons[timeline.MODULE].preferences.bl_rna)
    shown = bpy.types.WindowManager.bl_rna.properties["strip_matte_preview"]
    yield from (shown.name, shown.description)
    yield from (text for item in shown.enum_items for text in (item.name, item.description))


def is_ours(known: object) -> bool:
    return isinstance(known, type) and known.__module__.startswith(timeline.MODULE) and hasattr(known, "bl_label")


def of_drawing() -> Iterator[str]:
    """Fixed texts that the panels draw, and those that are looked up."""
    for path in [path for folder in DRAWN for path in folder.glob("*.py")]:
        for call in [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]:
            drawn = [word.value for word in call.keywords if word.arg == "text" and path.parent.name == "ui"]
            looked_up = call.args if isinstance(call.func, ast.Name) and call.func.id == "iface" else []
            for part in [part for value in (*drawn, *looked_up) for part in alternatives(value)]:
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def alternatives(value: ast.expr) -> list[ast.expr]:
    return [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]


def test_every_language_has_all_names_and_tooltips(blender, languages) -> None:
    said = {text for text in (*of_classes(blender), *of_drawing()) if text and text not in NAMES}
    assert len(said) > 150
    assert "de_DE" in languages
    for locale, texts in languages.items():
        assert sorted(said - set(texts)) == [], f"{locale} lacks these"


def test_no_language_has_what_nothing_says(languages) -> None:
    """Sentence by sentence: some texts are joined of two. Those with numbers are composed; the next tests have them."""
    code = [path for name in ("ui", "operators", "inference") for path in Path(timeline.ROOT, name).glob("*.py")]
    nodes = [node for path in code for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    written = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    whole = " ".join(" ".join(text.split()) for text in written)
    for locale, texts in languages.items():
        fixed = [text for text in texts if "#" not in text]
        assert [text for text in fixed if not all(part in whole for part in text.split(". "))] == [], locale


def test_numbers_and_places_are_kept(languages) -> None:
    for texts in languages.values():
        for text, other in texts.items():
            assert (text.count("#"), text.count("{}")) == (other.count("#"), other.count("{}")), text
            assert text.endswith(".") == other.endswith("."), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16 frames, about 0:02 min, 12 MB", "16 Bilder, etwa 0:02 min, 12 MB"),
        ("6 of 40 frames, 2.1 frames/s, 0:16 left", "6 von 40 Bildern, 2.1 Bilder/s, noch 0:16"),
        ("stopped, 3 of 8 frames", "angehalten, 3 von 8 Bildern"),
        ("3 of 5 frames are there already", "3 von 5 Bildern sind schon da"),
        ("frames 1 to 8, 8 compared, all the same", "Bilder 1 bis 8, 8 verglichen, alle gleich"),
        ("no progress for 1:02", "kein Fortschritt seit 1:02"),
        ("a sentence, that 1 language does not have", "a sentence, that 1 language does not have"),
    ],
)
def test_a_sentence_with_numbers_is_translated(languages, text: str, expected: str) -> None:
    german = languages["de_DE"]
    assert timeline.addon("operators.translations").told(text, lambda known: german.get(known, known)) == expected


def test_what_the_panel_tells_of_a_job_is_known(shot, languages) -> None:
    """Each state's message, as the queue makes it."""
    runs, tasks = timeline.addon("operators.run"), timeline.addon("operators.tasks")
    german, told = languages["de_DE"], timeline.addon("operators.translations").told
    (item,) = runs.Run([tasks.plan(shot.bpy.context, shot.scene, shot.movie(length=4))]).items
    messages = [item.message]
    item.begin()
    item.done, item.made, item.seconds = 2, 2, 1.0
    messages.append(item.message)
    for state in (runs.DONE, runs.FAILED, runs.STOPPED):
        item.end(state)
        messages.append(item.message)
    for message in messages:
        words = told(message, lambda known: german.get(known, known)).split()
        assert not {"frames", "of", "done", "failed", "stopped", "waiting", "left"} & set(words), message
