# SPDX-License-Identifier: GPL-3.0-or-later
"""From a frame's map to its image: full size, mask, shape, colour."""

import os
from collections.abc import Iterator

import cv2
import numpy as np

from . import cutout, edges, folder, foreground, movie, png, sequence, subject
from .errors import MatteError
from .job import Job
from .model import Model
from .picture import Picture
from .planes import Planes
from .shape import shaped


def crop(job: Job, height: int, width: int) -> subject.Crop | None:
    """What the network sees of a picture of a size, where the job has a region."""
    return None if job.subject.region is None else subject.crop(height, width, job.subject.region)


def seen(job: Job, picture: Picture, model: Model) -> np.ndarray:
    """What the network sees of a picture, as `Model.planes` has it."""
    part = crop(job, picture.height, picture.width)
    return model.planes(picture, part.part if part else None)


def matte(job: Job, frame: int, picture: Planes, map_: np.ndarray) -> np.ndarray:
    """The matte of a source frame at the picture's size, (H, W) uint8; uint16 where the job's format is 'PNG16'.

    map_: (h, w) float32 in 0..1.
    """
    height, width = picture[0].shape
    part = crop(job, height, width)
    dtype = np.uint16 if job.format == "PNG16" else np.uint8
    shown = [part.of(plane) if part else plane for plane in picture[:3]]
    height, width = shown[0].shape
    found = edges.matte(map_, shown, dtype) if job.edges else cutout.matte_at_full_size(map_, height, width, dtype)
    if part:
        found = part.pasted(found)
    if job.subject.masks:
        found = subject.masked(found, _mask(job, frame, found), job.subject.mask_mode)
    return shaped(found, job.shape)


def strips(job: Job, picture: Planes, matte_: np.ndarray) -> Iterator[np.ndarray]:
    """The image of a frame, for the job's output, from above to below in strips of rows.

    matte_: (H, W) uint8, or uint16, which a cutout has rounded. MATTE: the matte itself; an alpha of the picture's own
    stays with the movie. CUTOUT: (h, W, 4) uint8 RGBA, straight, as cutout.strips has it; an alpha of the picture's own
    multiplies the matte. Colour is cleaned, in the planes given, by the matte alone: where the picture is transparent
    itself, its colour is clean already.
    """
    if job.output == "MATTE":
        return png.strips(matte_)
    matte_ = cutout.eight_bits(matte_)
    colour, own = picture[:3], picture[3:]
    alpha = cv2.multiply(matte_, own[0], scale=1 / 255) if own else matte_
    kept = cutout.near(alpha)
    if job.edge_colour:
        foreground.clean(colour, matte_, kept)
    return cutout.strips(colour, alpha, kept)


def image(job: Job, picture: Planes, matte_: np.ndarray) -> np.ndarray:
    """The image of a frame as a whole, of what `strips` has: (H, W) or (H, W, 4)."""
    return np.concatenate([strip.copy() for strip in strips(job, picture, matte_)])


def taken_file(job: Job, frame: int) -> str:
    """The image of the other output that holds a frame's matte; empty where there is none that is whole.

    A cutout's alpha is the matte, except where the movie has an alpha of its own, and where the matte has 16 bits.
    MatteError for an image that can not be read.
    """
    file = os.path.join(job.mattes, folder.image_name(frame, job.format)) if job.mattes else ""
    if job.output == "MATTE" and (job.format == "PNG16" or job.pictures or movie.probe(job.movie).alpha):
        return ""
    return file if file and os.path.exists(file) and folder.state(file)[0] else ""


def taken(file: str, output: str) -> np.ndarray:
    """A matte out of an image that holds it: (H, W) uint8, to which 16 bits are rounded.

    output: what the image is, as Job has it. The file does not tell: many programs write a matte that is repaired in
    them with an alpha, which is opaque. A cutout that was written without one is opaque, as Blender shows it.
    """
    image_ = sequence.read(file)
    if output == "MATTE":
        return np.ascontiguousarray(image_[..., 0])
    return np.ascontiguousarray(image_[..., 3]) if image_.shape[2] == 4 else np.full(image_.shape[:2], 255, np.uint8)


def _mask(job: Job, frame: int, matte_: np.ndarray) -> np.ndarray:
    """The drawn mask of a source frame in a matte's size and depth. The drawing itself has 8 bits."""
    file = job.subject.masks[job.frames.index(frame)]
    if not os.path.exists(file):
        raise MatteError(f'The drawing of the mask, "{file}", is gone. Run again')
    drawn = sequence.read(file)[..., 0]
    if matte_.dtype == np.uint16:
        drawn = drawn * np.uint16(cutout.DEEP // 255)
    return cv2.resize(drawn, matte_.shape[1::-1], interpolation=cv2.INTER_LINEAR)
