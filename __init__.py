# SPDX-License-Identifier: GPL-3.0-or-later
"""Strip Matte: removes the background of movie strips in the Video Sequence Editor.

Nothing is imported at module level: pytest imports this file beside tests that have no Blender.
"""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import operators, ui

    operators.register()
    ui.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled, and as it quits. Stops a running job first."""
    from . import operators, ui

    operators.stop()
    ui.unregister()
    operators.unregister()
