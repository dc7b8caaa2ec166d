# SPDX-License-Identifier: GPL-3.0-or-later
"""The self-test and the choice of a device, as an editor and a render farm meet them."""

import json
from pathlib import Path

import pytest
import timeline


@pytest.fixture
def command(shot):
    return timeline.addon("operators.command").main


def test_the_button_writes_a_report_that_names_nobody(shot) -> None:
    assert shot.bpy.ops.preferences.matte_self_test() == {"FINISHED"}
    text = shot.bpy.data.texts["Strip Matte Self-Test"].as_string()
    assert "FAIL" not in text
    assert f"Blender {shot.bpy.app.version_string}" in text
    assert "OK    CPU: " in text
    assert str(Path.home()) not in text
    assert shot.bpy.ops.preferences.matte_self_test_copy.poll()
    assert shot.bpy.ops.preferences.matte_self_test() == {"FINISHED"}
    assert len(shot.bpy.data.texts) == 1


def test_nothing_can_be_copied_before(shot) -> None:
    assert not shot.bpy.ops.preferences.matte_self_test_copy.poll()


def test_the_command_prints_it_and_fails_where_something_does(shot, command, tmp_path: Path, capfd) -> None:
    assert command(["--self-test"]) == 0
    assert "All works" in capfd.readouterr().out
    (tmp_path / "file").touch()
    shot.scene.strip_matte.folder = str(tmp_path / "file")
    assert command(["--self-test"]) == 1
    assert "is a file" in capfd.readouterr().out


def test_what_ran_is_told_everywhere(shot) -> None:
    """On the strip, for the panel; in the folder; and in the report of Verify Matte."""
    shot.movie(length=2)
    shot.bpy.ops.sequencer.matte_add()
    (made,) = [strip for strip in timeline.strips(shot.scene.sequence_editor) if strip.type == "IMAGE"]
    assert made["strip_matte"]["made_on"] == "CPU"
    (manifest,) = shot.folder.rglob("strip_matte.json")
    assert json.loads(manifest.read_text())["devices"] == ["CPU"]
    assert timeline.addon("inference.devices").told("AUTO") == "CPU (Automatic)"
    verify = timeline.addon("operators.verify")
    ((source, cutout),) = verify.pairs(shot.scene, [made])
    assert str(verify.verify(shot.scene, source, cutout, every=True)).endswith("all the same. Made on CPU")


def test_a_device_that_is_not_there_falls_back_or_refuses(shot, command, capfd) -> None:
    shot.movie(length=1)
    assert command(["--device", "cuda", "--must-use"]) == 1
    assert "CUDA must be used, and is not there" in capfd.readouterr().err
    assert not list(shot.images())
    assert command(["--device", "CUDA"]) == 0
    assert "CUDA is not there" in capfd.readouterr().err
    assert len(list(shot.images())) == 1


def test_the_preferences_ask_for_the_same(shot) -> None:
    shot.movie(length=1)
    shot.preferences.device, shot.preferences.must_use = "WEBGPU", True
    shot.preferences.provider_library = "/nowhere/provider.so"
    with pytest.raises(RuntimeError, match="WebGPU must be used, and is not there. provider.so: The file is not there"):
        shot.bpy.ops.sequencer.matte_add()
    items = shot.preferences.bl_rna.properties["device"]
    assert items.name == "Device"
    shot.preferences.must_use = False
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}


def test_a_saved_choice_is_the_same_choice(shot) -> None:
    """Preferences keep a number, and earlier ones knew Automatic and CPU alone."""
    numbers = {name: number for name, *_, number in timeline.addon("operators.settings")._devices_of(())}
    assert (numbers["AUTO"], numbers["CPU"]) == (0, 1)
    for device in timeline.addon("inference.devices").ORDER:
        shot.preferences.device = device.name
        assert shot.preferences.device == device.name
