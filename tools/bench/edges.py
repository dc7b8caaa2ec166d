# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of docs/quality.md: edges, ours and rembg's side by side, twice enlarged, over green."""

from __future__ import annotations

import importlib
import os
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

import inference
from inference import movie
from tools.truth.clips import composite, load, make

from .measure import say
from .watch import MODELS

# Clip, source frame, and the left upper corner of what is shown.
PLACES = (("bust", 29, 581, 1), ("quokka", 17, 990, 170), ("car", 24, 592, 402), ("balloon", 20, 697, 522))
SIZE = (240, 200)  # pixels of the movie: width, height
GREEN = (40, 190, 70)
HEADS = ("frame", "truth", "Strip Matte", "rembg", "rembg, alpha matting")
HEAD = 30  # pixels


def draw(file: Path) -> None:
    """Write the picture as JPEG. The clips that are missing are made."""
    make([clip for clip, *_ in PLACES])
    os.environ["U2NET_HOME"] = str(MODELS)  # else rembg fetches the network
    rembg: Any = importlib.import_module("rembg")  # not where types are checked
    session = rembg.new_session("u2netp", providers=["CPUExecutionProvider"])
    rows = []
    for clip, frame, left, top in PLACES:
        say(f"Edges of {clip}")
        truth = load(clip)
        ((_, picture),) = movie.decode(str(truth.path), [frame])
        image = Image.fromarray(picture)
        plain = np.asarray(rembg.remove(image, session=session))
        matting = np.asarray(rembg.remove(image, session=session, alpha_matting=True))
        cell = (slice(top, top + SIZE[1]), slice(left, left + SIZE[0]))
        cutouts = (truth.rgba(frame), ours(str(truth.path), frame), plain, matting)
        shown = [picture[cell], *(composite(np.ascontiguousarray(one[cell]), green()) for one in cutouts)]
        rows.append(np.hstack([cv2.resize(each, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC) for each in shown]))
    head = np.full((HEAD, rows[0].shape[1], 3), 255, np.uint8)
    for number, text in enumerate(HEADS):
        at = (2 * SIZE[0] * number + 8, HEAD - 9)
        cv2.putText(head, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    sheet = cv2.cvtColor(np.vstack([head, *rows]), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(file), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])


def ours(clip: str, frame: int) -> np.ndarray:
    """(H, W, 4) uint8 RGBA, as it comes."""
    with tempfile.TemporaryDirectory() as folder:
        job = inference.Job(clip, (frame,), folder, inference.BUILT_IN_MODEL, device="CPU")
        (image,) = inference.generate(job)
        return cv2.cvtColor(cv2.imread(image.path, cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)


def green() -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), GREEN, np.uint8)
