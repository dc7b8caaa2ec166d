# SPDX-License-Identifier: GPL-3.0-or-later
"""Models in Blender: what a scene says, what the preferences do, and no network unless Blender allows it."""

import dataclasses
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

import https
import pytest
import timeline

CONTENT = random.Random(1).randbytes(300_000)


@pytest.fixture
def models(blender) -> Iterator:
    """The operators' module, with nothing downloaded before and after."""
    module, settings = timeline.addon("operators.models"), timeline.addon("operators.settings")

    def clear() -> None:
        for path in Path(settings.models_folder(create=True)).iterdir():
            path.unlink()

    clear()
    yield module
    clear()


@pytest.fixture
def online(blender) -> Iterator[None]:
    blender.context.preferences.system.use_online_access = True
    yield
    blender.context.preferences.system.use_online_access = False


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models) -> Iterator[https.Server]:
    """A server of a file that is listed as U2-Net's."""
    catalogue = timeline.addon("inference.catalogue")
    with https.serve(tmp_path, CONTENT, monkeypatch) as server:
        listed(monkeypatch, "u2net", CONTENT)
        monkeypatch.setattr(catalogue.Network, "address", server.address)
        yield server


def listed(monkeypatch: pytest.MonkeyPatch, name: str, content: bytes) -> None:
    """Take some bytes for a listed model's file."""
    catalogue = timeline.addon("inference.catalogue")
    ours = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    changed = [dataclasses.replace(n, **ours) if n.name == name else n for n in catalogue.NETWORKS]
    monkeypatch.setattr(catalogue, "NETWORKS", tuple(changed))


def place(name: str) -> Path:
    settings, catalogue = timeline.addon("operators.settings"), timeline.addon("inference.catalogue")
    return Path(settings.network_file(catalogue.find(name)))


def state(models, name: str) -> str:
    return models.state(timeline.addon("inference.catalogue").find(name))


def test_a_project_keeps_the_name_of_its_model(blender, tmp_project: Path) -> None:
    """Also where the model is not on this machine; and the two that there were before the list are what they were."""
    items = blender.context.scene.strip_matte.bl_rna.properties["model"].enum_items
    names = ["U2NETP", "U2NET", "U2NET_HUMAN_SEG", "SILUETA", "ISNET_GENERAL_USE", "FILE"]
    assert list(items.keys()) == names
    assert (items["U2NETP"].value, items["FILE"].value) == (0, 1)
    for name in names:
        blender.context.scene.strip_matte.model = name
        blender.ops.wm.save_mainfile()
        blender.ops.wm.open_mainfile(filepath=str(tmp_project))
        assert blender.context.scene.strip_matte.model == name


def test_a_model_that_is_not_here_tells_both_ways(shot, models) -> None:
    shot.movie(length=1)
    shot.scene.strip_matte.model = "ISNET_GENERAL_USE"
    with pytest.raises(RuntimeError, match="IS-Net is not on this machine. Download it.* or add .*use.onnx"):
        shot.bpy.ops.sequencer.matte_add()
    assert not list(shot.images())


def test_nothing_is_downloaded_offline(blender, models, server) -> None:
    assert not blender.app.online_access
    assert not blender.ops.preferences.matte_model_download.poll()
    with pytest.raises(RuntimeError, match="Allow Online Access in Preferences > System > Network"):
        blender.ops.preferences.matte_model_download(network="U2NET")
    assert not server.asked
    assert state(models, "u2net") == "Not here"


def test_a_download(blender, models, server, online, capfd) -> None:
    assert blender.ops.preferences.matte_model_download(network="U2NET") == {"FINISHED"}
    assert place("u2net").read_bytes() == CONTENT
    assert state(models, "u2net") == "Here"
    assert "U2-Net: 100% of 0.3 MB" in capfd.readouterr().out
    assert blender.ops.preferences.matte_model_download(network="U2NET") == {"CANCELLED"}  # it is here
    assert len(server.asked) == 1
    assert blender.ops.preferences.matte_model_remove(network="U2NET") == {"FINISHED"}
    assert state(models, "u2net") == "Not here"


def test_a_download_that_breaks_goes_on(blender, models, server, online) -> None:
    server.breaks_at = 150_000
    with pytest.raises(RuntimeError, match="broke after 50%"):
        blender.ops.preferences.matte_model_download(network="U2NET")
    assert state(models, "u2net") == "Not here, 50% kept"
    assert blender.ops.preferences.matte_model_download(network="U2NET") == {"FINISHED"}
    assert server.sent == len(CONTENT)
    assert place("u2net").read_bytes() == CONTENT


def test_what_a_download_left_is_removed(blender, models, server, online) -> None:
    server.breaks_at = 150_000
    with pytest.raises(RuntimeError):
        blender.ops.preferences.matte_model_download(network="U2NET")
    blender.ops.preferences.matte_model_remove(network="U2NET")
    assert not list(place("u2net").parent.iterdir())


def test_a_wrong_file_is_no_model(blender, models, server, online) -> None:
    server.content = CONTENT[::-1]
    with pytest.raises(RuntimeError, match="its hash is another"):
        blender.ops.preferences.matte_model_download(network="U2NET")
    assert state(models, "u2net") == "Not here"


def test_a_download_on_a_thread_stops_and_goes_on(blender, models, server, online) -> None:
    """What the window's modal operator does, without the window."""
    network = timeline.addon("inference.catalogue").find("u2net")
    server.holds_at = 150_000
    fetching = models.Fetching(network, str(place("u2net")))
    fetching.start()
    assert server.held.wait(20)
    fetching.stop()
    server.go_on.set()
    fetching._thread.join(20)
    assert not fetching.running and not fetching.whole and not fetching.trouble
    assert 0.0 < fetching.share < 1.0
    assert state(models, "u2net").endswith("% kept")
    again = models.Fetching(network, str(place("u2net")))
    again.start()
    again._thread.join(20)
    assert again.whole and again.share == 1.0
    assert server.sent < 2 * len(CONTENT)
    assert place("u2net").read_bytes() == CONTENT


def test_a_file_is_added_whatever_its_name(blender, models, tmp_path: Path, monkeypatch) -> None:
    """Offline, too."""
    listed(monkeypatch, "silueta", CONTENT)
    own = tmp_path / "from a stick.bin"
    own.write_bytes(CONTENT)
    assert blender.ops.preferences.matte_model_add(filepath=str(own)) == {"FINISHED"}
    assert state(models, "silueta") == "Here"
    own.write_bytes(CONTENT[1:])
    with pytest.raises(RuntimeError, match="none of the listed models"):
        blender.ops.preferences.matte_model_add(filepath=str(own))


def test_a_listed_model_is_used(shot, models, tmp_path: Path, monkeypatch) -> None:
    """Add Matte with its name, and the command with its name or its path, give the same folder."""
    content = Path(timeline.addon("inference").BUILT_IN_MODEL).read_bytes()
    listed(monkeypatch, "u2net", content)
    place("u2net").write_bytes(content)
    shot.movie(length=1)
    shot.scene.strip_matte.model = "U2NET"
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    (folder,) = {path.parent for path in shot.images()}
    manifest = json.loads((folder / "strip_matte.json").read_text())
    assert manifest["model"]["size"] == len(content)
    shot.scene.strip_matte.model = "ISNET_GENERAL_USE"
    command = timeline.addon("operators.command").main
    assert command(["--model", "u2net"]) == 0
    assert command(["--model", str(place("u2net"))]) == 0
    assert {path.parent for path in shot.images()} == {folder}


def test_the_command_lists_and_refuses(shot, models, capfd) -> None:
    command = timeline.addon("operators.command").main
    shot.movie(length=1)
    assert command(["--list-models"]) == 0
    said = capfd.readouterr().out
    assert "u2netp: U2-Net P. Shipped. 4.6 MB, licence: Apache-2.0" in said
    assert "isnet-general-use: IS-Net. Not here. 178.6 MB" in said
    assert command(["--model", "isnet-general-use"]) == 1
    assert "IS-Net is not on this machine" in capfd.readouterr().err
    assert not list(shot.images())
