# SPDX-License-Identifier: GPL-3.0-or-later
"""From a frame's map to its image: full size, mask, shape, colour."""

import os

import cv2
import numpy as np

from . import cutout, edges, folder, foreground, movie, notes, sequence, subject
from .errors import MatteError
from .job import Job
from .shape import shaped


def crop(job: Job, picture: np.ndarray) -> subject.Crop | None:
    """What the network sees of a picture, where the job has a region."""
    if job.subject.region is None:
        return None
    height, width = picture.shape[:2]
    return subject.crop(height, width, job.subject.region)


def seen(job: Job, picture: np.ndarray) -> np.ndarray:
    """The part of a picture that the network sees: (h, w, 3) uint8 of an (H, W, 3) or (H, W, 4) one."""
    part = crop(job, picture)
    return (part.of(picture) if part else picture)[..., :3]


def matte(job: Job, frame: int, picture: np.ndarray, map_: np.ndarray) -> np.ndarray:
    """The matte of a source frame at the picture's size, (H, W) uint8; uint16 where the job's format is 'PNG16'.

    map_: (h, w) float32 in 0..1.
    """
    part, shown = crop(job, picture), seen(job, picture)
    dtype = np.uint16 if job.format == "PNG16" else np.uint8
    height, width = shown.shape[:2]
    found = edges.matte(map_, shown, dtype) if job.edges else cutout.matte_at_full_size(map_, height, width, dtype)
    if part:
        found = part.pasted(found)
    if job.subject.masks:
        found = subject.masked(found, _mask(job, frame, found), job.subject.mask_mode)
    return shaped(found, job.shape)


def image(job: Job, picture: np.ndarray, matte_: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """The image of a frame, for the job's output.

    matte_: (H, W) uint8, or uint16, which a cutout has rounded. MATTE: the matte itself; an alpha of the picture's own
    stays with the movie. CUTOUT: (H, W, 4) uint8 RGBA, straight; an alpha of the picture's own multiplies the matte.
    Colour is cleaned by the matte alone: where the picture is transparent itself, its colour is clean already. out: see
    cutout.cutout.
    """
    if job.output == "MATTE":
        return matte_
    matte_ = cutout.eight_bits(matte_)
    colour = np.ascontiguousarray(picture[..., :3])
    colour = foreground.foreground(colour, matte_) if job.edge_colour else colour
    alpha = cv2.multiply(matte_, picture[..., 3], scale=1 / 255) if picture.shape[2] == 4 else matte_
    return cutout.cutout(colour, alpha, out)


def taken_file(job: Job, frame: int) -> str:
    """The image of the other output that holds a frame's matte; empty where there is none that is whole.

    A cutout's alpha is the matte, except where the movie has an alpha of its own, and where the matte has 16 bits.
    """
    file = os.path.join(job.mattes, folder.image_name(frame, job.format)) if job.mattes else ""
    if job.output == "MATTE" and (job.format == "PNG16" or job.pictures or movie.probe(job.movie).alpha):
        return ""
    return file if file and os.path.exists(file) and notes.is_whole(file) else ""


def taken(file: str) -> np.ndarray:
    """A matte out of an image that holds it, of either output: (H, W) uint8, to which 16 bits are rounded."""
    image_ = sequence.read(file)
    return np.ascontiguousarray(image_[..., 3] if image_.shape[2] == 4 else image_[..., 0])


def _mask(job: Job, frame: int, matte_: np.ndarray) -> np.ndarray:
    """The drawn mask of a source frame in a matte's size and depth. The drawing itself has 8 bits."""
    file = job.subject.masks[job.frames.index(frame)]
    if not os.path.exists(file):
        raise MatteError(f'The drawing of the mask, "{file}", is gone. Run again')
    drawn = sequence.read(file)[..., 0]
    if matte_.dtype == np.uint16:
        drawn = drawn * np.uint16(cutout.DEEP // 255)
    return cv2.resize(drawn, matte_.shape[1::-1], interpolation=cv2.INTER_LINEAR)
