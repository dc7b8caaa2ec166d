# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel "Matte" in the sequencer's sidebar."""

from __future__ import annotations  # 4.2 and 4.3 have no bpy.types.Strip to name

import os

import bpy

from ..inference import devices
from ..operators import estimate, made, matte, preview, resume, run, strips, tasks
from ..operators import settings as settings_
from ..operators.settings import StripMatteSettings
from ..operators.translations import iface, told

ICONS = {
    run.WAITING: "TIME",
    run.WORKING: "PLAY",
    run.DONE: "CHECKMARK",
    run.STOPPED: "CANCEL",
    run.FAILED: "ERROR",
}


class SEQUENCER_PT_strip_matte(bpy.types.Panel):
    bl_label = "Matte"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Matte"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return strips.sequencer_scene(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings, results = strips.sequencer_scene(context).strip_matte, made.chosen(context)
        first = _is_of_results(context, results)
        if first:
            _draw_results(layout, results)
            layout.separator()
        _draw_settings(layout.column(), settings)
        _draw_beyond(layout, context, settings)
        layout.operator("sequencer.matte_add", icon="MOD_MASK")
        _draw_told(layout.column(align=True), context)
        _draw_queue(layout)
        _draw_preview(layout, context)
        if not first:
            _draw_results(layout, results)


def _is_of_results(context: bpy.types.Context, results: list[bpy.types.Strip]) -> bool:
    """Whether strips of ours are selected, and no movie that has none: then they come first."""
    selected = {strip.name for strip in strips.selected(context)}
    sources = {strip[strips.MADE]["source"] for strip in results if strip.name in selected}
    return bool(sources) and all(strip.name in sources for strip in strips.selected_sources(context))


def _draw_settings(column: bpy.types.UILayout, settings: StripMatteSettings) -> None:
    """What is to be made. It can be changed while mattes are being made: those keep what was set at first."""
    for name in ("model", "quality", "precision", "output", "format", "folder", "mute_source"):
        row = column.row()
        row.alert = name == "format" and (settings.output, settings.format) == ("CUTOUT", "PNG16")
        row.prop(settings, name)


def _draw_beyond(layout: bpy.types.UILayout, context: bpy.types.Context, settings: StripMatteSettings) -> None:
    """What a cutout can not hold of the colours of what is selected, and the way out."""
    found = tasks.beyond(strips.selected_sources(context)) if settings.output == "CUTOUT" else {}
    if not found:
        return
    column = layout.box().column(align=True)
    for name, reason in found.items():
        column.label(text=f"{name}: {told(reason)}", icon="ERROR", translate=False)
    column.label(text="A cutout has 8 bits a channel and no color tags")
    column.prop_enum(settings, "output", "MATTE", text="Set Output to Matte")


def _draw_told(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What the button will do, or why it can do nothing."""
    reason = matte.why_not(context)
    text = reason or estimate.tell(settings_.preferences(context), strips.selected_sources(context))
    layout.label(text=told(text), icon="INFO", translate=False)
    # While mattes are being made the folder would have to be listed at every redraw.
    there = "" if reason or run.queue() else resume.tell(context, strips.selected_sources(context))
    if there:
        layout.label(text=told(there), icon="BLANK1", translate=False)
    if not reason:
        device = iface("Device: {}").format(devices.told(settings_.preferences(context).device))
        layout.label(text=device, icon="MEMORY", translate=False)


def _draw_preview(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    layout.operator("sequencer.matte_preview", icon="HIDE_OFF", depress=preview.is_on())
    if preview.is_on():
        layout.row().prop(context.window_manager, "strip_matte_preview", expand=True)


def _draw_queue(layout: bpy.types.UILayout) -> None:
    """One row for each strip whose matte is being made or waits."""
    items = run.items()
    if not items:
        return
    box = layout.box()
    for item in items:
        _draw_item(box.column(align=True), item)
    box.operator("sequencer.matte_cancel", text="Cancel All" if len(items) > 1 else "Cancel", icon="CANCEL")


def _draw_item(column: bpy.types.UILayout, item: run.Item) -> None:
    row = column.row()
    row.label(text=item.task.strip, icon=ICONS[item.state], translate=False)
    if item.state != run.WORKING:
        end = row.row()
        end.alignment = "RIGHT"
        end.label(text=told(item.message), translate=False)
    if not item.ended:
        row.operator("sequencer.matte_cancel", text="", icon="X", emboss=False).job = item.id
    if item.state == run.WORKING:
        column.progress(factor=item.done / item.total if item.total else 0.0, text=told(item.message), translate=False)
        if item.silence:
            column.label(text=_sentence(item.silence), icon="ERROR", translate=False)


def _draw_results(layout: bpy.types.UILayout, results: list[bpy.types.Strip]) -> None:
    """A box for each strip of ours that is selected, or whose movie is, and what can be done with them."""
    if not results:
        return
    for strip in results:
        _draw_result(layout.box().column(align=True), strip)
    column = layout.column(align=True)
    row = column.row(align=True)
    row.operator("sequencer.matte_rerun", icon="FILE_REFRESH")
    row.operator("sequencer.matte_rerun", text="", icon="RECOVER_LAST").force = True
    row = column.row(align=True)
    row.operator("sequencer.matte_realign", icon="SNAP_ON")
    row.operator("sequencer.matte_switch", icon="ARROW_LEFTRIGHT")
    row = column.row(align=True)
    row.operator("sequencer.matte_to_compositor", icon="NODE_COMPOSITING")
    row.operator("sequencer.matte_verify", icon="CHECKMARK")
    row = column.row(align=True)
    row.operator("sequencer.matte_mark", text="Mark Doubtful", icon="MARKER_HLT")
    row.operator("sequencer.matte_mark", text="", icon="X").clear = True
    column.operator("sequencer.matte_remove", icon="TRASH")


def _draw_result(column: bpy.types.UILayout, strip: bpy.types.Strip) -> None:
    """What is known of a strip of ours."""
    of = strip[strips.MADE]
    column.label(text=strip.name, icon="IMAGE_ALPHA" if of.get("output") != "MATTE" else "MOD_MASK", translate=False)
    verdict, doubtful = of.get("verdict"), of.get("doubtful", 0)
    if verdict:
        icon = "CHECKMARK" if verdict.endswith("the same") else "ERROR"
        column.label(text=_sentence(verdict), icon=icon, translate=False)
    if doubtful:
        column.label(text=told(f"{doubtful} doubtful frames"), icon="ERROR", translate=False)
    if of.get("made_on"):
        column.label(text=iface("Made on {}").format(of["made_on"]), icon="MEMORY", translate=False)
    folder = tasks.folder_of(strip)
    opened = column.operator("wm.path_open", text=os.path.basename(folder), icon="FILE_FOLDER", translate=False)
    opened.filepath = folder


def _sentence(text: str) -> str:
    """In the interface's language, with a capital letter."""
    text = told(text)
    return text[:1].upper() + text[1:]


class Section:
    """A part of the panel, closed at first. Mixed into its class."""

    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Matte"
    bl_parent_id = "SEQUENCER_PT_strip_matte"
    bl_options = {"DEFAULT_CLOSED"}


class SEQUENCER_PT_strip_matte_subject(Section, bpy.types.Panel):
    bl_label = "Subject"

    def draw(self, context: bpy.types.Context) -> None:
        column, settings = _column(self.layout, context)
        column.prop(settings, "keep")
        if settings.keep == "PICKED":
            row = column.row(align=True)
            row.operator("sequencer.matte_pick", icon="EYEDROPPER")
            row.operator("sequencer.matte_pick_clear", text="", icon="X")
            column.operator("sequencer.matte_follow", icon="TRACKER")
            points = sum(len(strips.path(strip)) for strip in strips.selected_sources(context))
            text = f"{points} picks in the selected strips" if points else "Nothing is picked yet"
            column.label(text=told(text), translate=False)
        column.prop(settings, "use_region")
        if settings.use_region:
            column.prop(settings, "region_min", text="From")
            column.prop(settings, "region_max", text="To")
        column.prop(settings, "mask")
        if settings.mask is not None:
            column.prop(settings, "mask_mode")


class SEQUENCER_PT_strip_matte_edges(Section, bpy.types.Panel):
    bl_label = "Edges"

    def draw(self, context: bpy.types.Context) -> None:
        column, settings = _column(self.layout, context)
        for name in ("edges", "edge_colour", "steady"):
            column.prop(settings, name)


class SEQUENCER_PT_strip_matte_shape(Section, bpy.types.Panel):
    bl_label = "Shape"

    def draw(self, context: bpy.types.Context) -> None:
        column, settings = _column(self.layout, context)
        for names in (("black", "white"), ("specks", "holes"), ("grow", "feather"), ("invert",)):
            group = column.column(align=True)
            for name in names:
                group.prop(settings, name)


def _column(layout: bpy.types.UILayout, context: bpy.types.Context) -> tuple[bpy.types.UILayout, StripMatteSettings]:
    """Where a section's settings are drawn, and they."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    return layout.column(), strips.sequencer_scene(context).strip_matte


register, unregister = bpy.utils.register_classes_factory(
    (
        SEQUENCER_PT_strip_matte,
        SEQUENCER_PT_strip_matte_subject,
        SEQUENCER_PT_strip_matte_edges,
        SEQUENCER_PT_strip_matte_shape,
    )
)
