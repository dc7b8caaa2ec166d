# SPDX-License-Identifier: GPL-3.0-or-later
"""The clips of known truth: what they show, how they are made, and how they are read.

A clip is composited here from straight layers of 8 bits, so that alpha and foreground colour are known exactly:
alpha * F + (1 - alpha) * B in sRGB code, as Blender's sequencer blends strips. Film grain comes after that, then H.264.
Each clip has a folder in build/truth/: clip.mp4, truth/000000.png and so on (RGBA, straight), and a stamp that tells
which recipe they came from; a clip is made again when its recipe changes. Rendered subjects are kept beside them.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from inference import png

from .layers import HEIGHT, OUTLINES, ROOT, WIDTH, Background, Move, cutout, placed, premultiplied, straight

TRUTH = ROOT / "build" / "truth"
SUBJECTS = Path(__file__).with_name("subjects.py")
BLENDER = ROOT / ".nox" / "blender-4.5.15" / "bin" / "python"
FRAMES, RATE = 48, 24
GRAIN = 2.0  # deviation of the luma's noise, of 255
CODING = {"crf": "16", "preset": "veryfast"}
CENTRE = (WIDTH / 2, HEIGHT / 2)


@dataclass(frozen=True)
class Shot:
    """subject: of subjects.py, whose anchor is its middle, or of OUTLINES, whose anchor is the middle of its base."""

    subject: str
    move: Move
    background: Background
    frames: int = FRAMES


@dataclass(frozen=True)
class Clip:
    """tags: 'steady', 'fast', 'cut' and the like. still: frames between these two are the first of them, grain too."""

    shots: tuple[Shot, ...]
    tags: frozenset[str] = frozenset()
    still: tuple[int, int] | None = None


def whole(scale: float = 3.0, dx: float = 0.0, dy: float = 0.0) -> Move:
    """A rendered subject as it is in its picture."""
    return Move((CENTRE[0] + dx, CENTRE[1] + dy, scale, 0))


def pan(dx: float, dy: float, scale: float = 1.0, to: float | None = None) -> Move:
    """A background that passes by (dx, dy) pixels, its middle in the middle halfway, from one scale to another."""
    start, end = (CENTRE[0] - dx / 2, CENTRE[1] - dy / 2), (CENTRE[0] + dx / 2, CENTRE[1] + dy / 2)
    return Move((*start, scale, 0), (*end, to or scale, 0))


def sitting(x: float, scale: float, sway: tuple[float, float, float, float], cycles: float = 1.5) -> Move:
    """A cut-out photograph whose base lies below the picture."""
    return Move((x, HEIGHT + 30, scale, 0), sway=sway, cycles=cycles)


CLIPS: dict[str, Clip] = {
    "quokka": Clip(
        (Shot("quokka", sitting(1150, 1.62, (6, 4, 0.008, 0.8)), Background("bikes", blur=14, first=138)),),
        frozenset({"steady", "photograph", "hair"}),
    ),
    "bust": Clip(
        (
            Shot(
                "bust",
                Move((950, 545, 3.0, 0), (985, 545, 3.1, 0), (3, 2, 0, 0.2)),
                Background("china", pan(70, 10, 1.25, 1.29), blur=9),
            ),
        ),
        frozenset({"steady", "rendered", "hair"}),
    ),
    "fur": Clip(
        (Shot("fur", whole(2.8), Background("window", pan(-60, 0, 1.1), blur=10)),), frozenset({"rendered", "hair"})
    ),
    "plane": Clip(
        (Shot("plane", whole(3.0), Background("grass", pan(-500, 60, 1.3), blur=3, tint=(0.55, 0.75, 0.35))),),
        frozenset({"rendered", "fast"}),
    ),
    "plant": Clip(
        (Shot("plant", whole(2.9), Background("brick", pan(90, 20, 1.15), blur=2, tint=(1.0, 0.9, 0.8))),),
        frozenset({"rendered", "thin"}),
    ),
    "car": Clip(
        (Shot("car", whole(3.0), Background("city", pan(-200, 0, 1.2), blur=20)),),
        frozenset({"rendered", "fast", "enters"}),
    ),
    "cut": Clip(
        (
            Shot("quokka", sitting(800, 1.9, (10, 6, 0.01, 1.5), 0.7), Background("window", blur=12), FRAMES // 2),
            Shot(
                "flower",
                Move((1130, 1230, 3.0, -6), (990, 1240, 3.2, 9)),
                Background("brick", pan(-160, 0, 1.3), tint=(0.55, 0.7, 0.95)),
                FRAMES // 2,
            ),
        ),
        frozenset({"photograph", "cut"}),
    ),
    "balloon": Clip(
        (Shot("balloon", whole(3.0), Background("china", Move((-50, 1385, 2.2, 0), (-170, 1385, 2.2, 0)), blur=3)),),
        frozenset({"rendered", "small"}),
    ),
    "cheetah": Clip(
        (
            Shot(
                "cheetah",
                Move((900, HEIGHT + 40, 1.2, 0), (1010, HEIGHT + 40, 1.25, 0), (14, 5, 0, 2)),
                Background("lion", pan(160, 0, 1.2, 1.3), blur=22),
            ),
        ),
        frozenset({"photograph", "hair", "contrast"}),
    ),
    "teapot": Clip(
        (Shot("teapot", whole(2.7, 0, 30), Background("cup", pan(80, 0, 1.2), blur=26)),),
        frozenset({"rendered", "still"}),
        still=(16, 33),
    ),
}


# Making


def make(names: Sequence[str] | None = None, blender: Path | None = None) -> list[str]:
    """Make the clips that are missing or of another recipe; their names are returned.

    blender: a Python that has bpy; otherwise that of the environment variable BPY_PYTHON, or nox' own.
    """
    made = []
    for name in names or CLIPS:
        folder, digest = TRUTH / name, _digest(name)
        stamp = folder / "recipe.txt"
        if stamp.exists() and stamp.read_text() == digest:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "truth").mkdir(parents=True)
        for shot in CLIPS[name].shots:
            if shot.subject not in OUTLINES:
                render(shot.subject, blender or Path(os.environ.get("BPY_PYTHON", BLENDER)))
        _write(CLIPS[name], folder)
        stamp.write_text(digest)
        made.append(name)
    return made


def _digest(name: str) -> str:
    clip = CLIPS[name]  # without its tags: the order of a set differs from run to run
    sources = [Path(__file__).with_name("layers.py").read_bytes()]
    sources.append(repr((clip.shots, clip.still, GRAIN, CODING)).encode())
    sources += [rendered(shot.subject).name.encode() for shot in clip.shots if shot.subject not in OUTLINES]
    return hashlib.sha256(b"".join(sources)).hexdigest()


@functools.cache
def rendered(subject: str) -> Path:
    """The folder of a subject's pictures; its name holds a digest of the code that makes them."""
    source = SUBJECTS.read_text(encoding="utf-8")
    others = {shot.subject for clip in CLIPS.values() for shot in clip.shots} - {subject}
    code = ast.parse(source)
    code.body = [node for node in code.body if not isinstance(node, ast.FunctionDef) or node.name not in others]
    return TRUTH / "subjects" / f"{subject}-{hashlib.sha256(ast.unparse(code).encode()).hexdigest()[:12]}"


def render(subject: str, blender: Path) -> None:
    """Render a subject, unless it is there."""
    folder = rendered(subject)
    if folder.exists():
        return
    part = folder.with_suffix(f".{os.getpid()}.part")  # two may be at it
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with (part / "render.log").open("w") as log:
        subprocess.run([blender, SUBJECTS, subject, part, str(FRAMES)], check=True, stdout=log, stderr=log)
    part.replace(folder)


def _layers(shot: Shot) -> Iterator[np.ndarray]:
    """(HEIGHT, WIDTH, 4) uint8 RGBA, straight, one a frame."""
    if shot.subject in OUTLINES:
        layer = cutout(shot.subject)
        anchor = ((layer.shape[1] - 1) / 2, layer.shape[0] - 1.0)
    for frame in range(shot.frames):
        if shot.subject not in OUTLINES:
            image = cv2.imread(str(rendered(shot.subject) / f"{frame:04d}.png"), cv2.IMREAD_UNCHANGED) / 65535.0
            layer = premultiplied(image[..., 2::-1], image[..., 3])
            anchor = ((layer.shape[1] - 1) / 2, (layer.shape[0] - 1) / 2)
        yield straight(placed(layer, shot.move.matrix(frame / shot.frames, anchor)))


def composite(image: np.ndarray, background: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: alpha * F + (1 - alpha) * B of an RGBA image and what is behind it, in sRGB code, rounded."""
    alpha = image[..., 3:].astype(np.uint32)
    return ((alpha * image[..., :3] + (255 - alpha) * background + 127) // 255).astype(np.uint8)


def _write(clip: Clip, folder: Path) -> None:
    random = np.random.default_rng(1895)
    grain = (random.standard_normal((HEIGHT + 64, WIDTH + 64)) * GRAIN).astype(np.float32)
    stills = range(*clip.still) if clip.still else range(0)
    number = 0
    with av.open(str(folder / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=CODING)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        stream.color_primaries = stream.color_trc = stream.colorspace = 1  # BT.709
        stream.color_range = 1  # limited
        for shot in clip.shots:
            for image, behind in zip(_layers(shot), shot.background.pictures(shot.frames), strict=True):
                if number not in stills[1:]:
                    y, x = random.integers(0, 64, 2)
                    luma = cv2.cvtColor(grain[y : y + HEIGHT, x : x + WIDTH], cv2.COLOR_GRAY2RGB)
                    shown, truth = cv2.add(composite(image, behind), luma, dtype=cv2.CV_8U), png.encode(image)
                (folder / "truth" / f"{number:06d}.png").write_bytes(truth)
                coded = av.VideoFrame.from_ndarray(shown, "rgb24").reformat(format="yuv420p", dst_colorspace="ITU709")
                coded.pts, coded.time_base = number, Fraction(1, RATE)
                container.mux(stream.encode(coded))
                number += 1
        container.mux(stream.encode(None))


# Reading


@dataclass(frozen=True)
class Truth:
    """A clip and what is true of it. Frames are source frames of `path`, numbered from 0."""

    name: str
    path: Path
    frames: int
    tags: frozenset[str]

    def rgba(self, frame: int) -> np.ndarray:
        """(H, W, 4) uint8 RGBA, straight alpha; colour is 0 where alpha is."""
        file = self.path.with_name("truth") / f"{frame:06d}.png"
        return cv2.cvtColor(cv2.imread(str(file), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)

    def alphas(self, frame: int) -> np.ndarray:
        """(H, W) uint8."""
        return self.rgba(frame)[..., 3]


def load(name: str) -> Truth:
    """A clip that `make` has made. FileNotFoundError where it has not."""
    path = TRUTH / name / "clip.mp4"
    if not path.with_name("recipe.txt").exists():
        raise FileNotFoundError(f"{path} is not made yet: python -m tools.truth {name}")
    return Truth(name, path, sum(shot.frames for shot in CLIPS[name].shots), CLIPS[name].tags)
