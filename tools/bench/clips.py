# SPDX-License-Identifier: GPL-3.0-or-later
"""The clips that are matted, made from Big Buck Bunny once and kept in build/bench/clips/."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "build" / "bench"
SOURCE = ROOT / "build" / "clips" / "bigbuckbunny.mp4"
SOURCE_FRAMES = 132
OPTIONS = {"crf": "18", "preset": "veryfast"}
ALIKE = {"qp": "18", "preset": "veryfast"}  # one quantiser: nothing is refined from picture to picture
WANDER = 64  # pixels that the field of noise is larger than the picture, and shifted by


@dataclass(frozen=True)
class Clip:
    """A movie file and the size of its pictures."""

    name: str
    path: Path
    width: int
    height: int


@dataclass(frozen=True)
class Recipe:
    """A clip to make. grain: deviation of the noise, of 255. size: of a grain, in pixels. frames: how many; where the
    source has fewer it begins again. held: the first picture throughout, grain too."""

    name: str
    width: int
    height: int
    grain: float = 3.0
    size: int = 1
    frames: int = SOURCE_FRAMES
    held: bool = False

    @property
    def clip(self) -> Clip:
        return Clip(self.name, BENCH / "clips" / f"{self.name}.mp4", self.width, self.height)


HD = Recipe("1080p", 1920, 1080)
UHD = Recipe("4K", 3840, 2160, size=2)
HELD = Recipe("1080p held", 1920, 1080, held=True)


def make(recipe: Recipe) -> Clip:
    """Big Buck Bunny (1280 x 720) scaled with Lanczos, film grain, H.264 4:2:0. A file that is there stays.

    The grain is normal noise on luma, another for each picture: shifts of one field drawn with a fixed seed.
    """
    clip = recipe.clip
    if clip.path.exists():
        return clip
    print(f"Making the {clip.name} clip", file=sys.stderr, flush=True)
    clip.path.parent.mkdir(parents=True, exist_ok=True)
    part = clip.path.with_suffix(".part.mp4")
    random = np.random.default_rng(2008)
    rows, columns = clip.height // recipe.size, clip.width // recipe.size
    noise = (random.standard_normal((rows + WANDER, columns + WANDER)) * recipe.grain).astype(np.float32)
    with av.open(str(part), "w") as new:
        stream = new.add_stream("libx264", rate=_rate(), options=ALIKE if recipe.held else OPTIONS)
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
        for picture in itertools.islice(_pictures(), 1 if recipe.held else recipe.frames):
            scaled = cv2.resize(picture, (clip.width, clip.height), interpolation=cv2.INTER_LANCZOS4)
            y, x = random.integers(0, WANDER, 2)
            grain = cv2.resize(noise[y : y + rows, x : x + columns], (clip.width, clip.height))
            shown = cv2.add(scaled, cv2.cvtColor(grain, cv2.COLOR_GRAY2RGB), dtype=cv2.CV_8U)
            for _ in range(recipe.frames if recipe.held else 1):
                new.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        new.mux(stream.encode(None))
    part.replace(clip.path)
    return clip


def _rate() -> Fraction:
    with av.open(str(SOURCE)) as source:
        rate: Fraction = source.streams.video[0].guessed_rate
        return rate


def _pictures() -> Iterator[np.ndarray]:
    """The source's pictures, (720, 1280, 3) uint8 RGB, over and over."""
    while True:
        with av.open(str(SOURCE)) as source:
            for frame in source.decode(video=0):
                yield frame.to_ndarray(format="rgb24")
