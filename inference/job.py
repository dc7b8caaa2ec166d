# SPDX-License-Identifier: GPL-3.0-or-later
"""What crosses from Blender's main thread to the worker, and what comes back. Plain values only."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """Which of several things is wanted. Points and boxes are shares of the picture, 0 to 1, from the left and the top.

    keep: 'ALL'; 'LARGEST', the largest separate piece; 'PICKED', the one that path is at.
    path: (source frame, x, y), frames ascending; between them the point moves on a line.
    region: x0, y0, x1, y1, what the network sees, at its full resolution; None for the whole picture.
    mask: what tells one drawn mask from another; empty for none. masks: absolute paths of its pictures, one for each of
    the job's frames, of any size, each named by what tells it from other drawings. mask_mode: 'INCLUDE', 'EXCLUDE' or
    'LIMIT', see subject.masked.
    """

    keep: str = "ALL"
    path: tuple[tuple[int, float, float], ...] = ()
    region: tuple[float, float, float, float] | None = None
    mask: str = ""
    masks: tuple[str, ...] = ()
    mask_mode: str = "LIMIT"


@dataclass(frozen=True)
class Shape:
    """How a matte is altered, in this order; each step costs nothing where it is left as it is.

    black, white: 0 to 1, the two levels of Blender's keying node. Alpha at or below black becomes 0, at or above white
    1, and what is between is stretched. They come first, so that pieces and holes are those that will be seen.
    specks: share of the picture, 0 to 1. A separate piece whose alpha adds up to less is dropped. Before the holes, for
    a speck in a hole would go on as a hole's rim.
    holes: share of the picture, 0 to 1. An enclosed hole that lacks less is filled. One that is open to the picture's
    rim is not enclosed. Before growing, which would close small ones halfway.
    grow: pixels, less than 0 shrinks. Soft edges are moved and stay as soft. Before the feather, which would be cut
    off by it.
    feather: pixels from an edge, either way, to which it is softened: 0 and 1 are reached to within .023 there.
    invert: last, so that everything above is said of the subject.
    """

    black: float = 0.0
    white: float = 1.0
    specks: float = 0.0
    holes: float = 0.0
    grow: int = 0
    feather: float = 0.0
    invert: bool = False


@dataclass(frozen=True)
class Job:
    """One movie's or one image sequence's frames to matte.

    movie: absolute path of the movie file, or of the folder that the pictures of a sequence are in.
    frames: source frames (Blender's number, 0 is the first), ascending, each once.
    folder: absolute path of the folder that holds this job's images; made when it is missing.
    model: absolute path of an ONNX file.
    output: 'CUTOUT', RGBA images with the movie's own colour and straight alpha; 'MATTE', grey images.
    format: of the images. 'PNG8', PNG of 8 bits; 'PNG16', mattes as PNG of 16 bits, and cutouts whose alpha is such a
    matte rounded to 8; 'WEBP', lossless WebP.
    mattes: absolute path of a folder that holds the other output of the same settings; a matte that is there is taken
    over and not made again, and one that was altered by hand after the job's own image was made is taken over into that
    one too. Empty for none.
    quality: 'EVERY', the network sees every frame; 'ADAPTIVE', every frame it must; 'DRAFT', fewer.
    precision: 'AUTO', in 8 bits where the network has such a form and this machine is faster so; 'FULL', never.
    edges: whether the matte follows the picture's edges; otherwise it is as coarse as the network's map.
    edge_colour: whether the background's colour is taken out of soft edges.
    steady: whether flicker is removed, with the help of the frames before and after.
    subject: which of several things. shape: what is done to the finished matte.
    device: 'AUTO', the fastest that works, or a name of devices.ORDER. must_use: whether the job ends where the named
    one fails; otherwise the next is taken.
    cores: processor cores to work on; 0 takes all.
    upright: whether a movie is turned as its file asks.
    pictures: absolute paths of the files of an image sequence, one a source frame; empty for a movie.
    gaps: source frames whose pictures may be missing, as they were when the job was planned; None where nobody has
    looked: then what is missing when it begins.
    force: whether images are made again that are there, but for those that were altered by hand.
    """

    movie: str
    frames: tuple[int, ...]
    folder: str
    model: str
    output: str = "CUTOUT"
    format: str = "PNG8"
    mattes: str = ""
    quality: str = "ADAPTIVE"
    precision: str = "AUTO"
    edges: bool = True
    edge_colour: bool = True
    steady: bool = True
    subject: Subject = Subject()
    shape: Shape = Shape()
    device: str = "AUTO"
    must_use: bool = False
    cores: int = 0
    upright: bool = True
    pictures: tuple[str, ...] = ()
    gaps: frozenset[int] | None = None
    force: bool = False

    @property
    def drawings(self) -> dict[int, str]:
        """What tells the drawing of each frame's mask from others; empty without a mask."""
        files = zip(self.frames, self.subject.masks, strict=False)
        return {frame: os.path.splitext(os.path.basename(file))[0] for frame, file in files}


@dataclass(frozen=True)
class Image:
    """One whole image file on disk.

    frame: the source frame it shows.
    path: absolute path of the file.
    reused: True where an earlier run had made it.
    """

    frame: int
    path: str
    reused: bool


def eight_bits(model: str) -> str:
    """The file beside a model that holds it in 8 bits; empty where there is none. tools/model makes it."""
    stem, ending = os.path.splitext(model)
    file = f"{stem}_int8{ending}"
    return file if os.path.isfile(file) else ""


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
