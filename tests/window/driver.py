# SPDX-License-Identifier: GPL-3.0-or-later
"""Step one scenario inside Blender: `blender ... --python driver.py -- MODULE SCENARIO CLIP WORK ARTIFACTS`.

A scenario is a generator function. A timer of Blender's takes one step at a time: between two steps the window lives.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import stage as stages  # noqa: E402

HANGING = 150.0
"""Seconds after which the stacks of all threads are printed: sooner than run.py kills."""


def main() -> None:
    faulthandler.dump_traceback_later(HANGING)
    module, name, clip, work, artifacts = sys.argv[sys.argv.index("--") + 1 :]
    stage = stages.Stage(name, Path(clip), Path(work), Path(artifacts))
    bpy.context.preferences.view.show_splash = False
    # --app-template ignores the user's preferences and --addons makes no AddonPreferences.
    bpy.ops.preferences.addon_enable(module=stages.ADDON)
    steps = played(stage, getattr(importlib.import_module(f"scenarios.{module}"), name)(stage))
    bpy.app.timers.register(partial(step, stage, steps), first_interval=0.5, persistent=True)


def played(stage: stages.Stage, scenario: Iterator[None]) -> Iterator[None]:
    yield from scenario
    yield from stage.nothing_left()


def step(stage: stages.Stage, steps: Iterator[None]) -> float:
    stage.clock.tick()
    try:
        next(steps)
    except StopIteration:
        stage.finished()
        leave(0)
    except Exception:  # noqa: BLE001  The outermost frame: Blender would print it and go on.
        traceback.print_exc()
        leave(1)
    return stages.REST


def leave(status: int) -> None:
    """End at once: quitting properly asks about unsaved work, and what a scenario left running might hang it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


main()
