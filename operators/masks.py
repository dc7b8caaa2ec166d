# SPDX-License-Identifier: GPL-3.0-or-later
"""A mask that an editor drew, as pictures. Blender draws them: splines, feather and animation are its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence

import bpy

from . import strips

SIDE = 960  # pixels of the longer side
SAMPLES = 16  # pictures by which one mask is told from another
SMALL = 120  # pixels of the longer side of a sample


def draw(
    mask: bpy.types.Mask, frames: Sequence[int], size: tuple[int, int], folder: str
) -> tuple[str, tuple[str, ...]]:
    """Draw a mask as it is at timeline frames, each once.

    frames: those of a whole strip, ascending; size: width and height of its movie. folder: absolute, where the
    pictures go, in one of their own. Returns what tells this mask from others, and a file for each of the frames.
    """
    with stage(mask) as scene:
        samples = [frames[step * (len(frames) - 1) // (SAMPLES - 1)] for step in range(SAMPLES)]
        with tempfile.TemporaryDirectory(prefix="strip_matte_") as scratch:
            small = drawn(scene, mask, dict.fromkeys(samples), size, SMALL, scratch)
            contents = [_content(file) for file in small.values()]
        identity = hashlib.sha256(repr((contents, mask.name)).encode()).hexdigest()[:12]
        # A mask that nothing moves is drawn once.
        still = mask.animation_data is None and len(set(contents)) == 1
        wanted = {frame: frames[0] if still else frame for frame in frames}
        home = os.path.join(folder, f"mask_{identity}")
        os.makedirs(home, exist_ok=True)
        files = drawn(scene, mask, dict.fromkeys(wanted.values()), size, SIDE, home)
    return identity, tuple(files[wanted[frame]] for frame in frames)


def drawn(
    scene: bpy.types.Scene, mask: bpy.types.Mask, frames: Iterable[int], size: tuple[int, int], side: int, folder: str
) -> dict[int, str]:
    """The file of each timeline frame. One that is there is taken as it is."""
    render, share = scene.render, side / max(size)
    render.resolution_x, render.resolution_y = (max(round(length * share), 4) for length in size)
    files = {frame: os.path.join(folder, f"{frame:06d}.png") for frame in frames}
    for frame, file in files.items():
        if os.path.exists(file):
            continue
        # A mask begins at a frame of its own; before it, it is as it is there.
        scene.frame_set(max(frame, mask.frame_start))
        render.filepath = f"{file[:-4]}.{os.getpid()}.png"
        with bpy.context.temp_override(scene=scene):
            bpy.ops.render.render(write_still=True)
        os.replace(render.filepath, file)
    return files


def _content(file: str) -> str:
    with open(file, "rb") as content:
        return hashlib.sha256(content.read()).hexdigest()


@contextlib.contextmanager
def stage(mask: bpy.types.Mask) -> Iterator[bpy.types.Scene]:
    """A scene that shows the mask and nothing else, and is gone afterwards."""
    scene = bpy.data.scenes.new("Strip Matte Mask")
    try:
        scene.sequence_editor_create()
        scene.view_settings.view_transform = "Standard"
        scene.render.use_sequencer, scene.render.resolution_percentage = True, 100
        scene.render.dither_intensity = 0.0
        strips.render_stills(scene.render.image_settings)
        strips.add_mask(scene, mask)
        yield scene
    finally:
        bpy.data.scenes.remove(scene)
