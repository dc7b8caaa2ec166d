# SPDX-License-Identifier: GPL-3.0-or-later
"""The self-test: what there is, and whether it works. As lines, each in order or with what to do.

Nothing of it names who uses the machine: the text is made to be pasted into a bug report.
"""

import getpass
import hashlib
import os
import platform
import re
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import MatteError
from .libraries import load

LIBRARIES = ("numpy", "cv2", "onnxruntime", "av", "isal")
MODELS = Path(__file__).with_name("models")
SHA256 = {
    "u2netp.onnx": "a27b5c8d84346027160671fa72b1be405c5be25fd94fa63fad7e039d015e8473",
    "u2netp_int8.onnx": "994b5b145358c0b67a846780d768a641a0a087e0946a82c472ff69ae29b5d613",
}
"""Of the files that come with Strip Matte."""
REINSTALL = "Reinstall Strip Matte from the zip for this platform, and restart Blender"
# A home folder of any user, on any system, with either slash.
HOMES = re.compile(r"(?i)(?:[a-z]:)?[\\/]+(?:home|users)[\\/]+[^\\/:\"'\n]+")


@dataclass(frozen=True)
class Line:
    """One finding. todo: a sentence on what to do; empty where all is well. fault: whether Strip Matte can not work so:
    a device that is not there is none."""

    text: str
    todo: str = ""
    fault: bool = False

    def __str__(self) -> str:
        sign = "FAIL" if self.fault else "NOTE" if self.todo else "OK  "
        return f"{sign}  {self.text}" + (f" -> {self.todo}" if self.todo else "")


def run(
    known: Mapping[str, str], models: Mapping[str, str], folders: Iterable[str], cores: int
) -> Generator[Line, None, None]:
    """Look at everything, and give one line after the other.

    known: versions of what is not ours to ask, such as Blender, by name. models: absolute paths of files that were
    brought, and their SHA-256. folders: absolute paths that are written to. cores: to time a frame on.
    """
    versions = {**known, "Python": platform.python_version(), "System": platform.platform()}
    for name, version in versions.items():
        yield Line(f"{name} {version}")
    yield from _attempt(_libraries)
    yield from _attempt(lambda: _models({**{str(MODELS / name): sha256 for name, sha256 in SHA256.items()}, **models}))
    yield from _attempt(lambda: _devices(cores))
    yield from _attempt(_round_trip)
    for folder in dict.fromkeys([tempfile.gettempdir(), *folders]):
        yield _writable(folder)


def report(lines: Sequence[Line]) -> str:
    """The text to paste into a bug report."""
    faults = sum(line.fault for line in lines)
    verdict = f"{faults} things do not work" if faults > 1 else "1 thing does not work" if faults else "All works"
    return masked("\n".join(["Strip Matte self-test", *map(str, lines), verdict])) + "\n"


def masked(text: str) -> str:
    """The text without home folders, and without the user's name in paths."""
    homes = {os.path.expanduser("~"), os.environ.get("HOME", ""), os.environ.get("USERPROFILE", "")}
    for home in sorted((home for home in homes if len(home) > 1), key=len, reverse=True):
        text = re.sub(re.escape(home) + r"(?![^\\/:\"'\s])", "~", text, flags=re.IGNORECASE)
    text = HOMES.sub("~", text)
    return re.sub(r"(?i)(?<=[\\/])" + re.escape(_user()) + r"(?=[\\/\"'\s]|$)", "<user>", text)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return "nobody"


def _attempt(look: Callable[[], Iterable[Line]]) -> Generator[Line, None, None]:
    """What a part finds, and a line where it breaks off."""
    try:
        yield from look()
    except MatteError as error:
        yield Line(str(error), REINSTALL, fault=True)
    except Exception as error:  # noqa: BLE001  what is broken is what is looked for: it goes into the report
        yield Line(f"{type(error).__name__}: {error}", "Please report this as a bug", fault=True)


def _libraries() -> Generator[Line, None, None]:
    for name in LIBRARIES:
        try:
            module = load(name)
        except MatteError as error:
            yield Line(f"{name}: {error.__cause__}", str(error), fault=True)
            continue
        yield Line(f"{name} {getattr(module, '__version__', '')}".rstrip())
        if name == "cv2":
            cores = module.getNumberOfCPUs()
            yield Line(f"Processor {platform.machine()}, {cores} cores: {module.getCPUFeaturesLine()}")


def _models(models: Mapping[str, str]) -> Generator[Line, None, None]:
    for path, sha256 in models.items():
        file = Path(path)
        if not file.is_file():
            yield Line(f"Model {file.name} is missing", REINSTALL, fault=True)
            continue
        with file.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        todo = "" if found == sha256 else REINSTALL if file.parent == MODELS else "Remove it, and bring it again"
        yield Line(f"Model {file.name} SHA-256 {found[:16]}", todo, fault=bool(todo))


def _devices(cores: int) -> Generator[Line, None, None]:
    from . import devices, networks  # which load wheels

    path = str(MODELS / "u2netp.onnx")
    there = devices.there()
    yield Line(f"Devices of ONNX Runtime: {devices.listed(there)}")
    for device in reversed(devices.ORDER):
        if device.name != devices.CPU and not device.automatic and device.name not in there:
            continue
        milliseconds, trouble = networks.tried(path, device.name, cores)
        if not trouble:
            yield Line(f"{device.label}: {milliseconds:.0f} ms a frame, the answer is right")
        elif device.name in there:
            yield Line(f"{device.label} {trouble}", "Update its driver, or leave Device at Automatic or CPU")
        else:
            yield Line(f"{device.label} {trouble}")
    plan = networks.fastest(path, devices.AUTO, cores, "auto")
    yield Line(f"Automatic: {networks.describe(plan)}")


def _round_trip() -> Generator[Line, None, None]:
    """An image is written as every image is, and read back."""
    import numpy as np

    from . import folder, png, sequence

    image = np.random.default_rng(0).integers(0, 256, (90, 160, 4), np.uint8)
    with tempfile.TemporaryDirectory(prefix="strip_matte_") as scratch:
        file = os.path.join(scratch, "000000.png")
        folder.write_whole(file, png.encode(image, "self-test"))
        same = np.array_equal(sequence.read(file), image)
    if same:
        yield Line("A PNG image is written and read back as it was")
    else:
        yield Line("A PNG image is not read back as it was written", "Please report this as a bug", fault=True)


def _writable(path: str) -> Line:
    from .folder import check_writable

    try:
        check_writable(path)
    except MatteError as error:
        return Line(f"Folder {path}", str(error), fault=True)
    return Line(f'Folder "{path}" can be written')
