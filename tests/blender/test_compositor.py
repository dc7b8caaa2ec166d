# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes: what the scene's compositor renders of our strips, beside what the sequencer renders of them.

Both are renders of Blender's own. The sequencer blends sRGB bytes and the compositor blends linear light, so that they
are the same where a matte is opaque or empty, and apart by a known amount where it is soft: `linear()` is that amount's
other side, and what the compositor renders is to be within 1 of 255 of it everywhere.
"""

import importlib
import itertools
import shutil
from pathlib import Path

import clips
import cv2
import numpy as np
import pytest
import timeline

WIDTH, HEIGHT = 96, 64
BEHIND = (40, 160, 220)  # RGB, of 255
NEAR = 1  # of 255
# Linear light is lighter, by what the two colours make it: of 255 by 73 between black and white at the most, and by
# this much (37.2) between the pictures here and what is behind them.
LIGHTER = 38


def picture(frame: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB: colours that are of this source frame alone."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    red = 60 + 2 * columns
    green = np.full_like(red, 20 + 17 * frame)
    blue = 230 - 3 * rows
    return np.stack([red, green, blue], -1).astype(np.uint8)


def alpha(frame: int) -> np.ndarray:
    """(H, W) uint8: empty on the left, opaque on the right, and between them every step; each frame elsewhere."""
    across = (np.arange(WIDTH) - 20 - frame) * 255 / 40
    return np.broadcast_to(np.clip(np.round(across), 0, 255).astype(np.uint8), (HEIGHT, WIDTH))


def linear(front: np.ndarray, matte: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Straight alpha over, in linear light (IEC 61966-2-1): what the compositor should render, 0 to 255."""

    def light(value):
        value = np.asarray(value) / 255
        return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)

    share = matte[..., None] / 255
    mixed = light(front) * share + light(behind) * (1 - share)
    return 255 * np.where(mixed <= 0.0031308, mixed * 12.92, 1.055 * mixed ** (1 / 2.4) - 0.055)


@pytest.fixture
def stage(shot):
    shot.scene.render.resolution_x, shot.scene.render.resolution_y = WIDTH, HEIGHT
    shot.scene.render.dither_intensity = 0.0  # a pixel here and there is 1 off otherwise
    compositor = importlib.import_module(f"{timeline.MODULE}.operators.compositor")
    if not hasattr(shot.bpy.types, "SEQUENCER_OT_matte_to_compositor"):
        compositor.register()
    shot.folder.mkdir()
    return shot


def write(folder: Path, frame: int, image: np.ndarray) -> None:
    """Write an RGB, RGBA or grey image as a source frame's file."""
    if image.ndim == 3:
        image = cv2.cvtColor(image, {4: cv2.COLOR_RGBA2BGRA, 3: cv2.COLOR_RGB2BGR}[image.shape[2]])
    cv2.imwrite(str(folder / f"{frame:06d}.png"), image)


def made_strip(stage, frames, output="CUTOUT", movie="//none.mp4", source="none", start=20, channel=3, name="Kite"):
    """A strip such as Add Matte leaves, one element a timeline frame."""
    for frame in set(frames):
        image = alpha(frame) if output == "MATTE" else np.dstack([picture(frame), alpha(frame)])
        write(stage.folder, frame, image)
    names = [f"{frame:06d}.png" for frame in frames]
    collection = timeline.strips(stage.scene.sequence_editor)
    strip = collection.new_image(name, str(stage.folder / names[0]), channel, start)
    for file in names[1:]:
        strip.elements.append(file)
    strip.blend_type, strip.alpha_mode = "ALPHA_OVER", "STRAIGHT"
    strip["strip_matte"] = {
        "source": source,
        "movie": movie,
        "folder": str(stage.folder),
        "settings": "0",
        "output": output,
    }
    strip.select = True
    return strip


def tree_of(scene):
    return scene.compositing_node_group if hasattr(scene, "compositing_node_group") else scene.node_tree


def new_tree(bpy, scene):
    """The compositor that an editor had: a picture of one colour, linked to the output. Returns the tree."""
    behind = bpy.data.images.new("Behind", scene.render.resolution_x, scene.render.resolution_y, alpha=True)
    behind.generated_color = (*(value / 255 for value in BEHIND), 1.0)
    if hasattr(scene, "compositing_node_group"):
        tree = scene.compositing_node_group = bpy.data.node_groups.new("Mine", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        output = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        output = tree.nodes.new("CompositorNodeComposite")
    node = tree.nodes.new("CompositorNodeImage")
    node.name, node.image = "Behind", behind
    tree.links.new(node.outputs["Image"], output.inputs[0])
    return tree


def new_stack(stage):
    """The same colour behind, on the timeline and in the compositor. Returns the tree."""
    red, green, blue = (value / 255 for value in BEHIND)
    timeline.add_colour(stage.scene, (red, green, blue), 1, 1, 60)
    return new_tree(stage.bpy, stage.scene)


def composited(scene, frame: int) -> np.ndarray:
    """What the compositor renders: (H, W, 4) uint8 RGBA."""
    scene.render.use_sequencer = False
    try:
        return timeline.render(scene, frame)
    finally:
        scene.render.use_sequencer = True


def add(bpy) -> None:
    assert bpy.ops.sequencer.matte_to_compositor() == {"FINISHED"}


def check(stage, frame: int, source_frame: int | None, matte: np.ndarray | None = None) -> None:
    """Timeline frame `frame` shows this source frame in both renders, or with None what is behind alone."""
    nodes, strips = composited(stage.scene, frame), timeline.render(stage.scene, frame)
    behind = np.broadcast_to(np.array(BEHIND), (HEIGHT, WIDTH, 3))
    if source_frame is None:
        np.testing.assert_array_equal(nodes[..., :3], behind)
        np.testing.assert_array_equal(strips[..., :3], behind)
        return
    matte = alpha(source_frame) if matte is None else matte
    colour = picture(source_frame)
    expected = linear(colour, matte, behind)
    assert np.abs(nodes[..., :3] - expected).max() <= NEAR
    share = matte[..., None] / 255
    # The sequencer rounds bytes once more where a mask meets an alpha of the movie's own.
    assert np.abs(strips[..., :3] - (colour * share + behind * (1 - share))).max() <= NEAR + 1
    apart = np.abs(nodes[..., :3].astype(int) - strips[..., :3]).max(axis=2)
    hard = (matte == 0) | (matte == 255)
    assert (matte == 0).any() and (matte == 255).any() and not hard.all()
    assert apart[hard].max() <= NEAR
    assert apart.max() <= LIGHTER


def test_a_cutout_is_rendered_as_on_the_timeline(stage) -> None:
    """Moved to frame 20 and trimmed: first, middle and last frame, and the frames around it."""
    new_stack(stage)
    strip = made_strip(stage, range(5, 13))
    timeline.trim(strip, left=2, length=5)
    add(stage.bpy)
    for frame, source_frame in ((21, None), (22, 7), (24, 9), (26, 11), (27, None)):
        check(stage, frame, source_frame)


def test_pictures_that_are_reversed_and_repeated(stage) -> None:
    new_stack(stage)
    shown = [9, 8, 8, 8, 3, 4, 5, 0]
    made_strip(stage, shown)
    add(stage.bpy)
    for frame, source_frame in enumerate(shown, 20):
        check(stage, frame, source_frame)
    (image,) = [node for node in tree_of(stage.scene).nodes if node.get("strip_matte_role") == "Picture"]
    assert all(curve.driver.is_simple_expression for curve in image.id_data.animation_data.drivers)


def test_a_cutout_that_was_reversed_afterwards(stage) -> None:
    new_stack(stage)
    made_strip(stage, range(4, 10)).use_reverse_frames = True
    add(stage.bpy)
    for frame, source_frame in ((20, 9), (22, 7), (25, 4)):
        check(stage, frame, source_frame)


def lossless_movie(stage, path: Path, frames: range, transparent: bool = False) -> None:
    """A movie of pictures, made by Blender."""
    scene, pictures = stage.scene, path.parent / f"of_{path.stem}"
    pictures.mkdir()
    for frame in frames:
        write(pictures, frame, np.dstack([picture(frame), alpha(0)]) if transparent else picture(frame))
    collection = timeline.strips(scene.sequence_editor)
    strip = collection.new_image("Pictures", str(pictures / f"{frames[0]:06d}.png"), 1, 1)
    for frame in frames[1:]:
        strip.elements.append(f"{frame:06d}.png")
    strip.blend_type = "REPLACE"
    scene.frame_start, scene.frame_end = 1, len(frames)
    timeline.render_movie(scene, path, "QUICKTIME", "PNG", transparent)
    collection.remove(strip)


def masked(stage, source, frames, start: int):
    """A muted matte, and the source that a MASK modifier makes transparent by it."""
    path = source.filepath if source.type == "MOVIE" else source.directory
    matte = made_strip(stage, frames, "MATTE", path, source.name, start)
    matte.mute = True
    modifier = source.modifiers.new("Matte", "MASK")
    modifier.input_mask_type, modifier.input_mask_strip = "STRIP", matte
    source.blend_type = "ALPHA_OVER"
    return matte


def test_a_compressed_movie_shows_the_same_pictures(stage) -> None:
    """Long groups of pictures at a varying rate: the number in the picture is the one on the timeline."""
    scene = stage.scene
    scene.render.resolution_x, scene.render.resolution_y = clips.WIDTH, clips.HEIGHT
    new_tree(stage.bpy, scene)
    movie = timeline.add_movie(scene, clips.make("phone.mp4"), channel=2, start=-20)
    timeline.trim(movie, left=40, length=40)
    shown = [*range(40, 60), *range(79, 59, -1)]
    made_strip(stage, shown, "MATTE", movie.filepath, movie.name).mute = True
    for frame in shown:
        write(stage.folder, frame, np.full((clips.HEIGHT, clips.WIDTH), 255, np.uint8))
    movie.select = False
    add(stage.bpy)
    for frame in (20, 33, 39, 40, 50, 59):
        source_frame = shown[frame - 20]
        wanted = clips.number_in(timeline.render(scene, source_frame - 20)[..., :3])
        assert wanted is not None
        assert clips.number_in(composited(scene, frame)[..., :3]) == wanted


@pytest.mark.parametrize("output", ["CUTOUT", "MATTE"])
def test_what_add_matte_makes(stage, output: str) -> None:
    """From the movie to the nodes, and on to those of the other output, which take their place."""
    scene = stage.scene
    scene.render.resolution_x, scene.render.resolution_y = 1280, 720
    scene.strip_matte.output = output
    stage.movie(start=1, left=60, length=4)
    assert stage.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    add(stage.bpy)
    same_as_the_sequencer(stage)
    assert stage.bpy.ops.sequencer.matte_switch() == {"FINISHED"}
    add(stage.bpy)
    same_as_the_sequencer(stage)
    (over,) = [node for node in tree_of(scene).nodes if node.bl_idname == "CompositorNodeAlphaOver"]
    assert over.name.startswith("bigbuckbunny " + ("Matte" if output == "CUTOUT" else "Cutout"))


def same_as_the_sequencer(stage) -> None:
    for frame in (61, 62, 64):
        nodes, strips = composited(stage.scene, frame).astype(int), timeline.render(stage.scene, frame)
        assert np.abs(nodes[..., 3] - strips[..., 3]).max() <= 1
        opaque = strips[..., 3] == 255
        assert opaque.any() and not opaque.all()
        assert np.abs(nodes[opaque] - strips[opaque]).max() <= NEAR


@pytest.mark.parametrize("transparent", [False, True], ids=["opaque", "with an alpha of its own"])
def test_a_matte_and_its_movie(stage, tmp_path: Path, transparent: bool) -> None:
    lossless_movie(stage, tmp_path / "movie.mov", range(10), transparent)
    new_stack(stage)
    movie = timeline.add_movie(stage.scene, tmp_path / "movie.mov", channel=2, start=17)
    timeline.trim(movie, left=3, length=5)
    masked(stage, movie, range(3, 8), 20)
    movie.select = False
    add(stage.bpy)
    for frame, source_frame in ((19, None), (20, 3), (22, 5), (24, 7), (25, None)):
        both = None
        if source_frame and transparent:
            both = np.round(alpha(source_frame) * (alpha(0) / 255)).astype(np.uint8)
        check(stage, frame, source_frame, both)
    nodes = {node["strip_matte_role"]: node for node in tree_of(stage.scene).nodes if "strip_matte_role" in node}
    assert nodes["Matte"].image.colorspace_settings.name == "Non-Color"
    assert nodes["Picture"].image.source == "MOVIE"
    (matte,) = [strip for strip in timeline.strips(stage.scene.sequence_editor) if strip.type == "IMAGE"]
    assert timeline.addon("operators.compositor").layer(stage.scene, matte).lost == ()


def test_a_matte_outlives_its_movie_strip_but_not_its_movie(stage, tmp_path: Path) -> None:
    """A strip that has the name and shows something else is not taken for the one that is gone."""
    lossless_movie(stage, tmp_path / "movie.mov", range(4))
    new_tree(stage.bpy, stage.scene)
    collection = timeline.strips(stage.scene.sequence_editor)
    movie = timeline.add_movie(stage.scene, tmp_path / "movie.mov", channel=2, start=20)
    made_strip(stage, range(4), "MATTE", movie.filepath, movie.name)
    collection.remove(movie)
    shutil.copy(tmp_path / "movie.mov", tmp_path / "other.mov")
    timeline.add_movie(stage.scene, tmp_path / "other.mov", channel=2, start=20, name="movie").select = False
    add(stage.bpy)
    (node,) = [node for node in tree_of(stage.scene).nodes if node.get("strip_matte_role") == "Picture"]
    assert Path(node.image.filepath) == tmp_path / "movie.mov"
    expected = linear(picture(2), alpha(2), np.broadcast_to(BEHIND, (HEIGHT, WIDTH, 3)))
    assert np.abs(composited(stage.scene, 22)[..., :3] - expected).max() <= NEAR

    # The movie was moved, and the strip that is there now was told where to.
    (tmp_path / "movie.mov").unlink()
    add(stage.bpy)
    assert Path(node.image.filepath) == tmp_path / "other.mov"
    collection["movie"].name = "another"
    assert 'movie.mov" is missing. Put the file back' in told(stage.bpy)


def test_a_matte_and_its_pictures(stage, tmp_path: Path) -> None:
    """Of an image strip the files are the movie, whatever numbers they have."""
    for frame in range(6):
        write(tmp_path, 100 + frame, picture(frame))
    new_stack(stage)
    source = timeline.strips(stage.scene.sequence_editor).new_image("Pictures", str(tmp_path / "000100.png"), 2, 20)
    for frame in range(1, 6):
        source.elements.append(f"{100 + frame:06d}.png")
    masked(stage, source, range(6), 20)
    source.select = False
    add(stage.bpy)
    for frame, source_frame in ((20, 0), (23, 3), (25, 5), (26, None)):
        check(stage, frame, source_frame)


def test_the_place_in_the_picture(stage) -> None:
    """Flipped, smaller, turned, moved and half transparent: what is opaque is where the sequencer has it."""
    new_stack(stage)
    strip = made_strip(stage, [3, 4])
    strip.use_flip_x = True
    transform = strip.transform
    transform.scale_x, transform.scale_y, transform.rotation = 0.8, 0.6, 0.3
    transform.offset_x, transform.offset_y = 11, -6
    timeline.render(stage.scene, 20)
    transform.origin = (0.2, 0.9)
    add(stage.bpy)
    seen, wanted = (render(stage.scene, 21)[..., :3].astype(int) for render in (composited, timeline.render))
    apart = np.abs(seen - wanted).max(axis=2)
    there = np.abs(wanted - BEHIND).max(axis=2) > 60
    assert 0.1 < there.mean() < 0.6
    # Edges are drawn with other filters, and soft places with other light: they are few.
    assert np.median(apart[there]) <= NEAR
    assert np.median(apart) <= NEAR
    assert (apart > LIGHTER).mean() < 0.02

    strip.blend_alpha = 0.5
    add(stage.bpy)
    inside = cv2.erode(there.astype(np.uint8), np.ones((9, 9))) > 0
    full = np.full(inside.shape, 128, np.uint8)
    half = linear(seen, full, np.broadcast_to(BEHIND, seen.shape))
    again = composited(stage.scene, 21)[..., :3]
    assert np.median(np.abs(again - half)[inside]) <= NEAR


def test_what_was_there_stays(stage) -> None:
    """Nodes, links and values; the output shows ours over what it showed."""
    tree = new_tree(stage.bpy, stage.scene)
    blur = tree.nodes.new("CompositorNodeBlur")
    viewer = tree.nodes.new("CompositorNodeViewer")
    tree.links.new(tree.nodes["Behind"].outputs["Image"], blur.inputs["Image"])
    tree.links.new(blur.outputs["Image"], viewer.inputs["Image"])
    nodes = {(node.name, tuple(node.location)) for node in tree.nodes}
    made_strip(stage, range(4))
    add(stage.bpy)
    assert nodes <= {(node.name, tuple(node.location)) for node in tree.nodes}
    assert [link.to_node.name for link in blur.outputs["Image"].links] == [viewer.name]
    assert [link.from_node.name for link in blur.inputs["Image"].links] == ["Behind"]
    (over,) = [node for node in tree.nodes if node.bl_idname == "CompositorNodeAlphaOver"]
    assert {link.from_node.name for link in tree.links if link.to_node == over} == {"Behind", "Kite Picture"}
    (frame,) = [node for node in tree.nodes if node.bl_idname == "NodeFrame"]
    assert frame.label == "Kite" and over.parent == frame


def contents(tree) -> tuple:
    links = sorted((a.from_node.name, a.to_node.name, a.to_socket.identifier) for a in tree.links)
    return sorted(node.name for node in tree.nodes), links, len(tree.animation_data.drivers)


def test_twice_is_once(stage) -> None:
    """What an editor put between our nodes stays, and the frames are those of now."""
    tree = new_stack(stage)
    strip = made_strip(stage, [9, 8, 8, 8, 3, 4, 5, 0])
    add(stage.bpy)
    between = tree.nodes.new("NodeReroute")
    kite = tree.nodes["Kite Picture"]
    (link,) = kite.outputs["Image"].links
    into = link.to_socket
    tree.links.new(kite.outputs["Image"], between.inputs[0])
    tree.links.new(between.outputs[0], into)
    before, images = contents(tree), len(stage.bpy.data.images)
    add(stage.bpy)
    assert contents(tree) == before
    assert len(stage.bpy.data.images) == images
    timeline.trim(strip, left=4, length=3)
    add(stage.bpy)
    assert len(tree.animation_data.drivers) == 1  # 3, 4, 5 are counted by the node itself
    assert contents(tree)[:2] == before[:2]
    for frame, source_frame in ((23, None), (24, 3), (25, 4), (26, 5), (27, None)):
        check(stage, frame, source_frame)


def test_a_cutout_becomes_a_matte_and_is_one_again(stage, tmp_path: Path) -> None:
    """The nodes of the other output go, and what hung on ours hangs on them still."""
    lossless_movie(stage, tmp_path / "movie.mov", range(4))
    tree = new_stack(stage)
    viewer = tree.nodes.new("CompositorNodeViewer")
    strip = made_strip(stage, range(4))
    add(stage.bpy)
    tree.links.new(tree.nodes["Kite Picture"].outputs["Image"], viewer.inputs["Image"])
    before = contents(tree)
    timeline.strips(stage.scene.sequence_editor).remove(strip)
    movie = timeline.add_movie(stage.scene, tmp_path / "movie.mov", channel=2, start=20)
    strip = masked(stage, movie, range(4), 20)
    movie.select = False
    add(stage.bpy)
    assert [link.from_node.name for link in viewer.inputs["Image"].links] == ["Kite Set Alpha"]
    for frame, source_frame in ((20, 0), (23, 3)):
        check(stage, frame, source_frame)
    timeline.strips(stage.scene.sequence_editor).remove(strip)
    timeline.strips(stage.scene.sequence_editor).remove(movie)
    made_strip(stage, range(4))
    add(stage.bpy)
    assert contents(tree) == before
    for frame, source_frame in ((20, 0), (23, 3)):
        check(stage, frame, source_frame)


def test_two_strips_lie_over_each_other_as_on_the_timeline(stage) -> None:
    new_stack(stage)
    made_strip(stage, range(12, 14), channel=4, name="Upper")
    made_strip(stage, range(2), name="Lower")
    add(stage.bpy)
    lower = linear(picture(0), alpha(0), np.broadcast_to(BEHIND, (HEIGHT, WIDTH, 3)))
    expected = linear(picture(12), alpha(12), lower)
    assert np.abs(composited(stage.scene, 20)[..., :3] - expected).max() <= NEAR


def test_a_scene_without_a_compositor_gets_one(stage) -> None:
    """Without a camera there is nothing behind: the picture is the cutout, with its alpha."""
    assert tree_of(stage.scene) is None and stage.scene.camera is None
    made_strip(stage, range(4))
    add(stage.bpy)
    seen = composited(stage.scene, 21)
    opaque = alpha(1) == 255
    assert np.abs(seen[..., 3].astype(int) - alpha(1)).max() <= 1
    assert np.abs(seen[opaque][:, :3].astype(int) - picture(1)[opaque]).max() <= NEAR
    assert composited(stage.scene, 19).max() == 0


def test_a_scene_with_a_camera_keeps_its_render_behind(stage) -> None:
    camera = stage.bpy.data.objects.new("Camera", stage.bpy.data.cameras.new("Camera"))
    stage.scene.collection.objects.link(camera)
    stage.scene.camera = camera
    made_strip(stage, range(4))
    add(stage.bpy)
    tree = tree_of(stage.scene)
    (over,) = [node for node in tree.nodes if node.bl_idname == "CompositorNodeAlphaOver"]
    assert {link.from_node.bl_idname for link in tree.links if link.to_node == over} == {
        "CompositorNodeRLayers",
        "CompositorNodeImage",
    }


def test_undo_takes_it_back_and_redo_brings_it(stage) -> None:
    bpy = stage.bpy
    tree = new_tree(bpy, stage.scene)
    made_strip(stage, [3, 3, 2])
    bpy.ops.ed.undo_push(message="the stage is set")
    nodes = sorted(node.name for node in tree.nodes)
    add(bpy)
    bpy.ops.ed.undo_push(message="Add to Compositor")  # a script's operators push none
    bpy.ops.ed.undo()
    tree = tree_of(bpy.context.scene)
    assert sorted(node.name for node in tree.nodes) == nodes
    assert len(tree.links) == 1
    bpy.ops.ed.redo()
    tree = tree_of(bpy.context.scene)
    assert contents(tree)[2] == 2
    assert "Kite Picture" in tree.nodes


def test_saved_and_loaded(stage, tmp_path: Path) -> None:
    bpy = stage.bpy
    new_stack(stage)
    made_strip(stage, [5, 3, 3])
    add(bpy)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    stage.scene = bpy.context.scene
    for frame, source_frame in ((20, 5), (21, 3), (22, 3), (23, None)):
        check(stage, frame, source_frame)
    before = contents(tree_of(stage.scene))
    add(bpy)
    assert contents(tree_of(stage.scene)) == before


def told(bpy) -> str:
    with pytest.raises(RuntimeError) as error:
        bpy.ops.sequencer.matte_to_compositor()
    return str(error.value)


def test_what_can_not_be_shown_is_said_and_nothing_is_changed(stage, tmp_path: Path) -> None:
    bpy = stage.bpy
    strip = made_strip(stage, range(4))
    (stage.folder / "000002.png").unlink()
    assert '000002.png" is missing. Run Add Matte again' in told(bpy)
    (stage.folder / "000002.png").write_bytes((stage.folder / "000001.png").read_bytes())
    (stage.folder / "other.png").write_bytes((stage.folder / "000001.png").read_bytes())
    strip.elements[2].filename = "other.png"
    assert 'those of "Kite" are not one numbered sequence' in told(bpy)
    strip.elements[2].filename = "000002.png"
    strip["strip_matte"] = {**strip["strip_matte"].to_dict(), "output": "MATTE"}
    assert 'none.mp4" is missing. Put the file back' in told(bpy)
    strip["strip_matte"] = {**strip["strip_matte"].to_dict(), "movie": str(tmp_path)}
    assert 'The strip of pictures that "Kite" was made of is gone' in told(bpy)
    assert tree_of(stage.scene) is None


def test_two_composite_nodes_are_one_too_many_before_5(stage) -> None:
    """Blender does not tell which of them counts; from 5.0 on it does."""
    tree = new_tree(stage.bpy, stage.scene)
    made_strip(stage, range(4))
    (output,) = [link.to_node for link in tree.links]
    tree.nodes.new(output.bl_idname)
    if hasattr(output, "is_active_output"):
        output.is_active_output = True
        add(stage.bpy)
        (link,) = output.inputs[0].links
        assert link.from_node.name == "Kite Alpha Over"
    else:
        count = len(tree.nodes)
        assert "several Composite nodes" in told(stage.bpy)
        assert len(tree.nodes) == count


def test_nothing_of_ours_is_selected(stage) -> None:
    timeline.add_colour(stage.scene, (0.0, 0.0, 0.0), 1, 1, 60).select = True
    assert not stage.bpy.ops.sequencer.matte_to_compositor.poll()


def test_what_the_compositor_leaves_out_is_said(stage) -> None:
    strip = made_strip(stage, range(4))
    layer = timeline.addon("operators.compositor").layer
    assert layer(stage.scene, strip).lost == ()
    strip.crop.min_x = 3
    strip.color_saturation = 0.5
    strip.transform.keyframe_insert("offset_x", frame=22)
    assert layer(stage.scene, strip).lost == ("the crop", "the saturation and brightness", "the animation")


def test_a_renamed_strip_takes_its_nodes_along(stage) -> None:
    strip = made_strip(stage, range(4))
    add(stage.bpy)
    tree = tree_of(stage.scene)
    count = len(tree.nodes)
    strip.name = "Bird"
    add(stage.bpy)
    assert len(tree.nodes) == count
    assert "Bird Alpha Over" in tree.nodes
    (frame,) = [node for node in tree.nodes if node.bl_idname == "NodeFrame"]
    assert frame.label == "Bird"


def test_names_of_every_length_are_found_again(stage) -> None:
    """A strip's name fills a node's: what the node is for has no room beside it."""
    made_strip(stage, range(4), name="K" * 63)
    add(stage.bpy)
    before = contents(tree_of(stage.scene))
    add(stage.bpy)
    assert contents(tree_of(stage.scene)) == before
    assert len(list(itertools.filterfalse(lambda node: "strip_matte_role" in node, tree_of(stage.scene).nodes))) == 1
