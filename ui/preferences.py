# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences."""

import bpy

from .. import inference
from ..inference import MatteError, devices
from ..operators import self_test, settings
from . import models


class StripMattePreferences(settings.Preferences, bpy.types.AddonPreferences):
    bl_idname = settings.ADDON

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        models.draw(layout, context)
        layout.prop(self, "model_file")
        self._draw_device(layout)
        layout.prop(self, "cores")
        row = layout.row(align=True)
        row.operator("preferences.matte_self_test", icon="CHECKMARK")
        row.operator("preferences.matte_self_test_copy", icon="COPYDOWN")
        if self_test.TEXT in bpy.data.texts:
            column = layout.box().column(align=True)
            for line in bpy.data.texts[self_test.TEXT].lines:
                column.label(text=line.body)

    def _draw_device(self, layout: bpy.types.UILayout) -> None:
        """The device, and where it is not there, how to get it."""
        column = layout.column()
        column.prop(self, "device")
        row = column.row()
        row.enabled = self.device != devices.AUTO
        row.prop(self, "must_use")
        column.prop(self, "provider_library")
        told = inference.problem() or self._trouble()
        if told:
            column.label(text=told, icon="ERROR")

    def _trouble(self) -> str:
        """What is wrong with the device or the plug-in, as far as is known without trying; else empty."""
        try:
            settings.device(self)
            against = "" if self.device == devices.AUTO else devices.absent(self.device)
            plug_in = self.provider_library and devices.add_library(bpy.path.abspath(self.provider_library))
        except MatteError as error:
            return str(error)
        return f"{devices.label(self.device)} {against}" if against else plug_in


register, unregister = bpy.utils.register_classes_factory((StripMattePreferences,))
