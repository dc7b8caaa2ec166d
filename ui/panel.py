# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel "Matte" in the sequencer's sidebar."""

import bpy

from ..operators import matte, run, strips


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
        settings = strips.sequencer_scene(context).strip_matte
        running = run.current()

        column = layout.column()
        column.enabled = running is None
        column.prop(settings, "model")
        column.prop(settings, "quality")
        column.prop(settings, "precision")
        column.prop(settings, "output")
        column.prop(settings, "folder")
        column.prop(settings, "mute_source")

        if running is not None:
            layout.progress(factor=running.done / running.total if running.total else 0.0, text=running.message)
            layout.operator("sequencer.matte_cancel", icon="CANCEL")
            return
        layout.operator("sequencer.matte_add", icon="MOD_MASK")
        reason = matte.why_not(context)
        if reason:
            layout.label(text=reason, icon="INFO")
        layout.operator("sequencer.matte_verify", icon="CHECKMARK")
        for strip in strips.selected(context):
            verdict = strip[strips.MADE].get("verdict") if strips.MADE in strip else None
            if verdict:
                icon = "CHECKMARK" if verdict.endswith("the same") else "ERROR"
                layout.label(text=verdict[0].upper() + verdict[1:], icon=icon)


register, unregister = bpy.utils.register_classes_factory((SEQUENCER_PT_strip_matte,))
