# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be made of a strip, and putting it on the timeline. Main thread only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import bpy

from .. import inference
from ..inference import MatteError
from ..inference import folder as folders
from . import masks, strips
from . import settings as settings_


@dataclass(frozen=True)
class Task:
    """One strip's job and the names by which its place is found again: the strip itself may be gone by then.

    timeline: the timeline frames to cover, the last one exclusive; None for the whole strip, wherever it is then.
    folder: the job's folder as it is written in the project, // where the setting has it.
    warnings: sentences for the editor about what may not be exact.
    """

    scene: str
    strip: str
    timeline: tuple[int, int] | None
    folder: str
    mute_source: bool
    job: inference.Job
    warnings: tuple[str, ...]


def plan(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    strip: bpy.types.Strip,
    *,
    timeline: tuple[int, int] | None = None,
    folder: str | None = None,
    model: str | None = None,
    quality: str | None = None,
) -> Task:
    """Look at everything that can be wrong before the work begins. Changes nothing.

    timeline: timeline frames to cover, the last one exclusive. folder, model, quality: for the scene's.
    Raises MatteError with a sentence for the editor.
    """
    settings, machine = scene.strip_matte, settings_.preferences(context)
    path, pictures = strips.source_path(scene, strip), strips.pictures(scene, strip)
    movie = inference.probe(path) if strip.type == "MOVIE" else None
    warnings = movie.warnings if movie else _check_pictures(strip.name, pictures)
    upright = strips.UPRIGHT or not (movie and movie.turned)
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
    frames = tuple(sorted(set(_shown(scene, strip, timeline)[1])))
    job = inference.Job(
        movie=path,
        frames=frames,
        folder=absolute,
        model=model_file,
        output=settings.output,
        quality=quality or settings.quality,
        precision=settings.precision,
        edges=settings.edges,
        edge_colour=settings.edge_colour,
        steady=settings.steady,
        subject=_subject(scene, strip, frames, absolute),
        shape=settings_.shape(settings),
        device=machine.device,
        cores=machine.cores or automatic_cores(),
        upright=upright,
        pictures=pictures,
    )
    name = folders.name_for(job)
    job = replace(job, folder=os.path.join(absolute, name))
    warnings += strips.warnings(scene, strip, movie)
    return Task(scene.name, strip.name, timeline, os.path.join(base, name), settings.mute_source, job, warnings)


def place(task: Task) -> tuple[str, ...]:
    """Put the finished images on the timeline. Returns warnings for the editor.

    The strip is looked up by name and seen as it is now: an editor may have moved or trimmed it meanwhile.
    Raises MatteError, which names the folder, where the images have no place any more; nothing is changed then.
    """
    kept = f'The images are in "{task.job.folder}"'
    scene = bpy.data.scenes.get(task.scene)
    if scene is None:
        raise MatteError(f'The scene "{task.scene}" is gone. {kept}')
    source = strips.find(scene, task.strip)
    if source is None or not strips.is_source(source):
        raise MatteError(f'The strip "{task.strip}" is gone. {kept}')
    pictures = strips.pictures(scene, source)
    if (strips.source_path(scene, source), pictures) != (task.job.movie, task.job.pictures):
        raise MatteError(f'The strip "{task.strip}" shows another movie now. {kept}')
    start, frames = _shown(scene, source, task.timeline)
    if not frames:
        raise MatteError(f'The strip "{task.strip}" was moved off the chosen frames. {kept}')
    files = [folders.image_name(frame) for frame in frames]
    # // is another place where the project was saved under another name meanwhile.
    written = os.path.normpath(bpy.path.abspath(task.folder))
    folder = task.folder if written == task.job.folder else task.job.folder
    try:
        images = strips.add_images(scene, source, f"{source.name} Cutout", folder, files, start)
    except MatteError as error:
        raise MatteError(f"{error}. {kept}") from error
    images[strips.MADE] = {
        "source": source.name,
        "movie": source.filepath if source.type == "MOVIE" else source.directory,
        "folder": folder,
        "settings": os.path.basename(task.job.folder).rpartition("_")[2],
    }
    source.mute = source.mute or task.mute_source
    source.select = False
    images.select = True
    scene.sequence_editor.active_strip = images
    missing = len(set(frames) - set(task.job.frames))
    if missing:
        edited = f'"{source.name}" was edited meanwhile and shows {missing} more frames. Run again to matte them'
        return (*task.warnings, edited)
    return task.warnings


def place_all(whole: Sequence[Task]) -> tuple[int, list[str]]:
    """Place each task. Returns how many have a place, and a sentence for every warning and every one that has none."""
    placed = 0
    troubles: list[str] = []
    for task in whole:
        try:
            troubles += place(task)
            placed += 1
        except MatteError as error:
            troubles.append(str(error))
    return placed, troubles


def automatic_cores() -> int:
    """All cores; in a window all but one, where there are more than two: Blender draws and plays meanwhile."""
    cores = inference.available_cores()
    return cores if bpy.app.background or cores <= 2 else cores - 1


def _shown(scene: bpy.types.Scene, strip: bpy.types.Strip, timeline: tuple[int, int] | None) -> tuple[int, list[int]]:
    """The first timeline frame of the strip within `timeline`, and the source frame of each from there on."""
    first, last = strips.extent(strip)
    start, end = timeline or (first, last)
    start, end = max(start, first), min(end, last)
    return start, strips.source_frames(scene, strip)[start - first : max(end - first, 0)]


def _subject(scene: bpy.types.Scene, strip: bpy.types.Strip, frames: Sequence[int], folder: str) -> inference.Subject:
    """Which of several things is wanted of a strip. A mask is drawn, into the folder."""
    settings = scene.strip_matte
    path = strips.path(strip) if settings.keep == "PICKED" else ()
    if settings.keep == "PICKED" and not path:
        raise MatteError(f'No subject is picked in "{strip.name}". Use Pick Subject, or keep another piece')
    mask, drawn = "", {}
    if settings.mask is not None:
        first, last = strips.extent(strip)
        shown = strips.source_frames(scene, strip)
        mask, files = masks.draw(settings.mask, range(first, last), strips.picture_size(strip), folder)
        # A source frame that is shown more than once has the mask of the first time.
        drawn = dict(zip(reversed(shown), reversed(files), strict=True))
    return inference.Subject(
        keep=settings.keep,
        path=path,
        region=settings_.region(settings),
        mask=mask,
        masks=tuple(drawn[frame] for frame in frames) if mask else (),
        mask_mode=settings.mask_mode if mask else "LIMIT",
    )


def _check_pictures(name: str, pictures: Sequence[str]) -> tuple[str, ...]:
    """MatteError where an image strip has no file, or its first can not be read; a warning where some are missing."""
    there = [file for file in pictures if os.path.exists(file)]
    if not there:
        raise MatteError(f'The pictures of "{name}" are missing. Put the files back, or choose them again')
    inference.check_picture(there[0])
    gaps = len(pictures) - len(there)
    return (f'{gaps} of {len(pictures)} pictures of "{name}" are missing. Its cutout is empty there',) if gaps else ()
