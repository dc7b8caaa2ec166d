# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender as a module, with the checkout enabled as the extension strip_matte.

One process holds one Blender: every test begins with a new file, and what a test does to the process outlives it.
DeprecationWarning is an error here, so that a name which Blender is about to drop fails before it is gone.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent.parent
CLIP = TESTS.parent / "build" / "clips" / "bigbuckbunny.mp4"

# Blender reads the variable once, when bpy is first imported, which a test module may do: this must come before any.
RESOURCES = Path(tempfile.mkdtemp(prefix="strip_matte_blender_"))
os.environ["BLENDER_USER_RESOURCES"] = str(RESOURCES)
sys.path.insert(0, str(TESTS))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", "error::DeprecationWarning")


def pytest_unconfigure() -> None:
    shutil.rmtree(RESOURCES, ignore_errors=True)


@pytest.fixture(scope="session")
def addon() -> Iterator[Any]:
    """The add-on, enabled for the whole session."""
    import addon_utils
    import timeline

    timeline.use_checkout(RESOURCES)
    yield timeline.addon
    addon_utils.disable(timeline.MODULE, default_set=True)


@pytest.fixture
def blender(addon: Any) -> Any:
    """bpy with a new empty file and the add-on's preferences as they are at first."""
    import bpy
    import timeline

    # Not read_factory_settings: that disables the add-on. This keeps the preferences, so they are put back by hand.
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    preferences = bpy.context.preferences.addons[timeline.MODULE].preferences
    for name in preferences.bl_rna.properties.keys():
        if name not in {"rna_type", "bl_idname"}:
            preferences.property_unset(name)
    return bpy


@pytest.fixture
def tmp_project(blender: Any, tmp_path: Path) -> Path:
    """The path of a saved .blend file that is open."""
    path = tmp_path / "project.blend"
    blender.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@dataclass
class Shot:
    """A scene of the clip's size and rate with an empty timeline, and a folder for the images."""

    bpy: Any
    scene: Any
    folder: Path

    @property
    def preferences(self) -> Any:
        import timeline

        return self.bpy.context.preferences.addons[timeline.MODULE].preferences

    def movie(self, channel: int = 1, start: int = 1, left: int = 0, length: int | None = None) -> Any:
        """The clip as a selected strip, `left` frames trimmed off its beginning and `length` frames long."""
        import timeline

        strip = timeline.add_movie(self.scene, CLIP, channel, start)
        timeline.trim(strip, left, length)
        return strip

    def images(self) -> Iterator[Path]:
        return self.folder.rglob("*.png")


@pytest.fixture
def shot(blender: Any, tmp_path: Path) -> Shot:
    import timeline

    folder = tmp_path / "images"
    scene = timeline.new_scene(1280, 720, 25)
    scene.strip_matte.folder = str(folder)
    return Shot(blender, scene, folder)


@pytest.fixture(scope="session")
def bunny() -> Path:
    """Big Buck Bunny, 1280 x 720, 25 fps, 132 frames."""
    return CLIP


@pytest.fixture(scope="session")
def bunny_frames(bunny: Path) -> list[Any]:
    """Five frames of the clip: (720, 1280, 3) uint8 BGR."""
    import cv2

    reader = cv2.VideoCapture(str(bunny))
    reader.set(cv2.CAP_PROP_POS_FRAMES, 60)
    frames = [reader.read()[1] for _ in range(5)]
    reader.release()
    return frames
