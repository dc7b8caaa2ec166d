# SPDX-License-Identifier: GPL-3.0-or-later
"""Building and rendering a timeline as an editor would, in any release: for the tests and the demo."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("blender_manifest.toml", "__init__.py", "inference", "operators", "ui")
MODULE = "bl_ext.user_default.strip_matte"


def use_checkout(resources: Path) -> None:
    """Enable this checkout as an extension. `resources` is what BLENDER_USER_RESOURCES names since before import bpy.

    Its parts are linked one by one to leave wheels/ out: Blender would unpack those over the same packages from pip.
    """
    import addon_utils

    extension = resources / "extensions" / "user_default" / "strip_matte"
    extension.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if not (extension / part).exists():
            (extension / part).symlink_to(ROOT / part)
    failed: list[Exception] = []
    if addon_utils.enable(MODULE, default_set=True, handle_error=failed.append) is None:
        raise RuntimeError("The add-on could not be enabled") from (failed[0] if failed else None)


def addon(name: str) -> Any:
    """A module of the add-on as Blender loaded it: addon("operators.strips")."""
    return sys.modules[f"{MODULE}.{name}"]


def strips(parent: Any) -> Any:
    """The strips of a sequence editor or a meta strip."""
    return parent.strips if hasattr(parent, "strips") else parent.sequences


def new_scene(width: int, height: int, fps: int, fps_base: float = 1.0) -> Any:
    """The scene with an empty timeline, plain colours and this size and rate."""
    scene = bpy.context.scene
    scene.sequence_editor_clear()
    scene.sequence_editor_create()
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = scene
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.fps, scene.render.fps_base = fps, fps_base
    return scene


def add_movie(scene: Any, path: Path, channel: int = 1, start: int = 1, name: str | None = None) -> Any:
    movie = strips(scene.sequence_editor).new_movie(name or path.stem, str(path), channel, start)
    movie.select = True
    return movie


def add_effect(
    scene: Any, kind: str, name: str, channel: int, start: int, length: int, inputs: tuple[Any, ...] = ()
) -> Any:
    """A colour or text strip, or an effect over others. 5.0 takes a length where earlier releases take an end, and
    calls its inputs otherwise."""
    collection = strips(scene.sequence_editor)
    parameters = collection.bl_rna.functions["new_effect"].parameters.keys()
    timing = {"length": length} if "length" in parameters else {"frame_end": start + length}
    word = "input" if "input1" in parameters else "seq"
    given = {f"{word}{number}": strip for number, strip in enumerate(inputs, 1)}
    effect = collection.new_effect(name=name, type=kind, channel=channel, frame_start=start, **timing, **given)
    effect.select = False
    return effect


def add_colour(scene: Any, colour: tuple[float, float, float], channel: int, start: int, length: int) -> Any:
    strip = add_effect(scene, "COLOR", "Background", channel, start, length)
    strip.color = colour
    return strip


def trim(strip: Any, left: int = 0, length: int | None = None) -> None:
    """Take `left` frames off the strip's beginning, and leave it `length` frames."""
    if hasattr(strip, "left_handle"):
        strip.left_handle += left
        if length is not None:
            strip.right_handle = strip.left_handle + length
    else:
        strip.frame_final_start += left
        if length is not None:
            strip.frame_final_end = strip.frame_final_start + length


def render(scene: Any, frame: int) -> Any:
    """The sequencer's picture of a timeline frame: (H, W, 4) uint8 RGBA as Blender writes it to a PNG file."""
    import cv2

    scene.frame_set(frame)
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "8"
    settings.compression = 0
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = os.path.join(folder, "frame.png")
        bpy.ops.render.render(write_still=True)
        picture = cv2.imread(scene.render.filepath, cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA)


def render_movie(scene: Any, path: Path, container: str, codec: str, alpha: bool) -> None:
    """Render the timeline to a video file."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec = container, codec
    scene.render.ffmpeg.constant_rate_factor = "HIGH"
    if codec == "PRORES":
        scene.render.ffmpeg.ffmpeg_prores_profile = "4444"  # the one with alpha
    scene.render.ffmpeg.audio_codec = "NONE"
    settings.color_mode = "RGBA" if alpha else "RGB"
    scene.render.use_file_extension = False
    scene.render.filepath = str(path)
    bpy.ops.render.render(animation=True)
