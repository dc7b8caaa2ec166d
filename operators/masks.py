# SPDX-License-Identifier: GPL-3.0-or-later
"""A mask that an editor drew, as pictures. Blender draws them: splines, feather and animation are its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence

import bpy

from .. import inference
from . import strips

SIDE = 960  # pixels of the longer side
SAMPLES = 16  # drawings that are alike where nothing moves a mask


def draw(
    mask: bpy.types.Mask, frames: Sequence[int], size: tuple[int, int], folder: str
) -> tuple[str, tuple[str, ...]]:
    """Draw a mask as it is at timeline frames, each once.

    frames: those of a whole strip, ascending; size: width and height of its movie. folder: absolute, where the
    pictures go, in one of their own. Returns what tells these drawings from others, on every machine, and a file for
    each of the frames. A mask that nothing moves is drawn SAMPLES times, whatever the strip's length.
    """
    home = os.path.join(folder, "masks")
    os.makedirs(home, exist_ok=True)
    with stage(mask) as scene, tempfile.TemporaryDirectory(prefix=".strip_matte_", dir=home) as scratch:
        chosen = dict.fromkeys(frames[step * (len(frames) - 1) // (SAMPLES - 1)] for step in range(SAMPLES))
        kept = _keep(drawn(scene, mask, chosen, size, scratch), home)
        # Blender does not tell whether a mask's points are animated.
        if mask.animation_data is None and len(set(kept.values())) == 1:
            kept = dict.fromkeys(frames, kept[frames[0]])
            return os.path.basename(kept[frames[0]]), tuple(kept.values())
        kept = _keep(drawn(scene, mask, frames, size, scratch), home)
    names = [os.path.basename(file) for file in kept.values()]
    return hashlib.sha256(repr(names).encode()).hexdigest(), tuple(kept.values())


def _keep(files: dict[int, str], home: str) -> dict[int, str]:
    """Give drawings names that tell their content, so that all runs and machines share them. By timeline frame."""
    kept = {}
    for frame, file in files.items():
        kept[frame] = os.path.join(home, f"{inference.digest(file)}.png")
        shutil.copyfile(file, f"{file}.copy")
        os.replace(f"{file}.copy", kept[frame])
    return kept


def drawn(
    scene: bpy.types.Scene, mask: bpy.types.Mask, frames: Iterable[int], size: tuple[int, int], folder: str
) -> dict[int, str]:
    """The file of each timeline frame. One that is there is taken as it is. scene: of `stage`."""
    render, share = scene.render, SIDE / max(size)
    render.resolution_x, render.resolution_y = (max(round(length * share), 4) for length in size)
    files = {frame: os.path.join(folder, f"{frame:06d}.png") for frame in frames}
    for frame, file in files.items():
        if os.path.exists(file):
            continue
        # A mask begins at a frame of its own; before it, it is as it is there.
        scene.frame_set(max(frame, mask.frame_start))
        render.filepath = file
        with bpy.context.temp_override(scene=scene):
            bpy.ops.render.render(write_still=True)
        inference.mend_drawing(file)
    return files


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
