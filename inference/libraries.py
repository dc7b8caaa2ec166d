# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading what comes in wheels, late, and telling an editor when it will not load."""

import importlib
import os
from types import ModuleType

from .errors import MatteError

_problem = ""


def load(name: str, package: str | None = None) -> ModuleType:
    """Import a module that is a wheel or needs one. MatteError says what to install; `problem` remembers it."""
    global _problem  # noqa: PLW0603  a panel asks on every redraw, and a failed import is not repeated for it
    # From 1.29 on onnxruntime tells its maker what it ran, and keeps a number for the user in the cache folder. Only
    # this, set before the first import, stops all of that.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        return importlib.import_module(name, package)
    except Exception as error:  # a missing DLL is an ImportError, a clash of versions can be almost anything
        _problem = (
            f"A library that comes with Strip Matte can not be loaded ({error}). Reinstall Strip Matte from the zip "
            "for this platform and restart Blender; on Windows, install the newest Visual C++ Redistributable too"
        )
        raise MatteError(_problem) from error


def problem() -> str:
    """What to install, where a library was found not to load; else empty."""
    return _problem
