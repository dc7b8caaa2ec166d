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
SAMPLES = 16  # drawings that are alike where nothing moves a mask, or tell one that moves from others


def draw(
    mask: bpy.types.Mask, extent: range, content: range, wanted: Sequence[int], size: tuple[int, int], folder: str
) -> tuple[str, dict[int, str]]:
    """Draw a mask as it is at the wanted timeline frames, each once.

    extent: the timeline frames that a strip is seen on; content: those that it would be seen on if nothing were trimmed
    off it; neither is empty. size: width and height of its movie. folder: absolute, where the pictures go, in one of
    their own. Returns what tells the mask from others, on every machine and however the strip is trimmed, and a file
    for each wanted frame, named by what it shows. A mask that nothing moves is drawn SAMPLES times.
    """
    home = os.path.join(folder, "masks")
    os.makedirs(home, exist_ok=True)
    with stage(mask) as scene, tempfile.TemporaryDirectory(prefix=".strip_matte_", dir=home) as scratch:
        still = _keep(drawn(scene, mask, _spread(extent), size, scratch), home)
        # Blender does not tell whether a mask's points are animated.
        if mask.animation_data is None and len(set(still.values())) == 1:
            file = still[extent[0]]
            return os.path.basename(file), dict.fromkeys(wanted, file)
        # One mask from another: its name, and what it is at frames that no trim moves. What it is at each frame is told
        # by the drawing's name, and kept with the image.
        marks = dict.fromkeys([*_spread(content), *_spread(range(mask.frame_start, max(mask.frame_end, 0) + 1))])
        told = [mask.name, *map(inference.digest, drawn(scene, mask, marks, size, scratch).values())]
        return hashlib.sha256(repr(told).encode()).hexdigest(), _keep(drawn(scene, mask, wanted, size, scratch), home)


def _spread(frames: range) -> list[int]:
    """At most SAMPLES of some frames, the first and the last among them, each once."""
    steps = range(SAMPLES if frames else 0)
    return list(dict.fromkeys(frames[step * (len(frames) - 1) // (SAMPLES - 1)] for step in steps))


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
        strips.remove_scene(scene)
