# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs for a render farm: folders that `openjd run` and `deadline bundle submit` take. docs/farm.md."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import bpy
from bpy.props import StringProperty

from ..inference import MatteError
from ..inference.folder import write_whole
from . import strips

TEMPLATE = Path(__file__).resolve().parents[1] / "farm" / "openjd" / "template.yaml"


def write(
    scene: bpy.types.Scene,
    sources: Sequence[bpy.types.Strip],
    folder: str,
    *,
    timeline: tuple[int, int] | None = None,
    images: str | None = None,
    quality: str | None = None,
) -> list[str]:
    """Write a job for each strip, in a folder of its own below `folder`. Returns these folders.

    timeline: timeline frames to cover, the last one exclusive. images, quality: for the scene's folder and quality.
    Raises MatteError where the project is not saved or the folder can not be written.
    """
    project = bpy.data.filepath
    if not project:
        raise MatteError("Save the project first: a farm reads the file")
    if scene.library is not None:
        raise MatteError(strips.LINKED)
    written: list[str] = []
    for strip in sources:
        first, last = strips.extent(strip)
        if timeline:
            first, last = max(first, timeline[0]), min(last, timeline[1])
        name = _name(strip.name)
        values = {
            "Project": project,
            "Scene": scene.name,
            "Strip": strip.name,
            "FirstFrame": first,
            "LastFrame": last - 1,
            "Folder": os.path.normpath(bpy.path.abspath(images or scene.strip_matte.folder)),
            "Quality": quality or scene.strip_matte.quality,
            "Result": f"{os.path.splitext(project)[0]}_{name}_cutout.blend",
        }
        home = os.path.join(os.path.normpath(bpy.path.abspath(folder)), name)
        _write(home, values)
        written.append(home)
    return written


def _write(home: str, values: dict[str, str | int]) -> None:
    """A job's three files: the template, and its parameters as Deadline's program and as openjd's want them."""
    try:
        os.makedirs(home, exist_ok=True)
    except OSError as error:
        raise MatteError(f'The folder "{home}" can not be made: {error.strerror}') from error
    listed = [{"name": name, "value": value} for name, value in values.items()]
    write_whole(os.path.join(home, "template.yaml"), TEMPLATE.read_bytes())
    write_whole(os.path.join(home, "parameter_values.json"), _json({"parameterValues": listed}))
    write_whole(os.path.join(home, "parameters.json"), _json(values))


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"


def _name(strip: str) -> str:
    """A strip's name as a folder's: what no file system takes is written by its number, as in web addresses."""
    return re.sub(r"[^\w .-]|^\.|[. ]$", lambda found: f"%{ord(found[0]):02x}", strip)


class SEQUENCER_OT_matte_farm_job(bpy.types.Operator):
    """Write a job for a render farm for each selected strip: its frames in chunks for many machines, then the cutout in
    a copy of the project"""

    bl_idname = "sequencer.matte_farm_job"
    bl_label = "Write Farm Job"

    directory: StringProperty(
        name="Folder",
        description="Where the jobs are written, each into a folder with its strip's name",
        subtype="DIR_PATH",
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not bpy.data.filepath:
            cls.poll_message_set("Save the project first: a farm reads the file")
            return False
        if strips.sequencer_scene(context).library is not None:
            cls.poll_message_set(strips.LINKED)
            return False
        if not strips.selected_sources(context):
            cls.poll_message_set("Select a movie strip or an image strip in the sequencer")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.directory:
            self.report({"ERROR"}, "Choose a folder for the job")
            return {"CANCELLED"}
        try:
            written = write(strips.sequencer_scene(context), strips.selected_sources(context), self.directory)
        except MatteError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        for home in written:
            self.report({"INFO"}, f'Job written to "{home}"')
        if bpy.data.is_dirty:
            self.report({"WARNING"}, "Save the project before the job is submitted: a farm reads the file")
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((SEQUENCER_OT_matte_farm_job,))
