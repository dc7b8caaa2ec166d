# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences."""

import bpy

from ..operators import settings


class StripMattePreferences(settings.Preferences, bpy.types.AddonPreferences):
    bl_idname = settings.ADDON

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "model_file")
        layout.prop(self, "device")
        layout.prop(self, "cores")


register, unregister = bpy.utils.register_classes_factory((StripMattePreferences,))
