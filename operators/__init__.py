# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender: settings, strips, operators, the command line."""

import bpy

from . import command, compositor, doubt, farm, made, matte, models, preview, self_test, settings, showing, subject

MODULES = (settings, models, matte, made, subject, preview, doubt, compositor, self_test, farm, command, showing)


def register() -> None:
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()


def stop() -> None:
    """End a running job and wait for its thread."""
    matte.stop(bpy.context)
    models.stop(bpy.context)
