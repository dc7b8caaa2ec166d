# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to strips, channels, scenes and the file while a job runs, which goes on. Its result goes where it
belongs, or stays on the disk with a warning that tells how to add it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
from stage import Stage, mattes, reports, rest, running_job, span, strips, until, whole_png, window
from steps import FEW, begun, ended, not_yet, started


def strip_deleted_in_mid_run(stage: Stage) -> Iterator[None]:
    """Without its strip the job ends in a warning. A strip of the same movie that was there before gets nothing."""
    _two_of_one_movie(stage)
    with not_yet("Movie"):
        yield from begun(stage)
        strips().remove(strips()["Movie"])
    yield from ended()
    assert not mattes() and not strips()["Beside"].mute
    _images_are_told(stage, 'The strip "Movie" is gone')


def strip_renamed_in_mid_run(stage: Stage) -> Iterator[None]:
    """A strip and a scene that have other names now get the matte."""
    _two_of_one_movie(stage)
    with not_yet("Movie"):
        yield from begun(stage)
        strips()["Movie"].name = "Kite"
        bpy.context.scene.name = "Beach"
    yield from ended()
    (matte,) = mattes()
    assert (matte["strip_matte"]["source"], matte.channel) == ("Kite", 2), (matte.name, matte.channel)
    assert strips()["Kite"].mute and not strips()["Beside"].mute


def channels_in_mid_run(stage: Stage) -> Iterator[None]:
    """The matte goes past a channel that is taken meanwhile and onto one that is locked; that it is muted is told."""
    stage.add_movie("Movie", FEW, slow=True)
    with not_yet("Movie"):
        yield from begun(stage)
        stage.add_movie("Taken", FEW, channel=2)
        channels = bpy.context.scene.sequence_editor.channels
        channels[1].lock = channels[1].mute = channels[3].lock = channels[3].mute = True
    yield from ended()
    (matte,) = mattes()
    assert matte.channel == 3 and strips()["Movie"].mute, matte.channel
    assert span(matte) == span(strips()["Movie"])
    assert "is on channel 3, which is muted. Unmute that to see it" in reports(), reports()


def undo_in_mid_run(stage: Stage) -> Iterator[None]:
    """Undo frees every strip under a running job; the job goes on with the strip of the same name."""
    yield from _moved_up(stage)
    with not_yet("Movie"):
        yield from started(stage)
        yield from stage.press("Z", ctrl=True)
        yield from until(lambda: strips()["Movie"].channel == 1, "the Undo")
        assert running_job()
    yield from ended()
    assert [matte.channel for matte in mattes()] == [2], [(strip.name, strip.channel) for strip in strips()]


def redo_in_mid_run(stage: Stage) -> Iterator[None]:
    """Undo and Redo under a running job; afterwards one Undo takes the matte and nothing else."""
    yield from _moved_up(stage)
    with not_yet("Movie"):
        yield from started(stage)
        yield from stage.press("Z", ctrl=True)
        yield from until(lambda: strips()["Movie"].channel == 1, "the Undo")
        yield from stage.press("Z", ctrl=True, shift=True)
        yield from until(lambda: strips()["Movie"].channel == 5, "the Redo")
        assert running_job()
    yield from ended()
    assert [matte.channel for matte in mattes()] == [6], [(strip.name, strip.channel) for strip in strips()]
    yield from stage.press("Z", ctrl=True)
    yield from until(lambda: not mattes(), "the end of the matte by one Undo")
    assert strips()["Movie"].channel == 5 and not strips()["Movie"].mute


def other_scene_in_mid_run(stage: Stage) -> Iterator[None]:
    """While another scene is seen, which has a strip of the same name, the first one gets the matte."""
    stage.add_movie("Movie", FEW, slow=True)
    first = bpy.context.scene.name
    with not_yet("Movie"):
        yield from begun(stage)
        yield from _to_another_scene()
        assert bpy.context.scene.name == "Other"
        stage.add_movie("Movie", FEW)
    yield from ended()
    assert not mattes() and not strips()["Movie"].mute
    scene = bpy.data.scenes[first]
    assert len(mattes(scene)) == 1 and strips(scene)["Movie"].mute


def scene_deleted_in_mid_run(stage: Stage) -> Iterator[None]:
    """Without its scene the job ends in a warning."""
    stage.add_movie("Movie", FEW, slow=True)
    first = bpy.context.scene.name
    with not_yet("Movie"):
        yield from begun(stage)
        yield from _to_another_scene()
        bpy.data.scenes.remove(bpy.data.scenes[first])
        yield from rest(0.5)
    yield from ended()
    assert list(bpy.data.scenes.keys()) == ["Other"]
    _images_are_told(stage, f'The scene "{first}" is gone')


def saved_in_mid_run(stage: Stage) -> Iterator[None]:
    """The project is saved where it was: the matte is beside it, and so it is written in the strip."""
    project = _project(stage)
    with not_yet("Movie"):
        yield from begun(stage)
        bpy.ops.wm.save_mainfile()
    yield from ended()
    (matte,) = mattes()
    assert matte.directory.startswith("//strip_matte"), matte.directory
    _shows_its_files(matte, project)


def saved_elsewhere_in_mid_run(stage: Stage) -> Iterator[None]:
    """The project is saved into another folder: the matte shows what lies beside the first one, then and when it is
    opened again."""
    project, elsewhere = _project(stage), stage.work / "elsewhere"
    elsewhere.mkdir()
    with not_yet("Movie"):
        yield from begun(stage)
        bpy.ops.wm.save_as_mainfile(filepath=str(elsewhere / "shot.blend"))
    yield from ended()
    _shows_its_files(mattes()[0], project)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    yield from rest(1.0)
    _shows_its_files(mattes()[0], project)


def _moved_up(stage: Stage) -> Iterator[None]:
    """A strip that an Undo takes from channel 5 to channel 1."""
    stage.add_movie("Movie", FEW, slow=True)
    yield from stage.open_sidebar()
    strips()["Movie"].channel = 5
    bpy.ops.ed.undo_push(message="strip moved")


def _to_another_scene() -> Iterator[None]:
    """Show a new scene, "Other", in the window; from 5.0 on in its sequencers too."""
    other = bpy.data.scenes.new("Other")
    window().scene = other
    if hasattr(window().workspace, "sequencer_scene"):
        window().workspace.sequencer_scene = other
    yield from rest(0.5)


def _project(stage: Stage) -> Path:
    """A movie in a project that is saved, whose mattes go beside it. Returns its folder."""
    folder = stage.work / "project"
    folder.mkdir()
    stage.add_movie("Movie", FEW, slow=True)
    bpy.context.scene.strip_matte.folder = "//strip_matte/"
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    return folder


def _shows_its_files(matte: Any, project: Path) -> None:
    """A strip's images are whole, and lie beside the project."""
    folder = Path(bpy.path.abspath(matte.directory)).resolve()
    assert folder.parent == project / "strip_matte", folder
    assert len(matte.elements) == FEW
    assert all(whole_png(folder / element.filename) for element in matte.elements)


def _two_of_one_movie(stage: Stage) -> None:
    """The strip "Movie", which is selected, and "Beside", which shows the same and is not."""
    stage.add_movie("Beside", FEW, channel=3)
    stage.add_movie("Movie", FEW, slow=True)
    strips()["Beside"].select = False


def _images_are_told(stage: Stage, why: str) -> None:
    """A warning says why the images have no place, where they are, and what to do."""
    images = stage.images()
    assert len(images) == FEW and all(map(whole_png, images))
    told = f'{why}. The images are in "{images[0].parent}". Add > Image/Sequence puts them on the timeline'
    assert told in reports(), reports()


def strip_dragged_as_the_job_ends(stage: Stage) -> Iterator[None]:
    """What is made waits until the editor lets go, and lands where the strip is dropped."""
    stage.add_movie("Movie", FEW, slow=True)
    with not_yet("Movie"):
        yield from begun(stage)
        before = span(strips()["Movie"])
        yield from stage.press("G")
        yield from until(_dragging, "the drag")
    yield from until(lambda: len(stage.images()) == FEW, "the last image")
    x, y = stage.mouse
    for step in range(1, 20):
        yield from stage.move_to(x + 8 * step, y)
        yield from rest(0.1)
    assert _dragging() and not mattes(), "it was placed in mid-drag"
    yield from stage.press("LEFTMOUSE")
    yield from ended()
    (matte,) = mattes()
    assert span(matte) == span(strips()["Movie"]) != before, (span(matte), span(strips()["Movie"]), before)


def _dragging() -> bool:
    return any(operator.bl_idname.startswith("TRANSFORM_OT_") for operator in window().modal_operators)
