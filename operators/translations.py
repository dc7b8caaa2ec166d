# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender's interface says of us in its user's language. Each module of the package languages is one language.

Blender looks names and tooltips up by itself. What we compose of words and numbers is looked up here, as it is drawn.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable

import bpy

from . import languages

NUMBER = re.compile(r"\d+(?:[.:,]\d+)*")
CONTEXTS = ("*", "Operator")  # of names and tooltips, and of operators' names


def iface(text: str) -> str:
    """A fixed text of ours in the language of the interface."""
    return str(bpy.app.translations.pgettext_iface(text))


def told(text: str, look: Callable[[str], str] = iface) -> str:
    """A sentence that was composed where there is no bpy, in the language of the interface.

    It is looked up with # for each number; where it is not known so, its parts between commas are. A language leaves
    the numbers in their order. look: gives a text's translation, or the text.
    """
    pattern = NUMBER.sub("#", text)
    found = look(pattern)
    if found == pattern and ", " in text:
        return ", ".join(told(part, look) for part in text.split(", "))
    numbers = iter(NUMBER.findall(text))
    return re.sub("#", lambda _: next(numbers, "#"), found)


def of_languages() -> dict[str, dict[str, str]]:
    """By Blender's name of a language, its text for each of ours."""
    names = [module.name for module in pkgutil.iter_modules(languages.__path__)]
    modules = [importlib.import_module(f".{name}", languages.__name__) for name in names]
    return {module.LOCALE: module.TEXTS for module in modules}


def _table(texts: dict[str, str]) -> dict[tuple[str, str], str]:
    """A language as Blender wants it, by context and text."""
    return {(context, text): texts[text] for context in CONTEXTS for text in texts}


def register() -> None:
    tables = {locale: _table(texts) for locale, texts in of_languages().items()}
    bpy.app.translations.register(__package__, tables)


def unregister() -> None:
    bpy.app.translations.unregister(__package__)
