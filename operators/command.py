# SPDX-License-Identifier: GPL-3.0-or-later
"""`blender FILE.blend --command strip_matte`: the same job without a window."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import replace

import bpy

from ..inference import MatteError, catalogue, checkup
from . import farm, matte, models, self_test, settings, strips, tasks, verify

NAME = "strip_matte"
DONE, FAILED = 0, 1  # argparse itself ends with 2 for wrong arguments
_handle: object | None = None


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status: 0 done, 1 a job failed, 2 wrong arguments."""
    try:
        chosen = _parser().parse_args(arguments)
    except SystemExit as end:  # argparse ends the process; Blender wants a number
        return int(end.code or 0)
    if chosen.list_models:
        sys.stdout.write(f"{models.listed()}\n")
        return DONE
    context = bpy.context
    if chosen.self_test:
        return _self_test(context)
    scene = bpy.data.scenes.get(chosen.scene) if chosen.scene else strips.sequencer_scene(context)
    if scene is None:
        return _fail(f'There is no scene "{chosen.scene}". There are: {", ".join(bpy.data.scenes.keys())}')
    if chosen.verify:
        return _verify(scene, chosen)
    if chosen.write_job is not None:
        return _write_jobs(scene, chosen)
    try:
        planned = [
            tasks.plan(
                context,
                scene,
                strip,
                timeline=chosen.frames,
                folder=chosen.folder,
                model=_model(chosen.model),
                quality=chosen.quality,
                output=chosen.output,
                format_=chosen.format,
                force=chosen.force,
            )
            for strip in _strips(scene, chosen.strip, chosen.frames)
        ]
    except MatteError as error:
        return _fail(str(error))
    run = matte.make([_on(task, chosen) for task in planned])
    placed, troubles = tasks.place_all(run.whole)
    for note in run.notes:
        sys.stdout.write(f"{note}\n")
    for trouble in (*run.warnings, *troubles):
        sys.stderr.write(f"Warning: {trouble}\n")
    problems = list(run.failures)
    if placed < len(run.whole):
        problems.append("Not every result has a place on the timeline")
    if placed and chosen.save is not None:
        try:
            bpy.ops.wm.save_as_mainfile(filepath=chosen.save or bpy.data.filepath)
        except RuntimeError as error:
            problems.append(str(error).strip())
    return _fail("\n".join(problems)) if problems else DONE


def _on(task: tasks.Task, chosen: argparse.Namespace) -> tasks.Task:
    """A task on the device that is asked for."""
    job = task.job
    return replace(task, job=replace(job, device=chosen.device or job.device, must_use=chosen.must_use or job.must_use))


def _self_test(context: bpy.types.Context) -> int:
    try:
        found = self_test.lines(context)
    except MatteError as error:
        return _fail(str(error))
    sys.stdout.write(checkup.report(found))
    return FAILED if any(line.fault for line in found) else DONE


def _verify(scene: bpy.types.Scene, chosen: argparse.Namespace) -> int:
    """Compare cutouts with their sources: those of the named strips, or all."""
    try:
        named = [_named(scene, name) for name in chosen.strip] if chosen.strip else strips.all_made(scene)
        found = verify.pairs(scene, named)
        if not found:
            raise MatteError("There is no cutout to verify")
        verdicts = [verify.verify(scene, source, cutout, every=chosen.all) for source, cutout in found]
    except MatteError as error:
        return _fail(str(error))
    for verdict in verdicts:
        sys.stdout.write(f"{verdict.strip}: {verdict}\n")
    return FAILED if any(verdict.different for verdict in verdicts) else DONE


def _write_jobs(scene: bpy.types.Scene, chosen: argparse.Namespace) -> int:
    """Write a farm's jobs for the strips that would be matted here."""
    try:
        meant = _strips(scene, chosen.strip, chosen.frames)
        written = farm.write(
            scene, meant, chosen.write_job, timeline=chosen.frames, images=chosen.folder, quality=chosen.quality
        )
    except MatteError as error:
        return _fail(str(error))
    sys.stdout.write("".join(f"{home}\n" for home in written))
    return DONE


def _model(chosen: str | None) -> str | None:
    """The absolute path of the model that is meant: one of the list by its name, or any file by its path. MatteError
    where one of the list is not on this machine."""
    network = catalogue.find(chosen) if chosen else None
    return settings.network_path(network) if network else os.path.abspath(chosen) if chosen else None


def _named(scene: bpy.types.Scene, name: str) -> bpy.types.Strip:
    strip = strips.find(scene, name)
    if strip is None:
        raise MatteError(f'The scene "{scene.name}" has no strip "{name}"')
    return strip


def _strips(scene: bpy.types.Scene, names: list[str] | None, frames: tuple[int, int] | None) -> list[bpy.types.Strip]:
    """The strips that are meant: those named, or every movie, and of them those that stand on the chosen frames.
    MatteError where there is none."""
    sources = {strip.name: strip for strip in strips.all_sources(scene)}
    for name in names or ():
        if name not in sources:
            there = ", ".join(sources) or "none"
            raise MatteError(f'The scene "{scene.name}" has no movie or image strip "{name}". It has: {there}')
    meant = dict.fromkeys(names) if names else [name for name, strip in sources.items() if strip.type == "MOVIE"]
    chosen = [sources[name] for name in meant]
    if frames:
        chosen = [s for s in chosen if strips.extent(s)[0] < frames[1] and frames[0] < strips.extent(s)[1]]
    if not chosen:
        raise MatteError(f'The scene "{scene.name}" has no movie strip there')
    return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"blender FILE.blend --command {NAME}",
        description="Remove the background of movie and image strips: the Add Matte button without a window.",
        epilog="Exit status: 0 done and right, 1 a job failed, or a comparison or a test found a fault, 2 wrong "
        "arguments. Frames that an earlier run made are kept.",
    )
    parser.add_argument(
        "--strip",
        action="append",
        metavar="NAME",
        help="a movie or image strip; may be given again (default: every movie strip)",
    )
    parser.add_argument(
        "--scene", metavar="NAME", default="", help="whose strips are meant (default: the scene that the file shows)"
    )
    parser.add_argument(
        "--frames",
        type=_frames,
        metavar="A-B",
        help="these timeline frames alone, both included; --frames=-5-20 where they begin below 0 (default: all)",
    )
    parser.add_argument(
        "--output",
        type=str.upper,
        choices=[identifier for identifier, *_ in settings.OUTPUTS],
        help="what to make (default: the scene's)",
    )
    parser.add_argument(
        "--format",
        type=str.upper,
        choices=[identifier for identifier, *_ in settings.FORMATS],
        help="of the images; PNG16 is for mattes (default: the scene's)",
    )
    parser.add_argument("--folder", type=_folder, metavar="DIR", help="where the images go (default: the scene's)")
    parser.add_argument(
        "--model", metavar="MODEL", help="a name that --list-models gives, or an ONNX file (default: the scene's)"
    )
    parser.add_argument(
        "--quality",
        type=str.upper,
        choices=[identifier for identifier, *_ in settings.QUALITIES],
        help="how often the network looks at the movie (default: the scene's)",
    )
    parser.add_argument("--list-models", action="store_true", help="the models that have a name, and nothing else")
    parser.add_argument(
        "--force", action="store_true", help="make frames again that are there, but for those that were altered by hand"
    )
    parser.add_argument(
        "--device",
        type=str.upper,
        choices=[identifier for identifier, *_ in settings.DEVICES],
        help="what the network runs on; where that fails, the next is taken (default: the preferences')",
    )
    parser.add_argument("--must-use", action="store_true", help="fail where the device that is named does")
    parser.add_argument(
        "--write-job",
        type=_folder,
        metavar="DIR",
        help="write a job for a render farm for each strip, instead. --strip, --frames, --folder and --quality count, "
        "all else is the project's",
    )
    parser.add_argument("--self-test", action="store_true", help="tell what works here and what does not, instead")
    parser.add_argument("--verify", action="store_true", help="compare cutouts with their movies and tell, instead")
    parser.add_argument("--all", action="store_true", help="with --verify: every frame, not a sample of twelve")
    parser.add_argument(
        "--save", nargs="?", const="", type=_save, metavar="PATH", help="save the project, under PATH where given"
    )
    return parser


def _frames(text: str) -> tuple[int, int]:
    """'A-B', both included and negative ones allowed, as (A, B + 1)."""
    match = re.fullmatch(r"(-?\d+)-(-?\d+)", text)
    if match is None or int(match[1]) > int(match[2]):
        raise argparse.ArgumentTypeError(f"'{text}' is not a range of frames such as 1-250")
    return int(match[1]), int(match[2]) + 1


def _folder(text: str) -> str:
    return text if text.startswith("//") else os.path.abspath(text)


def _save(text: str) -> str:
    return os.path.abspath(text) if text else text


def _fail(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return FAILED


def register() -> None:
    global _handle  # noqa: PLW0603  Blender hands out the key that unregistering takes
    _handle = bpy.utils.register_cli_command(NAME, main)


def unregister() -> None:
    global _handle  # noqa: PLW0603  see register
    bpy.utils.unregister_cli_command(_handle)
    _handle = None
