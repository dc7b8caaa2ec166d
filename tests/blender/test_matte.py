# SPDX-License-Identifier: GPL-3.0-or-later
"""From a script: what stands on the timeline after the operator, and what its pictures look like."""

from fractions import Fraction
from pathlib import Path

import av
import bpy
import cv2
import numpy as np
import pytest
import timeline

SLOTS = hasattr(bpy.types, "ActionSlot")


def images_of(strip) -> list[np.ndarray]:
    """The strip's files, one a timeline frame: (H, W, 4) uint8 BGRA."""
    folder = Path(bpy.path.abspath(strip.directory))
    return [cv2.imread(str(folder / element.filename), cv2.IMREAD_UNCHANGED) for element in strip.elements]


def matted(scene, movie):
    """The strip that the operator makes of the movie."""
    before = {strip.name for strip in timeline.strips(scene.sequence_editor)}
    assert bpy.ops.sequencer.matte_add() == {"FINISHED"}
    (made,) = [strip for strip in timeline.strips(scene.sequence_editor) if strip.name not in before]
    return made


def extent(strip) -> tuple[int, int]:
    return timeline.addon("operators.strips").extent(strip)


def test_a_cutout_stands_above_the_muted_movie(shot) -> None:
    movie = shot.movie(start=11, length=4)
    made = matted(shot.scene, movie)
    assert made.type == "IMAGE"
    assert extent(made) == extent(movie) == (11, 15)
    assert (made.channel, movie.channel) == (2, 1)
    assert (made.blend_type, made.alpha_mode) == ("ALPHA_OVER", "STRAIGHT")
    assert [element.filename for element in made.elements] == [f"{frame:06d}.png" for frame in range(4)]
    assert movie.mute
    assert not made.mute
    assert made.select
    assert not movie.select
    assert shot.scene.sequence_editor.active_strip == made
    assert movie.name in made.name
    assert made["strip_matte"]["source"] == movie.name
    assert made["strip_matte"]["movie"] == movie.filepath


def test_a_trimmed_strip_mattes_what_it_shows_and_no_more(shot) -> None:
    movie = shot.movie(left=30, length=3)
    made = matted(shot.scene, movie)
    assert extent(made) == extent(movie)
    assert [element.filename for element in made.elements] == ["000030.png", "000031.png", "000032.png"]
    assert len(list(shot.images())) == 3


def test_the_composite_is_straight_alpha_over(shot) -> None:
    """What Blender renders is the cutout's colour by its alpha over what lies below, to the last bit but rounding."""
    colour = (200, 60, 120)
    red, green, blue = (value / 255 for value in colour)
    timeline.add_colour(shot.scene, (red, green, blue), 1, 1, 100)
    movie = shot.movie(channel=2, left=60, length=2)
    made = matted(shot.scene, movie)
    for number, image in enumerate(images_of(made)):
        rendered = timeline.render(shot.scene, extent(made)[0] + number)[..., :3]
        alpha = image[..., 3:] / 255
        expected = image[..., 2::-1] * alpha + np.array(colour) * (1 - alpha)
        assert np.abs(rendered - expected).max() <= 1.5
        assert (image[..., 3] > 250).any()
        soft = (image[..., 3] > 20) & (image[..., 3] < 235)
        assert soft.any()


def test_the_cutout_shows_the_movies_own_picture(shot) -> None:
    """Where the matte is opaque the timeline looks as it did before, and alone it renders with alpha."""
    movie = shot.movie(left=60, length=1)
    start = extent(movie)[0]
    before = timeline.render(shot.scene, start)
    made = matted(shot.scene, movie)
    after = timeline.render(shot.scene, start)
    (image,) = images_of(made)
    opaque = image[..., 3] == 255
    assert opaque.any()
    # 4.2 turns YUV into RGB with less care than later releases, which agree with ours to 2.
    assert np.abs(after[opaque].astype(int) - before[opaque]).max() <= 3
    assert np.abs(after[..., 3].astype(int) - image[..., 3]).max() <= 1


def test_the_look_is_carried_over(shot) -> None:
    movie = shot.movie(left=60, length=2)
    movie.use_flip_x = True
    movie.color_saturation, movie.color_multiply, movie.blend_alpha = 0.3, 0.8, 0.9
    movie.crop.min_x, movie.crop.max_x, movie.crop.min_y, movie.crop.max_y = 300, 800, 250, 40
    transform = movie.transform
    transform.scale_x, transform.rotation, transform.origin = 0.8, 0.2, (0.1, 0.8)
    # The second frame stands at a third of the way, where each kind of key is at another place.
    for name, way, kind in (("offset_x", 300, "LINEAR"), ("offset_y", 90, "QUAD")):
        for frame, offset in ((61, 0), (64, way)):
            setattr(transform, name, offset)
            transform.keyframe_insert(name, frame=frame)
        curve = timeline.addon("operators.strips").curves(shot.scene).find(transform.path_from_id(name))
        for key in curve.keyframe_points:
            key.interpolation, key.easing = kind, "EASE_OUT"
    start = extent(movie)[0]
    before = [timeline.render(shot.scene, start + number) for number in (0, 1)]
    made = matted(shot.scene, movie)
    for number, old in enumerate(before):
        new = timeline.render(shot.scene, start + number)
        opaque = new[..., 3] >= round(0.9 * 255)
        assert opaque.mean() > 0.03
        assert np.abs(new[opaque].astype(int) - old[opaque]).mean() < 1
    assert made.transform.offset_y != 0


@pytest.mark.parametrize("output", ["CUTOUT", "MATTE"])
def test_modifiers_of_curves_and_drivers_are_carried_over(shot, output: str) -> None:
    """A camera shake, a muted curve, and values that follow others. A second matte has them too, after the first is
    taken away with its own."""
    scene, movie = shot.scene, shot.movie(left=60, length=4)
    scene.strip_matte.output = output
    animation = scene.animation_data_create()
    strips = timeline.addon("operators.strips")
    for name in ("offset_x", "offset_y", "rotation", "scale_y"):
        movie.transform.keyframe_insert(name, frame=1)
    across, up, turned, muted = strips.curves(scene)
    cycles = across.modifiers.new("CYCLES")
    cycles.mode_after = "REPEAT_OFFSET"
    noise = across.modifiers.new("NOISE")
    noise.strength, noise.scale, noise.phase = 300.0, 2.0, 7.0
    noise.use_restricted_range, noise.frame_start, noise.frame_end, noise.blend_in = True, 61.0, 63.0, 1.0
    line = up.modifiers.new("GENERATOR")
    line.poly_order = 2
    line.coefficients = (1.0, 0.5, 0.25)
    turned.modifiers.new("STEPPED").frame_step = 2.0
    muted.keyframe_points[0].co.y = 3.0
    muted.mute = True
    driver = movie.transform.driver_add("scale_x").driver
    driver.expression = "width / 1000 + frame / 100"
    variable = driver.variables.new()
    variable.name, variable.targets[0].id_type, variable.targets[0].id = "width", "SCENE", scene
    variable.targets[0].data_path = "render.resolution_x"
    names = ("offset_x", "offset_y", "rotation", "scale_x", "scale_y")
    drivers = len(animation.drivers)
    for _ in range(2):
        movie.select = True
        made = matted(scene, movie)
        seen = set()
        for frame in range(*extent(movie)):
            scene.frame_set(frame)
            values = [getattr(movie.transform, name) for name in names]
            assert [getattr(made.transform, name) for name in names] == values
            seen.add(tuple(values))
        assert len(seen) == 4
        assert made.transform.scale_x == pytest.approx(1.28 + 0.64)
        assert shot.bpy.ops.sequencer.matte_remove() == {"FINISHED"}
        assert (len(animation.drivers), len(strips.curves(scene))) == (drivers, 4)


def test_animation_that_can_not_be_carried_over_is_told(shot) -> None:
    """An Envelope modifier, baked keyframes, and the nonlinear animation editor's."""
    movie = shot.movie(left=60, length=1)
    tasks = timeline.addon("operators.tasks")
    movie.transform.keyframe_insert("offset_x", frame=1)
    assert tasks.plan(shot.bpy.context, shot.scene, movie).warnings == ()
    (curve,) = timeline.addon("operators.strips").curves(shot.scene)
    curve.modifiers.new("ENVELOPE")
    curve.convert_to_samples(1, 9)
    told = tasks.plan(shot.bpy.context, shot.scene, movie).warnings
    assert told == tuple(
        f'{what} of "bigbuckbunny" is not carried over' for what in ("An Envelope modifier", "The baked animation")
    )
    animation = shot.scene.animation_data
    track = animation.nla_tracks.new()
    action, animation.action = animation.action, None
    track.strips.new("Moves", 1, action)
    (warning,) = tasks.plan(shot.bpy.context, shot.scene, movie).warnings
    assert warning == 'The nonlinear animation of "bigbuckbunny" is not carried over'


@pytest.mark.skipif(not SLOTS, reason="Blender has no slots before 4.4")
@pytest.mark.parametrize("first", ["the strip", "another"])
def test_keyframes_of_an_action_that_is_shared(shot, first: str) -> None:
    """As a node tree of the scene or an object has a slot of it. Which slot is the first one does not matter."""
    action = shot.bpy.data.actions.new("Shared")
    scene, other = shot.scene, shot.bpy.data.materials.new("Other")
    for owner in (scene, other) if first == "the strip" else (other, scene):
        animation = owner.animation_data_create()
        animation.action = action
        animation.action_slot = action.slots.new(owner.id_type, owner.name)
    other.keyframe_insert("roughness", frame=1)
    movie = shot.movie(left=60, length=4)
    start = extent(movie)[0]
    for frame, offset in ((start, 0.0), (start + 3, 300.0)):
        movie.transform.offset_x = offset
        movie.transform.keyframe_insert("offset_x", frame=frame)
    made = matted(scene, movie)
    for frame in range(start, start + 4):
        scene.frame_set(frame)
        assert made.transform.offset_x == movie.transform.offset_x
    assert made.transform.offset_x == 300


@pytest.mark.skipif(not SLOTS, reason="Blender has no slots before 4.4")
def test_an_action_that_moves_nothing(shot) -> None:
    """The keyframes of an action without a slot do not count: the cutout stands still, as the movie does."""
    movie = shot.movie(left=60, length=2)
    movie.transform.keyframe_insert("offset_x", frame=1)
    movie.transform.offset_x = 300
    movie.transform.keyframe_insert("offset_x", frame=100)
    shot.scene.animation_data.action_slot = None
    made = matted(shot.scene, movie)
    for frame in range(*extent(movie)):
        shot.scene.frame_set(frame)
        assert made.transform.offset_x == movie.transform.offset_x == 300


def test_a_strip_that_can_not_be_placed_leaves_the_others_their_place(shot, monkeypatch) -> None:
    tasks = timeline.addon("operators.tasks")
    shot.movie(length=1)
    second = shot.movie(channel=3, start=20, length=1)
    connect = tasks.strips.connect
    whole = [(tasks.plan(shot.bpy.context, shot.scene, strip), 0) for strip in tasks.strips.all_sources(shot.scene)]
    for task, _ in whole:
        list(timeline.addon("inference").generate(task.job))

    def broken(scene, source, images) -> None:
        if source.name != second.name:
            raise ZeroDivisionError("by zero")
        connect(scene, source, images)

    monkeypatch.setattr(tasks.strips, "connect", broken)
    placed, (trouble,) = tasks.place_all(whole)
    assert placed == 1
    assert trouble == "bigbuckbunny: ZeroDivisionError: by zero. Please report this as a bug"
    made = {strip["strip_matte"]["source"] for strip in tasks.strips.all_made(shot.scene)}
    assert second.name in made


def test_the_grade_is_carried_over(shot) -> None:
    """Modifiers, with curves and colour wheels."""
    movie = shot.movie(left=60, length=1)
    start = extent(movie)[0]
    plain = timeline.render(shot.scene, start)
    movie.modifiers.new("Contrast", "BRIGHT_CONTRAST").contrast = 20
    balance = movie.modifiers.new("Balance", "COLOR_BALANCE")
    balance.color_balance.gain = (1.4, 1.0, 0.7)
    curves = movie.modifiers.new("Curves", "CURVES").curve_mapping
    curves.curves[3].points.new(0.3, 0.5)
    curves.update()
    movie.modifiers.new("Off", "BRIGHT_CONTRAST").mute = True
    before = timeline.render(shot.scene, start)
    assert np.abs(before.astype(int) - plain).mean() > 20
    made = matted(shot.scene, movie)
    assert [modifier.name for modifier in made.modifiers] == ["Contrast", "Balance", "Curves", "Off"]
    assert made.modifiers["Off"].mute
    after = timeline.render(shot.scene, start)
    opaque = after[..., 3] == 255
    assert np.abs(after[opaque].astype(int) - before[opaque]).mean() < 1


def test_the_next_free_channel_is_taken(shot) -> None:
    movie = shot.movie(length=2)
    timeline.add_colour(shot.scene, (0, 0, 0), 2, 2, 5)  # overlaps the second frame
    timeline.add_colour(shot.scene, (0, 0, 0), 3, 3, 5)  # begins where the movie ends
    assert matted(shot.scene, movie).channel == 3


def test_several_strips_are_matted_one_after_the_other(shot) -> None:
    first = shot.movie(length=2)
    second = shot.movie(channel=3, start=20, left=40, length=2)
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    made = {s["strip_matte"]["source"]: s for s in timeline.strips(shot.scene.sequence_editor) if s.type == "IMAGE"}
    assert {name: (strip.channel, extent(strip)) for name, strip in made.items()} == {
        first.name: (2, (1, 3)),
        second.name: (4, extent(second)),
    }
    assert len(list(shot.images())) == 4


def test_two_strips_of_one_movie_share_their_images(shot) -> None:
    shot.movie(length=3)
    shot.movie(channel=3, left=2, length=2)
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    assert sorted(path.name for path in shot.images()) == [f"{frame:06d}.png" for frame in range(4)]


def test_a_strip_in_a_meta_strip_stays_there(shot) -> None:
    movie = shot.movie(length=2)
    meta = timeline.strips(shot.scene.sequence_editor).new_meta("Meta", 5, 1)
    movie.move_to_meta(meta)
    tasks = timeline.addon("operators.tasks")
    task = tasks.plan(shot.bpy.context, shot.scene, movie)
    list(timeline.addon("inference").generate(task.job))
    assert tasks.place(task) == ()
    assert {strip.type for strip in timeline.strips(meta)} == {"MOVIE", "IMAGE"}
    assert len(timeline.strips(shot.scene.sequence_editor)) == 1


def test_muting_the_source_is_a_setting(shot) -> None:
    movie = shot.movie(length=1)
    shot.scene.strip_matte.mute_source = False
    matted(shot.scene, movie)
    assert not movie.mute


def test_a_saved_project_keeps_relative_paths_and_its_picture(tmp_project: Path, shot) -> None:
    """The folder beside the project is written with //, so that the two can be moved together."""
    movie = shot.movie(left=60, length=1)
    shot.scene.strip_matte.folder = "//strip_matte/"
    made = matted(shot.scene, movie)
    assert made.directory.startswith("//strip_matte")
    name, start = made.name, extent(made)[0]
    before = timeline.render(shot.scene, start)
    shot.bpy.ops.wm.save_mainfile()
    shot.bpy.ops.wm.open_mainfile(filepath=str(tmp_project))
    scene = shot.bpy.context.scene
    assert timeline.strips(scene.sequence_editor)[name]["strip_matte"]["folder"].startswith("//")
    np.testing.assert_array_equal(timeline.render(scene, start), before)


def test_a_project_saved_elsewhere_meanwhile_still_finds_its_images(tmp_project: Path, shot) -> None:
    tasks = timeline.addon("operators.tasks")
    movie = shot.movie(length=1)
    shot.scene.strip_matte.folder = "//strip_matte/"
    task = tasks.plan(shot.bpy.context, shot.scene, movie)
    list(timeline.addon("inference").generate(task.job))
    elsewhere = tmp_project.parent / "elsewhere" / "project.blend"
    elsewhere.parent.mkdir()
    shot.bpy.ops.wm.save_as_mainfile(filepath=str(elsewhere))
    assert tasks.place(task) == ()
    (made,) = [strip for strip in timeline.strips(shot.scene.sequence_editor) if strip.type == "IMAGE"]
    assert images_of(made)[0] is not None


def test_a_second_run_makes_no_image_again(shot) -> None:
    movie = shot.movie(length=3)
    matted(shot.scene, movie)
    written = {path: path.stat().st_mtime_ns for path in shot.images()}
    movie.select = True
    timeline.trim(movie, length=4)
    matted(shot.scene, movie)
    assert {path: path.stat().st_mtime_ns for path in shot.images() if path in written} == written
    assert len(list(shot.images())) == 4


@pytest.mark.parametrize("gone", ["strip", "scene", "movie"])
def test_what_is_gone_when_the_job_ends_is_told(shot, gone: str) -> None:
    tasks = timeline.addon("operators.tasks")
    movie = shot.movie(length=2)
    task = tasks.plan(shot.bpy.context, shot.scene, movie)
    list(timeline.addon("inference").generate(task.job))
    if gone == "strip":
        timeline.strips(shot.scene.sequence_editor).remove(movie)
    elif gone == "scene":
        shot.bpy.data.scenes.new("Another")
        shot.bpy.data.scenes.remove(shot.scene)
    else:
        movie.filepath = str(Path(movie.filepath).with_name("another.mp4"))
    with pytest.raises(timeline.addon("inference").MatteError) as caught:
        tasks.place(task)
    assert task.job.folder in str(caught.value)
    assert len(list(Path(task.job.folder).glob("*.png"))) == 2


def test_a_strip_that_was_moved_meanwhile_gets_its_cutout_where_it_is(shot) -> None:
    tasks = timeline.addon("operators.tasks")
    movie = shot.movie(length=2)
    task = tasks.plan(shot.bpy.context, shot.scene, movie)
    list(timeline.addon("inference").generate(task.job))
    movie.channel = 4
    timeline.trim(movie, length=3)
    (warning,) = tasks.place(task)
    assert "Run again" in warning
    (made,) = [strip for strip in timeline.strips(shot.scene.sequence_editor) if strip.type == "IMAGE"]
    assert extent(made) == extent(movie)
    assert made.channel == 5


def test_an_image_sequence_is_matted_with_its_gaps_sizes_and_alpha(shot, bunny_frames: list[np.ndarray]) -> None:
    """Unpadded names, a missing file, a picture of another size, and one with an alpha of its own."""
    shot.scene.strip_matte.edge_colour = False
    folder = shot.folder.parent / "sequence"
    folder.mkdir()
    names = [f"p {number}.png" for number in (7, 8, 9, 10, 11)]
    for name, picture in zip(names, bunny_frames, strict=True):
        cv2.imwrite(str(folder / name), picture)
    (folder / names[1]).unlink()
    cv2.imwrite(str(folder / names[2]), cv2.resize(bunny_frames[2], (640, 360)))
    own = np.dstack([bunny_frames[3], np.full(bunny_frames[3].shape[:2], 128, np.uint8)])
    cv2.imwrite(str(folder / names[3]), own)
    strips = timeline.strips(shot.scene.sequence_editor)
    timeline.add_colour(shot.scene, (0.0, 1.0, 0.0), 1, 1, 5)
    strip = strips.new_image("Pictures", str(folder / names[0]), 2, 1)
    for name in names[1:]:
        strip.elements.append(name)
    strip.select = True
    made = matted(shot.scene, strip)
    assert extent(made) == extent(strip) == (1, 6)
    images = images_of(made)
    assert images[1].max() == 0
    assert images[2].shape == (360, 640, 4)
    assert images[3][..., 3].max() <= 128
    assert images[4][..., 3].max() > 250
    for number in (0, 3, 4):
        seen = images[number][..., 3] > 0
        np.testing.assert_array_equal(images[number][seen][:, :3], bunny_frames[number][seen])
    assert (timeline.render(shot.scene, 2) == (0, 255, 0, 255)).all()


def test_a_sequence_whose_drive_drops_out_before_its_job_begins(shot, bunny_frames: list[np.ndarray]) -> None:
    """It is told, and no folder of empty images is claimed; of Switch Output likewise."""
    folder = shot.folder.parent / "sequence"
    folder.mkdir()
    for name, picture in zip("ab", bunny_frames, strict=False):
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    strip = timeline.strips(shot.scene.sequence_editor).new_image("Pictures", str(folder / "a.png"), 2, 1)
    for name in ("gap.png", "b.png"):
        strip.elements.append(name)
    tasks, inference = timeline.addon("operators.tasks"), timeline.addon("inference")

    def lost(job) -> None:
        folder.rename(folder.with_name("away"))
        with pytest.raises(inference.MatteError, match=r"a\.png\" is not there any more"):
            list(inference.generate(job))
        assert not Path(job.folder).exists()
        folder.with_name("away").rename(folder)

    job = tasks.plan(shot.bpy.context, shot.scene, strip).job
    lost(job)
    assert len(list(inference.generate(job))) == 3
    lost(tasks.switch(shot.bpy.context, shot.scene, matted(shot.scene, strip)).job)


def test_a_tiff_with_alpha_is_what_blender_shows(shot, bunny_frames: list[np.ndarray]) -> None:
    """Its colours are stored straight: read as multiplied, the cutout's would be half as bright."""
    half = np.full(bunny_frames[0].shape[:2], 128, np.uint8)
    picture = np.dstack([cv2.cvtColor(bunny_frames[0], cv2.COLOR_BGR2RGB), half])
    encoder = av.CodecContext.create("tiff", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 1280, 720, "rgba", Fraction(1, 25)
    packets = [*encoder.encode(av.VideoFrame.from_ndarray(picture, "rgba")), *encoder.encode(None)]
    file = shot.folder.parent / "picture.tif"
    file.write_bytes(b"".join(bytes(packet) for packet in packets))
    strip = timeline.strips(shot.scene.sequence_editor).new_image("Picture", str(file), 2, 1)
    timeline.addon("inference").check_picture(str(file))
    read = timeline.addon("inference.sequence").read(str(file))
    np.testing.assert_array_equal(read, picture)
    shot.scene.render.dither_intensity = 0
    assert np.abs(timeline.render(shot.scene, 1).astype(int) - read).max() <= 1
    assert strip.alpha_mode == "STRAIGHT"


def test_our_own_cutout_is_no_source(shot) -> None:
    movie = shot.movie(length=1)
    made = matted(shot.scene, movie)
    movie.select = False
    made.select = True
    assert not shot.bpy.ops.sequencer.matte_add.poll()
