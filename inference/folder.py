# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of images is a promise: one movie, one model, one way of working, and a name only for what is whole."""

import contextlib
import functools
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from . import notes
from .errors import MatteError
from .job import Job, Shape, Subject, eight_bits
from .libraries import load

MANIFEST = "strip_matte.json"
ENDINGS = {"PNG8": ".png", "PNG16": ".png", "WEBP": ".webp"}  # of the images' names, by format
PRECISION, PRECISIONS = "precision", ("fp32", "int8")
FORMAT = 8  # of the manifest, and of the way an image is made: a change that alters the images raises it
DEVICES = "devices"  # names of those that the images were made on: told, and no part of what tells folders apart
# Bytes of the manifest. What somebody else has put in its place is not to fill the memory; a point of a path that is
# followed takes up to 80, and there is one at every fourth frame: room for 400,000.
LONGEST = 1 << 25
STALE = 24 * 3600.0  # seconds
SAMPLES, SAMPLE_SIZE = 16, 1 << 18


def name_for(job: Job) -> str:
    """The name of the folder that this job's images belong in, the same on every machine. Reads no more of the job
    than its source, its model and what is to be made."""
    digest = hashlib.sha256(json.dumps(_identity(job), sort_keys=True).encode()).hexdigest()
    stem = re.sub(r"[^\w.-]+", "_", os.path.splitext(os.path.basename(job.movie))[0]).strip("._-")[:40]
    return f"{stem or 'movie'}_{job.output.lower()}_{digest[:8]}"


def image_name(frame: int, format_: str) -> str:
    """The file of a source frame. format_: of inference.Job."""
    return f"{frame:06d}{ENDINGS[format_]}"


@dataclass(frozen=True)
class Folder:
    """A folder whose manifest says what this job says. precision: 'fp32' or 'int8', what its images are made in.
    format: theirs."""

    path: str
    precision: str
    format: str

    def image(self, frame: int) -> str:
        return os.path.join(self.path, image_name(frame, self.format))

    def whole(self, frames: Iterable[int], drawings: Mapping[int, str]) -> tuple[set[int], set[int]]:
        """Those of the frames whose images are there and whole, and those of these that somebody altered by hand. Such
        an image is never made again.

        drawings: of a mask, what tells one from another, by source frame. An image that was made with another drawing
        is not whole, unless it was altered by hand: then nobody knows. MatteError for one that can not be read.
        """
        there = {entry.name for entry in os.scandir(self.path)}
        found, by_hand = set(), set()
        for frame in frames:
            is_whole, note = state(self.image(frame)) if image_name(frame, self.format) in there else (False, None)
            if not is_whole:
                continue
            if note is None:
                by_hand.add(frame)
            if note is None or drawings.get(frame) in {None, notes.parted(note)[1]}:
                found.add(frame)
        return found, by_hand


def state(path: str) -> tuple[bool, str | None]:
    """Whether an image that is there is whole, and its note; None where somebody altered it by hand.

    What does not begin as ours is whole if it is a picture: programs write a repaired image as they like, with bytes
    behind its end, or as JPEG under the name that it had. MatteError where the file can not be read.
    """
    with _to_be_read(path):
        if notes.is_whole(path):
            return True, notes.read(path)
        if not os.path.isfile(path) or notes.begins_as_ours(path):
            return False, None
    return _is_picture(path), None


def altered_since(path: str, image: str) -> bool:
    """Whether somebody has altered an image of ours by hand, or put another in its place, after this other image was
    made. Both are there. Files are not read through: a clip has thousands. MatteError where one can not be read."""
    with _to_be_read(path):
        return os.stat(path).st_mtime_ns > os.stat(image).st_mtime_ns and notes.read(path) is None


@contextlib.contextmanager
def _to_be_read(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MatteError(
            f'"{path}" can not be read: {error.strerror}. Make it readable, or remove it, and run again'
        ) from error


def _is_picture(path: str) -> bool:
    sequence = load(".sequence", __package__)
    with contextlib.suppress(MatteError):  # rubbish is made again
        sequence.read(path)
        return True
    return False


def claim(job: Job, choose: Callable[[], str]) -> Folder:
    """Make or take up the job's folder. choose: names the precision, where no earlier run has settled it.

    MatteError where the folder can not be written, or holds something else's images.
    """
    path, wanted = job.folder, _identity(job)
    manifest = os.path.join(path, MANIFEST)
    try:
        os.makedirs(path, exist_ok=True)
        found = _read(manifest)
    except OSError as error:
        raise MatteError(f'The folder "{path}" can not be used: {error.strerror}. Choose another folder') from error
    if found is None:
        if any(name.endswith(tuple(ENDINGS.values())) for name in os.listdir(path)):
            raise MatteError(f'The folder "{path}" holds images that are not Strip Matte\'s. Choose another folder')
        content = json.dumps({**wanted, PRECISION: _settled(job.mattes) or choose()}, indent=1, sort_keys=True)
        write_whole(manifest, content.encode(), replace=False)
        found = _read(manifest)  # another machine may have been quicker
    precision = found.pop(PRECISION, None) if isinstance(found, dict) else None
    if isinstance(found, dict):
        found.pop(DEVICES, None)
    if found != wanted or precision not in PRECISIONS:
        raise MatteError(f'The folder "{path}" holds the images of another movie, model or setting. Choose another')
    _sweep(path)
    return Folder(path, precision, job.format)


def same_but_masks(job: Job, images: Folder) -> list[Folder]:
    """Folders beside a job's own whose manifests differ from its in the mask alone. Of them, an image that was made
    with the same drawing is the same image."""
    home, own = os.path.split(images.path)
    wanted = _but_mask({**_identity(job), PRECISION: images.precision})
    found = []
    for entry in sorted(os.scandir(home), key=lambda entry: entry.name):
        if entry.name == own or entry.name.rpartition("_")[0] != own.rpartition("_")[0] or not entry.is_dir():
            continue
        with contextlib.suppress(OSError):  # what can not be read is made anew
            manifest = _read(os.path.join(entry.path, MANIFEST))
            if isinstance(manifest, dict) and _but_mask(manifest) == wanted:
                found.append(replace(images, path=entry.path))
    return found


def _but_mask(manifest: dict[str, object]) -> dict[str, object]:
    """What a manifest says, without what tells the mask from others, and what its images were made on."""
    subject = manifest.get("subject")
    plain = {**subject, "mask": bool(subject.get("mask"))} if isinstance(subject, dict) else subject
    return {**{key: value for key, value in manifest.items() if key != DEVICES}, "subject": plain}


def made_on(path: str) -> tuple[str, ...]:
    """Names of the devices that a folder's images were made on, the first one first. Empty where nobody knows."""
    try:
        found = _read(os.path.join(path, MANIFEST))
    except OSError:
        return ()
    names = found.get(DEVICES) if isinstance(found, dict) else None
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def note_devices(path: str, names: Sequence[str]) -> tuple[str, ...]:
    """Add devices to those that a folder's images were made on. Returns those that were known before.

    Of two machines that add one at the same moment, one may be forgotten. MatteError where the disk refuses.
    """
    before, manifest = made_on(path), os.path.join(path, MANIFEST)
    found = _read(manifest)
    if set(names) - set(before) and isinstance(found, dict):
        content = {**found, DEVICES: list(dict.fromkeys((*before, *names)))}
        write_whole(manifest, json.dumps(content, indent=1, sort_keys=True).encode())
    return before


def _sweep(path: str) -> None:
    """Remove what processes that were killed have left half-written. Whatever is younger may still be written to."""
    for entry in [entry for entry in os.scandir(path) if entry.name.endswith(".part")]:
        with contextlib.suppress(OSError):  # another process was quicker, or the folder may be read alone
            if time.time() - entry.stat().st_mtime > STALE:
                os.unlink(entry.path)


def _settled(folder: str) -> str:
    """The precision that a folder's images are made in; empty where there is none."""
    try:
        found = _read(os.path.join(folder, MANIFEST)) if folder else None
    except OSError:
        return ""
    precision = found.get(PRECISION) if isinstance(found, dict) else None
    return precision if precision in PRECISIONS else ""


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


def write_whole(path: str, data: bytes, replace: bool = True) -> None:
    """Write a file that takes its name only when it is whole. MatteError where the disk refuses.

    replace: take the place of a file that has the name; otherwise that one stays.
    """
    # Workers in containers may have one process number.
    part = f"{path}.{os.getpid()}.{secrets.token_hex(4)}.part"
    try:
        try:
            with open(part, "wb") as file:
                file.write(data)
            if replace:
                os.replace(part, path)
            else:
                _give_name(part, path)
        except BaseException:
            if os.path.exists(part):
                os.unlink(part)
            raise
    except OSError as error:
        raise MatteError(
            f'"{path}" can not be written: {error.strerror}. Make room or choose another folder, and run again: '
            "whole frames are kept"
        ) from error


def _give_name(part: str, path: str) -> None:
    """Rename a file unless the name is taken, as one step where the file system has hard links."""
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    except OSError:
        if not os.path.exists(path):
            os.replace(part, path)
            return
    os.unlink(part)


def _read(manifest: str) -> object:
    """What the manifest says, None where there is none."""
    if not os.path.exists(manifest):
        return None
    if not os.path.isfile(manifest):  # to open a pipe would be to wait for ever
        return "unreadable"
    with open(manifest, "rb") as file:
        try:
            return json.loads(file.read(LONGEST))
        except (ValueError, RecursionError):
            return "unreadable"


def _identity(job: Job) -> dict[str, object]:
    source = _sequence(job.pictures) if job.pictures else _content(job.movie)
    identity: dict[str, object] = {
        "format": FORMAT,
        "movie": source,
        "model": _content(job.model),
        "output": job.output,
    }
    identity["quality"] = job.quality
    identity["refined"] = [job.edges, job.edge_colour, job.steady]
    # Where a mask's pictures are is of no account, nor are settings that leave everything as it is.
    if job.subject != Subject():
        identity["subject"] = _plain(replace(job.subject, masks=()))
    if job.shape != Shape():
        identity["shape"] = _plain(job.shape)
    if job.precision == "AUTO" and eight_bits(job.model):
        identity["int8"] = _content(eight_bits(job.model))
    if not job.upright:
        identity["upright"] = False
    if job.format != "PNG8":
        identity["images"] = job.format
    return identity


def _plain(settings: Shape | Subject) -> object:
    """As JSON gives it back."""
    return json.loads(json.dumps(asdict(settings)))


def _sequence(files: Sequence[str]) -> dict[str, object]:
    """Names and sizes of all pictures of a sequence, and the content of 16 of them. A gap has the size -1."""
    sizes = [os.path.getsize(file) if os.path.exists(file) else -1 for file in files]
    names = [os.path.basename(file) for file in files]
    there = [file for file, size in zip(files, sizes, strict=True) if size >= 0]
    samples = [there[number * (len(there) - 1) // max(SAMPLES - 1, 1)] for number in range(SAMPLES)] if there else []
    content = [_content(file) for file in dict.fromkeys(samples)]
    digest = hashlib.sha256(json.dumps([names, sizes, content]).encode()).hexdigest()
    return {"size": sum(size for size in sizes if size > 0), "sha256": digest}


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
