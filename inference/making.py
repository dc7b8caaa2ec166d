# SPDX-License-Identifier: GPL-3.0-or-later
"""The last steps of a frame: from what is found of it to its image, a file."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from . import cutout, doubt, fingerprint, finish, folder, notes, png, webp
from .job import Image, Job
from .picture import Picture
from .planes import Planes


@dataclass(frozen=True, eq=False)
class Matted:
    """A source frame whose image can be made.

    found: what its matte comes from, the network's map or a matte that is there; it may still be in the making. matte:
    makes the matte of the picture's planes and of that, (H, W) uint8 or uint16.
    """

    frame: int
    picture: Picture
    found: Future[np.ndarray]
    matte: Callable[[Planes, np.ndarray], np.ndarray]


class Maker:
    """Makes a folder's images, on any thread. Where one would be the same as the one before, its bytes are taken:
    what stands still is not encoded again and again."""

    def __init__(self, job: Job, images: folder.Folder) -> None:
        self._job = job
        self._images = images
        self._latest: tuple[Picture, np.ndarray, str, bytes] | None = None

    def make(self, matted: Matted, drawing: str) -> Image:
        """Write a frame's image. drawing: tells one drawing of a mask from others; empty where there is none."""
        found = matted.found.result()
        content = self._same(matted.picture, found, drawing)
        if content is None:
            content = self._content(matted, found, drawing)
            self._latest = matted.picture, found, drawing, content
        path = self._images.image(matted.frame)
        folder.write_whole(path, content)
        return Image(matted.frame, path, reused=False)

    def _same(self, picture: Picture, found: np.ndarray, drawing: str) -> bytes | None:
        """The bytes of the image that was made last, where it was made from the very same."""
        if self._latest is None:
            return None
        picture_, found_, drawing_, content = self._latest  # at once, for other threads replace it
        # What is found is small, and hardly ever the same where anything moves: pictures are rarely compared.
        return content if drawing == drawing_ and np.array_equal(found, found_) and picture.same(picture_) else None

    def _content(self, matted: Matted, found: np.ndarray, drawing: str) -> bytes:
        picture = matted.picture.planes()
        matte = matted.matte(picture, found)
        facts = doubt.facts(cutout.eight_bits(matte))
        note = notes.joined(f"{facts.to_text()} {fingerprint.of(picture)}", drawing)
        if self._job.format == "WEBP":
            return webp.encode(finish.image(self._job, picture, matte), note)
        return png.encoded(finish.strips(self._job, picture, matte), note)
