# SPDX-License-Identifier: GPL-3.0-or-later
"""Every environment and every check, for `make` and for `nox --list`.

nox names the sessions, runs them and sums them up. The environments are made here, in .nox/: several sessions share one
(a bpy is 1 GB), and pip is asked again only when a pinned list in tools/packages/ changes.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PACKAGES = ROOT / "tools" / "packages"
ENVIRONMENTS = ROOT / ".nox"
IN_CI = os.environ.get("CI") == "true"

RELEASES = {"4.2.23": "3.11", "4.5.15": "3.11", "5.0.1": "3.11", "5.2.3": "3.13"}
"""The Blender releases that are tested, and the Python of each."""

INSTALLED = {"4.2.23": "3.11", "4.5.15": "3.11", "5.0.1": "3.11", "5.1.2": "3.13", "5.2.3": "3.13"}
"""The Blender releases into which the built zip is installed, and the Python of each."""

INSTALLED_ALWAYS = ("4.5.15", "5.2.3")
"""Those of `make test`; `make install-test` takes all."""

PYTHONS = ("3.11", "3.13")

NEEDED = ("test.txt", "numpy.txt", "runtime.txt")
"""What tests and demo need beside bpy."""

BESIDE = "--numprocesses=2"
"""Two processes share a suite's tests: one alone waits for half of two cores. `-- -n0` for a debugger."""

SKIPPED = 77
"""The status with which tests/window/run.py says that this machine cannot run it."""


# Environments


@functools.cache
def interpreter(version: str) -> str | None:
    """Return the path of a pythonX.Y that runs: a pyenv shim may be on PATH with no Python behind it."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = [Path(folder) for folder in os.get_exec_path()]
    folders += sorted(pyenv.glob(f"versions/{version}*/bin"), reverse=True)
    folders += sorted(Path.home().glob(f".local/share/uv/python/cpython-{version}*/bin"), reverse=True)
    candidates = [found for folder in folders if (found := shutil.which(f"python{version}", path=str(folder)))]
    if sys.platform == "win32":
        candidates.append(py_launcher(version))
    return next((found for found in candidates if runs(found)), None)


def py_launcher(version: str) -> str:
    """Return the path that Windows' launcher knows for a version, or an empty text."""
    launcher = shutil.which("py")
    if launcher is None:
        return ""
    command = [launcher, f"-{version}", "-c", "import sys; print(sys.executable)"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def runs(python: str) -> bool:
    return bool(python) and subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


def environment(session: nox.Session, name: str, version: str, *lists: str) -> str:
    """Return the path of the Python in an environment that holds just the packages of the pinned lists.

    A missing interpreter skips the session, and fails it in CI.
    """
    python = interpreter(version)
    if python is None:
        missing = f"Python {version} is not on this machine; install it to run {session.name}"
        if IN_CI:
            session.error(missing)
        session.skip(missing)
    home = ENVIRONMENTS / name
    inside = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    content = b"".join((PACKAGES / file).read_bytes() for file in lists) + python.encode()
    digest, stamp = hashlib.sha256(content).hexdigest(), home / "made-of.txt"
    if inside.exists() and stamp.exists() and stamp.read_text() == digest:
        return str(inside)
    session.run(sys.executable, "-m", "virtualenv", "--quiet", "--clear", "--python", python, str(home), external=True)
    # The lists are whole, so nothing is resolved: opencv's wish for another numpy, and what onnxruntime declares but
    # does not import, stay out.
    pip = [str(inside), "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    files = [word for file in lists for word in ("--requirement", str(PACKAGES / file))]
    session.run(*pip, *files, external=True)
    stamp.write_text(digest)
    return str(inside)


def any_python() -> str:
    """The Python for what runs with either: 3.11, the older; where it is missing, 3.13."""
    return "3.13" if interpreter("3.11") is None else "3.11"


def bpy_environment(session: nox.Session, release: str) -> str:
    lists = (f"bpy-{release}.txt", "bpy-needs.txt", *NEEDED)
    return environment(session, f"blender-{release}", RELEASES[release], *lists)


def main_bpy_environment(session: nox.Session) -> str:
    """The environment for the demo and for packing: 4.5 LTS, or 5.2 LTS where there is no Python 3.11."""
    return bpy_environment(session, "4.5.15" if any_python() == "3.11" else "5.2.3")


def gather(session: nox.Session, python: str, *options: str) -> None:
    session.run(python, "tools/build.py", "gather", *options, external=True)


# Checks


def lint_environment(session: nox.Session) -> str:
    return environment(session, "lint", any_python(), "lint.txt", "nox.txt", "test.txt", "numpy.txt")


@nox.session(name="format", python=False, default=False)
def format_code(session: nox.Session) -> None:
    """Put into format what can be put there without judgement."""
    python = lint_environment(session)
    session.run(python, "-m", "ruff", "check", "--fix-only", ".", external=True)
    session.run(python, "-m", "ruff", "format", ".", external=True)


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Style, format and types."""
    python = lint_environment(session)
    session.run(python, "-m", "ruff", "check", ".", external=True)
    session.run(python, "-m", "ruff", "format", "--check", ".", external=True)
    mypy = (python, "-m", "mypy", f"--config-file={ROOT / 'pyproject.toml'}", f"--cache-dir={ROOT / '.mypy_cache'}")
    # The add-on's modules import each other relatively: the checkout must bear a package's name, however its folder is
    # called. Once it was moved, the link would lead to another checkout, or nowhere.
    package = ENVIRONMENTS / "lint" / "strip_matte"
    if package.is_symlink() and package.readlink() != ROOT:
        package.unlink()
    if not package.is_symlink():
        package.symlink_to(ROOT, target_is_directory=True)
    with session.chdir(package.parent):
        parts = [f"{package.name}/{part}" for part in ("__init__.py", "inference", "operators", "ui")]
        session.run(*mypy, *parts, external=True)
    bases = os.pathsep.join(str(ROOT / folder) for folder in (".", "tests", "tests/window"))
    scripts = ("noxfile.py", "tools", "tests")
    session.run(*mypy, "--explicit-package-bases", *scripts, external=True, env={"MYPYPATH": bases})


def declare_pure(version: str) -> None:
    @nox.session(python=False, name=f"pure-{version}", tags=["test"])
    def pure(session: nox.Session) -> None:
        """The tests without Blender."""
        python = environment(session, f"pure-{version}", version, *NEEDED)
        gather(session, python, "--only=models", "--only=clips")
        session.run(python, "-m", "pytest", "tests/pure", BESIDE, *session.posargs, external=True)


def declare_blender(release: str) -> None:
    @nox.session(python=False, name=f"blender-{release}", tags=["test"])
    def blender(session: nox.Session) -> None:
        """The tests in Blender as a module."""
        python = bpy_environment(session, release)
        gather(session, python, "--only=models", "--only=clips")
        session.run(python, "-m", "pytest", "tests/blender", BESIDE, *session.posargs, external=True)


@nox.session(python=False, tags=["test"])
def farm(session: nox.Session) -> None:
    """The farm's jobs, run by openjd-cli and Node."""
    if sys.platform == "win32":
        session.skip("the tests kill a worker as POSIX does")
    blender = main_bpy_environment(session)
    gather(session, blender, "--only=models", "--only=clips")
    python = environment(session, "farm", any_python(), "farm.txt", "test.txt")
    session.run(python, "-m", "pytest", "tests/farm", *session.posargs, external=True, env={"BPY_PYTHON": blender})


@nox.session(python=False, tags=["test"])
def install(session: nox.Session) -> None:
    """The zips, and the Linux one in clean Blenders: installed, used, upgraded, removed. `-- --all`: in five releases
    as a module; always in two with a window."""
    python = main_bpy_environment(session)
    session.run(python, "tools/build.py", "build", external=True)
    gather(session, python, "--only=clips")
    session.run(python, "-m", "pytest", "tests/install", external=True)
    if not sys.platform.startswith("linux"):
        session.skip("the clean rooms are for the Linux zip")
    rooms = []
    for release, version in INSTALLED.items():
        if "--all" in session.posargs or release in INSTALLED_ALWAYS:
            # Nothing of ours but what the zip brings: the environments of the other tests have it all.
            lists = (f"bpy-{release}.txt", "bpy-needs.txt", "numpy.txt")
            rooms += ["--python", f"{release}={environment(session, f'install-{release}', version, *lists)}"]
    suites = ("--suite", "trixie", "--suite", "sid", *sid_wheels(session, python))
    session.run(python, "tests/install/run.py", *rooms, *suites, external=True)


def sid_wheels(session: nox.Session, python: str) -> list[str]:
    """The words that put wheels for sid's Python into a zip, which is packed for the Pythons of Blender's own releases;
    Debian's is newer."""
    gather(session, python, "--only=clips", "--python-tag=cp314")
    found = sorted((ROOT / "build" / "wheels").glob("*-cp314-*.whl"))
    return [word for wheel in found for word in ("--wheel", str(wheel))]


def declare_window(suite: str) -> None:
    @nox.session(python=False, name=f"window-{suite}", tags=["test"])
    def window(session: nox.Session) -> None:
        """The tests in a real window, of a Debian suite's Blender or of BLENDER=/path/to/blender."""
        if os.environ.get("BLENDER") and suite != "trixie":
            session.skip("BLENDER is set: its Blender is used once, by window-trixie")
        python = main_bpy_environment(session)
        session.run(python, "tools/build.py", "build", external=True)
        gather(session, python, "--only=clips")
        wheels = sid_wheels(session, python) if suite == "sid" else []
        # Not session.run: it cannot tell a skip from a success.
        status = subprocess.run([python, "tests/window/run.py", "--suite", suite, *wheels, *session.posargs]).returncode
        if status == SKIPPED:
            session.skip("this machine cannot run it; the reason stands above")
        if status != 0:
            session.error(f"tests/window/run.py ended with status {status}")


for version in PYTHONS:
    declare_pure(version)
for release in RELEASES:
    declare_blender(release)
for suite in ("trixie", "sid"):
    declare_window(suite)


# Products


@nox.session(python=False, default=False)
def build(session: nox.Session) -> None:
    """One zip a platform, in dist/."""
    session.run(main_bpy_environment(session), "tools/build.py", "build", external=True)


@nox.session(python=False, default=False)
def demo(session: nox.Session) -> None:
    """A real clip, matted and rendered: build/demo/."""
    python = main_bpy_environment(session)
    gather(session, python, "--only=models", "--only=clips")
    session.run(python, "tools/demo.py", *session.posargs, external=True)


@nox.session(python=False, default=False)
def frames(session: nox.Session) -> None:
    """The tables of docs/frames.md, rendered by all four releases; with `-- --docs` they are written into the page."""
    # Where a release is left out, its column goes rather than staying as it once was.
    shutil.rmtree(ROOT / "build" / "frames", ignore_errors=True)
    for release in RELEASES:
        python = bpy_environment(session, release)
        gather(session, python, "--only=clips")
        session.run(python, "tools/frames_table.py", *session.posargs, external=True)


@nox.session(python=False, default=False)
def bench(session: nox.Session) -> None:
    """How fast, beside rembg: docs/speed.md. `-- --short` prints ratios only, in about a minute."""
    # rembg's packages have no place for onnx, which makes the model's forms.
    gather(session, environment(session, "pure-3.11", "3.11", *NEEDED), "--only=models", "--only=clips")
    python = environment(session, "bench", "3.11", "bench.txt", "runtime.txt")
    # The clips of known truth are rendered; the short form has none.
    blender = {} if "--short" in session.posargs else {"BPY_PYTHON": main_bpy_environment(session)}
    session.run(python, "-m", "tools.bench", *session.posargs, external=True, env=blender)


@nox.session(python=False, default=False)
def stress(session: nox.Session) -> None:
    """Killed, filled up, fed rubbish: a table of tried, survived, lost. `-- kill=20` for one part and its count."""
    python = main_bpy_environment(session)
    gather(session, python, "--only=models", "--only=clips")
    session.run(python, "-m", "tools.stress", *session.posargs, external=True)
