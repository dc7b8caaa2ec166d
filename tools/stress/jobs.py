# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worked on: a clip, a network that costs nothing, and jobs; and what a folder holds."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper

import inference
from inference import Job

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "stress"
WIDTH, HEIGHT = 320, 180
NETWORK_SIZE = ("n", 3, "h", "w")


def clip(frames: int) -> Path:
    """A movie of that many frames, 320 x 180: a bright disc that goes around before a dark, still texture."""
    path = HOME / f"disc_{frames}.mp4"
    if path.exists():
        return path
    HOME.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished_{os.getpid()}_{path.name}")
    with av.open(str(unfinished), "w") as container:
        options = {"preset": "ultrafast", "crf": "18", "g": "48", "threads": "1"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), "rgb24")))
        container.mux(stream.encode(None))
    unfinished.rename(path)
    return path


def picture(number: int) -> np.ndarray:
    """Picture `number` of the clip: (180, 320, 3) uint8 RGB."""
    texture = np.random.default_rng(1).integers(20, 70, (HEIGHT // 6, WIDTH // 8, 3), np.uint8)
    canvas = cv2.resize(texture, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    angle = number * 0.11
    middle = int((160 + 90 * np.cos(angle)) * 16), int((90 + 40 * np.sin(1.7 * angle)) * 16)
    return cv2.circle(canvas, middle, int((30 + 8 * np.sin(angle)) * 16), (235, 210, 180), -1, cv2.LINE_AA, 4)


def network() -> Path:
    """An ONNX file with U2-Net's manners that finds what is bright: fast, so that everything else is tried more."""
    path = HOME / "bright.onnx"
    if not path.exists():
        HOME.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"unfinished_{os.getpid()}_{path.name}")
        onnx.save(bright(), str(unfinished))
        unfinished.rename(path)
    return path


def bright() -> onnx.ModelProto:
    weights = helper.make_tensor("weights", TensorProto.FLOAT, (1, 3, 1, 1), [2.0, 2.0, 2.0])
    bias = helper.make_tensor("bias", TensorProto.FLOAT, (1,), [0.0])
    nodes = [
        helper.make_node("Conv", ["picture", "weights", "bias"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["map"]),
    ]
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, NETWORK_SIZE)],
        [helper.make_tensor_value_info("map", TensorProto.FLOAT, ("n", 1, "h", "w"))],
        [weights, bias],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def job(folder: Path, frames: int, **settings: object) -> Job:
    """A job on the clip with the network that costs nothing. Two cores, so that each frame has one thread: a session
    of more would not live in a forked process."""
    plain = {"model": str(network()), "cores": 2, "device": "CPU"}
    return Job(str(clip(frames)), tuple(range(frames)), str(folder), **(plain | settings))  # type: ignore[arg-type]


def finish(job_: Job) -> list[inference.Image]:
    """Run a job as the operator does: all images, and then which are doubtful. MatteError as these raise it."""
    before = set(os.listdir("/proc/self/task"))
    images = list(inference.generate(job_))
    inference.doubtful([image.path for image in images], job_.output)
    # A thread that Python has joined lives on for a moment, and may hold a lock of OpenCV's, which would stay locked in
    # a process that is forked just then.
    late = time.monotonic() + 1
    while not set(os.listdir("/proc/self/task")) <= before and time.monotonic() < late:
        time.sleep(0.002)
    return images


def contents(folder: str | Path) -> dict[str, str]:
    """Hash by name of all files that stand under a final name."""
    there = sorted(path for path in Path(folder).iterdir() if path.is_file() and path.suffix != ".part")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in there}


def parts(folder: str | Path) -> list[Path]:
    """Files that never took their name."""
    return sorted(Path(folder).glob("*.part"))


def differences(found: dict[str, str], wanted: dict[str, str]) -> str:
    """What is missing, too much, or other; empty where nothing is."""
    words = []
    for word, names in (
        ("missing", wanted.keys() - found.keys()),
        ("too much", found.keys() - wanted.keys()),
        ("other", {name for name in found.keys() & wanted.keys() if found[name] != wanted[name]}),
    ):
        if names:
            words.append(f"{word}: {', '.join(sorted(names)[:4])}{' ...' if len(names) > 4 else ''}")
    return "; ".join(words)


def unsound(path: Path, width: int, height: int) -> str:
    """Why a file is not a whole PNG file of that size, checksums and all; empty where it is."""
    data = path.read_bytes()
    place, end = 8, False
    while place < len(data):
        length, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        chunk, stated = data[place + 4 : place + 8 + length], data[place + 8 + length : place + 12 + length]
        # Readers pass over chunks that need not be there, whose names begin with a small letter.
        if kind[:1].isupper() and zlib.crc32(chunk).to_bytes(4, "big") != stated:
            return f"{path.name}: the checksum of {kind!r} is wrong"
        place, end = place + 12 + length, kind == b"IEND"
    if not end or not data.startswith(b"\x89PNG"):
        return f"{path.name}: not a whole PNG file"
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.shape != (height, width, 4):
        return f"{path.name}: {None if image is None else image.shape}, not {(height, width, 4)}"
    return ""


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="strip_matte_stress_"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def dice(seed: int, part: str, number: int) -> random.Random:
    """The same numbers for the same trial, whatever else is tried."""
    return random.Random(f"{seed} {part} {number}")
