# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be made of a strip, and putting it on the timeline. Main thread only."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import bpy

from .. import inference
from ..inference import MatteError, devices
from ..inference import folder as folders
from . import estimate, masks, strips
from . import settings as settings_

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """One strip's job and what its place is found by again: the strip itself may be gone by then, or renamed.

    scene_id: the scene's for this session, whatever its name is then. beside: names of the other strips that showed the
    same when the job was planned.
    timeline: the timeline frames to cover, the last one exclusive; None for the whole strip, wherever it is then.
    folder: the job's folder as it is written in the project, // where the setting has it.
    pixels: of a picture; 0 where that is not known. replaces: the name of a strip of ours that goes when this one
    comes; empty for none.
    warnings: sentences for the editor about what may not be exact.
    """

    scene: str
    strip: str
    timeline: tuple[int, int] | None
    folder: str
    mute_source: bool
    job: inference.Job
    warnings: tuple[str, ...]
    pixels: int
    scene_id: int
    beside: tuple[str, ...]
    replaces: str = ""


def plan(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    strip: bpy.types.Strip,
    *,
    timeline: tuple[int, int] | None = None,
    folder: str | None = None,
    model: str | None = None,
    quality: str | None = None,
    output: str | None = None,
    format_: str | None = None,
    force: bool = False,
) -> Task:
    """Look at everything that can be wrong before the work begins. Writes nothing but drawings of a mask.

    timeline: timeline frames to cover, the last one exclusive. folder, model, quality, output, format_: for the
    scene's. force: of inference.Job. Raises MatteError with a sentence for the editor.
    """
    if scene.library is not None:
        raise MatteError(strips.LINKED)
    settings, machine = scene.strip_matte, settings_.preferences(context)
    output, format_ = output or settings.output, format_ or settings.format
    if (output, format_) == ("CUTOUT", "PNG16"):
        raise MatteError("A cutout has 8 bits. Choose the output Matte, or another format")
    path, pictures = strips.source_path(scene, strip), strips.pictures(scene, strip)
    movie = inference.probe(path) if strip.type == "MOVIE" else None
    gaps = inference.missing_pictures(pictures)
    warnings = movie.warnings if movie else _check_pictures(strip.name, pictures, gaps)
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
    warnings += inference.check_end(movie, frames) if movie else ()
    subject = _masked_subject(scene, strip, frames, absolute)
    job = job_of(context, scene, strip, frames, subject, model=model_file, upright=upright)
    job = replace(job, output=output, format=format_, quality=quality or settings.quality, gaps=gaps, force=force)
    name = folders.name_for(job)
    job = replace(job, folder=os.path.join(absolute, name), mattes=os.path.join(absolute, _other_name(job)))
    warnings += (*strips.warnings(scene, strip, movie), *_colour_warnings(strip, output))
    there = set(os.listdir(job.folder)) if os.path.isdir(job.folder) else set()
    missing = [frame for frame in job.frames if folders.image_name(frame, job.format) not in there]
    kind = estimate.kind(output, format_)
    estimate.check_room(machine, kind, len(missing), strips.pixels(strip), job.folder)
    return Task(
        scene.name,
        strip.name,
        timeline,
        os.path.join(base, name),
        settings.mute_source,
        job,
        warnings,
        strips.pixels(strip),
        scene.session_uid,
        _beside(scene, strip, job),
    )


def beyond(sources: Sequence[bpy.types.Strip]) -> dict[str, str]:
    """What the colours of these strips are that a cutout can not hold, in words, by name. Those that it can hold, and
    those that can not be read, are left out."""
    found = {}
    for strip in [strip for strip in sources if strip.type == "MOVIE"]:
        with contextlib.suppress(MatteError):  # the run tells
            found[strip.name] = inference.probe(strips.source_path(strip.id_data, strip)).beyond
    return {name: reason for name, reason in found.items() if reason}


def _colour_warnings(strip: bpy.types.Strip, output: str) -> tuple[str, ...]:
    """That a cutout does not hold all that the movie's colours are, where it does not."""
    if output != "CUTOUT":
        return ()
    return tuple(
        f'"{name}" has {reason}, and its cutout 8 bits a channel without color tags. The output Matte leaves the '
        "movie's own colors"
        for name, reason in beyond([strip]).items()
    )


def job_of(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    strip: bpy.types.Strip,
    frames: tuple[int, ...],
    subject: inference.Subject,
    *,
    model: str,
    upright: bool,
) -> inference.Job:
    """A strip's source frames with the scene's and the machine's settings, and no folder yet. model, upright: see
    inference.Job."""
    settings, machine = scene.strip_matte, settings_.preferences(context)
    return inference.Job(
        movie=strips.source_path(scene, strip),
        frames=frames,
        folder="",
        model=model,
        output=settings.output,
        format=settings.format,
        quality=settings.quality,
        precision=settings.precision,
        edges=settings.edges,
        edge_colour=settings.edge_colour,
        steady=settings.steady,
        subject=subject,
        shape=settings_.shape(settings),
        device=settings_.device(machine),
        must_use=machine.must_use,
        cores=machine.cores or automatic_cores(),
        upright=upright,
        pictures=strips.pictures(scene, strip),
    )


def subject_of(
    scene: bpy.types.Scene, strip: bpy.types.Strip, mask: str = "", drawings: tuple[str, ...] = ()
) -> inference.Subject:
    """Which of several things is wanted of a strip. mask, drawings: mask and masks of inference.Subject."""
    settings = scene.strip_matte
    path = strips.path(strip) if settings.keep == "PICKED" else ()
    if settings.keep == "PICKED" and not path:
        raise MatteError(f'No subject is picked in "{strip.name}". Use Pick Subject, or keep another piece')
    region = settings_.region(settings)
    if not mask:
        return inference.Subject(keep=settings.keep, path=path, region=region)
    return inference.Subject(settings.keep, path, region, mask, drawings, settings.mask_mode)


def place(task: Task, doubtful: int = 0) -> tuple[str, ...]:
    """Put the finished images on the timeline. Returns warnings for the editor. doubtful: how many of the images are.

    The strip is looked up by name and seen as it is now: an editor may have moved or trimmed it meanwhile.
    Raises MatteError, which names the folder, where the images have no place any more; nothing is changed then.
    """
    kept = f'The images are in "{task.job.folder}". Add > Image/Sequence puts them on the timeline'
    scene, source = _found(task, kept)
    start, frames = _shown(scene, source, task.timeline)
    if not frames:
        raise MatteError(f'The strip "{task.strip}" was moved off the chosen frames. {kept}')
    files = [folders.image_name(frame, task.job.format) for frame in frames]
    # // is another place where the project was saved under another name meanwhile.
    written = os.path.normpath(bpy.path.abspath(task.folder))
    folder = task.folder if written == task.job.folder else task.job.folder
    replaced = strips.find(scene, task.replaces) if task.replaces else None
    try:
        channel = strips.channel_above(scene, source, start, start + len(files), replaced)
    except MatteError as error:
        raise MatteError(f"{error}. {kept}") from error
    alike = replaced is not None and (replaced[strips.MADE].get("output"), replaced.parent_meta()) == (
        task.job.output,
        source.parent_meta(),  # where the new one goes: an effect reads strips of its own level
    )
    effects = strips.readers(scene, replaced) if alike else []
    remove(scene, replaced)
    images = strips.add_images(scene, source, f"{source.name} {task.job.output.title()}", folder, files, start, channel)
    strips.feed(scene, effects, images)
    images[strips.MADE] = _provenance(task, source, folder, doubtful)
    if task.job.output == "CUTOUT":
        strips.show_instead(scene, source, images)
        source.mute = source.mute or task.mute_source
    else:
        _mask(scene, source, images)
    source.select = False
    images.select = True
    scene.sequence_editor.active_strip = images
    strips.connect(scene, source, images)
    return (*task.warnings, *_place_warnings(task, scene, source, images, frames))


def _found(task: Task, kept: str) -> tuple[bpy.types.Scene, bpy.types.Strip]:
    """The scene and the strip that a task is for. kept: where its images are, for what is said if these are gone."""
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == task.scene_id), None)
    if scene is None:
        raise MatteError(f'The scene "{task.scene}" is gone. {kept}')
    source = strips.find(scene, task.strip) or _renamed(scene, task)
    if source is None or not strips.is_source(source):
        raise MatteError(f'The strip "{task.strip}" is gone. {kept}')
    if not _shows(scene, source, task.job):
        raise MatteError(f'The strip "{task.strip}" shows another movie now. {kept}')
    return scene, source


def _provenance(task: Task, source: bpy.types.Strip, folder: str, doubtful: int) -> dict[str, Any]:
    """What a strip of ours keeps of how it was made, and of how its movie was before. folder, as it is written."""
    return {
        "source": source.name,
        "movie": source.filepath if source.type == "MOVIE" else source.directory,
        "folder": folder,
        "output": task.job.output,
        "format": task.job.format,
        "settings": os.path.basename(task.job.folder).rpartition("_")[2],
        "made_with": _made_with(task.job),
        "made_on": devices.listed(folders.made_on(task.job.folder)),
        "doubtful": doubtful,
        "mute_source": task.mute_source,
        # What Remove puts back.
        "muted": task.job.output == "CUTOUT" and task.mute_source and not source.mute,
        "unmuted": task.job.output == "MATTE" and source.mute,
        "blend": source.blend_type if task.job.output == "MATTE" else "",
    }


def _mask(scene: bpy.types.Scene, source: bpy.types.Strip, images: bpy.types.ImageStrip) -> None:
    """Let a strip of mattes mask its movie, in place of those that did."""
    for old in strips.mask_with(scene, source, images):
        for known in ("unmuted", "blend"):  # the movie is as that one left it
            images[strips.MADE][known] = old[strips.MADE].get(known, images[strips.MADE][known])
        strips.feed(scene, strips.readers(scene, old), images)
        strips.remove(scene, old)
    source.mute = False


def _place_warnings(
    task: Task, scene: bpy.types.Scene, source: bpy.types.Strip, images: bpy.types.ImageStrip, frames: Sequence[int]
) -> tuple[str, ...]:
    """What the editor is to know of a strip that stands on the timeline now. frames: source frames that it shows."""
    told = list(_effect_warnings(scene, source, images)) if task.job.output == "CUTOUT" else []
    if images.parent_meta() is None and scene.sequence_editor.channels[images.channel].mute:
        told.append(f'"{images.name}" is on channel {images.channel}, which is muted. Unmute that to see it')
    missing = len(set(frames) - set(task.job.frames))
    if missing:
        told.append(f'"{source.name}" was edited meanwhile and shows {missing} more frames. Run again to matte them')
    return tuple(told)


def _effect_warnings(scene: bpy.types.Scene, source: bpy.types.Strip, images: bpy.types.ImageStrip) -> tuple[str, ...]:
    """Which effect strips show a movie that has a cutout: they read it though it is muted. A mask they show."""
    effects = dict.fromkeys(name for name, _ in strips.readers(scene, source))
    return tuple(
        f'"{name}" still shows "{source.name}" with its background. Use Switch Output, or make "{images.name}" its '
        "input and move it above that"
        for name in effects
        if not strips.everything(scene)[name].mute
    )


def _shows(scene: bpy.types.Scene, strip: bpy.types.Strip, job: inference.Job) -> bool:
    """Whether a strip shows the movie or the pictures of a job."""
    return (strips.source_path(scene, strip), strips.pictures(scene, strip)) == (job.movie, job.pictures)


def _beside(scene: bpy.types.Scene, strip: bpy.types.Strip, job: inference.Job) -> tuple[str, ...]:
    """The names of other strips that show what a job is made of."""
    others = [other for other in strips.all_sources(scene) if other.name != strip.name]
    return tuple(other.name for other in others if _shows(scene, other, job))


def _renamed(scene: bpy.types.Scene, task: Task) -> bpy.types.Strip | None:
    """The one strip that shows the same and that was not there under this name; None for none, or for several."""
    found = [strip for strip in strips.all_sources(scene) if strip.name not in task.beside]
    found = [strip for strip in found if _shows(scene, strip, task.job)]
    return found[0] if len(found) == 1 else None


def remove(scene: bpy.types.Scene, images: bpy.types.Strip | None) -> None:
    """Take a strip of ours away, and let its movie be as it was before, in effects too. Files stay."""
    if images is None:
        return
    made = images[strips.MADE]
    source = strips.find(scene, made["source"])
    if made.get("output") == "MATTE":
        for part in strips.all_sources(scene):  # a movie may have been split without its matte
            if strips.unmask(part, images):
                strips.blend_again(part, made.get("blend", ""))
                part.mute = part.mute or bool(made.get("unmuted"))
    elif source is not None and made.get("muted"):
        others = [other for other in strips.all_made(scene) if other != images and _hides(other, source)]
        if others:
            others[0][strips.MADE]["muted"] = True
        else:
            source.mute = False
    if source is not None and source.parent_meta() == images.parent_meta():
        strips.feed(scene, strips.readers(scene, images), source)
    strips.remove(scene, images)


def _hides(images: bpy.types.Strip, source: bpy.types.Strip) -> bool:
    """Whether a strip of ours is a cutout that stands for a movie strip."""
    made = images[strips.MADE]
    return (made["source"], made.get("output")) == (source.name, "CUTOUT") and bool(made.get("mute_source"))


def paired(scene: bpy.types.Scene) -> list[tuple[bpy.types.ImageStrip, str]]:
    """The strips of ours, each with the name of the strip that it belongs to.

    What was split or copied still names what it was split off or copied from: then, and where that is gone, it belongs
    to the strip of the same file that it lies on. One that is alone in naming a movie keeps it, wherever that is:
    Re-align takes it there.
    """
    made = strips.all_made(scene)
    named = [images[strips.MADE]["source"] for images in made]
    return [(images, _part(scene, images, named.count(name) > 1)) for images, name in zip(made, named, strict=True)]


def _part(scene: bpy.types.Scene, images: bpy.types.ImageStrip, shared: bool) -> str:
    """The name of the strip that one of ours belongs to. shared: whether another of ours names the same one."""
    name: str = images[strips.MADE]["source"]
    source = strips.find(scene, name)
    if source is not None and not shared:
        return name
    known = os.path.normpath(bpy.path.abspath(images[strips.MADE]["movie"]))
    path = strips.source_path(scene, source) if source is not None else known
    parts = [part for part in strips.all_sources(scene) if strips.source_path(scene, part) == path]
    part = max(parts, key=lambda part: (_overlap(part, images), part.channel), default=None)
    return part.name if part is not None and _overlap(part, images) else name


def pair(scene: bpy.types.Scene) -> None:
    """Let each strip of ours name the strip that it belongs to, and let that one's mask read it."""
    for images, name in paired(scene):
        made = images[strips.MADE]
        if made["source"] != name:
            made["source"] = name
            if made.get("output") == "MATTE":
                strips.read_instead(strips.find(scene, name), images)


def _overlap(source: bpy.types.Strip, images: bpy.types.Strip) -> int:
    """Timeline frames that both are on; 0 where one is in another meta strip, or where the source is above ours."""
    (first, end), (start, last) = strips.extent(source), strips.extent(images)
    apart = source.parent_meta() != images.parent_meta() or source.channel > images.channel
    return 0 if apart else max(min(end, last) - max(first, start), 0)


def source_of(scene: bpy.types.Scene, images: bpy.types.Strip) -> bpy.types.Strip:
    """The strip that one of ours was made of. MatteError where it is gone."""
    name = images[strips.MADE]["source"]
    source = strips.find(scene, name)
    if source is None:
        raise MatteError(f'The strip "{name}", of which "{images.name}" was made, is gone')
    return source


def folder_of(images: bpy.types.Strip) -> str:
    """The absolute path of a strip's folder: as the strip has it, for Blender keeps that right where the project is
    saved in another place."""
    return os.path.normpath(bpy.path.abspath(images.directory))


def check_there(files: Iterable[str]) -> None:
    """MatteError that names the first of these images of ours that is missing."""
    for file in files:
        if not os.path.exists(file):
            raise MatteError(f'"{file}" is missing. Run Add Matte again')


def switch(context: bpy.types.Context, scene: bpy.types.Scene, images: bpy.types.Strip) -> Task:
    """What makes the other output of a strip of ours out of its mattes, with the settings that it was made with.

    Raises MatteError with a sentence for the editor. Changes nothing.
    """
    made = images[strips.MADE].to_dict()
    source = source_of(scene, images)
    if "made_with" not in made:
        raise MatteError(f'"{images.name}" was made by an older Strip Matte. Use Add Matte with the other output')
    try:
        known = json.loads(made["made_with"])
        subject, shape = _tuples(known.pop("subject")), inference.Shape(**known.pop("shape"))
        frames = tuple(sorted(set(_shown(scene, source, None)[1])))
        pictures = strips.pictures(scene, source)
        job = inference.Job(
            movie=strips.source_path(scene, source),
            frames=frames,
            folder="",
            output="MATTE" if made["output"] == "CUTOUT" else "CUTOUT",
            mattes=folder_of(images),
            subject=inference.Subject(**subject),
            shape=shape,
            device=settings_.device(settings_.preferences(context)),
            must_use=settings_.preferences(context).must_use,
            cores=settings_.preferences(context).cores or automatic_cores(),
            pictures=pictures,
            gaps=inference.missing_pictures(pictures),
            **known,
        )
    except (TypeError, ValueError, KeyError) as error:
        raise MatteError(f'What "{images.name}" was made with can not be read. Use Add Matte instead') from error
    movie = inference.probe(job.movie) if source.type == "MOVIE" else None
    name = folders.name_for(job)
    job = replace(job, folder=os.path.join(os.path.dirname(job.mattes), name))
    # A cutout can not give the 16 bits back: where it was a matte before, that one's files are there.
    home = job.folder if (job.output, job.format) == ("MATTE", "PNG16") else job.mattes
    names = [folders.image_name(frame, job.format) for frame in frames]
    missing = [name for name in names if not os.path.exists(os.path.join(home, name))]
    if missing and job.subject.mask:
        raise MatteError(f'"{images.name}" lacks {len(missing)} frames that "{source.name}" shows now. Use Add Matte')
    written = os.path.join(os.path.dirname(os.path.dirname(os.path.join(images.directory, ""))), name)
    return Task(
        scene.name,
        source.name,
        None,
        written,
        made["mute_source"],
        job,
        (*strips.warnings(scene, source, movie), *_colour_warnings(source, job.output)),
        strips.pixels(source),
        scene.session_uid,
        _beside(scene, source, job),
        images.name,
    )


def realign(scene: bpy.types.Scene, images: bpy.types.Strip) -> None:
    """Give a strip of ours the place and the frames that its movie has now. Takes no inference.

    Raises MatteError where images are missing that the movie shows now; nothing is changed then.
    """
    source = source_of(scene, images)
    start, frames = _shown(scene, source, None)
    files = [folders.image_name(frame, images[strips.MADE].get("format", "PNG8")) for frame in frames]
    folder = folder_of(images)
    missing = {file for file in files if not os.path.exists(os.path.join(folder, file))}
    if missing:
        raise MatteError(f'"{source.name}" shows {len(missing)} frames that have no matte yet. Use Add Matte')
    strips.realign(scene, source, images, files, start)


def place_all(whole: Sequence[tuple[Task, int]]) -> tuple[int, list[str]]:
    """Place each task, beside which is how many of its images are doubtful. Returns how many have a place, and a
    sentence for every warning and every one that has none."""
    placed = 0
    troubles: list[str] = []
    for task, doubtful in whole:
        try:
            troubles += place(task, doubtful)
            placed += 1
        except MatteError as error:
            troubles.append(str(error))
        except Exception as error:  # a defect of ours: the editor gets a sentence, the others their place
            log.exception("%s has no place", task.strip)
            troubles.append(f"{task.strip}: {type(error).__name__}: {error}. Please report this as a bug")
    return placed, troubles


def _other_name(job: inference.Job) -> str:
    """The name of the folder of the other output."""
    return folders.name_for(replace(job, output="MATTE" if job.output == "CUTOUT" else "CUTOUT"))


def _made_with(job: inference.Job) -> str:
    """As JSON, all of a job that its images depend on but the movie."""
    fields = ("model", "format", "quality", "precision", "edges", "edge_colour", "steady", "upright")
    known = {name: getattr(job, name) for name in fields}
    subject, shape = asdict(replace(job.subject, masks=())), asdict(job.shape)
    return json.dumps({**known, "subject": subject, "shape": shape})


def _tuples(known: dict[str, Any]) -> dict[str, Any]:
    """What JSON made lists of."""
    lists = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
    return {**known, **lists, "path": tuple(tuple(point) for point in known["path"])}


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


def _masked_subject(
    scene: bpy.types.Scene, strip: bpy.types.Strip, frames: Sequence[int], folder: str
) -> inference.Subject:
    """`subject_of` with a mask, which is drawn, into the folder."""
    mask = scene.strip_matte.mask
    if mask is None:
        return subject_of(scene, strip)
    extent, timing = range(*strips.extent(strip)), strips.timing(scene, strip)
    content = range(timing.start, timing.end) or extent
    # A source frame that is shown more than once has the mask of the first time.
    first = dict(zip(reversed(timing.source_frames(extent)), reversed(extent), strict=True))
    wanted = sorted(first[frame] for frame in frames)
    identity, files = masks.draw(mask, extent, content, wanted, strips.picture_size(strip), folder)
    return subject_of(scene, strip, identity, tuple(files[first[frame]] for frame in frames))


def _check_pictures(name: str, pictures: Sequence[str], gaps: Collection[int]) -> tuple[str, ...]:
    """MatteError where an image strip has no file, or its first can not be read; a warning where some are missing."""
    there = [file for frame, file in enumerate(pictures) if frame not in gaps]
    if not there:
        raise MatteError(f'The pictures of "{name}" are missing. Put the files back, or choose them again')
    inference.check_picture(there[0])
    if not gaps:
        return ()
    return (f'{len(gaps)} of {len(pictures)} pictures of "{name}" are missing. Its cutout is empty there',)
