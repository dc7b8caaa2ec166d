# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame under the playhead with the settings as they are, over its strip in the sequencer's preview.

A timer looks ten times a second at what is wished for; a thread makes it; a draw handler shows it. Nothing is put on
the timeline, and nothing is written but drawings of a mask, in a folder that goes when the preview is switched off.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import tempfile
import threading
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from bpy.app.handlers import persistent
from bpy.props import EnumProperty

from .. import inference
from ..inference import MatteError
from ..inference.libraries import load
from . import masks, strips, subject, tasks
from . import run as runs
from . import settings as settings_
from .timing import Timing
from .translations import told

log = logging.getLogger(__name__)
TICK, SOON = 0.1, 0.02  # seconds between two looks at the playhead and the settings; while something is in the making
LONGEST = 1920  # pixels of a texture's longer side: larger ones take long to hand over, and screens do not show them
FAR = 1000.0  # pixels between the points by which a strip's place is told: far, for exact differences
MODES = (
    ("RED", "Red", "The matte in red over the picture"),
    ("CUTOUT", "Cutout", "The cutout over a checkerboard"),
    ("MATTE", "Matte", "The matte alone: white stays, black goes"),
)
VERTEX = "void main() { uv = share; gl_Position = ModelViewProjectionMatrix * vec4(place, 0.0, 1.0); }"
# Blender's own shader for images puts out code values even where the framebuffer takes light, and is too bright here.
# Which of the two is taken Blender tells every shader that has a constant of this name.
FRAGMENT = """
void main() {
    vec4 code = texture(image, uv);
    vec3 light = mix(code.rgb / 12.92, pow((code.rgb + 0.055) / 1.055, vec3(2.4)), step(vec3(0.04045), code.rgb));
    colour = vec4(srgbTarget ? light : code.rgb, 1.0);
}
"""
_preview: Preview | None = None


class SEQUENCER_OT_matte_preview(bpy.types.Operator):
    """Show in the preview what the settings make of the frame under the playhead, while you change them. Nothing is
    written. It is what the run will give, so the frames around are looked at too: Largest takes longest"""

    bl_idname = "sequencer.matte_preview"
    bl_label = "Preview Matte"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = "" if is_on() else why_not(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        if is_on():
            off()
            return {"FINISHED"}
        if bpy.app.background or context.window is None:
            self.report({"ERROR"}, "The preview needs a window. Without one, use Add Matte on a short strip")
            return {"CANCELLED"}
        switch_on(context)
        return {"FINISHED"}


@dataclass(frozen=True)
class Wish:
    """What is to be shown. frame: source frame. timeline: the frame of the scene that shows it. mode: of MODES."""

    scene: str
    strip: str
    timeline: int
    job: inference.Job
    frame: int
    mode: str


@dataclass(frozen=True, eq=False)
class Made:
    """What was made of a wish: pixels, (h, w, 4) float32 in 0..1, or a sentence that says why there are none."""

    wish: Wish
    pixels: np.ndarray | None
    trouble: str


class Worker:
    """A thread that makes what was wished for last. A wish that another one overtakes is forgotten. No bpy here."""

    def __init__(self) -> None:
        self.made: Made | None = None
        self._wish: Wish | None = None
        self._ended = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="strip_matte_preview", daemon=True)
        self._thread.start()

    def ask(self, wish: Wish) -> None:
        with self._news:
            self._wish = wish
            self._news.notify()

    def end(self, *, wait: bool) -> None:
        """Let the thread end after the frame in hand."""
        with self._news:
            self._ended = True
            self._news.notify()
        if wait:
            self._thread.join()

    def _work(self) -> None:
        while (wish := self._next()) is not None:
            try:
                stills = _stills()
                made = Made(wish, stills.view(stills.still(wish.job, wish.frame), wish.mode, LONGEST), "")
            except MatteError as error:
                made = Made(wish, None, str(error))
            except Exception as error:  # a defect of ours: the editor gets a sentence, the log the traceback
                log.exception("%s failed", wish.strip)
                made = Made(wish, None, f"{type(error).__name__}: {error}. Please report this as a bug")
            self.made = made
        with contextlib.suppress(MatteError):  # where the libraries do not load, nothing was kept
            _stills().forget()

    def _next(self) -> Wish | None:
        with self._news:
            self._news.wait_for(lambda: self._ended or self._wish is not None)
            wish, self._wish = self._wish, None
            return None if self._ended else wish


def _stills() -> Any:
    """inference.still, loaded late: it needs the wheels."""
    return load(".still", inference.__name__)


class Preview:
    """What is there while the preview is on. Strips and scenes by name: Undo replaces them."""

    def __init__(self, strip: str) -> None:
        self.strip = strip
        self.worker = Worker()
        self.wish: Wish | None = None
        self.trouble = ""
        self._told: tuple[object, ...] = ()
        self._texture: tuple[Made, Any] | None = None
        self._scratch = tempfile.TemporaryDirectory(prefix="strip_matte_")
        add = bpy.types.SpaceSequenceEditor.draw_handler_add
        self._handles = [add(_draw_picture, (), "PREVIEW", "POST_VIEW"), add(_draw_text, (), "PREVIEW", "POST_PIXEL")]

    def end(self, *, wait: bool) -> None:
        for handle in self._handles:
            bpy.types.SpaceSequenceEditor.draw_handler_remove(handle, "PREVIEW")
        self.worker.end(wait=wait)
        self._texture = None
        self._scratch.cleanup()

    def look(self, context: bpy.types.Context) -> bool:
        """See what is wished for now, and ask for it where that is new. False where the strip is gone."""
        scene = strips.sequencer_scene(context)
        strip = subject.strip_here(context) or strips.find(scene, self.strip)
        if strip is None or not strips.is_source(strip):
            return False
        self.strip = strip.name
        if context.screen is None or not context.screen.is_animation_playing:
            try:
                wish, self.trouble = _wish(context, scene, strip, self._scratch.name), ""
            except MatteError as error:
                wish, self.trouble = None, str(error)
            if wish is not None and wish != self.wish:
                self.worker.ask(wish)
            self.wish = wish
        told = self.wish, self.trouble, self.worker.made, _place(strip)
        if told != self._told:
            self._told = told
            _redraw()
        return True

    @property
    def made(self) -> Made | None:
        """What can be shown: of the frame that is wished for, even where a setting has changed since."""
        made, wish = self.worker.made, self.wish
        if made is None or wish is None:
            return None
        same = (made.wish.scene, made.wish.strip, made.wish.timeline) == (wish.scene, wish.strip, wish.timeline)
        return made if same and made.wish.frame == wish.frame else None

    @property
    def waiting(self) -> bool:
        """Whether what is wished for is in the making."""
        return self.wish is not None and (self.worker.made is None or self.worker.made.wish != self.wish)

    @property
    def text(self) -> str:
        """What is told in the preview's corner."""
        if self.trouble or self.wish is None:
            return told(self.trouble)
        if self.made is None or self.waiting:
            return told(f"Matting source frame {self.wish.frame} ...")
        return told(self.made.trouble or f"Matte of source frame {self.wish.frame}")

    def texture(self, made: Made) -> Any:
        """What was made, on the GPU. In a draw handler only."""
        import gpu  # refuses to be used without a window

        if self._texture is None or self._texture[0] is not made:
            height, width = made.pixels.shape[:2]  # type: ignore[union-attr]
            data = gpu.types.Buffer("FLOAT", (height, width, 4), made.pixels)
            self._texture = made, gpu.types.GPUTexture((width, height), format="RGBA8", data=data)
        return self._texture[1]


def is_on() -> bool:
    return _preview is not None


def why_not(context: bpy.types.Context) -> str:
    """Why nothing can be shown now, as a sentence without a full stop; empty where it can."""
    if inference.problem():
        return inference.problem()
    if runs.busy():
        return runs.busy()
    if subject.strip_here(context) is None:
        return "Select one movie or image strip that is seen on the current frame"
    return ""


def switch_on(context: bpy.types.Context) -> None:
    """Begin with the selected strip on the current frame, where there is one."""
    global _preview  # noqa: PLW0603  the timer, the draw handlers and unregister() all ask for the one there is
    strip = subject.strip_here(context)
    if strip is not None:
        _preview = Preview(strip.name)
        bpy.app.timers.register(_tick, first_interval=0.0)


def off(*, wait: bool = False) -> None:
    """Leave nothing behind. wait: for the thread too, which ends after the frame in hand otherwise."""
    global _preview
    if _preview is None:
        return
    ended, _preview = _preview, None
    # A timer that is left can hang 4.5 when it quits.
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    ended.end(wait=wait)
    _redraw()


def _tick() -> float | None:
    if _preview is None:
        return None
    windows = [window for window in bpy.context.window_manager.windows if _previews(window)]
    try:
        # A timer has no window of its own, and without one no sequencer's scene.
        with bpy.context.temp_override(window=windows[0]) if windows else contextlib.nullcontext():
            alive = runs.current() is None and _preview.look(bpy.context)
    except BaseException:
        off()
        raise
    if not alive:
        off()
        return None
    return SOON if _preview.waiting else TICK


@persistent
def _file_is_loaded(*_: object) -> None:
    off()


# What is wished for


def _wish(context: bpy.types.Context, scene: bpy.types.Scene, strip: bpy.types.Strip, scratch: str) -> Wish | None:
    """The strip's frame under the playhead with the scene's settings; None where the strip is not there.

    Nothing is checked that only the run needs. Raises MatteError.
    """
    first, last = strips.extent(strip)
    now = scene.frame_current
    if not first <= now < last:
        return None
    shown = _played(strips.timing(scene, strip), first, last)
    frame = shown[now - first]
    size = strips.picture_size(strip)  # where Blender does not know it, nothing can be drawn
    mask, subject_ = scene.strip_matte.mask, tasks.subject_of(scene, strip)
    if mask is not None:
        # A source frame that is shown more than once has the mask of the first time.
        drawing = _drawn(mask, first + shown.index(frame), size, scratch)
        subject_ = tasks.subject_of(scene, strip, "preview", (drawing,))
    path = strips.source_path(scene, strip)
    upright = strips.UPRIGHT or strip.type == "IMAGE" or not inference.probe(path).turned
    model = settings_.model_path(context, scene.strip_matte)
    job = tasks.job_of(context, scene, strip, (frame,), subject_, model=model, upright=upright)
    return Wish(scene.name, strip.name, now, job, frame, context.window_manager.strip_matte_preview)


@functools.lru_cache(maxsize=2)
def _played(timing: Timing, first: int, last: int) -> tuple[int, ...]:
    """The source frame of each timeline frame, played forward. Kept, for long strips take long."""
    return tuple(timing.source_frames(range(first, last)))


def _drawn(mask: bpy.types.Mask, timeline: int, size: tuple[int, int], scratch: str) -> str:
    """A drawing of a mask as it is on a timeline frame. Made where there is none of its points as they are now."""
    digest = hashlib.sha256(repr((mask.name, timeline, size, _points(mask))).encode()).hexdigest()[:16]
    home = os.path.join(scratch, digest)
    if not os.path.isdir(home):
        part = f"{home}.part"
        os.makedirs(part, exist_ok=True)
        with masks.stage(mask) as scene:
            masks.drawn(scene, mask, [timeline], size, part)
        os.replace(part, home)
    return os.path.join(home, f"{timeline:06d}.png")


def _points(mask: bpy.types.Mask) -> list[object]:
    """All numbers of a mask that say what it looks like on the current frame, without animation of its points."""
    found: list[object] = [mask.frame_start]
    for layer in mask.layers:
        found += [layer.name, layer.alpha, layer.blend, layer.invert, layer.falloff, layer.hide_render]
        for spline in layer.splines:
            found += [spline.use_cyclic, spline.use_fill, spline.offset_mode, spline.weight_interpolation]
            for point in spline.points:
                found += [*point.co, *point.handle_left, *point.handle_right, point.weight, point.handle_type]
                found += [number for feather in point.feather_points for number in (feather.u, feather.weight)]
    return found


# Where and how it is drawn


def corners(strip: bpy.types.Strip) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Where the strip's picture is drawn: its upper left, upper right, lower left and lower right corner, without what
    is cropped. First in the preview's view, as `strips.picture_point` takes them; then as shares of the picture from
    the left and the top. The first are found by turning that function around."""
    width, height = strips.picture_size(strip)
    crop = strip.crop
    left, right = crop.min_x / width, max(1.0 - crop.max_x / width, crop.min_x / width)
    top, bottom = crop.max_y / height, max(1.0 - crop.min_y / height, crop.max_y / height)
    shares = [(left, top), (right, top), (left, bottom), (right, bottom)]
    # From preview to picture is affine: three points tell all of it.
    start, across, up = (np.array(strips.picture_point(strip, *at)) for at in ((0.0, 0.0), (FAR, 0.0), (0.0, FAR)))
    matrix = np.column_stack((across - start, up - start)) / FAR
    places = np.linalg.solve(matrix, (np.array(shares) - start).T).T
    return [(float(x), float(y)) for x, y in places], shares


def _place(strip: bpy.types.Strip) -> tuple[object, ...]:
    """All that `corners` depends on."""
    numbers = [
        tuple(value) if name == "origin" else value
        for name in strips.TRANSFORM
        for value in [getattr(strip.transform, name)]
    ]
    numbers.append(strips.pixel_aspect(strip))
    return (*numbers, *(getattr(strip.crop, name) for name in strips.CROP), strip.use_flip_x, strip.use_flip_y)


def _draw_picture() -> None:
    """Over the strip, in the preview's own measure."""
    made = _preview.made if _preview else None
    if _preview is None or made is None or made.pixels is None or not _shows(made.wish):
        return
    from gpu_extras.batch import batch_for_shader

    strip = strips.find(strips.sequencer_scene(bpy.context), made.wish.strip)
    if strip is None:
        return
    places, shares = corners(strip)
    shader = _shader()
    # The texture's first row is the picture's upper one.
    batch = batch_for_shader(shader, "TRI_STRIP", {"place": places, "share": shares})
    shader.bind()
    shader.uniform_sampler("image", _preview.texture(made))
    batch.draw(shader)


@functools.cache
def _shader() -> Any:
    """Draws an sRGB-coded picture as it is."""
    import gpu  # refuses to be used without a window

    between = gpu.types.GPUStageInterfaceInfo("strip_matte_preview")
    between.smooth("VEC2", "uv")
    info = gpu.types.GPUShaderCreateInfo()
    info.push_constant("MAT4", "ModelViewProjectionMatrix")
    info.push_constant("BOOL", "srgbTarget")
    info.sampler(0, "FLOAT_2D", "image")
    info.vertex_in(0, "VEC2", "place")
    info.vertex_in(1, "VEC2", "share")
    info.vertex_out(between)
    info.fragment_out(0, "VEC4", "colour")
    info.vertex_source(VERTEX)
    info.fragment_source(FRAGMENT)
    return gpu.shader.create_from_info(info)


def _draw_text() -> None:
    """In the preview's lower left corner."""
    text = _preview.text if _preview else ""
    if not text or bpy.context.space_data.display_mode != "IMAGE":
        return
    import blf

    scale = bpy.context.preferences.system.ui_scale
    blf.size(0, 12 * scale)
    blf.color(0, 1.0, 1.0, 1.0, 1.0)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 3, 0.0, 0.0, 0.0, 1.0)
    blf.position(0, 16 * scale, 16 * scale, 0.0)
    blf.draw(0, text)
    blf.disable(0, blf.SHADOW)


def _shows(wish: Wish) -> bool:
    """Whether the preview that is being drawn shows the frame of a wish."""
    context = bpy.context
    scene = strips.sequencer_scene(context)
    return context.space_data.display_mode == "IMAGE" and (scene.name, scene.frame_current) == (
        wish.scene,
        wish.timeline,
    )


def _previews(window: bpy.types.Window) -> list[bpy.types.Region]:
    """The regions of a window that show the sequencer's preview."""
    areas = [area for area in window.screen.areas if area.type == "SEQUENCE_EDITOR"]
    return [region for area in areas for region in area.regions if region.type == "PREVIEW"]


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for region in _previews(window):
            region.tag_redraw()


_register_classes, _unregister_classes = bpy.utils.register_classes_factory((SEQUENCER_OT_matte_preview,))


def register() -> None:
    _register_classes()
    bpy.types.WindowManager.strip_matte_preview = EnumProperty(
        name="Show", description="What the preview shows of the matte", items=MODES
    )
    bpy.app.handlers.load_pre.append(_file_is_loaded)


def unregister() -> None:
    off(wait=True)
    bpy.app.handlers.load_pre.remove(_file_is_loaded)
    del bpy.types.WindowManager.strip_matte_preview
    _unregister_classes()
