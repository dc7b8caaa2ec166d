# SPDX-License-Identifier: GPL-3.0-or-later
"""Our strips in the scene's compositor: nodes that show what the strip shows. The operator's docstring is a tooltip.

An Image node counts up from its first frame. Where a strip does not (retimed, reversed, pictures repeated), a driver on
the node's offset says frame by frame which file is meant. Another takes the layer away outside of the strip's frames,
on which the node would hold its first and last picture. Drivers, because they need no action that might be shared.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

import bpy

from ..inference import MatteError
from . import strips
from .made import OfOurs, chosen

# Beside strips.MADE, which names our strip: what it was made of, and what a node is there for.
SOURCE, ROLE = "strip_matte_source", "strip_matte_role"
# From the file to the layer, with those that are there only where they are needed; then what stands beside.
CHAIN = ("Picture", "Set Alpha", "Flip", "Scale", "Transform")
KINDS = {
    "Frame": "NodeFrame",
    "Picture": "CompositorNodeImage",
    "Matte": "CompositorNodeImage",
    "Set Alpha": "CompositorNodeSetAlpha",
    "Flip": "CompositorNodeFlip",
    "Scale": "CompositorNodeScale",
    "Transform": "CompositorNodeTransform",
    "Alpha Over": "CompositorNodeAlphaOver",
}
COLUMN, ROW = 240, 420  # of the node editor's units, from one node to the next


@dataclass(frozen=True)
class Pictures:
    """What an Image node shows.

    file: as Blender writes paths; of a numbered sequence the one with the lowest number. movie: whether it is a movie.
    numbers: one a timeline frame; of the file, or of the movie's picture, whose first is 1 to an Image node.
    colours: name of a colour space, empty for what Blender finds by itself.
    """

    file: str
    movie: bool
    numbers: tuple[int, ...]
    colours: str


@dataclass(frozen=True)
class Layer:
    """A strip of ours, as the compositor is to show it.

    source: name of the strip that it was made of. first: its first timeline frame. matte: None where the picture has
    the alpha. transparent: whether a picture that has a matte has an alpha of its own besides. opacity: 0 to 1. flip,
    scale: across and up. offset, rotation: of the flipped picture, pixels right and up, and radians against the clock.
    lost: what the compositor does not show as the sequencer does.
    """

    strip: str
    source: str
    first: int
    picture: Pictures
    matte: Pictures | None
    transparent: bool
    opacity: float
    flip: tuple[bool, bool]
    scale: tuple[float, float]
    offset: tuple[float, float]
    rotation: float
    lost: tuple[str, ...]

    @property
    def roles(self) -> tuple[str, ...]:
        """The nodes that it takes."""
        needed = {
            "Matte": self.matte is not None,
            "Set Alpha": self.matte is not None,
            "Flip": any(self.flip),
            "Scale": self.scale[0] != self.scale[1],
            "Transform": (*self.scale, *self.offset, self.rotation) != (1.0, 1.0, 0.0, 0.0, 0.0),
        }
        return tuple(role for role in KINDS if needed.get(role, True))


class SEQUENCER_OT_matte_to_compositor(OfOurs):
    """Put the selected cutouts and mattes over what the compositor shows, or bring their nodes there up to date"""

    bl_idname = "sequencer.matte_to_compositor"
    bl_label = "Add to Compositor"
    bl_options = {"UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = strips.sequencer_scene(context)
        try:
            # All that can be wrong is found before anything is changed.
            found = [layer(scene, strip) for strip in chosen(context)]
            tree = strips.compositor(scene)
        except MatteError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        for each in found:
            build(scene, tree, each)
        # What is lost comes last: it is to stay in the status bar.
        what = f'"{found[0].strip}" is' if len(found) == 1 else f"{len(found)} strips are"
        self.report({"INFO"}, ". ".join([f"{what} in the compositor", *_not_rendered(scene)]))
        for each in found:
            for part in each.lost:
                self.report({"WARNING"}, f'The compositor does not show {part} of "{each.strip}"')
        return {"FINISHED"}


# What there is


def layer(scene: bpy.types.Scene, strip: bpy.types.Strip) -> Layer:
    """Read a strip of ours. MatteError, a sentence for the editor, where the compositor can not show it."""
    made = strip[strips.MADE].to_dict()
    elements = strips.source_frames(scene, strip)
    files = strips.pictures(scene, strip)
    for file in dict.fromkeys(files[element] for element in elements):
        if not os.path.exists(file):
            raise MatteError(f'"{file}" is missing. Run Add Matte again')
    names = [strip.elements[element].filename for element in elements]
    images = _numbered(strip, names, strip.name)
    source = _source(scene, made)
    is_matte = made.get("output") == "MATTE"
    picture = _pictured(scene, strip, source, images.numbers) if is_matte else images
    seen = source if is_matte and source is not None else strip
    # The sequencer flips the finished picture; nodes flip before they move, so they turn and move the other way.
    across, up = -1 if seen.use_flip_x else 1, -1 if seen.use_flip_y else 1
    right, above = _offset(seen)
    return Layer(
        strip=strip.name,
        source=made["source"],
        first=strips.extent(strip)[0],
        picture=picture,
        matte=images if is_matte else None,
        transparent=is_matte and _has_alpha(picture.file),
        opacity=seen.blend_alpha,
        flip=(seen.use_flip_x, seen.use_flip_y),
        scale=(seen.transform.scale_x, seen.transform.scale_y),
        offset=(right * across, above * up),
        rotation=seen.transform.rotation * across * up,
        lost=_lost(scene, seen),
    )


def _source(scene: bpy.types.Scene, made: dict[str, str]) -> bpy.types.Strip | None:
    """The strip that a strip of ours was made of; None where it is gone, or shows another movie now."""
    source = strips.find(scene, made["source"])
    if source is None or not strips.is_source(source):
        return None
    path = os.path.normpath(bpy.path.abspath(made["movie"], library=scene.library))
    # Where the movie was moved, the strip that was told so knows best.
    return source if strips.source_path(scene, source) == path or not os.path.exists(path) else None


def _pictured(
    scene: bpy.types.Scene, matte: bpy.types.Strip, source: bpy.types.Strip | None, frames: Sequence[int]
) -> Pictures:
    """What a matte belongs to. frames: source frames, one a timeline frame."""
    if source is not None and source.type == "IMAGE":
        if max(frames) >= len(source.elements):
            raise MatteError(f'"{source.name}" has fewer pictures than its matte. Run Add Matte again')
        return _numbered(source, [source.elements[frame].filename for frame in frames], source.name)
    movie = source.filepath if source is not None else matte[strips.MADE]["movie"]
    path = bpy.path.abspath(movie, library=scene.library)
    if os.path.isdir(path):
        raise MatteError(f'The strip of pictures that "{matte.name}" was made of is gone. Bring it back, and try again')
    if not os.path.exists(path):
        raise MatteError(f'The movie "{path}" is missing. Put the file back, and try again')
    colours = source.colorspace_settings.name if source is not None else ""
    return Pictures(movie, True, tuple(frame + 1 for frame in frames), colours)


def _numbered(strip: bpy.types.Strip, names: Sequence[str], owner: str) -> Pictures:
    """Files of an image strip, one a timeline frame, as the sequence that an Image node reads: a name with a number."""
    parts = [re.fullmatch(r"(.*?)(\d+)(\D*)(\.\w+)", name) for name in names]
    numbers = [int(part[2]) if part else -1 for part in parts]
    lowest = parts[numbers.index(min(numbers))]
    if lowest is not None and max(numbers) < strips.MAX_FRAME:
        before, digits, after, ending = lowest.groups()
        if all(
            name == f"{before}{number:0{len(digits)}d}{after}{ending}"
            for name, number in zip(names, numbers, strict=True)
        ):
            colours = strip.colorspace_settings.name
            return Pictures(os.path.join(strip.directory, lowest[0]), False, tuple(numbers), colours)
    raise MatteError(
        f'The compositor reads files with numbers alone, and those of "{owner}" are not one numbered sequence. '
        "Rename them, and add the strip anew"
    )


def _has_alpha(file: str) -> bool:
    """Whether a picture or a movie has an alpha, as Blender reads it."""
    image = bpy.data.images.load(file, check_existing=False)
    try:
        return image.depth in {32, 64, 128}
    finally:
        bpy.data.images.remove(image)


def _offset(strip: bpy.types.Strip) -> tuple[float, float]:
    """Pixels by which the strip's middle is right and up of the render's, before it is flipped. The sequencer scales
    and turns a picture about its origin, a node about its middle."""
    transform = strip.transform
    x, y = (part - 0.5 for part in transform.origin)
    if (x, y) == (0.0, 0.0) or (transform.scale_x, transform.scale_y, transform.rotation) == (1.0, 1.0, 0.0):
        return transform.offset_x, transform.offset_y
    width, height = strips.picture_size(strip)
    x, y = x * width, y * height
    across, up = x * transform.scale_x, y * transform.scale_y
    cosine, sine = math.cos(transform.rotation), math.sin(transform.rotation)
    return (
        transform.offset_x + x - across * cosine + up * sine,
        transform.offset_y + y - across * sine - up * cosine,
    )


def _lost(scene: bpy.types.Scene, strip: bpy.types.Strip) -> tuple[str, ...]:
    """What of a strip's look has no node here."""
    found = {
        "the crop": any(getattr(strip.crop, side) for side in strips.CROP),
        "the modifiers": any(not (modifier.mute or _is_ours(modifier)) for modifier in strip.modifiers),
        "the saturation and brightness": (strip.color_saturation, strip.color_multiply) != (1.0, 1.0),
        "the blend mode": strip.blend_type not in {"ALPHA_OVER", "REPLACE", "CROSS"},
        "the animation": any(strips.animation(scene, strip)),
    }
    return tuple(what for what, is_so in found.items() if is_so)


def _is_ours(modifier: bpy.types.StripModifier) -> bool:
    """Whether a modifier is what makes a matte's movie transparent: that is Set Alpha's here."""
    return (
        modifier.type == "MASK" and modifier.input_mask_strip is not None and strips.MADE in modifier.input_mask_strip
    )


def _not_rendered(scene: bpy.types.Scene) -> list[str]:
    """Sentences about what keeps Blender from rendering the compositor's picture as it is meant."""
    found = []
    if scene.render.use_sequencer:
        found.append(
            "Blender renders the strips as they are. Switch Sequencer off under Post Processing to render nodes"
        )
    if not scene.render.use_compositing:
        found.append("Switch Compositing on under Post Processing to render the nodes")
    if scene.render.resolution_percentage != 100:
        found.append("The compositor shows pictures at their full size. Set the resolution to 100 %")
    return found


# Nodes


def build(scene: bpy.types.Scene, tree: bpy.types.NodeTree, layer: Layer) -> None:
    """Make the layer's nodes, or bring those that are there up to date. What an editor linked to them stays linked."""
    ours = {node[ROLE]: node for node in _nodes(scene, tree, layer)}
    before = [role for role in CHAIN if role in ours]
    links = ours[before[-1]].outputs["Image"].links if before else ()
    shown_by = [
        link.to_socket for link in links if link.to_node not in ours.values() or link.to_node[ROLE] not in CHAIN
    ]
    for role in ours.keys() - set(layer.roles):
        tree.nodes.remove(ours.pop(role))
    _add_missing(tree, layer, ours)
    _set(layer, ours)

    chain = [role for role in CHAIN if role in ours]
    end = ours[chain[-1]].outputs["Image"]
    if chain != before:
        for one, next_ in itertools.pairwise(chain):
            tree.links.new(ours[one].outputs["Image"], ours[next_].inputs["Image"])
        for socket in shown_by:
            tree.links.new(end, socket)
    if "Matte" in ours and not ours["Set Alpha"].inputs["Alpha"].is_linked:
        tree.links.new(ours["Matte"].outputs["Image"], ours["Set Alpha"].inputs["Alpha"])
    over = ours["Alpha Over"]
    if not strips.foreground_socket(over).is_linked:
        tree.links.new(end, strips.foreground_socket(over))
    if not over.outputs["Image"].is_linked:
        _put_over(tree, over)


def _nodes(scene: bpy.types.Scene, tree: bpy.types.NodeTree, layer: Layer) -> list[bpy.types.Node]:
    """The layer's nodes; those of a strip that is gone, where it was made of the same: it was renamed or switched."""
    ours = [node for node in tree.nodes if ROLE in node]
    named = {node[strips.MADE]: node[SOURCE] for node in ours}
    lost = sorted(name for name in named if named[name] == layer.source and strips.find(scene, name) is None)
    name = layer.strip if layer.strip in named or not lost else lost[0]
    return [node for node in ours if node[strips.MADE] == name]


def _put_over(tree: bpy.types.NodeTree, over: bpy.types.Node) -> None:
    """Show what the output shows behind, and the result in its place."""
    output = strips.compositor_output(tree)
    if output.is_linked:
        tree.links.new(output.links[0].from_socket, strips.background_socket(over))
    else:
        strips.background_socket(over).default_value = (0.0, 0.0, 0.0, 0.0)
    tree.links.new(over.outputs["Image"], output)


def _add_missing(tree: bpy.types.NodeTree, layer: Layer, ours: dict[str, bpy.types.Node]) -> None:
    """Those of the layer's nodes that are not there yet, in a frame below everything else."""
    output = strips.compositor_output(tree).node
    lowest = min((_place(node)[1] for node in tree.nodes if node != output and node.type != "FRAME"), default=ROW)
    there = _place(ours["Alpha Over"])[1] if "Alpha Over" in ours else lowest - ROW
    roles = [role for role in layer.roles if role not in ("Frame", "Matte")]
    right = _place(output)[0] - COLUMN
    for role in layer.roles:
        if role in ours:
            continue
        node = ours[role] = tree.nodes.new(KINDS[role])
        node.label = node[ROLE] = role
        if role != "Frame":
            column = len(roles) - 1 - (0 if role == "Matte" else roles.index(role))
            node.location = right - column * COLUMN, there - (ROW if role == "Matte" else 0)
            node.parent = ours["Frame"]


def _place(node: bpy.types.Node) -> tuple[float, float]:
    """Where a node is in the editor, whatever frames it is in."""
    x, y = node.location
    while node.parent is not None:
        node = node.parent
        x, y = x + node.location.x, y + node.location.y
    return x, y


def _set(layer: Layer, ours: dict[str, bpy.types.Node]) -> None:
    """Give the nodes the layer's name and values."""
    for role, node in ours.items():
        node[strips.MADE], node[SOURCE], node.name = layer.strip, layer.source, f"{layer.strip} {role}"
    ours["Frame"].label = layer.strip
    _show(ours["Picture"], layer.first, layer.picture)
    if layer.matte is not None:
        _show(ours["Matte"], layer.first, layer.matte, data=True)
        # Replaced, the alpha leaves the colour as it is, which Alpha Over then has to be told. An alpha of the movie's
        # own counts too, and its colour comes multiplied by it.
        strips.set_alpha_mode(ours["Set Alpha"], replace=not layer.transparent)
    strips.set_straight(ours["Alpha Over"], layer.matte is not None and not layer.transparent)
    seen = f"{layer.first} <= frame < {layer.first + len(layer.picture.numbers)}"
    expression = seen if layer.opacity == 1.0 else f"({seen}) * {layer.opacity:.6g}"
    _drive(strips.factor_socket(ours["Alpha Over"]), "default_value", expression)
    if "Flip" in ours:
        strips.set_flip(ours["Flip"], *layer.flip)
    # The Transform node knows one scale for both directions.
    if "Scale" in ours:
        ours["Scale"].inputs["X"].default_value, ours["Scale"].inputs["Y"].default_value = layer.scale
    if "Transform" in ours:
        values = (*layer.offset, layer.rotation, 1.0 if "Scale" in ours else layer.scale[0])
        for name, value in zip(("X", "Y", "Angle", "Scale"), values, strict=True):
            ours["Transform"].inputs[name].default_value = value
        strips.set_bilinear(ours["Transform"])


def _show(node: bpy.types.Node, first: int, pictures: Pictures, data: bool = False) -> None:
    """Make an Image node show one picture a timeline frame, from timeline frame `first` on. data: no colours."""
    before = node.image
    node.image = _image(pictures, data)
    if before is not None and not before.users and strips.MADE in before:
        bpy.data.images.remove(before)
    offsets = [number - place for place, number in enumerate(pictures.numbers, 1)]
    node.frame_start, node.frame_duration, node.frame_offset = first, len(offsets), offsets[0]
    node.use_cyclic, node.use_auto_refresh = False, True
    node.driver_remove("frame_offset")
    changes = [
        (first + step, offset) for step, offset in enumerate(offsets) if step == 0 or offset != offsets[step - 1]
    ]
    if len(changes) > 1:
        _drive(node, "frame_offset", "frame", changes)


def _image(pictures: Pictures, data: bool) -> bpy.types.Image:
    """The image that stands for the files: ours, or a new one. An editor's own are never altered."""
    kind = "MOVIE" if pictures.movie else "SEQUENCE"
    for image in bpy.data.images:
        colours = image.colorspace_settings
        if (
            strips.MADE in image
            and (image.filepath, image.source, image.library) == (pictures.file, kind, None)
            and (colours.is_data if data else pictures.colours in ("", colours.name))
        ):
            image.reload()  # another run may have written the files anew
            return image
    image = bpy.data.images.load(pictures.file, check_existing=False)
    image[strips.MADE] = True
    image.source = kind
    if data:
        image.colorspace_settings.is_data = True  # Non-Color, as every colour configuration has it
    elif pictures.colours:
        image.colorspace_settings.name = pictures.colours
    return image


def _drive(owner: bpy.types.bpy_struct, path: str, expression: str, steps: Sequence[tuple[float, float]] = ()) -> None:
    """Let a value follow an expression. steps: (from this result of it on, the value), where they are not the same."""
    owner.driver_remove(path)
    curve = owner.driver_add(path)
    curve.driver.type = "SCRIPTED"
    curve.driver.expression = expression
    for modifier in list(curve.modifiers):  # Blender begins with one that hides keyframes
        curve.modifiers.remove(modifier)
    while curve.keyframe_points:
        curve.keyframe_points.remove(curve.keyframe_points[0])
    curve.keyframe_points.add(len(steps))
    for point, step in zip(curve.keyframe_points, steps, strict=True):
        point.co = step
        point.interpolation = "CONSTANT"
    curve.update()


register, unregister = bpy.utils.register_classes_factory((SEQUENCER_OT_matte_to_compositor,))
