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


def rembg_matting(clip: Clip, frames: int, folder: Path) -> list[list[str]]:
    return [worker("matting", clip.path, frames, folder)]


# The network's matte and the movie's colour as they are, as rembg gives them.
PLAIN = {"edges": False, "edge_colour": False, "steady": False}

REMBG = Case("rembg, frame by frame", commands=rembg_frames)
PIPE = Case("rembg b (pipe)", commands=rembg_pipe, tells=False)
FULL = Case("ours, fp32, every frame", {**PLAIN, "quality": "EVERY", "precision": "FULL"})
EVERY = Case("ours, every frame", {**PLAIN, "quality": "EVERY"})
ADAPTIVE = Case("ours, adaptive", {**PLAIN, "quality": "ADAPTIVE"})
DRAFT = Case("ours, draft", {**PLAIN, "quality": "DRAFT"})
DEFAULTS = Case("ours, as it comes", {})
CASES = (REMBG, PIPE, FULL, EVERY, ADAPTIVE, DRAFT, DEFAULTS)
SHORT = (REMBG, FULL, EVERY, ADAPTIVE, DEFAULTS)
STAGED = (EVERY, ADAPTIVE)
"""Those whose stages are told apart."""

MATTING = Case("rembg, alpha matting", commands=rembg_matting)
REFINED = (
    DEFAULTS,
    Case("without Refine Edges", {"edges": False}),
    Case("without Clean Edge Color", {"edge_colour": False}),
    Case("without Steady", {"steady": False}),
    Case("Every Frame", {"quality": "EVERY"}),
)
"""Ours, for the quality of a matte: as it comes, and with one thing different."""
