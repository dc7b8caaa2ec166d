# SPDX-License-Identifier: GPL-3.0-or-later
"""Enabling and disabling leaves Blender as it was."""

import threading

import timeline


def test_disabling_takes_everything_away_and_enabling_brings_it_back(blender) -> None:
    import addon_utils

    menus = (blender.types.SEQUENCER_MT_strip, blender.types.SEQUENCER_MT_context_menu)
    drawn = [len(menu._dyn_ui_initialize()) for menu in menus]
    threads = threading.active_count()
    addon_utils.disable(timeline.MODULE)
    assert not hasattr(blender.types.Scene, "strip_matte")
    assert not hasattr(blender.types, "SEQUENCER_OT_matte_add")
    assert not hasattr(blender.types, "SEQUENCER_PT_strip_matte")
    assert [len(menu._dyn_ui_initialize()) for menu in menus] == [count - 1 for count in drawn]
    assert threading.active_count() == threads
    assert addon_utils.enable(timeline.MODULE) is not None
    assert [len(menu._dyn_ui_initialize()) for menu in menus] == drawn
    assert blender.context.scene.strip_matte.folder == "//strip_matte/"


def test_every_setting_and_operator_explains_itself(blender) -> None:
    """A name and a tooltip in Blender's manner: no full stop at the end, and no line break within."""
    things = [blender.context.scene.strip_matte, blender.context.preferences.addons[timeline.MODULE].preferences]
    for thing in things:
        for prop in thing.bl_rna.properties:
            if prop.identifier not in {"rna_type", "name", "bl_idname"}:
                assert prop.name
                assert prop.description
                assert not prop.description.endswith(".")
    for module in (blender.ops.sequencer, blender.ops.preferences):
        for name in [name for name in dir(module) if name.startswith("matte_")]:
            tooltip = getattr(module, name).get_rna_type().description
            assert tooltip
            assert not tooltip.endswith(".")
            assert "\n" not in tooltip
