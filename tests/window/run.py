# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the window scenarios, each in a Blender of its own with a real window, a real mouse and real keys.

    python tests/window/run.py                  in Debian trixie's Blender, in a Debian root made once in build/window
    python tests/window/run.py --suite sid      in Debian sid's Blender
    python tests/window/run.py --blender /opt/blender/blender -k cancel

The last line is `N passed, N failed`. The status is 0 when all passed, 1 when one failed, and 77 when this machine
can't run the scenarios (with CI=true that is a 1 too, except for sid, which moves).

scenarios/ has the scenarios, steps.py what several of them do, stage.py their hands and eyes; driver.py steps one of
them inside Blender.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
BUILD = CHECKOUT / "build" / "window"
SKIPPED = 77
SCREEN = (1600, 1000)
SECONDS = 180.0
"""What one scenario may take: on two idle cores it needs about ten."""

PACKAGES = (
    "blender,python3-numpy,python3-requests,python3-zstandard,python3-cattr,"
    "xvfb,xauth,openbox,imagemagick,libgl1-mesa-dri,ca-certificates"
)
# Debian's Blender prints these when a script failed and then goes on as if nothing had happened.
ALARMS = ("Traceback", "Error: Python")

FINISHED = "THE SCENARIO IS FINISHED"


class Missing(Exception):
    """This machine can't run the scenarios; the text says what it lacks and what to do."""


@dataclass(frozen=True)
class Place:
    """Where Blender runs: on this machine (root is None) or in a Debian root."""

    blender: str
    root: Path | None

    def command(self, *words: str) -> list[str]:
        return ["chroot", str(self.root), *words] if self.root else list(words)


def main() -> int:
    options = arguments()
    try:
        if options.blender:
            return run_all(options, Place(options.blender, None))
        if not options.inside:
            return in_own_namespace(made_root(options.suite))
        return run_all(options, Place("/usr/bin/blender", BUILD / options.suite))
    except Missing as what:
        print(f"Window scenarios skipped ({options.suite}): {what}\n0 passed, 0 failed, 1 skipped", flush=True)
        must_run = os.environ.get("CI") == "true" and options.suite != "sid"
        return 1 if must_run else SKIPPED


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="trixie", help="the Debian suite whose Blender is used (trixie, sid)")
    parser.add_argument(
        "--blender", default=os.environ.get("BLENDER"), help="use this Blender of the machine (or set BLENDER)"
    )
    parser.add_argument(
        "--zip", type=Path, help="the built extension (default: the newest dist/strip_matte-*linux*x64*.zip)"
    )
    parser.add_argument(
        "--wheel", type=Path, action="append", default=[], help="put one more wheel into the zip (sid's Python)"
    )
    parser.add_argument("--clip", type=Path, default=CHECKOUT / "build" / "clips" / "bigbuckbunny.mp4")
    parser.add_argument(
        "--artifacts", type=Path, help="folder for logs and screenshots (default: build/window/artifacts/SUITE)"
    )
    parser.add_argument("-k", metavar="NAME", default="", help="only the scenarios with NAME in MODULE.SCENARIO")
    parser.add_argument(
        "--keep", action="store_true", help="keep the scratch folder (the installed extension, the images made)"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.artifacts = (
        options.artifacts or BUILD / "artifacts" / ("host" if options.blender else options.suite)
    ).resolve()
    return options


# The Debian root


def made_root(suite: str) -> Path:
    """Return the Debian root of a suite, making it when there is none or when it holds other packages."""
    root, content = BUILD / suite, f"{suite} {PACKAGES}\n"
    stamp = root / "made-of.txt"
    check_rights()
    if stamp.exists() and stamp.read_text() == content:
        return root
    if not shutil.which("mmdebstrap"):
        install_mmdebstrap()
    started, part = time.monotonic(), root.with_name(f"{suite}.part")
    shutil.rmtree(part, ignore_errors=True)
    BUILD.mkdir(parents=True, exist_ok=True)
    print(f"Making a Debian root with Blender in {root} (some minutes, once) ...", flush=True)
    command = ["mmdebstrap", "--variant=apt", f"--include={PACKAGES}", "--dpkgopt=path-exclude=/usr/share/doc/*"]
    if suite == "sid":  # A mirror's index of sid may be stale.
        command.append('--aptopt=Acquire::Check-Valid-Until "false"')
    log = BUILD / f"{suite}.log"
    with log.open("w") as output:
        made = subprocess.run(
            [*command, suite, str(part), mirror(suite)], stdout=output, stderr=subprocess.STDOUT
        ).returncode
    if made != 0:
        raise Missing(f"the Debian root could not be made; the end of {log} says why:\n{tail(log, 15)}")
    (part / "made-of.txt").write_text(content)
    shutil.rmtree(root, ignore_errors=True)
    part.rename(root)
    print(f"Made in {time.monotonic() - started:.0f} s.", flush=True)
    return root


def check_rights() -> None:
    """Raise Missing unless we may make a root and mount in it."""
    if not sys.platform.startswith("linux") or not shutil.which("apt-get"):
        raise Missing(
            "a Debian root needs a Debian-like Linux; set BLENDER=/path/to/blender to use a Blender you have."
        )
    if os.geteuid() != 0:
        raise Missing("a Debian root needs root's rights; run as root, or set BLENDER=/path/to/blender.")
    if subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode != 0:
        raise Missing("this machine does not let root mount (unshare failed); set BLENDER=/path/to/blender.")


def install_mmdebstrap() -> None:
    for command in (["update"], ["install", "-y", "--no-install-recommends", "mmdebstrap"]):
        print("mmdebstrap is missing: apt-get " + " ".join(command), flush=True)
        subprocess.run(["apt-get", "-q", *command], stdout=subprocess.DEVNULL)
    if not shutil.which("mmdebstrap"):
        raise Missing("mmdebstrap could not be installed with apt-get; install it, or set BLENDER=/path/to/blender.")


def mirror(suite: str) -> str:
    """Return the first of the archives this machine's apt is configured with that has the suite."""
    listed = subprocess.run(["apt-get", "update", "--print-uris"], capture_output=True, text=True).stdout
    for archive in dict.fromkeys(re.findall(r"^'(\S+?)/dists/", listed, re.MULTILINE)):
        with tempfile.TemporaryDirectory() as scratch:
            fetch = [
                "/usr/lib/apt/apt-helper",
                "download-file",
                f"{archive}/dists/{suite}/InRelease",
                f"{scratch}/InRelease",
            ]
            if subprocess.run(fetch, capture_output=True).returncode == 0:
                return str(archive)
    raise Missing(f"none of the archives in this machine's apt configuration has Debian {suite}.")


# Mounts and processes: both are gone when the namespace's first process ends, however it ends.

NAMESPACE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")


def in_own_namespace(root: Path) -> int:
    """Start this script once more in a mount and process namespace of its own."""
    return subprocess.run([*NAMESPACE, sys.executable, __file__, *sys.argv[1:], "--inside"]).returncode


def mount_into(root: Path, *writable: Path) -> None:
    """Show the checkout (read-only) and the writable folders in the root, each at the path it has outside."""
    mount("-t", "proc", "proc", root / "proc")
    mount("--rbind", "/sys", root / "sys")
    mount("--rbind", "/dev", root / "dev")
    mount("-t", "tmpfs", "tmpfs", root / "tmp")
    for folder in (CHECKOUT, *writable):
        inside = root / folder.relative_to("/")
        inside.mkdir(parents=True, exist_ok=True)
        mount("--bind", folder, inside)
        if folder == CHECKOUT:
            mount("-o", "remount,bind,ro", inside)


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


@contextlib.contextmanager
def display(place: Place, log: Path) -> Iterator[str]:
    """Yield the DISPLAY to use: the user's own, or a new Xvfb with a window manager."""
    has_screen = os.environ.get("DISPLAY") or not sys.platform.startswith("linux")
    if place.root is None and has_screen:
        yield os.environ.get("DISPLAY", "")
        return
    if place.root is None and not shutil.which("Xvfb"):
        raise Missing("DISPLAY is unset and there is no Xvfb; install xvfb and openbox.")
    reader, writer = os.pipe()
    words = ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{SCREEN[0]}x{SCREEN[1]}x24", "-nolisten", "tcp"]
    with log.open("w") as output:
        server = subprocess.Popen(place.command(*words), pass_fds=[writer], stdout=output, stderr=output)
        running = [server]
        try:
            os.close(writer)
            with os.fdopen(reader) as numbers:
                name = f":{numbers.readline().strip()}"
            if place.root or shutil.which("openbox"):
                environment = {**os.environ, "DISPLAY": name}
                running.append(
                    subprocess.Popen(place.command("openbox"), env=environment, stdout=output, stderr=output)
                )
            yield name
        finally:
            for process in reversed(running):
                process.terminate()
                process.wait()


# The scenarios


def run_all(options: argparse.Namespace, place: Place) -> int:
    wanted = [(module, name) for module, name in scenarios() if options.k in f"{module}.{name}"]
    extension, clip = options.zip or newest_zip(), options.clip
    if not extension or not extension.is_file() or not clip.is_file():
        print(f"{clip if extension else 'The zip in dist'} is missing: run `make build demo`, or use --zip and --clip.")
        return 1
    options.artifacts.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="strip_matte_window_"))
    try:
        if place.root:
            mount_into(place.root, options.artifacts, scratch)
        copy_with_wheels(extension, options.wheel, scratch / "extension.zip")
        shutil.copyfile(clip, scratch / "clip.mp4")
        with display(place, options.artifacts / "xvfb.log") as screen:
            environment = blender_environment(place, scratch, screen)
            if not installed(place, environment, scratch / "extension.zip", options.artifacts / "install.log"):
                return 1
            passed = [run_one(module, name, place, environment, scratch, options.artifacts) for module, name in wanted]
    finally:
        if options.keep:
            print(f"Kept: {scratch}")
        else:
            shutil.rmtree(scratch)
    print(
        f"Logs and screenshots: {options.artifacts}\n{sum(passed)} passed, {len(passed) - sum(passed)} failed",
        flush=True,
    )
    return 0 if passed and all(passed) else 1


def scenarios() -> list[tuple[str, str]]:
    """Return module and name of each public function of scenarios/, which can only be imported inside Blender."""
    return [
        (file.stem, node.name)
        for file in sorted((HERE / "scenarios").glob("*.py"))
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def newest_zip() -> Path | None:
    zips = sorted((CHECKOUT / "dist").glob("strip_matte-*linux*x64*.zip"), key=lambda path: path.stat().st_mtime)
    return zips[-1] if zips else None


def copy_with_wheels(extension: Path, wheels: list[Path], target: Path) -> None:
    """Copy the zip, with more wheels in it and in its manifest: the suite's Python may be newer than the add-on's."""
    shutil.copyfile(extension, target)
    if not wheels:
        return
    added = "".join(f'\n  "./wheels/{wheel.name}",' for wheel in wheels)
    with zipfile.ZipFile(extension) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("blender_manifest.toml"):
                data = re.sub(rb"^wheels = \[", lambda found: found[0] + added.encode(), data, flags=re.MULTILINE)
            copy.writestr(name, data)
        for wheel in wheels:
            copy.write(wheel, f"wheels/{wheel.name}")


def blender_environment(place: Place, scratch: Path, screen: str) -> dict[str, str]:
    """Return the environment of a Blender that knows no user: empty preferences, empty home."""
    (scratch / "home").mkdir()
    environment = {
        "BLENDER_USER_RESOURCES": str(scratch / "user"),
        "HOME": str(scratch / "home"),
        "LANG": "C.UTF-8",
        "TMPDIR": str(scratch),
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin" if place.root else os.environ["PATH"],
    }
    if screen:
        environment["DISPLAY"] = screen
    if place.root:
        environment["LIBGL_ALWAYS_SOFTWARE"] = "1"
    return environment if place.root else {**os.environ, **environment}


def installed(place: Place, environment: dict[str, str], extension: Path, log: Path) -> bool:
    """Install and enable the extension the way a user's Blender does; say so when that fails."""
    started = time.monotonic()
    command = ["--offline-mode", "--command", "extension", "install-file", "-r", "user_default", "-e", str(extension)]
    status, alarm = run_blender(place, environment, command, log)
    if status == 0 and not alarm:
        print(f"installed the extension in {time.monotonic() - started:.1f} s", flush=True)
        return True
    if "This Python version" in log.read_text(errors="replace"):  # Blender 5.2 looks at the wheels' Python tags.
        raise Missing(
            f"this Blender's Python is newer than the extension's wheels, add some with --wheel:\n{tail(log, 5)}"
        )
    print(f"The extension could not be installed (status {status}). The end of {log}:\n{tail(log, 30)}")
    print("0 passed, 1 failed")
    return False


def run_one(module: str, name: str, place: Place, environment: dict[str, str], scratch: Path, artifacts: Path) -> bool:
    """Run one scenario in a Blender of its own; print how it went."""
    started, log = time.monotonic(), artifacts / f"{name}.log"
    work = scratch / name
    work.mkdir()
    for old in artifacts.glob(f"{name}[-.]*"):
        old.unlink()
    command = [
        "--factory-startup",
        "--app-template",
        "Video_Editing",
        "--offline-mode",
        "-noaudio",
        "--enable-event-simulate",
    ]
    command += ["--window-geometry", "0", "0", str(SCREEN[0]), str(SCREEN[1]), "--python-exit-code", "3"]
    command += ["--python", str(HERE / "driver.py"), "--", module, name]
    command += [str(scratch / "clip.mp4"), str(work), str(artifacts)]
    status, alarm = run_blender(place, environment, command, log)
    passed = status == 0 and not alarm and FINISHED in log.read_text(errors="replace")
    print(f"{'passed' if passed else 'FAILED'}  {name}  {time.monotonic() - started:.1f} s", flush=True)
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("# "):
            print(f"        {line[2:]}")
    if not passed:
        why = alarm or ("no end within the time limit" if status is None else f"status {status}")
        for report in scratch.glob("*.crash.txt"):  # Python's part of the stack is at its end.
            shutil.move(report, artifacts / f"{name}.crash.txt")
            why += f"; it crashed:\n{tail(artifacts / f'{name}.crash.txt', 12)}\n        "
        if alarm:  # Blender may have gone on for long.
            why += f"; it goes on:\n{after(log, alarm, 30)}\n        "
        print(f"        {why}; the end of {log}:\n{tail(log, 40)}", flush=True)
    return passed


def run_blender(place: Place, environment: dict[str, str], command: list[str], log: Path) -> tuple[int | None, str]:
    """Return Blender's exit status, None when it hung and was killed, and the first alarming line it printed."""
    with log.open("w") as output:
        words = place.command(place.blender, *command)
        process = subprocess.Popen(words, env=environment, stdout=output, stderr=output, start_new_session=True)
        status: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(SECONDS)
        with contextlib.suppress(ProcessLookupError):  # What it started goes with it.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    lines = log.read_text(errors="replace").splitlines()
    return status, next((line for line in lines if any(alarm in line for alarm in ALARMS)), "")


def tail(log: Path, count: int) -> str:
    return _marked(log.read_text(errors="replace").splitlines()[-count:])


def after(log: Path, line: str, count: int) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return _marked(lines[lines.index(line) + 1 :][:count])


def _marked(lines: list[str]) -> str:
    return "\n".join(f"    | {line}" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
