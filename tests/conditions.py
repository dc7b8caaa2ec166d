# SPDX-License-Identifier: GPL-3.0-or-later
"""What an editor does to a strip, and whether each timeline frame then shows the source frame that we name: for a test
and for docs/frames.md."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import clips
import frames
import numpy as np
import timeline

from inference import movie, png

CLIPS = ("rate_30.mp4", "phone.mp4", "two_rates.mkv", "start_2s.mkv", "b_frames.avi")
START = 10
RESAMPLED, EASED_FROM, EASED_TO = 1 << 17, 1 << 0, 1 << 1
Condition = Callable[["Stage", Any, int], None]


class Stage:
    """A scene at 25 frames a second with one movie strip, and what an editor does to it."""

    def __init__(self) -> None:
        self.memory = timeline.addon("operators.memory")
        self.scene = timeline.new_scene(clips.WIDTH, clips.HEIGHT, 25)

    def operator(self, name: str, **options: Any) -> None:
        """Run one of the sequencer's operators as if in its window."""
        window = bpy.context.window_manager.windows[0]
        area = window.screen.areas[0]
        area.type = "SEQUENCE_EDITOR"
        region = next(region for region in area.regions if region.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=area, region=region, scene=self.scene):
            assert getattr(bpy.ops.sequencer, name)(**options) == {"FINISHED"}

    def resample(self, strip: Any) -> None:
        """What Add > Movie does to a strip: no release lets RNA do it, and without a window the operator crashes."""
        self._write(strip.as_pointer(), "Sequence", "flag", RESAMPLED)
        # A handle that is moved makes Blender reckon the length anew.
        handles(strip, START, START + content_length(strip))

    def retime(self, strip: Any, *keys: tuple[int, int]) -> None:
        """Put keys where the content is at the first number of timeline frames, then move them to the second."""
        self.operator("retiming_show")
        for before, _ in keys:
            self.operator("retiming_key_add", timeline_frame=START + before)
        for number, (_, after) in enumerate(keys, 1):
            strip.retiming_keys[number].timeline_frame = START + after

    def ease(self, strip: Any) -> None:
        """Make the way from the second key to the third a gradual change of speed."""
        for number, flag in ((1, EASED_FROM), (2, EASED_TO)):
            keys = int(self.memory.Struct(strip.as_pointer(), "Sequence")["*retiming_handles"])
            size = self.memory.layout()["SeqRetimingHandle"][""][0]
            self._write(keys + number * size, "SeqRetimingHandle", "flag", flag)

    def _write(self, address: int, kind: str, field: str, bits: int) -> None:
        ctypes.c_int32.from_address(address + self.memory.layout()[kind][field][0]).value |= bits


def content_length(strip: Any) -> int:
    """Timeline frames of content."""
    end = strip.content_end if hasattr(strip, "content_end") else strip.frame_final_end + strip.frame_offset_end
    start = strip.content_start if hasattr(strip, "content_start") else strip.frame_start
    return int(end - start)


def handles(strip: Any, left: int, right: int) -> None:
    if hasattr(strip, "left_handle"):
        strip.left_handle, strip.right_handle = left, right
    else:
        strip.frame_final_start, strip.frame_final_end = left, right


def trimmed(stage: Stage, strip: Any, length: int) -> None:
    handles(strip, START + length // 5, START + length // 2)


def slipped(stage: Stage, strip: Any, length: int) -> None:
    trimmed(stage, strip, length)
    stage.operator("slip", offset=4)


def reversed_and_trimmed(stage: Stage, strip: Any, length: int) -> None:
    trimmed(stage, strip, length)
    strip.use_reverse_frames = True


def flipped(stage: Stage, strip: Any, length: int) -> None:
    trimmed(stage, strip, length)
    strip.use_flip_x = strip.use_flip_y = True


def strobe(stage: Stage, strip: Any, length: int) -> None:
    strip.strobe = 3


def strobe_in_parts_and_reversed(stage: Stage, strip: Any, length: int) -> None:
    strip.strobe = 2.5
    strip.use_reverse_frames = True


def content_trimmed(stage: Stage, strip: Any, length: int) -> None:
    if hasattr(strip, "content_trim_start"):
        strip.content_trim_start, strip.content_trim_end = 5, 3
    else:
        strip.animation_offset_start, strip.animation_offset_end = 5, 3


def content_trimmed_and_reversed(stage: Stage, strip: Any, length: int) -> None:
    content_trimmed(stage, strip, length)
    strip.use_reverse_frames = True


def handles_beyond_the_content(stage: Stage, strip: Any, length: int) -> None:
    handles(strip, START - 7, START + length + 9)


def handles_beyond_the_content_and_reversed(stage: Stage, strip: Any, length: int) -> None:
    handles_beyond_the_content(stage, strip, length)
    strip.use_reverse_frames = True


def before_frame_0(stage: Stage, strip: Any, length: int) -> None:
    if hasattr(strip, "content_start"):
        strip.content_start = -20
    else:
        strip.frame_start = -20


def in_a_meta_strip(stage: Stage, strip: Any, length: int) -> None:
    trimmed(stage, strip, length)
    stage.operator("meta_make")


def scene_rate_changed(stage: Stage, strip: Any, length: int) -> None:
    stage.scene.render.fps = 30


def resampled(stage: Stage, strip: Any, length: int) -> None:
    stage.resample(strip)


def resampled_to_ntsc(stage: Stage, strip: Any, length: int) -> None:
    stage.scene.render.fps, stage.scene.render.fps_base = 24, 1.001
    stage.resample(strip)


def resampled_to_more_frames(stage: Stage, strip: Any, length: int) -> None:
    stage.scene.render.fps = 60
    stage.resample(strip)


def resampled_reversed_and_trimmed(stage: Stage, strip: Any, length: int) -> None:
    stage.resample(strip)
    trimmed(stage, strip, length)
    strip.use_reverse_frames = True


def resampled_then_scene_rate_changed(stage: Stage, strip: Any, length: int) -> None:
    stage.resample(strip)
    stage.scene.render.fps = 24


def slower_then_faster(stage: Stage, strip: Any, length: int) -> None:
    stage.retime(strip, (10, 23), (35, 29))


def slower_then_faster_and_reversed(stage: Stage, strip: Any, length: int) -> None:
    slower_then_faster(stage, strip, length)
    strip.use_reverse_frames = True


def frozen(stage: Stage, strip: Any, length: int) -> None:
    stage.retime(strip, (10, 10))
    stage.scene.frame_set(START + 20)
    stage.operator("retiming_freeze_frame_add", duration=6)


def resampled_and_slower(stage: Stage, strip: Any, length: int) -> None:
    stage.resample(strip)
    stage.retime(strip, (10, 19))


def content_trimmed_and_slower(stage: Stage, strip: Any, length: int) -> None:
    content_trimmed(stage, strip, length)
    strip.select = True
    stage.retime(strip, (10, 19))


def gradually_faster(stage: Stage, strip: Any, length: int) -> None:
    stage.retime(strip, (6, 12), (16, 22))
    stage.ease(strip)


def gradually_slower_with_a_strobe(stage: Stage, strip: Any, length: int) -> None:
    stage.retime(strip, (16, 8), (26, 18))
    stage.ease(strip)
    strip.strobe = 2


RETIMED: tuple[Condition, ...] = (
    slower_then_faster,
    slower_then_faster_and_reversed,
    frozen,
    resampled_and_slower,
    content_trimmed_and_slower,
    gradually_faster,
    gradually_slower_with_a_strobe,
)
CONDITIONS: tuple[Condition, ...] = (
    trimmed,
    slipped,
    reversed_and_trimmed,
    flipped,
    strobe,
    strobe_in_parts_and_reversed,
    content_trimmed,
    content_trimmed_and_reversed,
    handles_beyond_the_content,
    handles_beyond_the_content_and_reversed,
    before_frame_0,
    in_a_meta_strip,
    scene_rate_changed,
    resampled,
    resampled_to_ntsc,
    resampled_to_more_frames,
    resampled_reversed_and_trimmed,
    resampled_then_scene_rate_changed,
    *RETIMED,
)


@dataclass(frozen=True)
class Row:
    """One clip under one condition: how many timeline frames it has, and those that show another source frame."""

    frames: int
    wrong: tuple[int, ...]


def measure(condition: Condition, name: str, folder: Path) -> Row:
    """Put a clip on an emptied timeline, do to it what the condition says, render it into a folder, and compare."""
    path = clips.make(name)
    stage = Stage()
    strip, named = _done(condition, stage, timeline.add_movie(stage.scene, path, start=START))
    decoded = movie.decode(str(path), sorted(set(named)), upright=bpy.app.version >= (4, 4, 0))
    shows = {frame: clips.number_in(picture) for frame, picture in decoded}
    return _compared(stage, strip, [shows[source] for source in named], folder)


def measure_pictures(condition: Condition, folder: Path) -> Row:
    """The same with an image strip, whose pictures are numbered as a clip's are. They are written into the folder."""
    stage = Stage()
    files = [folder / f"picture_{number:04d}.png" for number in range(48)]
    for number, file in enumerate(files):
        file.write_bytes(png.encode(clips.picture_of(number)))
    strip = timeline.strips(stage.scene.sequence_editor).new_image("Pictures", str(files[0]), 1, START)
    for file in files[1:]:
        strip.elements.append(file.name)
    strip.select = True
    return _compared(stage, *_done(condition, stage, strip), folder)


def _done(condition: Condition, stage: Stage, strip: Any) -> tuple[Any, list[int]]:
    """Do to a strip what the condition says. Returns it, and the source frame that we name for each timeline frame."""
    strips = timeline.addon("operators.strips")
    stage.scene.sequence_editor.active_strip = strip
    condition(stage, strip, content_length(strip))
    strip = strips.find(stage.scene, strip.name)
    return strip, strips.source_frames(stage.scene, strip)


def _compared(stage: Stage, strip: Any, numbers: Sequence[int | None], folder: Path) -> Row:
    """Render a strip into a folder, and compare. numbers: those that each of its timeline frames is to show."""
    first, end = timeline.addon("operators.strips").extent(strip)
    rendered = frames.rendered(stage.scene, first, end - first, folder)
    wrong = [
        frame
        for frame, picture, number in zip(range(first, end), rendered, numbers, strict=True)
        if clips.number_in(flipped_back(strip, picture)) != number
    ]
    return Row(end - first, tuple(wrong))


def flipped_back(strip: Any, picture: np.ndarray) -> np.ndarray:
    """A rendered picture as the movie has it; what stands on its head has no number to read."""
    return picture[:: -1 if strip.use_flip_y else 1, :: -1 if strip.use_flip_x else 1]


def title(condition: Condition) -> str:
    return condition.__name__.replace("_", " ")


def cell(rows: list[Row]) -> str:
    """The result of one condition on all clips, in a few characters."""
    count = sum(row.frames for row in rows)
    wrong = sum(len(row.wrong) for row in rows)
    return f"{count - wrong} of {count}" if wrong else "exact"
