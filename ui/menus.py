# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in the Strip menu and in the sequencer's context menu."""

import bpy


def _draw(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.operator_context = "INVOKE_DEFAULT"
    self.layout.operator("sequencer.matte_add", icon="MOD_MASK")
    self.layout.operator("sequencer.matte_farm_job")


def register() -> None:
    bpy.types.SEQUENCER_MT_strip.append(_draw)
    bpy.types.SEQUENCER_MT_context_menu.append(_draw)


def unregister() -> None:
    bpy.types.SEQUENCER_MT_context_menu.remove(_draw)
    bpy.types.SEQUENCER_MT_strip.remove(_draw)
