# SPDX-License-Identifier: GPL-3.0-or-later
"""Strips, and the compositor's nodes, as each release of Blender has them. No other module knows that releases differ.

A *timeline frame* is a frame of the scene; a *source frame* is Blender's number for a picture of the movie, from 0.
"""

from __future__ import annotations  # 4.2 and 4.3 have no bpy.types.Strip to name

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import bpy

from ..inference import MatteError
from . import memory
from .timing import Key, Timing, playback_rate

if TYPE_CHECKING:
    from ..inference.movie import Movie

HIGHEST_CHANNEL = 128
MAX_FRAME = 1_048_574  # the last frame that Blender counts
STRIPS_RENAMED = bpy.app.version >= (5, 0, 0)  # `sequences` became `strips`; 4.4 and 4.5 have both
TIMES_RENAMED = bpy.app.version >= (5, 1, 0)  # `frame_final_start` became `left_handle`, and so on
# How files call a strip and a retiming key, in every release, and a bit of the flags of each.
STRIP, KEY = "Sequence", "SeqRetimingHandle"
RESAMPLED = 1 << 17
GRADUAL = 1 << 0
# How retiming counts, see timing.Timing. 4.3 and 4.4 corrected it in small steps, 5.0 made the last frame retimable.
WHOLE_STEPS = bpy.app.version < (4, 4, 0)
COMPARED = (-1, 1) if bpy.app.version < (4, 3, 0) else (-1, 2) if bpy.app.version < (5, 0, 0) else (0, 2)
# 5.0 shows one picture for all timeline frames that stand on the same whole source frame: the one it rendered first.
REMEMBERED = bpy.app.version >= (5, 0, 0)
# 4.5 warns of a path property that takes // without saying so; 4.2 to 4.4 refuse the word.
RELATIVE_PATH = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
# 4.4 began to turn movies as their files ask, and to read alpha as it does now.
UPRIGHT = bpy.app.version >= (4, 4, 0)
# 4.4 began to connect strips: a click on one, or on its handle, selects those of the others too.
CONNECTED = bpy.app.version >= (4, 4, 0)
# 4.4 began to tell of an image strip's retiming keys. Operators made them before: there one has to take them away.
IMAGE_KEYS_TOLD = bpy.app.version >= (4, 4, 0)
# 5.0 began to flip a strip after its modifiers: a mask that a modifier reads is to be as the movie is unflipped.
FLIPPED_LAST = bpy.app.version >= (5, 0, 0)
# How a modifier reads a mask's numbers as they are. Of 8 bits, as data in every release (4.2 takes sRGB for light where
# the movie is in float); of 16 bits as sRGB, until 5.2 made that light too.
DEEP_MASK_IS_DATA = bpy.app.version >= (5, 2, 0)
# 5.0 made the compositor a node group, and options of nodes sockets.
GROUPS = bpy.app.version >= (5, 0, 0)
MADE = "strip_matte"  # the property that marks the strips we made, and says of what
PATH = "strip_matte_path"  # the property that says where the subject of a source strip is, see path()
# Nothing that is done in such a scene is saved: Blender reads it anew from the file it is linked from.
LINKED = "The scene is linked from another file. Make it local, and try again"
# Ways to blend that do not leave alone what is below a strip where its alpha is 0. The last one makes that transparent.
ALPHA_LOST = ("REPLACE", "CROSS", "GAMMA_CROSS", "MULTIPLY")
MASK = "Strip Matte"  # the name of the modifier on a movie that reads a matte of ours
FLIPS = ("use_flip_x", "use_flip_y")
LOOK = (
    "color_saturation",
    "color_multiply",
    "color_tag",
    "blend_alpha",
    "multiply_alpha",
    "use_float",
)
TRANSFORM = ("offset_x", "offset_y", "scale_x", "scale_y", "rotation", "origin", "filter")
CROP = ("min_x", "max_x", "min_y", "max_y")
INPUTS = ("input_1", "input_2")  # of effect strips
PLACED = ("transform.", "crop.", *FLIPS)  # data paths of what says where in the picture a strip is


def release() -> str:
    """Blender's release as it calls itself, to tell and not to test."""
    return str(bpy.app.version_string)


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the context shows. 5.0 gave the sequencer a scene of its own, which may be none."""
    return getattr(context, "sequencer_scene", None) or context.scene


def is_source(strip: bpy.types.Strip) -> bool:
    """Whether a strip can be matted: movies and pictures, but no cutout of ours."""
    return strip.type == "MOVIE" or (strip.type == "IMAGE" and MADE not in strip)


def selected(context: bpy.types.Context) -> list[bpy.types.Strip]:
    """The selected strips of the open level, the timeline or a meta strip that is tabbed into, by channel and place."""
    scene = sequencer_scene(context)
    if scene.sequence_editor is None:
        return []
    chosen = [strip for strip in _open_level(scene) if strip.select]
    return sorted(chosen, key=lambda strip: (strip.channel, extent(strip)[0]))


def selected_sources(context: bpy.types.Context) -> list[bpy.types.Strip]:
    """The selected movie and image strips, without cutouts of ours."""
    return [strip for strip in selected(context) if is_source(strip)]


def all_sources(scene: bpy.types.Scene) -> list[bpy.types.Strip]:
    """Every movie and image strip of the scene, those in meta strips too."""
    return [strip for strip in everything(scene) if is_source(strip)] if scene.sequence_editor else []


def all_made(scene: bpy.types.Scene) -> list[bpy.types.Strip]:
    """Every strip of ours, those in meta strips too."""
    return [strip for strip in everything(scene) if MADE in strip] if scene.sequence_editor else []


def folders_shown() -> set[str]:
    """Absolute paths of the folders that image strips of any scene show, ours or not."""
    scenes = [scene for scene in bpy.data.scenes if scene.sequence_editor]
    return {source_path(scene, strip) for scene in scenes for strip in everything(scene) if strip.type == "IMAGE"}


def around(strip: bpy.types.Strip) -> list[bpy.types.MetaStrip]:
    """The meta strips that a strip is in, the inmost first."""
    found = []
    parent = strip.parent_meta()
    while parent is not None:
        found.append(parent)
        parent = parent.parent_meta()
    return found


def show_alone(scene: bpy.types.Scene, strip: bpy.types.Strip) -> None:
    """Mute everything but this strip and the meta strips around it, and let it replace what is below. No channel hides
    it. Made for a copy of the scene."""
    metas = around(strip)
    shown = {strip.name, *(meta.name for meta in metas)}
    for other in everything(scene):
        other.mute = other.name not in shown
    for level in (scene.sequence_editor, *metas):
        for channel in level.channels:
            channel.mute = False
    strip.blend_type = "REPLACE"


def show_bare(scene: bpy.types.Scene, strip: bpy.types.Strip) -> None:
    """Show a strip's pictures as they are in the file, and fill the render with them: no place, grade or fading of the
    strip's, of the meta strips' around it, or of the scene's. Made for a copy of the scene."""
    width, height = picture_size(strip)
    render, view = scene.render, scene.view_settings
    share = render.resolution_percentage * max(render.resolution_x, render.resolution_y) / max(width, height) / 100
    render.resolution_x, render.resolution_y = (max(round(side * share), 4) for side in (width, height))
    render.resolution_percentage = 100
    view.view_transform, view.look, view.exposure, view.gamma = "Standard", "None", 0.0, 1.0
    view.use_curve_mapping = False
    scene.animation_data_clear()
    for part in (strip, *around(strip)):
        _show_plain(part)
    strip.transform.scale_x, strip.transform.scale_y = render.resolution_x / width, render.resolution_y / height


def _show_plain(strip: bpy.types.Strip) -> None:
    """Take a strip's place, grade and fading away."""
    strip.use_flip_x = strip.use_flip_y = strip.multiply_alpha = False
    strip.color_saturation = strip.color_multiply = strip.blend_alpha = 1.0
    strip.blend_type = "REPLACE"
    for name in CROP:
        setattr(strip.crop, name, 0)
    transform = strip.transform
    transform.offset_x = transform.offset_y = transform.rotation = 0
    transform.scale_x = transform.scale_y = 1.0
    while strip.modifiers:
        strip.modifiers.remove(strip.modifiers[0])


def render_stills(settings: bpy.types.ImageFormatSettings) -> None:
    """Render to PNG files with alpha. 5.0 asks for the kind of medium first."""
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "8"
    settings.compression = 0


def find(scene: bpy.types.Scene, name: str) -> bpy.types.Strip | None:
    """The strip of this name at any level, or None."""
    return everything(scene).get(name) if scene.sequence_editor else None


def children(parent: bpy.types.SequenceEditor | bpy.types.MetaStrip) -> bpy.types.bpy_prop_collection:
    """The strips directly on a timeline or in a meta strip. An empty collection is false: never `or` two of them."""
    return parent.strips if STRIPS_RENAMED else parent.sequences


def extent(strip: bpy.types.Strip) -> tuple[int, int]:
    """The first timeline frame that the strip is seen on, and the one after its last."""
    if TIMES_RENAMED:
        return strip.left_handle, strip.right_handle
    return strip.frame_final_start, strip.frame_final_end


def source_frames(scene: bpy.types.Scene, strip: bpy.types.Strip) -> list[int]:
    """The source frame that each timeline frame of the strip's extent shows, first to last, played forward."""
    return timing(scene, strip).source_frames(range(*extent(strip)))


def warnings(scene: bpy.types.Scene, strip: bpy.types.Strip, movie: Movie | None) -> tuple[str, ...]:
    """Sentences about what the cutout can not show as Blender shows the strip. movie: None for an image strip."""
    found = []
    if movie is not None and movie.container == "mpeg" and bpy.app.version < (4, 3, 0):
        found.append(f'Blender 4.2 shows the fourth picture of "{strip.name}" too early; its cutout does not')
    if movie is not None and movie.alpha and movie.codec.startswith(("vp8", "vp9", "libvpx")) and not UPRIGHT:
        found.append(f'This Blender leaves out the transparency of "{strip.name}" itself; its cutout has it')
    if movie is not None and movie.alpha and movie.bits > 8 and UPRIGHT:
        found.append(f'Blender shows "{strip.name}" too light where it is transparent; its cutout is not')
    if timing(scene, strip).depends_on_order(range(*extent(strip))):
        found.append(
            f'Which pictures Blender shows of "{strip.name}" depends on the order they are rendered in, for the scene '
            "has more frames a second than the movie. The cutout has those of playing forward"
        )
    if strip.use_deinterlace:
        found.append(f'"{strip.name}" is deinterlaced by Blender; its cutout is not')
    if strip.blend_type == "MULTIPLY":
        found.append(
            f'"{strip.name}" is multiplied with what is below, which Blender does not do with transparency: it lies '
            "over that now"
        )
    found += [f'{what} of "{strip.name}" is not carried over' for what in _animation_left(scene, strip)]
    return tuple(found)


def timing(scene: bpy.types.Scene, strip: bpy.types.Strip) -> Timing:
    """All that decides what the strip shows when. MatteError where this Blender can not be understood."""
    numbers = memory.Struct(strip.as_pointer(), STRIP)
    # Two numbers that RNA tells as well: where they are not the same, nothing that is read here can be trusted.
    if (numbers["machine"], numbers["strobe"]) != (strip.channel, strip.strobe):
        raise MatteError("This release of Blender keeps its strips in a way that Strip Matte does not know. Update it")
    length = int(numbers["len"])
    rate = 1.0
    if int(numbers["flag"]) & RESAMPLED and numbers["media_playback_rate"]:
        rate = playback_rate(numbers["media_playback_rate"], scene.render.fps, scene.render.fps_base)
    right, offset = (
        (strip.right_handle, strip.right_handle_offset)
        if TIMES_RENAMED
        else (strip.frame_final_end, strip.frame_offset_end)
    )
    keys: tuple[Key, ...] = ()
    if len(getattr(strip, "retiming_keys", ())) > 1:  # image strips have them from 4.4 on
        keys = tuple(
            Key(key["strip_frame_index"], key["retiming_factor"], bool(int(key["flag"]) & GRADUAL))
            for key in numbers.array("*retiming_handles", KEY, int(numbers["retiming_handle_num"]))
        )
    return Timing(
        start=int(strip.content_start if TIMES_RENAMED else strip.frame_start),
        end=int(right + offset),
        length=length,
        skipped=int(numbers["anim_startofs"]),
        rate=rate,
        reversed=strip.use_reverse_frames,
        strobe=strip.strobe,
        keys=keys,
        span=length if STRIPS_RENAMED else length - 1,
        whole=WHOLE_STEPS,
        compared=COMPARED,
        remembered=REMEMBERED,
    )


def source_path(scene: bpy.types.Scene, strip: bpy.types.Strip) -> str:
    """The absolute path of the strip's movie, or of the folder of its pictures."""
    path = strip.filepath if strip.type == "MOVIE" else strip.directory
    return os.path.normpath(bpy.path.abspath(path, library=scene.library))


def pictures(scene: bpy.types.Scene, strip: bpy.types.Strip) -> tuple[str, ...]:
    """The absolute paths of an image strip's files, one a source frame; empty for a movie."""
    if strip.type == "MOVIE":
        return ()
    folder = source_path(scene, strip)
    return tuple(os.path.join(folder, element.filename) for element in strip.elements)


def channel_above(
    scene: bpy.types.Scene, source: bpy.types.Strip, first: int, last: int, leaving: bpy.types.Strip | None
) -> int:
    """The next channel above `source` with nothing between timeline frames first and last (exclusive), but what is
    leaving. MatteError where there is none."""
    level = source.parent_meta() or scene.sequence_editor
    return _free_channel([strip for strip in children(level) if strip != leaving], source.channel + 1, first, last)


def add_images(
    scene: bpy.types.Scene,
    source: bpy.types.Strip,
    name: str,
    folder: str,
    files: Sequence[str],
    start: int,
    channel: int,
) -> bpy.types.ImageStrip:
    """An image strip beside `source`, placed in the picture as that is.

    folder: as Blender writes paths, // allowed. files: one name a timeline frame, from timeline frame `start` on.
    channel: a free one.
    """
    level = source.parent_meta() or scene.sequence_editor
    images = children(level).new_image(
        name=name, filepath=os.path.join(folder, files[0]), channel=channel, frame_start=start
    )
    for file in files[1:]:
        images.elements.append(file)
    _copy_place(source, images)
    return images


def show_instead(scene: bpy.types.Scene, source: bpy.types.Strip, images: bpy.types.ImageStrip) -> None:
    """Let a strip of cutouts be seen as the movie is seen: straight alpha, blend mode, look, grade and animation."""
    images.blend_type = "ALPHA_OVER" if source.blend_type in ALPHA_LOST else source.blend_type
    images.alpha_mode = "STRAIGHT"
    for name in LOOK:
        setattr(images, name, getattr(source, name))
    images.colorspace_settings.name = source.colorspace_settings.name
    _copy_modifiers(scene, source, images)
    _copy_animation(scene, source, images)


def mask_with(
    scene: bpy.types.Scene, source: bpy.types.Strip, images: bpy.types.ImageStrip
) -> list[bpy.types.ImageStrip]:
    """Let a muted strip of grey frames be the movie's alpha. Returns those of ours that were until now."""
    images.mute = True
    _read_as_numbers(images)
    if FLIPPED_LAST:
        images.use_flip_x = images.use_flip_y = False
    _copy_animation(scene, source, images, ("transform.", "crop.") if FLIPPED_LAST else PLACED)
    replaced = unmask(source)
    with _modifiers_at_hand(scene):
        mask = source.modifiers.new(MASK, "MASK")
    mask.input_mask_type, mask.input_mask_strip = "STRIP", images
    if source.blend_type in ALPHA_LOST:
        source.blend_type = "ALPHA_OVER"
    return replaced


def blend_again(source: bpy.types.Strip, blend: str) -> None:
    """Let a movie that was masked be blended as before. blend: of then; empty where nobody knows."""
    if blend in ALPHA_LOST and source.blend_type == "ALPHA_OVER":
        source.blend_type = blend


def _read_as_numbers(images: bpy.types.ImageStrip) -> None:
    """See DEEP_MASK_IS_DATA. images: a strip of mattes."""
    if images[MADE].get("format") != "PNG16" or DEEP_MASK_IS_DATA:
        images.colorspace_settings.is_data = True
    else:
        images.colorspace_settings.name = "sRGB"


def unmask(source: bpy.types.Strip, only: bpy.types.Strip | None = None) -> list[bpy.types.ImageStrip]:
    """Take our masks off a movie, or that of one strip of ours alone. Returns the strips that they read."""
    found = []
    for modifier in [modifier for modifier in source.modifiers if modifier.type == "MASK"]:
        strip = modifier.input_mask_strip
        if modifier.name.startswith(MASK) and (strip is None or MADE in strip) and only in {None, strip}:
            source.modifiers.remove(modifier)
            found += [strip] if strip else []
    return found


def read_instead(source: bpy.types.Strip, images: bpy.types.ImageStrip) -> None:
    """Let our mask on a movie read another strip of ours; nothing where there is none."""
    for modifier in source.modifiers:
        if modifier.type == "MASK" and modifier.name.startswith(MASK):
            modifier.input_mask_type, modifier.input_mask_strip = "STRIP", images


def connect(scene: bpy.types.Scene, source: bpy.types.Strip, images: bpy.types.ImageStrip) -> None:
    """Let a click on the source or on ours select both, and with them what the source is connected to, as its sound:
    they move and are trimmed together.

    Blender connects what is selected, and takes it out of other connections. It does so on the open level of the
    scene that is shown alone: elsewhere Re-align remains, as before 4.4.
    """
    level = _open_level(scene)
    if not CONNECTED or scene != sequencer_scene(bpy.context) or source.name not in level:
        return
    together = {source.name, images.name, *(strip.name for strip in connections(scene, source))}
    with _selected_alone(level, together), _modifiers_at_hand(scene):
        if bpy.ops.sequencer.connect.poll():  # not where there is neither a window nor a workspace
            bpy.ops.sequencer.connect(toggle=False)


def _open_level(scene: bpy.types.Scene) -> bpy.types.bpy_prop_collection:
    """The strips that operators work on: the timeline's, or those of the meta strip that is tabbed into."""
    editor = scene.sequence_editor
    return children(editor.meta_stack[-1] if len(editor.meta_stack) else editor)


@contextlib.contextmanager
def _selected_alone(level: bpy.types.bpy_prop_collection, names: set[str]) -> Iterator[None]:
    """Meanwhile, let the strips of these names be selected, and no others of their level."""
    chosen = {strip.name for strip in level if strip.select}
    for strip in level:
        strip.select = strip.name in names
    try:
        yield
    finally:
        for strip in level:
            strip.select = strip.name in chosen


def connections(scene: bpy.types.Scene, strip: bpy.types.Strip) -> list[bpy.types.Strip]:
    """What a strip is connected to. A property in 5.2; from 4.4 on it is kept as there, and read where it lies."""
    if hasattr(strip, "connections") or not CONNECTED:
        return list(getattr(strip, "connections", ()))
    place, _ = memory.layout()[STRIP]["connections"]
    link, addresses = int(memory.Struct(strip.as_pointer() + place, "ListBase")["*first"]), set()
    while link:
        connection = memory.Struct(link, "SeqConnection")
        addresses.add(int(connection["*seq_ref"]))
        link = int(connection["*next"])
    return [other for other in everything(scene) if other.as_pointer() in addresses]


def readers(scene: bpy.types.Scene, strip: bpy.types.Strip) -> list[tuple[str, str]]:
    """The effect strips that a strip is an input of, by name, and which of INPUTS it is."""
    return [(other.name, name) for other in everything(scene) for name in INPUTS if getattr(other, name, None) == strip]


def feed(scene: bpy.types.Scene, effects: Sequence[tuple[str, str]], strip: bpy.types.Strip) -> None:
    """Make a strip the input of effect strips. effects: of `readers`."""
    for effect, name in effects:
        setattr(everything(scene)[effect], name, strip)


def remove(scene: bpy.types.Scene, strip: bpy.types.Strip) -> None:
    """Take a strip off the timeline, and the effect strips that it is an input of, as Blender does.

    5.2 looks these up in a table that a change of an input leaves as it was: it takes too many, or leaves one with an
    input that is freed. A name that is given, even the same, lets it make the table anew.
    """
    strip.name = strip.name
    _remove_drivers(scene, strip)
    children(strip.parent_meta() or scene.sequence_editor).remove(strip)


def remove_scene(scene: bpy.types.Scene) -> None:
    """Take a scene of our own away. `scenes.remove` crashes 4.3 where the context has no window, as in a command."""
    bpy.data.batch_remove([scene])


def realign(
    scene: bpy.types.Scene, source: bpy.types.Strip, images: bpy.types.ImageStrip, files: Sequence[str], start: int
) -> None:
    """Give a strip of ours the place and the frames that its movie has now. files, start: as for `add_images`."""
    channel = images.channel
    _play_plainly(scene, images)
    while len(images.elements) < len(files):
        images.elements.append(files[-1])
    while len(images.elements) > len(files):
        images.elements.pop(len(images.elements) - 1)
    for element, file in zip(images.elements, files, strict=True):
        element.filename = file
    left, right = start, start + len(files)
    # A handle can not pass the other one, and where they were before counts: the left one is set again at the end.
    if TIMES_RENAMED:
        images.content_start, images.left_handle, images.right_handle = left, left, right
        images.left_handle = left
    else:
        images.frame_start, images.frame_final_start, images.frame_final_end = left, left, right
        images.frame_final_start = left
    images.channel = channel  # on its way it may have met another strip, from which Blender moves it away
    _copy_place(source, images)
    if images[MADE].get("output") == "MATTE":
        _read_as_numbers(images)  # another release may have placed it
        if FLIPPED_LAST:
            images.use_flip_x = images.use_flip_y = False


def _play_plainly(scene: bpy.types.Scene, images: bpy.types.ImageStrip) -> None:
    """Let a strip of ours show one element a timeline frame, whatever was done to it together with its movie: a split
    that cuts hard, reversing, a strobe, another speed."""
    images.use_reverse_frames, images.strobe = False, 1.0
    if memory.Struct(images.as_pointer(), STRIP)["retiming_handle_num"]:
        if IMAGE_KEYS_TOLD:
            images.retiming_keys.reset()
        elif scene == sequencer_scene(bpy.context) and images.name in _open_level(scene):
            editor = scene.sequence_editor
            active, editor.active_strip = editor.active_strip, images  # else the operator may refuse
            try:
                with _selected_alone(_open_level(scene), {images.name}):
                    bpy.ops.sequencer.retiming_reset()
            finally:
                editor.active_strip = active
    if TIMES_RENAMED:
        images.content_trim_start = images.content_trim_end = 0
    else:
        images.animation_offset_start = images.animation_offset_end = 0


def add_mask(scene: bpy.types.Scene, mask: bpy.types.Mask) -> bpy.types.MaskStrip:
    """A strip on an empty timeline that shows at each frame what the mask is at that frame, from where it begins."""
    strip = children(scene.sequence_editor).new_mask(name=mask.name, mask=mask, channel=1, frame_start=mask.frame_start)
    if TIMES_RENAMED:
        strip.right_handle = MAX_FRAME
    else:
        strip.frame_final_end = MAX_FRAME
    return strip


def path(strip: bpy.types.Strip) -> tuple[tuple[int, float, float], ...]:
    """Where the picked subject is: (source frame, x, y), x and y as shares of the picture from the left and the top."""
    numbers = list(strip.get(PATH, ()))
    return tuple((int(frame), x, y) for frame, x, y in zip(*[iter(numbers)] * 3, strict=False))


def set_path(strip: bpy.types.Strip, points: Sequence[tuple[int, float, float]]) -> None:
    """Keep where the subject is, with the strip; nothing where there are no points."""
    if points:
        strip[PATH] = [float(number) for point in sorted(points) for number in point]
    elif PATH in strip:
        del strip[PATH]


def pixel_aspect(strip: bpy.types.Strip) -> float:
    """How many times as wide as high a pixel of the render is shown. The preview's view is as much wider."""
    render = strip.id_data.render
    return float(render.pixel_aspect_x / render.pixel_aspect_y)


def picture_point(strip: bpy.types.Strip, x: float, y: float) -> tuple[float, float]:
    """From the preview to the picture. x, y: of the preview's view, pixels of the render from its middle, right and up,
    those to the right times their aspect. Returns shares of the strip's picture from the left and the top; below 0 or
    above 1 outside of it.

    Blender scales and turns a picture around its origin, a place in the picture as it is unscaled, moves it, and flips
    the frame that comes out.
    """
    width, height = picture_size(strip)
    transform = strip.transform
    pivot_x, pivot_y = ((part - 0.5) * side for part, side in zip(transform.origin, (width, height), strict=True))
    x = x / pixel_aspect(strip)
    x, y = (-x if strip.use_flip_x else x), (-y if strip.use_flip_y else y)
    x, y = x - transform.offset_x - pivot_x, y - transform.offset_y - pivot_y
    cosine, sine = math.cos(transform.rotation), math.sin(transform.rotation)
    x, y = x * cosine + y * sine, y * cosine - x * sine
    x, y = pivot_x + x / (transform.scale_x or 1.0), pivot_y + y / (transform.scale_y or 1.0)
    return 0.5 + x / width, 0.5 - y / height


def picture_size(strip: bpy.types.Strip) -> tuple[int, int]:
    """Width and height of the strip's pictures, as Blender shows them. MatteError where Blender has not seen one."""
    element = strip.elements[0]
    if not (element.orig_width and element.orig_height):
        raise MatteError(f'Blender has not read "{strip.name}" yet. Show it once, and try again')
    return element.orig_width, element.orig_height


def pixels(strip: bpy.types.Strip) -> int:
    """Of a picture of the strip; 0 where Blender has not read one yet."""
    try:
        width, height = picture_size(strip)
    except MatteError:
        return 0
    return width * height


def _free_channel(level: Sequence[bpy.types.Strip], lowest: int, first: int, last: int) -> int:
    """The lowest channel from `lowest` on with nothing between timeline frames first and last (exclusive)."""
    taken = set()
    for strip in level:
        left, right = extent(strip)
        if left < last and first < right:
            taken.add(strip.channel)
    for channel in range(lowest, HIGHEST_CHANNEL + 1):
        if channel not in taken:
            return channel
    raise MatteError("No channel above the movie strip is free. Move strips to make room")


def everything(scene: bpy.types.Scene) -> bpy.types.bpy_prop_collection:
    """The strips of every level, by name. The scene must have a sequence editor."""
    editor = scene.sequence_editor
    return editor.strips_all if STRIPS_RENAMED else editor.sequences_all


def _copy_place(source: bpy.types.Strip, target: bpy.types.ImageStrip) -> None:
    """Where in the picture, and which part."""
    for name in FLIPS:
        setattr(target, name, getattr(source, name))
    for name in TRANSFORM:
        setattr(target.transform, name, getattr(source.transform, name))
    for name in CROP:
        setattr(target.crop, name, getattr(source.crop, name))


@contextlib.contextmanager
def _modifiers_at_hand(scene: bpy.types.Scene) -> Iterator[None]:
    """5.0 and 5.1 crash in modifiers.new() where the workspace has no scene for its sequencer, as without a window."""
    workspace = bpy.context.workspace
    lost = hasattr(workspace, "sequencer_scene") and workspace.sequencer_scene is None
    if lost:
        workspace.sequencer_scene = scene
    yield
    if lost:
        workspace.sequencer_scene = None


def _copy_modifiers(scene: bpy.types.Scene, source: bpy.types.Strip, target: bpy.types.ImageStrip) -> None:
    """The grade: every modifier of the strip, with its values and curves. Not a mask of ours."""
    with _modifiers_at_hand(scene):
        for modifier in source.modifiers:
            if not (modifier.type == "MASK" and modifier.name.startswith(MASK)):
                _copy_values(modifier, target.modifiers.new(modifier.name, modifier.type))


def _copy_values(source: bpy.types.bpy_struct, target: bpy.types.bpy_struct) -> None:
    """Every value that can be set, down into the structs that belong to this one alone."""
    for prop in source.bl_rna.properties:
        if prop.identifier == "rna_type":
            continue
        value = getattr(source, prop.identifier)
        if isinstance(value, bpy.types.CurveMapping):
            _copy_curve_mapping(value, target.curve_mapping)
        elif prop.type == "POINTER" and prop.is_readonly and value is not None:
            _copy_values(value, getattr(target, prop.identifier))
        elif prop.type != "COLLECTION" and not prop.is_readonly:
            setattr(target, prop.identifier, value)


def _copy_curve_mapping(source: bpy.types.CurveMapping, target: bpy.types.CurveMapping) -> None:
    _copy_values(source, target)
    for old, new in zip(source.curves, target.curves, strict=True):
        while len(new.points) > len(old.points):
            new.points.remove(new.points[1])
        while len(new.points) < len(old.points):
            new.points.new(0.5, 0.5)
        for point, copy in zip(old.points, new.points, strict=True):
            copy.location, copy.handle_type = point.location, point.handle_type
    target.update()


def _copy_animation(
    scene: bpy.types.Scene, source: bpy.types.Strip, target: bpy.types.ImageStrip, only: tuple[str, ...] = ("",)
) -> None:
    """Keyframes and drivers of transform, opacity and the rest of the look. only: how the data paths begin that are
    meant."""
    keyed, driven = animation(scene, source, only)
    prefix, wanted = source.path_from_id(), target.path_from_id()
    known = curves(scene)
    if known is not None:
        for curve in keyed:
            _copy_curve(curve, known.new(wanted + curve.data_path[len(prefix) :], index=curve.array_index))
    _remove_drivers(scene, target)  # those of one of this name that an editor has deleted
    for curve in driven:
        copy = scene.animation_data.drivers.from_existing(src_driver=curve)
        copy.data_path = wanted + curve.data_path[len(prefix) :]


def _copy_curve(source: bpy.types.FCurve, target: bpy.types.FCurve) -> None:
    for name in ("extrapolation", "auto_smoothing", "mute"):
        setattr(target, name, getattr(source, name))
    target.keyframe_points.add(len(source.keyframe_points))
    for old, new in zip(source.keyframe_points, target.keyframe_points, strict=True):
        for name in ("co", "handle_left_type", "handle_right_type", "handle_left", "handle_right"):
            setattr(new, name, getattr(old, name))
        for name in ("interpolation", "easing", "amplitude", "back", "period"):
            setattr(new, name, getattr(old, name))
    target.update()
    for modifier in source.modifiers:
        if modifier.type != "ENVELOPE":  # 4.2 crashes now and then when its points are set
            copy = target.modifiers.new(modifier.type)
            for _ in range(2):  # where a range begins is kept to where it ends, which is set later
                _copy_values(modifier, copy)


def animation(
    scene: bpy.types.Scene, strip: bpy.types.Strip, only: tuple[str, ...] = ("",)
) -> tuple[list[bpy.types.FCurve], list[bpy.types.FCurve]]:
    """The strip's curves of keyframes, and its drivers. only: how the data paths begin that are meant."""
    wanted = tuple(f"{strip.path_from_id()}.{each}" for each in only)
    drivers = scene.animation_data.drivers if scene.animation_data is not None else ()
    keyed, driven = (
        [curve for curve in known if curve.data_path.startswith(wanted)] for known in (curves(scene) or (), drivers)
    )
    return keyed, driven


def _remove_drivers(scene: bpy.types.Scene, strip: bpy.types.Strip) -> None:
    """Blender takes a strip's curves away with it, but not its drivers: the next strip of that name would have them."""
    for curve in animation(scene, strip)[1]:
        scene.animation_data.drivers.remove(curve)


def _animation_left(scene: bpy.types.Scene, strip: bpy.types.Strip) -> tuple[str, ...]:
    """What moves the strip and can not be copied to another."""
    wanted = strip.path_from_id() + "."
    tracks = scene.animation_data.nla_tracks if scene.animation_data is not None else ()
    parts = [part for track in tracks if not track.mute for part in track.strips]
    layered = [curve for part in parts if part.action is not None for curve in _curves_of(part) or ()]
    keyed, _ = animation(scene, strip)
    found = {
        "An Envelope modifier": any(modifier.type == "ENVELOPE" for curve in keyed for modifier in curve.modifiers),
        "The baked animation": any(len(curve.sampled_points) for curve in keyed),
        "The nonlinear animation": any(curve.data_path.startswith(wanted) for curve in layered),
    }
    return tuple(what for what, is_so in found.items() if is_so)


def curves(scene: bpy.types.Scene) -> bpy.types.bpy_prop_collection | None:
    """The scene's animation curves; None where it has none, or none that count."""
    animation = scene.animation_data
    return None if animation is None or animation.action is None else _curves_of(animation)


def _curves_of(user: bpy.types.AnimData | bpy.types.NlaStrip) -> bpy.types.bpy_prop_collection | None:
    """The curves of the action that somebody uses, as far as that one does.

    4.4 began to keep them by layer and slot, so that data-blocks share an action: those of the user's own slot count.
    Before, an action has one list; from then to 4.5, that list is the first slot's.
    """
    if not hasattr(user, "action_slot"):
        return user.action.fcurves
    if user.action_slot is None:
        return None
    for layer in user.action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(user.action_slot)
            if bag is not None:
                return bag.fcurves
    return None


# The compositor


def compositor(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    """The scene's compositor, switched on, with one output that counts. A new one shows what was rendered before.

    MatteError where an output can not be told; nothing is changed then.
    """
    tree = scene.compositing_node_group if GROUPS else scene.node_tree
    if tree is not None and tree.library is not None:
        raise MatteError("The compositor's nodes are linked from another file. Make them local, and try again")
    if tree is not None and not GROUPS and sum(node.bl_idname == "CompositorNodeComposite" for node in tree.nodes) > 1:
        # Which of them counts is not told before 5.0.
        raise MatteError("The compositor has several Composite nodes. Keep one, and try again")
    new = tree is None
    if GROUPS and new:
        tree = scene.compositing_node_group = bpy.data.node_groups.new("Compositor Nodes", "CompositorNodeTree")
    elif not GROUPS:
        scene.use_nodes = True
        tree = scene.node_tree
    if new:
        # Before 5.0 Blender fills it itself. A node that needs a camera keeps a scene without one from being rendered.
        tree.nodes.clear()
        if scene.camera is not None:
            layers = tree.nodes.new("CompositorNodeRLayers")
            layers.location.x = -600
            tree.links.new(layers.outputs["Image"], compositor_output(tree))
    return tree


def compositor_output(tree: bpy.types.NodeTree) -> bpy.types.NodeSocket:
    """The socket that takes the compositor's picture; made where there is none."""
    kind = "NodeGroupOutput" if GROUPS else "CompositorNodeComposite"
    nodes = [node for node in tree.nodes if node.bl_idname == kind]
    node = next((node for node in nodes if GROUPS and node.is_active_output), None)
    node = node or (nodes[0] if nodes else tree.nodes.new(kind))
    if GROUPS and not any(socket.type == "RGBA" for socket in node.inputs):
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    return next(socket for socket in node.inputs if socket.type == "RGBA")


def background_socket(over: bpy.types.Node) -> bpy.types.NodeSocket:
    return over.inputs[0 if GROUPS else 1]


def foreground_socket(over: bpy.types.Node) -> bpy.types.NodeSocket:
    return over.inputs[1 if GROUPS else 2]


def factor_socket(over: bpy.types.Node) -> bpy.types.NodeSocket:
    return over.inputs[2 if GROUPS else 0]


def set_straight(over: bpy.types.Node, straight: bool) -> None:
    """Whether Alpha Over's foreground is to be multiplied by its alpha. A socket from 4.5 on."""
    if "Straight Alpha" in over.inputs:
        over.inputs["Straight Alpha"].default_value = straight
    else:
        over.use_premultiply = straight


def set_alpha_mode(node: bpy.types.Node, replace: bool) -> None:
    if GROUPS:
        node.inputs["Type"].default_value = "Replace Alpha" if replace else "Apply Mask"
    else:
        node.mode = "REPLACE_ALPHA" if replace else "APPLY"


def set_flip(node: bpy.types.Node, across: bool, up: bool) -> None:
    """Two sockets from 4.5 on."""
    if "Flip X" in node.inputs:
        node.inputs["Flip X"].default_value, node.inputs["Flip Y"].default_value = across, up
    else:
        node.axis = "X" * across + "Y" * up


def set_bilinear(node: bpy.types.Node) -> None:
    if GROUPS:
        node.inputs["Interpolation"].default_value = "Bilinear"
    else:
        node.filter_type = "BILINEAR"
