# SPDX-License-Identifier: GPL-3.0-or-later
"""What an editor sees: pictures to be looked at. Where a part of the screen is meant, the log says which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
from stage import Stage, in_timeline, mattes, reports, rest, running_job, strips, timeline_region, until, window
from steps import FEW, ended, not_yet, started

SECTIONS = ("subject", "edges", "shape")
GERMAN = {
    ("Add Matte", "Operator"): "Matte hinzufügen",
    ("Re-run", "Operator"): "Erneut ausführen",
    ("Refine Edges", "*"): "Ränder verfeinern",
    ("# of # frames", "*"): "# von # Bildern",
}


def panel_from_idle_to_done(stage: Stage) -> Iterator[None]:
    """The panel before its first run, while it works, when it is done, with what the last run took, and refused."""
    movie = _project(stage, 60)
    bpy.context.scene.frame_current = 30
    yield from stage.open_sidebar()
    yield from _panel(stage, "idle")
    with not_yet("Movie"):
        yield from started(stage)
        yield from until(lambda: running_job().done >= 20, "twenty frames")
        yield from _panel(stage, "running")
    yield from ended()
    yield from stage.click("sequencer.matte_verify", lambda: "verdict" in mattes()[0]["strip_matte"])
    yield from stage.move_over_timeline()
    yield from _panel(stage, "done")
    for strip in strips():
        strip.select = strip == movie
    stage.trim(movie, 90)
    yield from _panel(stage, "told")
    bpy.context.scene.strip_matte.folder = "mattes"
    yield from stage.click("sequencer.matte_add", lambda: "is not a whole path" in reports())
    yield from _panel(stage, "error")


def sections_open(stage: Stage) -> Iterator[None]:
    """Subject, Edges and Shape, open, in a sidebar as high as the window."""
    for name in SECTIONS:
        section = getattr(bpy.types, f"SEQUENCER_PT_strip_matte_{name}")
        bpy.utils.unregister_class(section)
        section.bl_options = set()
        bpy.utils.register_class(section)
    _project(stage, FEW)
    bpy.context.scene.strip_matte.use_region, bpy.context.scene.strip_matte.keep = True, "PICKED"
    with in_timeline():
        bpy.ops.screen.screen_full_area()
    yield from rest(0.5)
    yield from stage.open_sidebar()
    yield from _panel(stage, "open")


def a_result_is_made_again(stage: Stage) -> Iterator[None]:
    """A click on Re-run gives the settings of now in the same place, as one Undo step; Remove asks first."""
    stage.add_movie("Movie", FEW)
    yield from stage.open_sidebar()
    yield from started(stage)
    yield from ended()
    before = mattes()[0].directory
    bpy.context.scene.strip_matte.grow = 10
    bpy.ops.ed.undo_push(message="grow")
    yield from stage.click("sequencer.matte_rerun", lambda: mattes() and mattes()[0].directory != before)
    yield from ended()
    assert len(mattes()) == 1 and len(stage.images()) == 2 * FEW
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: [made.directory for made in mattes()] == [before], "the first result by Undo")
    yield from stage.press("Z", ctrl=True, shift=True)
    yield from until(lambda: [made.directory for made in mattes()] != [before], "the second by Redo")
    with in_timeline():
        bpy.ops.sequencer.matte_remove("INVOKE_DEFAULT")
    yield from rest(0.5)
    assert len(mattes()) == 1, "nothing is removed before it was confirmed"
    yield from _panel(stage, "remove")
    yield from stage.press("ESC")
    yield from rest(0.5)
    assert len(mattes()) == 1 and len(stage.images()) == 2 * FEW


def compositor_tree(stage: Stage) -> Iterator[None]:
    """The nodes that Add to Compositor makes of a matte and of a cutout."""
    stage.add_movie("Movie", FEW)
    bpy.context.scene.strip_matte.output = "MATTE"
    yield from stage.open_sidebar()
    yield from started(stage)
    yield from ended()
    with in_timeline():
        assert bpy.ops.sequencer.matte_to_compositor() == {"FINISHED"}
    area = _largest()
    area.ui_type = "CompositorNodeTree"
    if hasattr(bpy.context.scene, "compositing_node_group"):
        area.spaces.active.node_tree = bpy.context.scene.compositing_node_group
    yield from rest(0.5)
    with bpy.context.temp_override(window=window(), area=area, region=_region(area)):
        bpy.ops.screen.screen_full_area()
    yield from rest(0.5)
    (area,) = window().screen.areas
    assert {"Alpha Over", "Set Alpha"} <= {node.bl_label for node in area.spaces.active.edit_tree.nodes}
    with bpy.context.temp_override(window=window(), area=area, region=_region(area)):
        bpy.ops.node.view_all()
    yield from rest(1.0)
    yield from stage.screenshot("nodes")
    with bpy.context.temp_override(window=window(), area=area, region=_region(area)):
        bpy.ops.screen.back_to_previous()
    yield from rest(0.5)
    _largest().ui_type = "SEQUENCE_EDITOR"


def labels_in_german(stage: Stage) -> Iterator[None]:
    """Names, tooltips and counts are in the interface's language, and are English again."""
    view, translations = bpy.context.preferences.view, bpy.app.translations
    view.language = "de_DE"
    view.use_translate_interface = view.use_translate_tooltips = True
    said = {key: translations.pgettext_iface(*key) for key in GERMAN}
    assert said == GERMAN, said
    tooltip = bpy.ops.sequencer.matte_add.get_rna_type().description
    assert translations.pgettext_tip(tooltip).startswith("Den Hintergrund der ausgewählten"), tooltip
    _project(stage, 30)
    yield from stage.open_sidebar()
    yield from _panel(stage, "idle")
    with not_yet("Movie"):
        yield from started(stage)
        yield from until(lambda: running_job().done >= 10, "ten frames")
        yield from rest(1.5)  # the mouse is on the button: its tooltip comes
        yield from _panel(stage, "running")
    yield from ended()
    yield from _panel(stage, "done")
    view.language = "en_US"
    assert translations.pgettext_iface("Add Matte", "Operator") == "Add Matte"


def _project(stage: Stage, frames: int) -> Any:
    """A movie strip in a project that is saved, with the folder beside it, as at first."""
    bpy.ops.wm.save_as_mainfile(filepath=str(stage.work / "shot.blend"))
    movie = stage.add_movie("Movie", frames)
    bpy.context.scene.strip_matte.property_unset("folder")
    return movie


def _panel(stage: Stage, what: str) -> Iterator[None]:
    """A screenshot, and where on it the sidebar is."""
    yield from stage.screenshot(what)
    region = timeline_region("UI")
    top = window().height - region.y - region.height
    print(f"# {what}: the sidebar is at {region.width}x{region.height}+{region.x}+{top}")


def _largest() -> Any:
    return max(window().screen.areas, key=lambda area: area.width * area.height)


def _region(area: Any) -> Any:
    return next(region for region in area.regions if region.type == "WINDOW")
