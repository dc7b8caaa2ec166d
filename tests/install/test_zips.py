# SPDX-License-Identifier: GPL-3.0-or-later
"""The zips in dist/, just built: each has what its platform needs, for both Pythons, and is the same wherever it is
made.

Only the one for Linux can be run here (run.py). Of the others it is shown that every wheel is for the platform and the
Python, that every import finds a wheel or Blender's own Python, and that what Windows' loader asks for is there.
"""

from __future__ import annotations

import ast
import hashlib
import io
import itertools
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging import markers, requirements, tags, utils

from tools import build

ROOT = build.ROOT
TABLE = build.read_table()
PLATFORMS, PYTHONS = TABLE["platforms"], sorted(TABLE["python"])
BLENDERS_OWN = {"addon_utils", "bl_math", "blf", "bpy", "gpu", "gpu_extras", "imbuf", "mathutils", "numpy"}

SYSTEMS = {
    "linux-x64": ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"],
    "windows-x64": ["win_amd64"],
    "macos-arm64": list(tags.mac_platforms((14, 0), "arm64")),
    "macos-x64": list(tags.mac_platforms((13, 0), "x86_64")),
}
"""What pip would take on the oldest system that docs/install.md names."""

MACHINES = {
    "linux-x64": ("linux", "x86_64"),
    "windows-x64": ("win32", "AMD64"),
    "macos-arm64": ("darwin", "arm64"),
    "macos-x64": ("darwin", "x86_64"),
}

EVERYWHERE = list(itertools.product(PLATFORMS, PYTHONS))


def zip_of(platform: str) -> Path:
    (path,) = (ROOT / "dist").glob(f"strip_matte-*-{platform.replace('-', '_')}.zip")
    return path


def wheels_in(archive: zipfile.ZipFile, platform: str, python: str) -> dict[str, list[str]]:
    """Return the wheels that pip would take on that platform for that Python, by package."""
    version = tuple(int(part) for part in python.split("."))
    supported = set(tags.cpython_tags(version, platforms=SYSTEMS[platform]))
    found: dict[str, list[str]] = {}
    for name in archive.namelist():
        if name.endswith(".whl"):
            package, _, _, fits = utils.parse_wheel_filename(Path(name).name)
            if fits & supported:
                found.setdefault(package, []).append(name)
    return found


def tabled(platform: str, python: str) -> dict[str, str]:
    rows = [row for row in TABLE["wheel"] if platform in row["platforms"] and python in row["python"]]
    assert len({row["package"] for row in rows}) == len(rows), "two versions of one package"
    return {row["package"]: row["version"] for row in rows}


@pytest.mark.parametrize(("platform", "python"), EVERYWHERE)
def test_a_zip_has_one_wheel_of_each_package_of_the_tabled_version(platform: str, python: str) -> None:
    with zipfile.ZipFile(zip_of(platform)) as archive:
        found = wheels_in(archive, platform, python)
    assert all(len(names) == 1 for names in found.values()), found
    versions = {package: str(utils.parse_wheel_filename(Path(name).name)[1]) for package, (name,) in found.items()}
    assert versions == tabled(platform, python)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_zip_has_no_wheel_for_another_platform_and_is_not_too_large(platform: str) -> None:
    with zipfile.ZipFile(zip_of(platform)) as archive:
        wanted = {name for python in PYTHONS for (name,) in wheels_in(archive, platform, python).values()}
        assert {name for name in archive.namelist() if name.endswith(".whl")} == wanted
    assert zip_of(platform).stat().st_size < 200_000_000


@pytest.mark.parametrize(("platform", "python"), EVERYWHERE)
def test_every_import_finds_a_wheel_in_the_zip_or_blenders_own_python(platform: str, python: str) -> None:
    with zipfile.ZipFile(zip_of(platform)) as archive:
        brought = set()
        for (name,) in wheels_in(archive, platform, python).values():
            with zipfile.ZipFile(io.BytesIO(archive.read(name))) as wheel:
                brought |= {re.split(r"[/.]", inside)[0] for inside in wheel.namelist() if inside.endswith(".py")}
        code = {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")}
    assert code
    lacking = {
        f"{name}: {module}"
        for name, text in code.items()
        for module in imported(text)
        if module not in brought | BLENDERS_OWN | sys.stdlib_module_names
    }
    assert not lacking
    assert {module for text in code.values() for module in imported(text)} & brought, "no import of ours was seen"


def imported(text: bytes) -> set[str]:
    """Return the first names of what a module imports, with `load("onnxruntime")`, not what it has from beside it."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "load":
            found |= {str(word.value).split(".")[0] for word in node.args[:1] if isinstance(word, ast.Constant)}
    return found - {""}


def test_nothing_in_windows_wheels_for_blender_4_needs_a_newer_vc_runtime() -> None:
    """Whoever locks a mutex of msvcp140.dll makes it there too: MSVC 14.40 leaves that out, and an old DLL crashes."""
    looked_at = []
    with zipfile.ZipFile(zip_of("windows-x64")) as archive:
        for (name,) in wheels_in(archive, "windows-x64", "3.11").values():
            with zipfile.ZipFile(io.BytesIO(archive.read(name))) as wheel:
                for inside in wheel.namelist():
                    if inside.endswith((".dll", ".pyd")):
                        names = taken_from(wheel.read(inside), "msvcp140.dll")
                        assert "_Mtx_lock" not in names or "_Mtx_init_in_situ" in names, inside
                        looked_at += [inside] if "_Mtx_lock" in names else []
    assert any("onnxruntime" in inside for inside in looked_at), "no mutex was seen"


def taken_from(data: bytes, library: str) -> set[str]:
    """Return the names that a 64-bit Windows library takes from another one: Microsoft's PE format, .idata."""

    def at(address: int) -> int:
        for _, size, start, stored, offset in sections:
            if start <= address < start + max(size, stored):
                return int(offset + address - start)
        raise ValueError(hex(address))

    def text(offset: int) -> str:
        return data[offset : data.index(b"\0", offset)].decode("latin-1")

    header: int = struct.unpack_from("<I", data, 0x3C)[0]
    (count,) = struct.unpack_from("<H", data, header + 6)
    (optional_size,) = struct.unpack_from("<H", data, header + 20)
    optional = header + 24
    assert struct.unpack_from("<H", data, optional)[0] == 0x20B, "not for 64 bits"
    sections = [struct.unpack_from("<8sIIII", data, optional + optional_size + 40 * n) for n in range(count)]
    (table,) = struct.unpack_from("<I", data, optional + 112 + 8)
    entry, found = at(table) if table else 0, set()
    while entry:
        names, _, _, name, addresses = struct.unpack_from("<5I", data, entry)
        if not name:
            break
        thunk = at(names or addresses)
        while text(at(name)).lower() == library and (value := struct.unpack_from("<Q", data, thunk)[0]):
            if not value >> 63:  # else it is taken by number
                found.add(text(at(value & 0x7FFFFFFF) + 2))
            thunk += 8
        entry += 20
    return found


@pytest.mark.parametrize(("platform", "python"), EVERYWHERE)
def test_tests_run_with_the_versions_that_ship(platform: str, python: str) -> None:
    """The markers in runtime.txt pick what wheels.toml tells."""
    system, machine = MACHINES[platform]
    place: dict[str, Any] = {**markers.default_environment(), "sys_platform": system, "platform_machine": machine}
    place["python_version"] = python
    text = (build.PACKAGES / "runtime.txt").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line.split("--hash")[0] for line in text.splitlines() if not line.startswith("#")]
    picked = [one for one in map(requirements.Requirement, lines) if not one.marker or one.marker.evaluate(place)]
    assert {one.name: str(one.specifier).removeprefix("==") for one in picked} == tabled(platform, python)


def test_the_page_shows_the_table() -> None:
    assert build.table() in (ROOT / "docs" / "install.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace('"macos-x64"]', "]"), id="a platform less"),
        pytest.param(lambda text: re.sub(r'  "./wheels/isal-.*cp313.*win_amd64.whl",\n', "", text), id="a wheel less"),
        pytest.param(
            lambda text: text.replace("wheels = [", 'wheels = ["./wheels/x-1-py3-none-any.whl",'), id="one more"
        ),
    ],
)
def test_a_manifest_that_differs_from_the_table_is_refused(change: Any, tmp_path: Path, monkeypatch: Any) -> None:
    text = build.MANIFEST.read_text(encoding="utf-8")
    other = tmp_path / "blender_manifest.toml"
    other.write_text(change(text), encoding="utf-8")
    assert other.read_text(encoding="utf-8") != text
    monkeypatch.setattr(build, "MANIFEST", other)
    with pytest.raises(build.Refused):
        build.check_table()


@pytest.mark.skipif(not build.known_modules(), reason="without git nobody knows which modules there are to be")
@pytest.mark.parametrize(
    ("added", "lost"),
    [
        pytest.param(set(), set(), id="none"),
        pytest.param({"operators/scratch.py"}, set(), id="one too many"),
        pytest.param(set(), {"inference/air.py"}, id="one less"),
    ],
)
def test_a_zip_holds_the_modules_that_git_has(added: set[str], lost: set[str], tmp_path: Path) -> None:
    path = tmp_path / "strip_matte.zip"
    with zipfile.ZipFile(zip_of("linux-x64")) as packed, zipfile.ZipFile(path, "w") as other:
        names = (set(packed.namelist()) | added) - lost
        for name in names:
            other.writestr(name, packed.read(name) if name == build.MANIFEST.name else b"")
    if not added | lost:
        assert set(build.checked_names(path)) == names
        return
    with pytest.raises(build.Refused, match="".join(added | lost)):
        build.checked_names(path)


def test_another_folder_time_zone_umask_and_language_make_the_same_zips(tmp_path: Path) -> None:
    """Built once more from a copy where all is different that may be, the zips have the same bytes."""
    copy = tmp_path / "another folder"
    unwanted = shutil.ignore_patterns(".*", "build", "dist", "wheels", "__pycache__", "docs")
    shutil.copytree(ROOT, copy, ignore=unwanted, copy_function=shutil.copyfile)
    (copy / "wheels").symlink_to(ROOT / "wheels", target_is_directory=True)
    for number, path in enumerate(sorted(copy.rglob("*"), reverse=True)):
        if not path.is_symlink() and path.is_file():
            path.chmod(0o600)
            os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))
    environment = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "PYTHONUTF8": "0"}
    command = [sys.executable, str(copy / "tools" / "build.py"), "build"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, umask=0o077, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert hashes(copy / "dist") == hashes(ROOT / "dist")
    assert len(hashes(copy / "dist")) == len(PLATFORMS)


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("strip_matte-*.zip")}
