# SPDX-License-Identifier: GPL-3.0-or-later
"""The self-test, from a button in the preferences and from the command line."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import bpy

from ..inference import MatteError, catalogue, checkup
from . import run as runs
from . import settings, strips, tasks

TEXT = "Strip Matte Self-Test"
"""Name of the text data-block that holds the report."""


def lines(context: bpy.types.Context) -> list[checkup.Line]:
    """Look at everything. Takes seconds. MatteError where the add-on has no preferences."""
    machine = settings.preferences(context)
    settings.device(machine)  # which loads a plug-in that is chosen
    known = {"Blender": strips.release(), "Strip Matte": _version()}
    brought = {settings.network_file(n): n.sha256 for n in catalogue.NETWORKS if n is not catalogue.SHIPPED}
    models = {path: sha256 for path, sha256 in brought.items() if os.path.isfile(path)}
    return list(checkup.run(known, models, _folders(context), machine.cores or tasks.automatic_cores()))


def _version() -> str:
    """The add-on's, as its manifest says."""
    manifest = Path(__file__).resolve().parents[1] / "blender_manifest.toml"
    return str(tomllib.loads(manifest.read_text(encoding="utf-8"))["version"])


def _folders(context: bpy.types.Context) -> list[str]:
    """Where the project's images go. Beside a project that is not saved they go nowhere yet."""
    scene = strips.sequencer_scene(context)
    folder = scene.strip_matte.folder if scene is not None else ""
    if not folder or (folder.startswith("//") and not bpy.data.filepath):
        return []
    return [os.path.normpath(bpy.path.abspath(folder))]


class PREFERENCES_OT_matte_self_test(bpy.types.Operator):
    """Look whether everything that Strip Matte needs is there and works, and write a report without your name in it"""

    bl_idname = "preferences.matte_self_test"
    bl_label = "Self-Test"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if runs.busy():
            cls.poll_message_set(runs.busy())
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            found = lines(context)
        except MatteError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        text = bpy.data.texts.get(TEXT) or bpy.data.texts.new(TEXT)
        text.from_string(checkup.report(found))
        faults = [line for line in found if line.fault]
        for line in faults:
            self.report({"ERROR"} if not bpy.app.background else {"WARNING"}, checkup.masked(str(line)))
        if not faults:
            self.report({"INFO"}, "All works. Copy Report puts what was found on the clipboard")
        return {"FINISHED"}


class PREFERENCES_OT_matte_self_test_copy(bpy.types.Operator):
    """Copy what the last self-test found, to paste it into a bug report"""

    bl_idname = "preferences.matte_self_test_copy"
    bl_label = "Copy Report"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if TEXT not in bpy.data.texts:
            cls.poll_message_set("Run the self-test first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = bpy.data.texts[TEXT].as_string()
        self.report({"INFO"}, "The report is on the clipboard")
        return {"FINISHED"}


CLASSES = (PREFERENCES_OT_matte_self_test, PREFERENCES_OT_matte_self_test_copy)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
