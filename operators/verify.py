# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the cutout show on every timeline frame the picture that the movie shows there? Blender itself is asked."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import bpy

from .. import inference
from ..inference import MatteError
from . import strips, tasks

SAMPLE = 12  # frames that are compared where not every one is asked for
SIDE = 480  # pixels of the longer side that is rendered: enough to tell one picture from the next
# Mean difference of colour, of 255, up to which a cutout looks as its source does. Blender 4.2 and 4.3 convert YUV 1
# to 2 darker than later releases and we do.
SAME = 4.0
# Of 255, the difference of brightness of a 32nd of the picture's width, up to which it is the picture an image was made
# from. At hard edges Blender's scaling makes 8.
SAME_PICTURE = 16.0


@dataclass(frozen=True)
class Verdict:
    """What was compared: timeline frames first to last, `compared` of them, and those whose pictures differ. made_on:
    what the network ran on, empty where nobody knows."""

    strip: str
    first: int
    last: int
    compared: int
    different: tuple[int, ...]
    made_on: str = ""

    def __str__(self) -> str:
        return f"{self.found}. Made on {self.made_on}" if self.made_on else self.found

    @property
    def found(self) -> str:
        """What was found, as a sentence without a full stop."""
        found = f"frames {self.first} to {self.last}, {self.compared} compared"
        if not self.different:
            return f"{found}, all the same"
        return f"{found}, not the same: {', '.join(map(str, self.different))}"


def pairs(scene: bpy.types.Scene, chosen: Sequence[bpy.types.Strip]) -> list[tuple[bpy.types.Strip, bpy.types.Strip]]:
    """(source, cutout) for every cutout that is chosen or whose source is. MatteError where that source is gone."""
    found = []
    for cutout in strips.all_made(scene):
        if cutout in chosen:
            found.append((tasks.source_of(scene, cutout), cutout))
        elif strips.find(scene, cutout[strips.MADE]["source"]) in chosen:
            found.append((strips.find(scene, cutout[strips.MADE]["source"]), cutout))
    return found


def verify(scene: bpy.types.Scene, source: bpy.types.Strip, made: bpy.types.Strip, *, every: bool) -> Verdict:
    """Ask Blender for the source's pictures, and compare.

    Each with the fingerprint of the picture that the image shown there was made from, whatever the matte covers; and
    of a cutout, as both strips are placed, wherever it is opaque.
    every: all frames of the strip, not a sample. Those that a trimmed meta strip hides are left out. The verdict is
    kept on the strip. The scene is not touched: all is done in a copy of it. MatteError where a file is missing, or
    where no frame is seen.
    """
    start, _ = strips.extent(made)
    left, right = _seen(source, made)
    last, count = right - 1, right - left
    steps = range(count) if every else sorted({round(n * (count - 1) / (SAMPLE - 1)) for n in range(SAMPLE)})
    frames = [left + step for step in steps]
    files = [strips.pictures(scene, made)[element] for element in strips.source_frames(scene, made)]
    tasks.check_there(files[frame - start] for frame in frames)
    different = set()
    with _stage(scene) as (copy, folder):
        mirror = {strip.name: strip for strip in strips.everything(copy)}
        if made[strips.MADE].get("output") != "MATTE":
            for file in {files[frame - start] for frame in frames}:
                inference.make_opaque(file, os.path.join(folder, os.path.basename(file)))
            shown = mirror[made.name]
            shown.directory = folder
            before = _rendered(copy, mirror[source.name], frames, folder)
            after = _rendered(copy, shown, frames, folder)
            found = zip(frames, before, after, strict=True)
            different |= {frame for frame, a, b in found if inference.difference(a, b) > SAME}
        strips.show_bare(copy, mirror[source.name])
        bare = _rendered(copy, mirror[source.name], frames, folder)
        for frame, picture in zip(frames, bare, strict=True):
            apart = inference.apart(picture, files[frame - start])
            if apart is not None and apart > SAME_PICTURE:
                different.add(frame)
    made_on = made[strips.MADE].get("made_on", "")
    verdict = Verdict(made.name, left, last, len(frames), tuple(sorted(different)), made_on)
    known = made[strips.MADE].to_dict()
    made[strips.MADE] = {**known, "verdict": verdict.found}
    return verdict


def _seen(source: bpy.types.Strip, made: bpy.types.Strip) -> tuple[int, int]:
    """The first timeline frame of a strip of ours that no meta strip around it or its source hides, and the one after
    the last. MatteError where there is none."""
    extents = [strips.extent(part) for part in (made, *strips.around(made), *strips.around(source))]
    left, right = max(first for first, _ in extents), min(end for _, end in extents)
    if left >= right:
        raise MatteError(f'The meta strip around "{made.name}" hides all of it. Lengthen that, and try again')
    return left, right


@contextlib.contextmanager
def _stage(scene: bpy.types.Scene) -> Iterator[tuple[bpy.types.Scene, str]]:
    """A copy of the scene that renders small stills, and a folder for them; both are gone afterwards."""
    folder = tempfile.mkdtemp(prefix="strip_matte_")
    copy = scene.copy()
    try:
        render = copy.render
        render.resolution_percentage = max(1, min(100, 100 * SIDE // max(render.resolution_x, render.resolution_y)))
        render.use_sequencer, render.use_stamp = True, False
        render.use_border = render.use_multiview = False  # a part of the picture, and files of other names
        strips.render_stills(render.image_settings)
        yield copy, folder
    finally:
        strips.remove_scene(copy)
        shutil.rmtree(folder, ignore_errors=True)


def _rendered(scene: bpy.types.Scene, strip: bpy.types.Strip, frames: Sequence[int], folder: str) -> list[str]:
    """Files of the pictures that the strip alone shows on the timeline frames, played forward."""
    strips.show_alone(scene, strip)
    files = []
    for frame in frames:
        scene.frame_set(frame)
        scene.render.filepath = os.path.join(folder, f"{strip.type}_{frame}.png")
        # The operator's own argument `scene` leaves out the sequencer of a scene that is in no window.
        with bpy.context.temp_override(scene=scene):
            bpy.ops.render.render(write_still=True)
        files.append(scene.render.filepath)
    return files
