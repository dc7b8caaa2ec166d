# SPDX-License-Identifier: GPL-3.0-or-later
"""What a folder's images say of themselves: which an editor should look at, and what they were made from."""

import os
from collections.abc import Sequence

import cv2

from . import doubt, fingerprint, finish, notes, sequence


def doubtful(files: Sequence[str], output: str) -> dict[str, str]:
    """Those of a folder's images to look at, each with a sentence that says why.

    files: absolute paths, named as `folder.image_name` names them; those that are not there are passed over. output:
    what they are, as Job has it. Raises MatteError for one that is no picture.
    """
    known = {int(os.path.splitext(os.path.basename(file))[0]): file for file in files if os.path.exists(file)}
    found = doubt.doubtful({frame: _facts(file, output) for frame, file in known.items()})
    return {known[frame]: reason for frame, reason in found.items()}


def apart(picture: str, image: str) -> float | None:
    """How far a picture file is from the picture that an image was made from, 0 to 255; None where the image does not
    tell, for it was altered by hand. See `fingerprint.apart`. Raises MatteError for a file that is no picture."""
    note = notes.read(image)
    if note is None:
        return None
    try:
        found = fingerprint.of(list(cv2.split(sequence.read(picture))))
        return fingerprint.apart(found, notes.parted(note)[0].rpartition(" ")[2])
    except ValueError:  # made by another version of Strip Matte
        return None


def _facts(file: str, output: str) -> doubt.Facts:
    """What the image says of itself; of one that was altered by hand, what its pixels say."""
    note = notes.read(file)
    if note is not None:
        try:
            return doubt.from_text(notes.parted(note)[0].rpartition(" ")[0])
        except ValueError:  # made by another version of Strip Matte
            pass
    return doubt.facts(finish.taken(file, output))
