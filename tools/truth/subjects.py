# SPDX-License-Identifier: GPL-3.0-or-later
"""Subjects that Cycles renders with an exact alpha. Run by a Python that has bpy:

    python tools/truth/subjects.py NAME FOLDER FRAMES

FOLDER/0000.png and so on: RGBA, 16 bits, straight alpha, sRGB code, SIZE. The alpha is Cycles' own coverage: of hair,
of thin parts, and over the time that the shutter is open. Nothing is brought along: the shapes are built here from
primitives; the monkey is Blender's (GPL); the light is that of Blender's studio lights (CC0, Greg Zaal, Poly Haven).
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

SIZE = (640, 360)
SAMPLES = 12
MARGIN = 0.08  # of the picture's width, around what is rendered: hair and blur reach beyond the shapes
Triple = tuple[float, float, float]
SKIN, CLOTH, STEEL, RUBBER = (0.75, 0.42, 0.29), (0.05, 0.13, 0.4), (0.6, 0.6, 0.62), (0.02, 0.02, 0.02)


# Scene


def prepare(light: str) -> Any:
    """An empty scene, seen along +y from 8 m: about 5.8 m x 3.2 m at the origin, z up. light: a file of Blender's."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.render.film_transparent = True
    scene.render.use_motion_blur, scene.render.motion_blur_shutter = True, 0.5
    scene.render.use_persistent_data = True
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode, scene.render.image_settings.color_depth = "RGBA", "16"
    scene.render.image_settings.compression = 5
    scene.view_settings.view_transform = "Standard"
    scene.cycles.device, scene.cycles.samples, scene.cycles.seed = "CPU", SAMPLES, 1
    scene.cycles.use_adaptive_sampling = False  # it would look less often where alpha is soft
    scene.cycles.use_denoising = True  # colour only: Cycles leaves alpha as it was sampled
    scene.cycles.denoising_quality, scene.cycles.denoising_input_passes = "FAST", "RGB"
    scene.cycles.max_bounces = 2
    scene.cycles_curves.shape = "RIBBONS"  # a third of the time of round hair
    world = scene.world = bpy.data.worlds.new("World")
    world.use_nodes = True
    picture = world.node_tree.nodes.new("ShaderNodeTexEnvironment")
    folder = Path(bpy.utils.system_resource("DATAFILES"), "studiolights", "world")
    picture.image = bpy.data.images.load(str(folder / f"{light}.exr"))
    background = world.node_tree.nodes["Background"]
    world.node_tree.links.new(picture.outputs["Color"], background.inputs["Color"])
    bpy.ops.object.light_add(type="AREA", location=(-4, -5, 4), rotation=(math.radians(52), 0, math.radians(-38)))
    bpy.context.object.data.energy, bpy.context.object.data.size = 500, 2
    bpy.ops.object.camera_add(location=(0, -8, 0), rotation=(math.pi / 2, 0, 0))
    scene.camera = bpy.context.object
    return scene


def material(colour: Triple, rough: float = 0.5, metal: float = 0.0, other: Triple | None = None) -> Any:
    """A surface; with another colour, a noise of the two."""
    made = bpy.data.materials.new("Surface")
    made.use_nodes = True
    surface = made.node_tree.nodes["Principled BSDF"]
    surface.inputs["Base Color"].default_value = (*colour, 1)
    surface.inputs["Roughness"].default_value, surface.inputs["Metallic"].default_value = rough, metal
    if other is not None:
        noise = made.node_tree.nodes.new("ShaderNodeTexNoise")
        noise.inputs["Scale"].default_value = 3.5
        ramp = made.node_tree.nodes.new("ShaderNodeValToRGB")
        for end, shade, position in zip(ramp.color_ramp.elements, (colour, other), (0.4, 0.6), strict=True):
            end.color, end.position = (*shade, 1), position
        made.node_tree.links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
        made.node_tree.links.new(ramp.outputs["Color"], surface.inputs["Base Color"])
    return made


def add(shape: str, surface: Any, at: Triple, scale: Triple = (1, 1, 1), parent: Any = None, **named: Any) -> Any:
    """A primitive of bpy.ops.mesh, smooth, its place in the parent's coordinates."""
    getattr(bpy.ops.mesh, f"primitive_{shape}_add")(location=at, **named)
    made = bpy.context.object
    made.scale, made.parent = scale, parent
    made.data.materials.append(surface)
    if shape != "cube":
        bpy.ops.object.shade_smooth_by_angle(angle=math.radians(40))
    return made


def box(surface: Any, at: Triple, sides: Triple, parent: Any = None, round_by: float = 0.05) -> Any:
    """A box with round edges, of these half sides."""
    made = add("cube", surface, at, sides, parent)
    bpy.ops.object.transform_apply(location=False, rotation=False)
    bevel = made.modifiers.new("Bevel", "BEVEL")
    bevel.width, bevel.segments = round_by, 3
    return made


def tube(surface: Any, points: Sequence[Triple], radii: Sequence[float], parent: Any = None, flat: float = 1) -> Any:
    """A smooth tube through points; flat: its depth as part of its width, for leaves."""
    curve = bpy.data.curves.new("Tube", "CURVE")
    curve.dimensions, curve.bevel_depth, curve.resolution_u, curve.use_fill_caps = "3D", 1, 6, True
    spline = curve.splines.new("NURBS")
    spline.points.add(len(points) - 1)
    spline.use_endpoint_u, spline.order_u = True, 3
    for point, place, radius in zip(spline.points, points, radii, strict=True):
        point.co, point.radius = (*(place[0], place[1] / flat, place[2]), 1), radius
    made = bpy.data.objects.new("Tube", curve)
    made.scale.y, made.parent = flat, parent
    curve.materials.append(surface)
    bpy.context.collection.objects.link(made)
    return made


def blob(surface: Any, balls: Sequence[tuple[Triple, float]], parent: Any = None) -> Any:
    """Balls (place, radius) that flow into one mesh."""
    bpy.ops.object.metaball_add(location=(0, 0, 0))
    meta = bpy.context.object
    meta.data.resolution = meta.data.render_resolution = 0.06
    meta.data.elements.clear()
    for place, radius in balls:
        element = meta.data.elements.new()
        element.co, element.radius = place, radius
    bpy.ops.object.convert(target="MESH")
    made = bpy.context.object
    made.data.materials.append(surface)
    made.parent = parent
    bpy.ops.object.shade_smooth()
    return made


def hair(owner: Any, surface: Any, count: int, length: float, where: Callable[[Triple], bool], curl: float) -> None:
    """Hair on those vertices of a mesh for which `where` holds."""
    group = owner.vertex_groups.new(name="Hair")
    group.add([vertex.index for vertex in owner.data.vertices if where(tuple(vertex.co))], 1.0, "REPLACE")
    owner.data.materials.append(surface)
    settings = owner.modifiers.new("Hair", "PARTICLE_SYSTEM").particle_system.settings
    owner.particle_systems[0].vertex_group_density = "Hair"
    owner.particle_systems[0].seed = 7
    settings.type, settings.count, settings.hair_length, settings.hair_step = "HAIR", count, length, 4
    settings.child_type, settings.rendered_child_count = "INTERPOLATED", 12
    settings.roughness_1, settings.roughness_endpoint, settings.roughness_2 = curl, curl, curl
    settings.clump_factor, settings.child_length = 0.4, 1.0
    settings.root_radius, settings.tip_radius = 0.6, 0.05
    settings.radius_scale = 0.012
    settings.effector_weights.gravity = 0
    settings.brownian_factor = 0.02
    settings.material = len(owner.data.materials)


def axis(at: Triple = (0, 0, 0), parent: Any = None) -> Any:
    """A place that parts can hang on."""
    made = bpy.data.objects.new("Axis", None)
    made.location, made.parent = at, parent
    bpy.context.collection.objects.link(made)
    return made


def move(thing: Any, path: str, frames: int, value: Callable[[float], Triple]) -> None:
    """Set `path` ("location" or "rotation_euler") for each frame; `value` is given the part of the clip gone by."""
    for frame in range(-1, frames + 1):
        setattr(thing, path, value(frame / frames))
        thing.keyframe_insert(path, frame=frame)


def wave(time: float, cycles: float, phase: float = 0.0) -> float:
    return math.sin(2 * math.pi * (cycles * time + phase))


# Subjects


def fur(frames: int) -> None:
    """A furry monkey's head that turns and nods."""
    bpy.ops.mesh.primitive_monkey_add(size=2.5)
    head = bpy.context.object
    head.modifiers.new("Smooth", "SUBSURF").levels = 1
    bpy.ops.object.modifier_apply(modifier="Smooth")
    head.data.materials.append(material((0.3, 0.12, 0.04), 0.8))
    hair(head, material((0.55, 0.24, 0.07), 0.6), 2500, 0.3, lambda _: True, 0.03)
    for side in (-1, 1):
        eye = add("uv_sphere", material((0.9, 0.9, 0.85), 0.1), (0.44 * side, -0.93, 0.3), (0.22,) * 3, head)
        add("uv_sphere", material((0.01, 0.01, 0.01), 0.05), (0, -0.55, 0), (0.6,) * 3, eye)
    move(head, "rotation_euler", frames, lambda t: (0.15 * wave(t, 1.5), 0.06 * wave(t, 1), -0.2 + 0.65 * wave(t, 0.9)))
    move(head, "location", frames, lambda t: (0.25 * wave(t, 0.5), 0, 0.06 * wave(t, 1.5)))


def bust(frames: int) -> None:
    """A head with hair on shoulders: a person who talks to the camera."""
    shoulders = [((x, 0, -1.55 - 0.16 * abs(x)), 0.85) for x in (-1.05, -0.7, -0.35, 0, 0.35, 0.7, 1.05)]
    blob(material(CLOTH, 0.9, other=(0.03, 0.08, 0.25)), [*shoulders, *[((x, 0, -2.2), 1.2) for x in (-0.8, 0, 0.8)]])
    blob(material(SKIN, 0.6), [((0, 0, -0.9), 0.5), ((0, 0, -0.6), 0.5), ((0, 0, -1.2), 0.55)])
    turn = axis((0, 0, -0.5))
    skull = [((0, 0.1, 0.75), 0.95), ((0, -0.05, 0.45), 0.85), ((0, -0.12, 0.12), 0.6)]
    nose = [((0, -0.62, 0.38), 0.16), ((0, -0.58, 0.5), 0.13)]
    ears = [((side * 0.62, 0.05, 0.42 + up), 0.17) for side in (-1, 1) for up in (-0.06, 0.06)]
    head = blob(material(SKIN, 0.55), [*skull, *nose, *ears], turn)
    hair(
        head, material((0.07, 0.035, 0.015), 0.45), 2200, 0.36, lambda p: p[2] > 0.62 + 0.55 * -min(p[1] + 0.1, 0), 0.05
    )
    for side in (-1, 1):
        white = add("uv_sphere", material((0.9, 0.9, 0.88), 0.1), (0.2 * side, -0.5, 0.57), (0.11,) * 3, turn)
        add("uv_sphere", material((0.05, 0.03, 0.02), 0.05), (0, -0.62, 0), (0.55,) * 3, white)
        tube(material((0.06, 0.03, 0.02)), [(side * x, -0.63 + x / 6, z) for x, z in BROW], (0.02, 0.035, 0.015), turn)
    tube(material((0.5, 0.12, 0.1), 0.4), [(x, -0.53 + x * x, 0.16) for x in (-0.2, 0, 0.2)], (0.02, 0.05, 0.02), turn)
    bpy.context.scene.camera.location = 0, -6.3, -0.2
    move(turn, "rotation_euler", frames, lambda t: (0.05 * wave(t, 2), 0.03 * wave(t, 0.7), 0.14 * wave(t, 1)))


BROW = ((0.1, 0.74), (0.22, 0.78), (0.36, 0.72))


def plane(frames: int) -> None:
    """A toy plane, its propeller turning, that flies loops fast enough to smear."""
    red, white = material((0.7, 0.03, 0.02), 0.25), material((0.85, 0.83, 0.78), 0.3)
    hull = axis()
    add("uv_sphere", red, (0, 0, 0), (0.95, 0.26, 0.28), hull)
    box(white, (0.15, 0, 0.02), (0.24, 1.1, 0.035), hull)
    box(white, (-0.82, 0, 0.06), (0.13, 0.4, 0.03), hull)
    box(red, (-0.85, 0, 0.22), (0.14, 0.03, 0.24), hull)
    add("uv_sphere", material((0.1, 0.25, 0.4), 0.05), (0.15, 0, 0.22), (0.26, 0.15, 0.16), hull)
    nose = axis((0.95, 0, 0), hull)
    add("uv_sphere", white, (0, 0, 0), (0.1, 0.09, 0.09), nose)
    box(material((0.1, 0.08, 0.05)), (0, 0, 0), (0.02, 0.05, 0.42), nose)
    for side in (-1, 1):
        add(
            "cylinder",
            material(RUBBER),
            (0.3, 0.22 * side, -0.4),
            (0.12, 0.12, 0.05),
            hull,
            rotation=(math.pi / 2, 0, 0),
        )
        tube(material(STEEL, 0.3, 1), [(0.3, 0.1 * side, -0.2), (0.3, 0.22 * side, -0.4)], (0.025, 0.025), hull)
    move(nose, "rotation_euler", frames, lambda t: (5 * t * frames / 9, 0, 0))

    def place(t: float) -> Triple:
        return 1.9 * wave(t, 2), 0.8 * wave(t, 1), 0.75 * wave(t, 2, 0.25)

    def heading(t: float) -> Triple:
        (x, y, z), (x1, y1, z1) = place(t - 0.001), place(t + 0.001)
        return 0.5, -math.atan2(z1 - z, x1 - x), 0.3 * math.copysign(math.sqrt(abs(y1 - y)), y1 - y)

    move(hull, "location", frames, place)
    turned = [heading(frame / frames) for frame in range(-1, frames + 1)]
    for before, after in zip(range(len(turned)), range(1, len(turned)), strict=False):
        whole = round((turned[before][1] - turned[after][1]) / (2 * math.pi))  # never the long way round
        turned[after] = (turned[after][0], turned[after][1] + whole * 2 * math.pi, turned[after][2])
    move(hull, "rotation_euler", frames, lambda t: turned[round(t * frames) + 1])


def plant(frames: int) -> None:
    """A potted plant whose long leaves sway."""
    clay = material((0.55, 0.2, 0.09), 0.8, other=(0.45, 0.15, 0.07))
    add("cone", clay, (0, 0, -1.05), vertices=48, radius1=0.42, radius2=0.6, depth=0.8)
    add("cylinder", clay, (0, 0, -0.62), vertices=48, radius=0.66, depth=0.16)
    dice = random.Random(5)
    for number in range(26):
        leaf = axis((0, 0, -0.6))
        turn, lean = number * 2.39996, 0.3 + 1.1 * (number / 26)
        long = 1.3 + 0.7 * dice.random()
        out, up = long * math.sin(lean), long * math.cos(lean)
        points = [(0, 0, 0), (out * 0.35, 0, up * 0.75), (out * 0.8, 0, up * 1.1), (out * 1.15, 0, up * 0.95)]
        green = (0.04 + 0.1 * dice.random(), 0.2 + 0.2 * dice.random(), 0.03)
        width = 0.03 + 0.09 * dice.random()
        blade = tube(material(green, 0.35), points, (0.012, width * 0.6, width, 0.002), leaf, 0.3)
        blade.rotation_euler = (0, 0, turn)
        pace, phase = 1.5 + dice.random(), dice.random()

        def sway(t: float, pace: float = pace, phase: float = phase) -> Triple:
            return 0.07 * wave(t, pace, phase), 0.09 * wave(t, 1, phase / 4) + 0.03 * wave(t, pace, phase + 0.2), 0

        move(leaf, "rotation_euler", frames, sway)


def car(frames: int) -> None:
    """A toy car that drives in from the left, passes and leaves on the right."""
    paint, dark = material((0.9, 0.45, 0.02), 0.15), material((0.02, 0.03, 0.04), 0.05)
    body = axis()
    box(paint, (0, 0, -0.35), (1.25, 0.55, 0.27), body, 0.16)
    box(paint, (-0.12, 0, 0.08), (0.68, 0.48, 0.3), body, 0.2)
    box(dark, (-0.12, 0, 0.1), (0.6, 0.49, 0.17), body, 0.08)
    box(dark, (-0.12, 0, 0.1), (0.69, 0.4, 0.17), body, 0.08)
    box(material(STEEL, 0.2, 1), (0, 0, -0.5), (1.3, 0.5, 0.06), body)
    tube(material(STEEL, 0.3, 1), [(-0.9, -0.2, -0.1), (-1.0, -0.2, 0.4), (-1.1, -0.2, 0.75)], (0.012,) * 3, body)
    wheels = []
    for x in (-0.75, 0.78):
        for y in (-0.52, 0.52):
            wheels.append(axis((x, y, -0.6), body))
            upright = {"rotation": (math.pi / 2, 0, 0)}
            add("cylinder", material(RUBBER, 0.8), (0, 0, 0), (0.29, 0.29, 0.1), wheels[-1], **upright)
            add("cylinder", material(STEEL, 0.2, 1), (0, 0, 0), (0.17, 0.17, 0.105), wheels[-1], **upright)
            box(paint, (0, 0, 0), (0.16, 0.11, 0.03), wheels[-1], 0.01)
    for side in (-1, 1):
        add("uv_sphere", material((1, 0.95, 0.7), 0.05), (1.22, 0.33 * side, -0.3), (0.07, 0.11, 0.11), body)

    def along(t: float) -> float:
        return 9.5 * (t - 0.5)  # out of sight at both ends

    move(body, "location", frames, lambda t: (along(t), 0, 0.03 * wave(t, 6) - 0.1))
    body.rotation_euler.z = -0.25
    for wheel in wheels:
        move(wheel, "rotation_euler", frames, lambda t: (0, along(t) / 0.29, 0))


def balloon(frames: int) -> None:
    """A hot air balloon, small and far: envelope, basket, and the ropes between."""
    stripes = [material((0.75, 0.05, 0.03), 0.5), material((0.9, 0.75, 0.1), 0.5), material((0.05, 0.15, 0.5), 0.5)]
    hang = axis()
    envelope = add("uv_sphere", stripes[0], (0, 0, 0.32), (0.42, 0.42, 0.46), hang, segments=24, ring_count=24)
    for colour in stripes[1:]:
        envelope.data.materials.append(colour)
    for face in envelope.data.polygons:
        face.material_index = int((math.atan2(face.center.y, face.center.x) / (2 * math.pi) + 0.5) * 12) % 3
    for vertex in envelope.data.vertices:
        if vertex.co.z < 0:
            pinch = 1 - 0.72 * vertex.co.z**2
            vertex.co = (vertex.co.x * pinch, vertex.co.y * pinch, vertex.co.z * 1.15)
    box(material((0.25, 0.12, 0.04), 0.9), (0, 0, -0.5), (0.09, 0.09, 0.07), hang, 0.02)
    for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        tube(material((0.1, 0.07, 0.04)), [(0.08 * x, 0.08 * y, -0.45), (0.14 * x, 0.14 * y, -0.1)], (0.007,) * 2, hang)
    move(hang, "location", frames, lambda t: (-0.9 + 1.3 * t, 0, -0.15 + 0.5 * t + 0.03 * wave(t, 1.5)))
    move(hang, "rotation_euler", frames, lambda t: (0, 0.05 * wave(t, 1.2), 1.2 * t))


def teapot(frames: int) -> None:
    """A china teapot that turns."""
    china = material((0.8, 0.82, 0.85), 0.12, other=(0.05, 0.12, 0.45))
    pot = axis((0, 0, -0.2))
    add("uv_sphere", china, (0, 0, 0), (1.0, 1.0, 0.8), pot, segments=48, ring_count=32)
    add("cylinder", china, (0, 0, -0.76), (0.55, 0.55, 0.06), pot, vertices=48)
    add("uv_sphere", china, (0, 0, 0.68), (0.5, 0.5, 0.2), pot)
    add("uv_sphere", china, (0, 0, 0.95), (0.13, 0.13, 0.13), pot)
    tube(china, [(0.8, 0, -0.3), (1.25, 0, -0.2), (1.3, 0, 0.35), (1.65, 0, 0.6)], (0.28, 0.2, 0.12, 0.1), pot)
    tube(china, [(-0.8, 0, 0.4), (-1.5, 0, 0.6), (-1.65, 0, -0.2), (-0.85, 0, -0.4)], (0.09,) * 4, pot)

    move(pot, "rotation_euler", frames, lambda t: (0.2, 0, 0.3 + 1.6 * t))


SUBJECTS: dict[str, tuple[Callable[[int], None], str]] = {
    "fur": (fur, "forest"),
    "bust": (bust, "interior"),
    "plane": (plane, "sunrise"),
    "plant": (plant, "courtyard"),
    "car": (car, "city"),
    "balloon": (balloon, "sunset"),
    "teapot": (teapot, "studio"),
}
"""What builds and moves a subject, and the light it stands in."""


def look_at_shapes_only(scene: Any) -> None:
    """Limit the rendering to the shapes' boxes in this frame: the rest of the picture stays transparent, and costs."""
    graph = bpy.context.evaluated_depsgraph_get()
    seen = scene.camera.calc_matrix_camera(graph, x=SIZE[0], y=SIZE[1]) @ scene.camera.matrix_world.inverted()
    corners = [
        seen @ (thing.matrix_world @ Vector(corner)).to_4d()
        for thing in graph.objects
        if thing.type in ("MESH", "CURVE")
        for corner in thing.bound_box
    ]
    left, right = _span([0.5 + corner.x / corner.w / 2 for corner in corners], MARGIN)
    below, above = _span([0.5 + corner.y / corner.w / 2 for corner in corners], MARGIN * SIZE[0] / SIZE[1])
    if right - left < 0.02:  # out of sight; an empty border would be taken for none
        left, right = (0.0, 0.02)
    render = scene.render
    render.use_border = True
    render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = left, right, below, above


def _span(places: Sequence[float], margin: float) -> tuple[float, float]:
    return max(min(places) - margin, 0.0), min(max(places) + margin, 1.0)


def main(name: str, folder: str, frames: str) -> None:
    build, light = SUBJECTS[name]
    scene = prepare(light)
    build(int(frames))
    for action in bpy.data.actions:
        for curve in action.fcurves:
            for key in curve.keyframe_points:
                key.interpolation = "LINEAR"
    for frame in range(int(frames)):
        scene.frame_set(frame)
        look_at_shapes_only(scene)
        scene.render.filepath = f"{folder}/{frame:04d}.png"
        bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
