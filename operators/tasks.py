# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be made of a strip, and putting it on the timeline. Main thread only."""

from __future__ import annotations

import os
from dataclasses import dataclass

import bpy

from .. import inference
from ..inference import MatteError
from ..inference import folder as folders
from . import settings as settings_
from . import strips


@dataclass(frozen=True)
class Task:
    """One strip's job and the names by which its place is found again: the strip itself may be gone by then.

    timeline: the timeline frames to cover, the last one exclusive; None for the whole strip, wherever it is then.
    folder: the job's folder as it is written in the project, // where the setting has it.
    """

    scene: str
    strip: str
    timeline: tuple[int, int] | None
    folder: str
    mute_source: bool
    job: inference.Job


def plan(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    strip: bpy.types.MovieStrip,
    *,
    timeline: tuple[int, int] | None = None,
    folder: str | None = None,
    model: str | None = None,
) -> Task:
    """Look at everything that can be wrong before the work begins. Changes nothing.

    timeline: timeline frames to cover, the last one exclusive. folder, model: in place of the scene's settings.
    Raises MatteError with a sentence for the editor.
    """
    settings, machine = scene.strip_matte, settings_.preferences(context)
    movie = strips.movie_path(scene, strip)
    inference.probe(movie)
    model_file = model or settings_.model_path(context, settings)
    if not os.path.isfile(model_file):
        raise MatteError(f'The model "{model_file}" is not there. Choose an ONNX file in the add-on\'s preferences')
    base = folder or settings.folder
    if base.startswith("//") and not bpy.data.filepath:
        raise MatteError("Save the project first, or choose a folder that does not begin with //")
    absolute = os.path.normpath(bpy.path.abspath(base))
    if not os.path.isabs(absolute):
        raise MatteError(f'The folder "{base}" is not a whole path. Begin it with // to put it beside the project')
    folders.check_writable(absolute)
    name = folders.name_for(movie, model_file, settings.output)
    job = inference.Job(
        movie=movie,
        frames=tuple(sorted(set(_shown(strip, timeline)[1]))),
        folder=os.path.join(absolute, name),
        model=model_file,
        output=settings.output,
        device=machine.device,
        cores=machine.cores or automatic_cores(),
    )
    return Task(scene.name, strip.name, timeline, os.path.join(base, name), settings.mute_source, job)


def place(task: Task) -> str | None:
    """Put the finished images on the timeline. Returns a warning for the editor, or None.

    The strip is looked up by name and seen as it is now: an editor may have moved or trimmed it meanwhile.
    """
    kept = f'The images are in "{task.job.folder}"'
    scene = bpy.data.scenes.get(task.scene)
    if scene is None:
        return f'The scene "{task.scene}" is gone. {kept}'
    source = strips.find(scene, task.strip)
    if source is None or source.type != "MOVIE":
        return f'The strip "{task.strip}" is gone. {kept}'
    if strips.movie_path(scene, source) != task.job.movie:
        return f'The strip "{task.strip}" shows another movie now. {kept}'
    start, frames = _shown(source, task.timeline)
    if not frames:
        return f'The strip "{task.strip}" was moved off the chosen frames. {kept}'
    files = [folders.image_name(frame) for frame in frames]
    try:
        images = strips.add_images(scene, source, f"{source.name} Cutout", task.folder, files, start)
    except MatteError as error:
        return f"{error}. {kept}"
    images["strip_matte"] = {
        "source": source.name,
        "movie": source.filepath,
        "folder": task.folder,
        "settings": os.path.basename(task.folder).rpartition("_")[2],
    }
    source.mute = source.mute or task.mute_source
    source.select = False
    images.select = True
    missing = len(set(frames) - set(task.job.frames))
    if missing:
        return f'"{source.name}" was edited meanwhile and shows {missing} more frames. Run again to matte them'
    return None


def automatic_cores() -> int:
    """All cores; in a window all but one, where there are more than two: Blender draws and plays meanwhile."""
    cores = inference.available_cores()
    return cores if bpy.app.background or cores <= 2 else cores - 1


def _shown(strip: bpy.types.MovieStrip, timeline: tuple[int, int] | None) -> tuple[int, list[int]]:
    """The first timeline frame of the strip within `timeline`, and the source frame of each from there on."""
    first, last = strips.extent(strip)
    start, end = timeline or (first, last)
    start, end = max(start, first), min(end, last)
    return start, strips.source_frames(strip)[start - first : max(end - first, 0)]
