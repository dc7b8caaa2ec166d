# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images of a folder an editor should look at."""

import os
from collections.abc import Sequence

import numpy as np

from . import doubt, notes, sequence


def doubtful(files: Sequence[str]) -> dict[str, str]:
    """Those of a folder's images to look at, each with a sentence that says why.

    files: absolute paths, named as `folder.image_name` names them; those that are not there are passed over. Raises
    MatteError for one that is no picture.
    """
    known = {int(os.path.splitext(os.path.basename(file))[0]): file for file in files if os.path.exists(file)}
    found = doubt.doubtful({frame: _facts(file) for frame, file in known.items()})
    return {known[frame]: reason for frame, reason in found.items()}


def _facts(file: str) -> doubt.Facts:
    """What the image says of itself; of one that was altered by hand, what its pixels say."""
    note = notes.read(file)
    if note is not None:
        try:
            return doubt.from_text(note)
        except ValueError:  # made by another version of Strip Matte
            pass
    image = sequence.read(file)
    opaque = np.full(image.shape[:2], 255, np.uint8)
    return doubt.facts(np.ascontiguousarray(image[..., 3]) if image.shape[2] == 4 else opaque)
