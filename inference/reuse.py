# SPDX-License-Identifier: GPL-3.0-or-later
"""What need not be made: images that are there, those of other masks, and mattes that the other output holds."""

import os
from collections.abc import Callable, Generator, Iterable

from . import devices, finish, folder, notes
from .errors import MatteError
from .job import Image, Job

Tell = Callable[[str, str], None]
"""Is given a kind, 'INFO' or 'WARNING', and a sentence for the editor."""


def whole(job: Job, images: folder.Folder, frames: Iterable[int]) -> tuple[set[int], set[int]]:
    """As `Folder.whole`, but for images that are older than a repair by hand of the other output's, which holds their
    mattes: they are made again out of it, unless they were altered by hand too.

    Times are those of the files. Where folders were copied they may be of the copies, and then an image is made again
    that shows the repair already, or stays as it is; what was altered by hand is not touched.
    """
    found, by_hand = images.whole(frames, job.drawings)
    if not os.path.isdir(job.mattes):
        return found, by_hand
    others = folder.Folder(job.mattes, images.precision, job.format)
    older = {
        frame
        for frame in found - by_hand
        if os.path.exists(others.image(frame))
        and folder.altered_since(others.image(frame), images.image(frame))
        and finish.taken_file(job, frame)
    }
    return found - older, by_hand


def copied(job: Job, images: folder.Folder, frames: Iterable[int], tell: Tell) -> Generator[Image, None, None]:
    """Copies of images that were made with another mask, at frames where that is drawn as this one is. A repair of the
    other output's image goes before them."""
    drawings = job.drawings
    left = {frame for frame in frames if not _repaired(job, frame)}
    for other in folder.same_but_masks(job, images):
        found, by_hand = other.whole(left, drawings)
        if found - by_hand:
            note_devices(job, folder.made_on(other.path), tell)
        for frame in sorted(found - by_hand):
            with open(other.image(frame), "rb") as file:
                folder.write_whole(images.image(frame), file.read())
            yield Image(frame, images.image(frame), reused=True)
        left -= found - by_hand


def _repaired(job: Job, frame: int) -> bool:
    """Whether the image of the other output holds a frame's matte, and was altered by hand."""
    file = finish.taken_file(job, frame)
    return bool(file) and folder.state(file)[1] is None


def taken_files(job: Job, frames: Iterable[int]) -> tuple[dict[int, str], dict[int, str]]:
    """By source frame, images of the other output that hold mattes, and the drawings of a mask that they were made
    with. Of one that was altered by hand nobody knows; otherwise it is the same drawing, where the job has one."""
    drawings = job.drawings
    taken, made_with = {}, {}
    for frame in frames:
        file = finish.taken_file(job, frame)
        note = notes.read(file) if file else None
        drawing = drawings.get(frame, "") if note is None else notes.parted(note)[1]
        if file and drawings.get(frame, drawing) == drawing:
            taken[frame], made_with[frame] = file, drawing
    return taken, made_with


def note_devices(job: Job, names: tuple[str, ...], tell: Tell) -> None:
    """Record in the folder what its images are made on, and tell where that differs."""
    try:
        before = folder.note_devices(job.folder, names)
    except (MatteError, OSError) as error:  # another machine may have the file open: images do not wait for a record
        tell("WARNING", f"What the images are made on could not be recorded: {error}")
        return
    if before and set(names) - set(before):
        now, then = devices.listed(names), devices.listed(before)
        tell("WARNING", f"Images of this folder were made on {then}, and these on {now}: they may differ a little")
