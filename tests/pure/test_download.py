# SPDX-License-Identifier: GPL-3.0-or-later
"""A download over real TLS: whole, stopped, gone on, altered, refused; and never a wrong file under its name."""

import hashlib
import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import https
import pytest

from inference import MatteError, catalogue, download

CONTENT = random.Random(0).randbytes(600_000)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[https.Server]:
    with https.serve(tmp_path, CONTENT, monkeypatch) as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder / "model.onnx"


def fetch(server: https.Server, path: Path, address: str = "") -> list[int]:
    """How many bytes were there, each time that was told."""
    return list(download.fetch(address or server.address, str(path), len(CONTENT), hashlib.sha256(CONTENT).hexdigest()))


def left(path: Path) -> list[str]:
    return sorted(os.listdir(path.parent))


def broken(server: https.Server, path: Path, at: int = 200_000) -> None:
    """A download whose connection is lost."""
    server.breaks_at = at
    with pytest.raises(MatteError, match="goes on from there"):
        fetch(server, path)


def test_a_whole_download(server, path: Path) -> None:
    told = fetch(server, path)
    assert path.read_bytes() == CONTENT
    assert left(path) == ["model.onnx"]
    assert told[0] == 0 and told[-1] == len(CONTENT) and told == sorted(told)
    assert len(told) > 4  # there is something to show meanwhile


def test_a_lost_connection_is_gone_on_from(server, path: Path) -> None:
    broken(server, path)
    assert left(path) == ["model.onnx.part", "model.onnx.part.tag"]
    assert download.kept(str(path), len(CONTENT)) == 200_000
    assert fetch(server, path)[0] == 200_000
    assert path.read_bytes() == CONTENT
    assert left(path) == ["model.onnx"]
    assert server.sent == len(CONTENT)  # no byte twice
    assert (server.asked[1]["Range"], server.asked[1]["If-Range"]) == ("bytes=200000-", '"one"')


def test_one_that_is_stopped_is_gone_on_from(server, path: Path) -> None:
    coming = download.fetch(server.address, str(path), len(CONTENT), server.sha256)
    done = [next(coming) for _ in range(3)][-1]
    coming.close()
    assert 0 < done < len(CONTENT)
    assert not path.exists()
    assert fetch(server, path)[0] == done
    assert path.read_bytes() == CONTENT


def test_one_that_is_killed_is_gone_on_from(server, path: Path) -> None:
    """The process is gone in the middle of a byte's way, as when Blender crashes."""
    server.holds_at = 300_000
    code = f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        from inference import download
        for _ in download.fetch({server.address!r}, {str(path)!r}, {len(CONTENT)}, {server.sha256!r}): pass
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    try:
        assert server.held.wait(30)
        while download.kept(str(path), len(CONTENT)) < 200_000:  # what was sent is on its way
            assert child.poll() is None
    finally:
        child.kill()
        child.wait()
    kept = download.kept(str(path), len(CONTENT))
    server.holds_at = -1
    server.go_on.set()
    assert fetch(server, path)[0] == kept
    assert path.read_bytes() == CONTENT
    assert server.asked[-1]["Range"] == f"bytes={kept}-"


def test_a_server_without_ranges_begins_anew(server, path: Path) -> None:
    broken(server, path)
    server.ranges = False
    fetch(server, path)
    assert path.read_bytes() == CONTENT
    assert server.sent == 200_000 + len(CONTENT)


def test_a_file_that_changed_is_not_spliced(server, path: Path) -> None:
    """The server's new file is sent from its beginning, and is not the listed one."""
    broken(server, path)
    server.content, server.tag = CONTENT[::-1], '"two"'
    with pytest.raises(MatteError, match="its hash is another. It is thrown away"):
        fetch(server, path)
    assert left(path) == []
    assert server.sent == 200_000 + len(CONTENT)


@pytest.mark.parametrize("tag", ["", 'W/"one"'], ids=["none", "weak"])
def test_what_can_not_be_told_apart_begins_anew(server, path: Path, tag: str) -> None:
    server.tag = tag
    broken(server, path)
    assert download.kept(str(path), len(CONTENT)) == 0
    fetch(server, path)
    assert path.read_bytes() == CONTENT
    assert "Range" not in server.asked[-1]


def test_a_part_that_is_whole_is_not_asked_for(server, path: Path) -> None:
    """Blender was killed between the last byte and the name."""
    Path(f"{path}.part").write_bytes(CONTENT)
    fetch(server, path)
    assert path.read_bytes() == CONTENT
    assert not server.asked


def test_a_wrong_file_leaves_nothing(server, path: Path) -> None:
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(MatteError, match="its hash is another"):
        fetch(server, path)
    assert left(path) == []


def test_a_file_of_another_size_is_refused_at_once(server, path: Path) -> None:
    server.content = CONTENT * 2
    with pytest.raises(MatteError, match="another file now"):
        fetch(server, path)
    assert left(path) == []


@pytest.mark.parametrize("status", [404, 416, 503])
def test_what_a_server_refuses_is_told(server, path: Path, status: int) -> None:
    broken(server, path)
    server.status = status
    with pytest.raises(MatteError, match=f"localhost answered .{status}.*get the file on another machine"):
        fetch(server, path)
    server.status = 0
    fetch(server, path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("address", ["http://localhost/model.onnx", "file:///etc/hosts", "ftp://localhost/model.onnx"])
def test_https_alone_is_used(server, path: Path, address: str) -> None:
    with pytest.raises(MatteError, match="only https is used"):
        fetch(server, path, address)
    assert left(path) == []


def test_a_redirect_to_https_is_followed(server, path: Path) -> None:
    """As GitHub's are; and what is asked for goes with it."""
    broken(server, path)
    server.leads_to = f"https://localhost:{server.port}/elsewhere"
    fetch(server, path)
    assert path.read_bytes() == CONTENT
    assert server.sent == len(CONTENT)


def test_a_redirect_to_http_is_refused(server, path: Path) -> None:
    server.leads_to = f"http://localhost:{server.port}/model.onnx"
    with pytest.raises(MatteError, match="only https is used"):
        fetch(server, path)
    assert len(server.asked) == 1
    assert left(path) == []


def test_a_certificate_that_is_not_trusted_is_refused(
    server, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "none.pem"
    empty.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(empty))
    with pytest.raises(MatteError, match="can not prove that it is what it says"):
        fetch(server, path)
    assert left(path) == []


def test_nobody_there(server, path: Path) -> None:
    with pytest.raises(MatteError, match="localhost can not be reached.*Look at the network"):
        fetch(server, path, "https://localhost:1/model.onnx")


def test_a_server_that_falls_silent(server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PATIENCE", 1.5)
    server.holds_at = 300_000
    with pytest.raises(MatteError, match="broke after 51%.*goes on from there"):
        fetch(server, path)
    server.holds_at = -1
    server.go_on.set()
    assert fetch(server, path)[0] > 290_000
    assert path.read_bytes() == CONTENT


FULL = """
    import subprocess, sys
    from pathlib import Path
    import pytest
    sys.path[:0] = [{root!r}, {root!r} + "/tests"]
    import https
    from inference import MatteError, download
    disk = Path({folder!r})
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(disk)], check=True)
    content = bytes(600_000)
    with pytest.MonkeyPatch.context() as patch, https.serve(Path({home!r}), content, patch) as server:
        def fetch():
            for _ in download.fetch(server.address, str(disk / "model.onnx"), len(content), server.sha256): pass
        with pytest.raises(MatteError, match="0.6 MB more are needed .* 0.4 MB are free. Make room"):
            fetch()
        assert not server.asked and not list(disk.iterdir())
        # It fills while the download is under way.
        subprocess.run(["mount", "-o", "remount,size=900k", str(disk)], check=True)
        server.holds_at = 100_000
        coming = download.fetch(server.address, str(disk / "model.onnx"), len(content), server.sha256)
        while next(coming) < 90_000: pass
        with open(disk / "other", "wb", buffering=0) as other:
            for _ in range(225):
                try:
                    other.write(bytes(4096))
                except OSError:
                    break
        server.go_on.set()
        with pytest.raises(MatteError, match="No space left on device. Make room.*what is there is kept"):
            for _ in coming: pass
        (disk / "other").unlink()
        server.holds_at, kept = -1, download.kept(str(disk / "model.onnx"), len(content))
        fetch()
        assert (disk / "model.onnx").read_bytes() == content
        assert server.asked[-1]["Range"] == f"bytes={{kept}}-"
    print("kept", kept)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is mounted in a namespace of our own")
def test_a_full_disk(tmp_path: Path) -> None:
    """Before the first byte, and in the middle. The mount is gone with the process."""
    outside = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*outside, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    (tmp_path / "disk").mkdir()
    code = textwrap.dedent(FULL).format(root=str(ROOT), folder=str(tmp_path / "disk"), home=str(tmp_path))
    done = subprocess.run([*outside, sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) > 0


def test_a_file_is_brought(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known by what it holds; its name is its owner's."""
    known = catalogue.Network("model", "Test", "Tests", "None", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(catalogue, "NETWORKS", (known,))
    own = tmp_path / "my download (1).onnx"
    own.write_bytes(CONTENT)
    assert download.bring(str(own), str(path.parent)) is known
    assert path.read_bytes() == CONTENT
    assert left(path) == ["model.onnx"]
    path.unlink()
    for content in (CONTENT[:-1], CONTENT[:-1] + b"x"):
        own.write_bytes(content)
        with pytest.raises(MatteError, match="none of the listed models.*Model File"):
            download.bring(str(own), str(path.parent))
    with pytest.raises(MatteError, match="can not be read"):
        download.bring(str(tmp_path / "gone.onnx"), str(path.parent))
    assert left(path) == []
