# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender: settings, strips, operators, the command line."""

from typing import Any

import bpy

from . import command, compositor, doubt, farm, made, matte, models, preview, self_test, settings, showing, subject

MODULES = (settings, models, matte, made, subject, preview, doubt, compositor, self_test, farm, command, showing)


def register() -> None:
    for operator in _operators(bpy.types.Operator):
        # Blender takes the docstring for a tooltip, its line breaks and, in some releases, its indentation too.
        operator.bl_description = " ".join((operator.__doc__ or "").split())
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()


def stop() -> None:
    """End a running job and wait for its thread."""
    matte.stop(bpy.context)
    models.stop(bpy.context)


def _operators(base: Any) -> list[Any]:
    """Our operators that are below a class."""
    parts = base.__subclasses__()
    below = [found for part in parts for found in (part, *_operators(part))]
    return [operator for operator in below if operator.__module__.startswith(__package__)]
