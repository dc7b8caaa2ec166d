# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel, menus and the preferences' drawing, and the languages they speak."""

from ..operators import translations
from . import menus, panel, preferences

MODULES = (translations, preferences, panel, menus)


def register() -> None:
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()
