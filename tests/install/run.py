# SPDX-License-Identifier: GPL-3.0-or-later
"""The clean room: the built zip in the hands of Blenders that know no user, have nothing of ours and no network.

    python tests/install/run.py --python 4.5.15=.nox/install-4.5.15/bin/python --python 5.2.3=...

Each Blender gets a room: empty user folders, an empty home. In it the zip is installed by Blender's own installer, a
clip is cut out, the next version is installed over it, it is disabled and removed, with a restart between any two (what
is done and looked at in Blender stands in steps.py). Then the room is compared with what it was before. The table at
the end has a row for each Blender; the status is 0 when all is well.

4.2 as a module crashes when it is told to read the user's preferences (it wants a GPU's texture for its icons): there
all is done in one session, which tries an upgrade without a restart instead.

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
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
SECONDS = 240
"""What a step may take; the longest needs about ten on two idle cores."""

SIZE = (720, 1280)
BACKGROUND = (0.9, 0.35, 0.1)  # as in steps.py, which cannot be imported without Blender
START = 60

BLENDERS_OWN = re.compile(
    r"config/userpref\.blend|extensions/\.cache/compat\.dat|extensions/user_default/\.blender_ext/.*"
)
"""What Blender itself may write into the user folders around an installation, and keeps."""

COLUMNS = ("installed", "cut out", "upgraded", "disabled", "removed")


class Failed(Exception):
    """A step went wrong; the text says how."""


def main() -> int:
    options = arguments()
    extension = (options.zip or newest_zip() or CHECKOUT / "dist" / "none").resolve()
    if not extension.is_file() or not options.clip.is_file():
        print("The zip in dist/ or the clip is missing: run `make build demo`, or use --zip and --clip.")
        return 1
    cutter = network_cutter()
    print(f"{extension.name}, network {'cut off' if cutter else 'NOT cut off: this machine does not let us'}")
    rows = [visit(release, python, extension, options.clip, cutter) for release, python in options.python]
    print("\n" + "\n".join(shown(row) for row in [("release", "Python", *COLUMNS, "files left", "pictures"), *rows]))
    pictures = {row[-1] for row in rows}
    if len(pictures) > 1:
        print("The releases made different pictures.")
    whole = all(row[2:-2] == ("yes",) * len(COLUMNS) and row[-2] == "0" for row in rows)
    return 0 if whole and len(pictures) == 1 else 1


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
        required=True,
        help="a Blender release, and a Python that has its bpy and nothing of ours",
    )
    parser.add_argument("--zip", type=Path, help="the built extension (default: dist/strip_matte-*linux_x64.zip)")
    parser.add_argument("--clip", type=Path, default=CHECKOUT / "build" / "clips" / "bigbuckbunny.mp4")
    return parser.parse_args()


def newest_zip() -> Path | None:
    zips = sorted((CHECKOUT / "dist").glob("strip_matte-*linux_x64.zip"), key=lambda path: path.stat().st_mtime)
    return zips[-1] if zips else None


def network_cutter() -> list[str]:
    """Return the words that start a program without a network, none where this machine does not let us."""
    for words in (["unshare", "--net"], ["unshare", "--net", "--map-root-user"]):
        if shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True).returncode == 0:
            return words
    return []


def shown(row: tuple[str, ...]) -> str:
    return "  ".join(f"{cell:10}" for cell in row).rstrip()


# One room


def visit(release: str, python: str, extension: Path, clip: Path, cutter: list[str]) -> tuple[str, ...]:
    """Return a row of the table, and say what went wrong, if anything did."""
    room = Path(tempfile.mkdtemp(prefix="strip_matte_room_"))
    row = dict.fromkeys(("Python", *COLUMNS, "files left", "pictures"), "-")
    try:
        for name in ("user", "home", "temporary", "script"):
            (room / name).mkdir()
        for script in (HERE / "steps.py", HERE.parent / "timeline.py"):
            shutil.copy(script, room / "script")
        shutil.copy(clip, room / "clip.mp4")
        start = [*cutter, python, str(room / "script" / "steps.py")]
        live(room, start, extension, row)
    except Failed as reason:
        print(f"\n{release}: {reason}")
        failed = next((column for column in (*COLUMNS, "files left", "pictures") if row[column] == "-"), None)
        if failed:
            row[failed] = "NO"
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return (release, *row.values())


def live(room: Path, start: list[str], extension: Path, row: dict[str, str]) -> None:
    """Take an extension through its life in a room; fill the row as far as it gets."""
    (first,) = run_steps(room, start, f"empty={'yes' if start[0] == 'unshare' else 'no'}")
    row["Python"] = first["python"]
    before = files(room)
    newer = raised(extension, room / "newer.zip")
    steps = (f"install={extension}", f"upgrade={newer}", "disable", "remove")
    at_once = iter(run_steps(room, start, *steps)) if first["blender"].startswith("4.2.") else None
    told = at_once or (run_steps(room, start, one)[0] for one in steps)
    installed = next(told)
    row["installed"] = "yes"
    pictures = checked_pictures(installed, room / "clip.mp4")
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


def run_steps(room: Path, start: list[str], *steps: str) -> list[dict[str, Any]]:
    """Run steps in one new process with nothing of this one's environment, and return what they told."""
    home = room / "home"
    environment = {
        "BLENDER_USER_RESOURCES": str(room / "user"),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "TMPDIR": str(room / "temporary"),
        **{f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA", "STATE")},
    }
    names = [step.partition("=")[0] for step in steps]
    command = [*start, str(room), *steps]
    try:
        done = subprocess.run(
            command,
            cwd=room,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{names} did not end in {SECONDS} s: {late.stdout!r}") from None
    told = [room / f"{name}.json" for name in names]
    lacking = [path.stem for path in told if not path.exists()]
    if done.returncode != 0 or "Traceback" in done.stdout + done.stderr or lacking:
        text = f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
        raise Failed(f"{(lacking or names)[0]} ended with {done.returncode}:\n{text}")
    return [json.loads(path.read_text()) for path in told]


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
