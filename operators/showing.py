# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a job stand back while Blender shows another frame. In a window only."""

import threading

import bpy
from bpy.app.handlers import persistent

from ..inference import air


@persistent
def _begins(*_: object) -> None:
    """A frame is about to be shown. A render changes frames too, on a thread of its own, and has no claim."""
    if threading.current_thread() is threading.main_thread():
        air.hold()
        if not bpy.app.timers.is_registered(_is_shown):
            bpy.app.timers.register(_is_shown)


def _is_shown() -> None:
    """Blender looks at its timers again once it has drawn."""
    air.release()


def register() -> None:
    if not bpy.app.background:
        bpy.app.handlers.frame_change_pre.append(_begins)


def unregister() -> None:
    if _begins in bpy.app.handlers.frame_change_pre:
        bpy.app.handlers.frame_change_pre.remove(_begins)
    if bpy.app.timers.is_registered(_is_shown):
        bpy.app.timers.unregister(_is_shown)
