# SPDX-License-Identifier: GPL-3.0-or-later
"""The clean room: the built zip in the hands of Blenders that know no user, have nothing of ours and no network.

    python tests/install/run.py --python 4.5.15=.nox/install-4.5.15/bin/python --python 5.2.3=...
    python tests/install/run.py --suite trixie --suite sid --wheel build/wheels/....whl --wheel ...

A Blender is a Python that has bpy, or the program of a Debian suite with a window, in the root that the window tests
have too. Each gets a room: empty user folders, an empty home. In it the zip is installed by Blender's own installer, a
clip is cut out, the next version is installed over it, it is disabled and removed, with a restart between any two (what
is done and looked at in Blender stands in steps.py). Then the room is compared with what it was before. The table at
the end has a row for each Blender; the status is 0 when all is well.

4.2 as a module crashes when it is told to read the user's preferences (it wants a GPU's texture for its icons): there
all is done in one session, which tries an upgrade without a restart instead. A suite that this machine cannot run is
told and left out; in CI that is a failure, but for sid, which moves.

Run by a Python that has cv2 and numpy, for the pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
sys.path.insert(0, str(CHECKOUT / "tests" / "window"))

import run as windows  # noqa: E402  the window tests' run.py, not this one

SECONDS = 240
"""What a step may take; the longest needs about ten on two idle cores."""

SIZE = (720, 1280)
BACKGROUND = (0.9, 0.35, 0.1)  # as in steps.py, which cannot be imported without Blender
START = 60

BLENDERS_OWN = re.compile(
    r"config/(userpref\.blend|(platform_support|recent-files)\.txt)"
    r"|extensions/\.cache/compat\.dat|extensions/user_default/\.blender_ext/.*"
)
"""What Blender itself may write into the user folders around an installation, and keeps."""

COLUMNS = ("installed", "cut out", "upgraded", "disabled", "removed")


class Failed(Exception):
    """A step went wrong; the text says how."""


def main() -> int:
    options = arguments()
    extension = options.zip or windows.newest_zip()
    if not extension or not extension.is_file() or not options.clip.is_file():
        print("The zip in dist/ or the clip is missing: run `make build demo`, or use --zip and --clip.")
        return 1
    if options.suite:
        return in_own_namespaces(options, extension)
    cutter = network_cutter()
    network = "cut off" if cutter else "NOT cut off: this machine does not let us"
    print(f"{extension.name}, network {network}", flush=True)
    rows = [visit(release, module(python, cutter), extension, options.clip) for release, python in options.python]
    lacking = []
    for suite in options.inside:
        wheels = options.wheel if suite == "sid" else []
        try:
            rows.append(visit(suite, window(suite), extension, options.clip, wheels))
        except windows.Missing as what:
            lacking.append(left_out(suite, what))
    print("\n" + "\n".join(shown(row) for row in [("release", "Python", *COLUMNS, "files left", "pictures"), *rows]))
    pictures = {row[-1] for row in rows}
    if len(pictures) > 1:
        print("The releases made different pictures.")
    whole = all(row[2:-2] == ("yes",) * len(COLUMNS) and row[-2] == "0" for row in rows)
    return 0 if whole and len(pictures) <= 1 and not any(lacking) else 1


def left_out(suite: str, what: Exception) -> bool:
    """Tell that a suite is left out. Return whether that is a failure: sid moves."""
    print(f"{suite} is left out: {what}", flush=True)
    return os.environ.get("CI") == "true" and suite != "sid"


def arguments() -> argparse.Namespace:
    def release_and_python(text: str) -> tuple[str, str]:
        release, _, python = text.partition("=")
        return release, str(Path(python).absolute())

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--python",
        metavar="RELEASE=PYTHON",
        type=release_and_python,
        action="append",
        default=[],
        help="a Blender release, and a Python that has its bpy and nothing of ours",
    )
    parser.add_argument(
        "--suite", action="append", default=[], help="a Debian suite whose Blender is used, with a window: trixie, sid"
    )
    parser.add_argument("--zip", type=Path, help="the built extension (default: dist/strip_matte-*linux_x64.zip)")
    parser.add_argument(
        "--wheel", type=Path, action="append", default=[], help="put one more wheel into sid's zip, for its Python"
    )
    parser.add_argument("--clip", type=Path, default=CHECKOUT / "build" / "clips" / "bigbuckbunny.mp4")
    parser.add_argument("--inside", action="append", default=[], help=argparse.SUPPRESS)
    return parser.parse_args()


def in_own_namespaces(options: argparse.Namespace, extension: Path) -> int:
    """Run this script once more, without a network and with mounts and processes of its own, in those suites for which
    this machine has a Debian root or can make one."""
    ready, lacking = [], []
    for suite in options.suite:
        try:
            windows.made_root(suite)
            ready.append(suite)
        except windows.Missing as what:
            lacking.append(left_out(suite, what))
    words = [sys.executable, __file__, "--zip", str(extension), "--clip", str(options.clip)]
    words += [word for release, python in options.python for word in ("--python", f"{release}={python}")]
    words += [word for suite in ready for word in ("--inside", suite)]
    words += [word for wheel in options.wheel for word in ("--wheel", str(wheel))]
    namespaces = [*windows.NAMESPACE, "--net"] if ready else []
    status = subprocess.run([*namespaces, *words]).returncode
    return status or int(any(lacking))


def network_cutter() -> list[str]:
    """Return the words that start a program without a network, none where this machine does not let us."""
    for words in (["unshare", "--net"], ["unshare", "--net", "--map-root-user"]):
        if shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True).returncode == 0:
            return words
    return []


def shown(row: tuple[str, ...]) -> str:
    return "  ".join(f"{cell:10}" for cell in row).rstrip()


# One room


@dataclass(frozen=True)
class Start:
    """How scripts are started in a Blender: the words before the script and after it, and what is around them.

    program: the words that start it otherwise; none where it is a module.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    environment: dict[str, str]
    cut_off: bool
    program: tuple[str, ...] = ()


Opened = Callable[[Path], AbstractContextManager[Start]]
"""Makes a room one in which a Blender can be started."""


def module(python: str, cutter: list[str]) -> Opened:
    """Blender as a module of a Python."""
    start = Start((*cutter, python), (), {"PATH": os.environ["PATH"]}, bool(cutter))
    return lambda _room: nullcontext(start)


def window(suite: str) -> Opened:
    """The program of a Debian suite, with a window. This process has no network."""

    @contextmanager
    def opened(room: Path) -> Iterator[Start]:
        place = windows.Place("/usr/bin/blender", windows.BUILD / suite)
        assert place.root
        windows.mount_into(place.root, room)
        with windows.display(place, room / "display.log") as screen:
            words = ("-noaudio", "--window-geometry", "0", "0", *map(str, windows.SCREEN), "--python")
            around = {
                "DISPLAY": screen,
                "LIBGL_ALWAYS_SOFTWARE": "1",
                "MESA_SHADER_CACHE_DISABLE": "true",  # Mesa's own, in the home
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            }
            program = tuple(place.command(place.blender))
            yield Start((*program, *words), ("--",), around, cut_off=True, program=program)

    return opened


def visit(name: str, opened: Opened, extension: Path, clip: Path, wheels: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return a row of the table, and say what went wrong, if anything did."""
    room = Path(tempfile.mkdtemp(prefix="strip_matte_room_"))
    row = dict.fromkeys(("release", "Python", *COLUMNS, "files left", "pictures"), "-") | {"release": name}
    began = time.monotonic()
    try:
        for folder in ("user", "home", "temporary", "script"):
            (room / folder).mkdir()
        for script in (HERE / "steps.py", HERE.parent / "timeline.py"):
            shutil.copy(script, room / "script")
        shutil.copy(clip, room / "clip.mp4")
        windows.copy_with_wheels(extension, list(wheels), room / "extension.zip")
        with opened(room) as start:
            live(room, start, row)
    except Failed as reason:
        print(f"\n{name}: {reason}")
        failed = next((column for column, cell in row.items() if cell == "-"), None)
        if failed:
            row[failed] = "NO"
    finally:
        shutil.rmtree(room, ignore_errors=True)
    print(f"{row['release']}: {time.monotonic() - began:.0f} s", flush=True)
    return tuple(row.values())


def live(room: Path, start: Start, row: dict[str, str]) -> None:
    """Take an extension through its life in a room; fill the row as far as it gets."""
    (first,) = run_steps(room, start, f"empty={'yes' if start.cut_off else 'no'}")
    row["release"], row["Python"] = first["blender"], first["python"]
    before = files(room)
    extension = room / "extension.zip"
    newer = raised(extension, room / "newer.zip")
    steps = (f"install={extension}", f"upgrade={newer}", "disable", "remove")
    at_once = iter(run_steps(room, start, *steps)) if first["blender"].startswith("4.2.") else None
    told = at_once or (run_steps(room, start, one)[0] for one in steps)
    installed = next(told)
    row["installed"] = "yes"
    pictures = checked_pictures(installed, room / "clip.mp4")
    if start.program:
        verify(room, start)
    row["cut out"] = "yes"
    same_pictures(pictures, next(told), "after the upgrade")
    row["upgraded"] = "yes"
    same_pictures(pictures, next(told), "after a restart")
    row["disabled"] = "yes"
    next(told)
    row["removed"] = "yes"
    (last,) = run_steps(room, start, "after")
    # Blender keeps the folder for wheels on the path once there was one; it must be empty.
    added = [path for path in last["path"] if path not in first["path"]]
    if strays := [path for path in added if not path.endswith("site-packages") or any(Path(path).iterdir())]:
        raise Failed(f"left on sys.path: {strays}")
    left = sorted(files(room) - before)
    row["files left"] = str(len(left))
    row["pictures"] = pictures
    if left:
        raise Failed(f"left behind: {left}")


def run_steps(room: Path, start: Start, *steps: str) -> list[dict[str, Any]]:
    """Run steps in one new process, and return what they told."""
    names = [step.partition("=")[0] for step in steps]
    words = (*start.before, str(room / "script" / "steps.py"), *start.after, str(room), *steps)
    status, text = ran(room, start, words, names)
    told = [room / f"{name}.json" for name in names]
    lacking = [path.stem for path in told if not path.exists()]
    if status != 0 or "Traceback" in text or lacking:
        if "This Python version" in text:  # Blender 5.2 looks at the wheels' Python tags
            raise windows.Missing("its Python is newer than the extension's wheels; add some with --wheel")
        raise Failed(f"{(lacking or names)[0]} ended with {status}:\n{text[-6000:]}")
    return [json.loads(path.read_text()) for path in told]


def verify(room: Path, start: Start) -> None:
    """Let the program compare the cutout with the movie, as a farm's last task does: without a window."""
    command = ("--background", str(room / "shot.blend"), "--command", "strip_matte", "--verify")
    status, text = ran(room, start, (*start.program, *command), ["verify"])
    if status != 0 or "all the same" not in text:
        raise Failed(f"--verify ended with {status}:\n{text[-6000:]}")


def ran(room: Path, start: Start, words: Sequence[str], names: list[str]) -> tuple[int, str]:
    """Run a process with nothing of this one's environment. Return its status and what it printed."""
    home = room / "home"
    environment = {
        "BLENDER_USER_RESOURCES": str(room / "user"),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TMPDIR": str(room / "temporary"),
        **{f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA", "STATE")},
        **start.environment,
    }
    try:
        done = subprocess.run(
            words,
            cwd=room,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{names} did not end in {SECONDS} s: {late.stdout!r}") from None
    return done.returncode, done.stdout + done.stderr


def files(room: Path) -> set[str]:
    """Return what lies in the user folders, the home and the temporary folder, but for what Blender itself keeps."""
    found = set()
    for top in ("user", "home", "temporary"):
        for path in (room / top).rglob("*"):
            name = path.relative_to(room / top).as_posix()
            if not path.is_dir() and not (top == "user" and BLENDERS_OWN.fullmatch(name)):
                found.add(f"{top}/{name}")
    return found


def raised(extension: Path, target: Path) -> Path:
    """Copy the zip as the version that comes after it."""
    with zipfile.ZipFile(extension) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            data = source.read(name)
            if name == "blender_manifest.toml":
                line = re.compile(rb'^(version = "\d+\.\d+\.)(\d+)"', re.MULTILINE)
                data, count = line.subn(lambda found: b'%s%d"' % (found[1], int(found[2]) + 1), data)
                assert count == 1, "no version in the manifest"
            copy.writestr(name, data)
    return target


# The pictures


def checked_pictures(made: dict[str, Any], clip: Path) -> str:
    """Return the fingerprint of the cutouts' pixels. Failed unless they are what an editor wants to see."""
    import cv2
    import numpy as np

    reader = cv2.VideoCapture(str(clip))
    frames = [reader.read()[1] for _ in range(START + len(made["images"]))][START:]
    images = [cv2.imread(path, cv2.IMREAD_UNCHANGED) for path in made["images"]]
    for image, frame in zip(images, frames, strict=True):
        if image is None or image.shape != (*SIZE, 4) or image.dtype != np.uint8:
            raise Failed("an image is not RGBA of eight bits and of the movie's size")
        alpha = image[..., 3]
        corners = [alpha[y, x] for y in (5, 200) for x in (5, -5)]
        if max(corners) > 5 or alpha[400, 470] < 250 or not 0.05 < (alpha / 255).mean() < 0.6:
            raise Failed(f"a matte is wrong: corners {corners}, middle {alpha[400, 470]}, mean {(alpha / 255).mean()}")
        solid = alpha == 255
        # OpenCV's way from YUV to RGB differs from ours by a few levels.
        if np.abs(image[..., :3].astype(int) - frame)[solid].mean() > 3:
            raise Failed("a cutout does not show the movie's own picture")
    rendered = cv2.imread(made["rendered"], cv2.IMREAD_UNCHANGED)[..., :3]
    alpha = images[0][..., 3:] / 255
    expected = images[0][..., :3] * alpha + np.array(BACKGROUND[::-1]) * 255 * (1 - alpha)
    worst = np.abs(rendered - expected).max()
    if worst > 1.5:
        raise Failed(f"Blender renders the cutout over a colour {worst:.1f} levels off")
    return fingerprint(made)


def same_pictures(pictures: str, made: dict[str, Any], when: str) -> None:
    if fingerprint(made) != pictures:
        raise Failed(f"the cutouts are others {when}")


def fingerprint(made: dict[str, Any]) -> str:
    import hashlib

    import cv2

    digest = hashlib.sha256()
    for path in made["images"]:
        digest.update(cv2.imread(path, cv2.IMREAD_UNCHANGED).tobytes())
    return digest.hexdigest()[:8]


if __name__ == "__main__":
    sys.exit(main())
