# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of pictures.toml, taken from pinned packages, as the network is fed with them."""

from __future__ import annotations

import bz2
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inference import movie
from inference.model import DEVIATION, MEAN
from inference.resample import reduce

from .wheels import KEPT, LIST, wheel

ROOT = Path(__file__).resolve().parents[2]
SIDE = 320
VIEWS = 4
NETWORK = ROOT / "build" / "models" / "u2netp.onnx"  # the authors' file, which tools/build.py brings


def pictures(use: str) -> Iterator[tuple[str, np.ndarray]]:
    """Name and picture, (H, W, 3) uint8 RGB, of all for one use ('calibrate', 'search', 'evaluate'), in the order
    of the list.

    Raises ValueError where a package does not come or is not the pinned one.
    """
    for package in tomllib.loads(LIST.read_text(encoding="utf-8"))["package"]:
        wanted = [entry for entry in package["pictures"] if entry["use"] == use]
        if wanted:
            with zipfile.ZipFile(wheel(package)) as archive:
                for entry in wanted:
                    yield from members(archive, entry)


def members(archive: zipfile.ZipFile, entry: dict[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    """The picture or pictures of one entry."""
    name, content = Path(entry["member"]).name, archive.read(entry["member"])
    if "frames" in entry:
        path = KEPT / name
        path.write_bytes(content)
        for frame, picture in movie.decode(str(path), entry["frames"]):
            yield f"{name} {frame}", picture[..., :3]
    elif "shape" in entry:
        yield name, np.frombuffer(bz2.decompress(content), np.uint8).reshape(entry["shape"])
    else:
        yield name, cv2.cvtColor(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def views(picture: np.ndarray) -> Iterator[np.ndarray]:
    """What the network is calibrated with of a picture: VIEWS of it at SIDE x SIDE, half of them wide as well."""
    for number, view in enumerate(varied(picture, VIEWS)):
        yield planes(view, SIDE, SIDE)
        if number % 2 == 0:
            yield wide(view)


def varied(picture: np.ndarray, views: int) -> Iterator[np.ndarray]:
    """Views of a picture, all different: whole, mirrored and darker, then crops of 70%, one of them lighter."""
    height, width = picture.shape[0] * 7 // 10, picture.shape[1] * 7 // 10
    below, beside = picture.shape[0] - height, picture.shape[1] - width
    tops = (0, below, below // 2, 0)
    lefts = (0, beside, beside // 2, beside)
    crops = [picture[top : top + height, left : left + width] for top, left in zip(tops, lefts, strict=True)]
    crops[2] = np.clip(crops[2] * 1.4, 0, 255).astype(np.uint8)
    yield from [picture, (picture[:, ::-1] * 0.6).astype(np.uint8), *crops][:views]


def planes(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture as inference.model feeds it: (1, 3, height, width) float32."""
    reduced = reduce(list(cv2.split(picture)), height, width)
    return ((reduced / 255.0 - MEAN[:, None, None]) / DEVIATION[:, None, None])[None].astype(np.float32)


def wide(picture: np.ndarray) -> np.ndarray:
    """The 16:9 middle of a picture as inference.model feeds open networks: (1, 3, 192, 320), its rim repeated."""
    height, width = picture.shape[:2]
    rows, columns = min(height, width * 9 // 16), min(width, height * 16 // 9)
    top, left = (height - rows) // 2, (width - columns) // 2
    fed = planes(picture[top : top + rows, left : left + columns], 180, 320)
    return np.pad(fed, ((0, 0), (0, 0), (6, 6), (0, 0)), mode="edge")
