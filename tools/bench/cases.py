# SPDX-License-Identifier: GPL-3.0-or-later
"""What is compared. A case more is an entry in CASES."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .clips import Clip


@dataclass(frozen=True)
class Case:
    """One row.

    job: what is set in the Job of `inference.generate`; None where it is not ours.
    commands: otherwise, from clip, number of frames and folder, the programs of a pipe; the last makes one PNG a frame
    in the folder.
    tells: whether the last program prints, as JSON, when its network was loaded; where it does not, time runs from the
    first file.
    """

    name: str
    job: dict[str, Any] | None = None
    commands: Callable[[Clip, int, Path], list[list[str]]] | None = None
    tells: bool = True


def worker(what: str, *words: object) -> list[str]:
    """The command that runs one of `workers.WORKERS` in a process of its own."""
    return [sys.executable, "-m", "tools.bench.workers", what, *map(str, words)]


def rembg_frames(clip: Clip, frames: int, folder: Path) -> list[list[str]]:
    return [worker("rembg", clip.path, frames, folder)]


def rembg_pipe(clip: Clip, frames: int, folder: Path) -> list[list[str]]:
    program = Path(sys.executable).with_name("rembg")
    options = ["b", "--model", "u2netp", "--output_specifier", str(folder / "%06d.png")]
    return [worker("feed", clip.path, frames), [str(program), *options, str(clip.width), str(clip.height)]]


REMBG = Case("rembg, frame by frame", commands=rembg_frames)
PIPE = Case("rembg b (pipe)", commands=rembg_pipe, tells=False)
FULL = Case("ours, fp32, every frame", {"quality": "EVERY", "precision": "FULL"})
EVERY = Case("ours, every frame", {"quality": "EVERY"})
ADAPTIVE = Case("ours, adaptive", {"quality": "ADAPTIVE"})
DRAFT = Case("ours, draft", {"quality": "DRAFT"})
CASES = (REMBG, PIPE, FULL, EVERY, ADAPTIVE, DRAFT)
SHORT = (REMBG, FULL, EVERY, ADAPTIVE)
STAGED = (EVERY, ADAPTIVE)
"""Those whose stages are told apart."""
