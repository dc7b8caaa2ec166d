# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel, menus and the preferences' drawing."""

from . import menus, panel, preferences

MODULES = (preferences, panel, menus)


def register() -> None:
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()
