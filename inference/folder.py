# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of images is a promise: one movie, one model, one way of working, and a name only for what is whole."""

import functools
import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import MatteError

MANIFEST = "strip_matte.json"
FORMAT = 1  # of the manifest, and of the way an image is made: a change that alters the images raises it
SAMPLES, SAMPLE_SIZE = 16, 1 << 18


def name_for(job_movie: str, model: str, output: str) -> str:
    """The name of the folder that this movie's images of this kind belong in, the same on every machine."""
    digest = hashlib.sha256(json.dumps(_identity(job_movie, model, output), sort_keys=True).encode()).hexdigest()
    stem = re.sub(r"[^\w.-]+", "_", os.path.splitext(os.path.basename(job_movie))[0]).strip("._-")[:40]
    return f"{stem or 'movie'}_{output.lower()}_{digest[:8]}"


def image_name(frame: int) -> str:
    """The file of a source frame."""
    return f"{frame:06d}.png"


@dataclass(frozen=True)
class Folder:
    """A folder whose manifest says what this job says."""

    path: str

    def image(self, frame: int) -> str:
        return os.path.join(self.path, image_name(frame))

    def whole(self, frames: Iterable[int]) -> set[int]:
        """Those of the frames that an earlier run has made."""
        there = {entry.name for entry in os.scandir(self.path)}
        return {frame for frame in frames if image_name(frame) in there}


def claim(path: str, movie: str, model: str, output: str) -> Folder:
    """Make or take up the folder. MatteError where it can not be written, or holds something else's images."""
    wanted = _identity(movie, model, output)
    manifest = os.path.join(path, MANIFEST)
    try:
        os.makedirs(path, exist_ok=True)
        found = _read(manifest)
    except OSError as error:
        raise MatteError(f'The folder "{path}" can not be used: {error.strerror}. Choose another folder') from error
    if found is None:
        if os.listdir(path) and any(name.endswith(".png") for name in os.listdir(path)):
            raise MatteError(f'The folder "{path}" holds images that are not Strip Matte\'s. Choose another folder')
        write_whole(manifest, json.dumps(wanted, indent=1, sort_keys=True).encode())
    elif found != wanted:
        raise MatteError(f'The folder "{path}" holds the images of another movie, model or setting. Choose another')
    return Folder(path)


def check_writable(path: str) -> None:
    """MatteError where nothing can be written below this folder. Leaves nothing behind."""
    parent = path
    while not os.path.isdir(parent):
        if os.path.exists(parent):
            raise MatteError(f'"{parent}" is a file, and a folder is needed there. Choose another folder')
        if parent == os.path.dirname(parent):
            raise MatteError(f'The folder "{path}" can not be made. Choose another folder')
        parent = os.path.dirname(parent)
    probe = os.path.join(parent, f".strip_matte_{os.getpid()}")
    try:
        with open(probe, "xb"):
            pass
        os.unlink(probe)
    except OSError as error:
        raise MatteError(f'Nothing can be written in "{parent}": {error.strerror}. Choose another folder') from error


def write_whole(path: str, data: bytes) -> None:
    """Write a file that takes its name only when it is whole. MatteError where the disk refuses."""
    part = f"{path}.{os.getpid()}.part"
    try:
        try:
            with open(part, "wb") as file:
                file.write(data)
            os.replace(part, path)
        except BaseException:
            if os.path.exists(part):
                os.unlink(part)
            raise
    except OSError as error:
        raise MatteError(
            f'"{path}" can not be written: {error.strerror}. Make room or choose another folder, and run again: '
            "whole frames are kept"
        ) from error


def _read(manifest: str) -> object:
    """What the manifest says, None where there is none."""
    if not os.path.exists(manifest):
        return None
    with open(manifest, "rb") as file:
        try:
            return json.loads(file.read(1 << 20))
        except ValueError:
            return "unreadable"


def _identity(movie: str, model: str, output: str) -> dict[str, object]:
    return {"format": FORMAT, "movie": _content(movie), "model": _content(model), "output": output}


def _content(path: str) -> dict[str, object]:
    """Size and hash of a file. Large files are hashed by samples: minutes of reading would hold up the button."""
    try:
        status = os.stat(path)
        return {"size": status.st_size, "sha256": _hash(path, status.st_size, status.st_mtime_ns)}
    except OSError as error:
        raise MatteError(f'"{path}" can not be read: {error.strerror}') from error


@functools.lru_cache(maxsize=64)
def _hash(path: str, size: int, _changed: int) -> str:
    """SHA-256 of the whole file up to 4 MiB, of 16 evenly spread samples of 256 KiB beyond."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        if size <= SAMPLES * SAMPLE_SIZE:
            digest.update(file.read())
        else:
            for sample in range(SAMPLES):
                file.seek(sample * (size - SAMPLE_SIZE) // (SAMPLES - 1))
                digest.update(file.read(SAMPLE_SIZE))
    return digest.hexdigest()
