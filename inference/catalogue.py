# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that are known by name: what each is good for, its terms, and what tells its file from others."""

import functools
import hashlib
import os
from dataclasses import dataclass

from .errors import MatteError

Channels = tuple[float, float, float]
IMAGENET: tuple[Channels, Channels] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation, RGB of 0..1: data_loader.py of the authors' U-2-Net."""
HALF: tuple[Channels, Channels] = (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)
"""Mean and deviation, RGB of 0..1: IS-Net/Inference.py of the authors' DIS."""
RELEASE = "https://github.com/danielgatis/rembg/releases/download/v0.0.0"
CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Network:
    """A network as the project rembg publishes it, in full precision.

    name: as rembg calls it, and the file's without its ending. title: for an editor. good_for: a sentence without a
    full stop. licence: of the weights, in a few words; docs/models.md gives the sources. size: of the file in bytes.
    sha256: of the file. side: of the picture that it sees, in pixels.
    mean, deviation: RGB, with which a picture of 0..1 is fed: (picture - mean) / deviation.

    The authors of all of them stretch each answer to 0..1. What comes out before has gone through a sigmoid and lies
    in 0..1 already, and is used as it is: see `model.Model.map`.
    """

    name: str
    title: str
    good_for: str
    licence: str
    size: int
    sha256: str
    side: int = 320
    mean: Channels = IMAGENET[0]
    deviation: Channels = IMAGENET[1]

    @property
    def identifier(self) -> str:
        """As scenes keep it."""
        return self.name.upper().replace("-", "_")

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.name}.onnx"

    @property
    def address(self) -> str:
        """Where the file can be had."""
        return f"{RELEASE}/{self.file}"


NETWORKS = (
    Network(
        "u2netp",
        "U2-Net P",
        "Any subject that stands out. Small and fast on every machine",
        "Apache-2.0",
        4_574_861,
        "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
    ),
    Network(
        "u2net",
        "U2-Net",
        "Any subject that stands out. U2-Net P with 38 times the weights: surer, and slower",
        "Apache-2.0",
        175_997_641,
        "8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
    ),
    Network(
        "u2net_human_seg",
        "U2-Net Human",
        "People, whole or in part. Surer of them than U2-Net, and coarse in hair",
        "Apache-2.0",
        175_997_641,
        "01eb6a29a5c4d8edb30b56adad9bb3a2a0535338e480724a213e0acfd2d1c73c",
    ),
    Network(
        "silueta",
        "Silueta",
        "Any subject that stands out. U2-Net in a quarter of its size, and a little worse",
        "None stated; made from U2-Net (Apache-2.0)",
        44_173_029,
        "75da6c8d2f8096ec743d071951be73b4a8bc7b3e51d9a6625d63644f90ffeedb",
    ),
    Network(
        "isnet-general-use",
        "IS-Net",
        "Fine and thin things. It sees ten times the pixels that U2-Net does, and is slow",
        "None stated for the weights; code Apache-2.0",
        178_648_008,
        "60920e99c45464f2ba57bee2ad08c919a52bbf852739e96947fbb4358c0d964a",
        1024,
        *HALF,
    ),
)
SHIPPED = NETWORKS[0]
"""The one that comes with Strip Matte, rewritten so that it takes pictures of any size, and in 8 bits beside it."""


def find(name: str) -> Network | None:
    """The network of a name or an identifier, in capitals or not."""
    wanted = name.upper().replace("-", "_")
    return next((network for network in NETWORKS if network.identifier == wanted), None)


def recognised(path: str) -> Network | None:
    """The network that a file holds, whatever the file's name; None for any other file.

    Only a file of a known size is read, and once as long as it stays as it is. MatteError where it can not be read.
    """
    try:
        status = os.stat(path)
        if all(network.size != status.st_size for network in NETWORKS):
            return None
        found = _sha256(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise MatteError(f'"{path}" can not be read: {error.strerror}. Choose another file') from error
    return next((network for network in NETWORKS if network.sha256 == found), None)


@functools.lru_cache(maxsize=64)
def _sha256(path: str, _size: int, _changed: int) -> str:
    return sha256(path)


def sha256(path: str) -> str:
    """Of the whole file. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
