# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in processes of its own: `python -m tools.bench.workers NAME WORDS`, with the checkout on PYTHONPATH.

The last line that a worker prints is JSON. Moments are seconds since 1970, as files' time stamps are. Nothing but
`inference` is imported up here: loading the libraries is a part of what is measured.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import inference

SAW = re.compile(r"The network saw (\d+) frames for (\d+)")

# Time and thread of every call of these, module and name in `inference`, make the picture of a job: what is
# done in each stage.
HOOKS = (
    ("decode", "decoding", "pictures"),
    ("look", "model", "Model.planes"),
    ("look", "keyframes", "look"),
    ("model", "model", "Model.map"),
    ("carry", "keyframes", "carry"),
    ("steady", "steady", "step"),
    ("steady", "steady", "steady"),
    ("colour, matte", "picture", "Decoded.planes"),
    ("colour, matte", "finish", "matte"),
    ("cutout, encode, write", "png", "encoded"),
    ("cutout, encode, write", "folder", "write_whole"),
)


# Others


def run_rembg(clip: str, frames: str, folder: str) -> dict[str, Any]:
    """What one writes who has a video and rembg: OpenCV's decoder, `remove`, and a PNG of what it returns."""
    import cv2
    from PIL import Image

    rembg: Any = importlib.import_module("rembg")  # not where types are checked
    session = rembg.new_session("u2netp", providers=["CPUExecutionProvider"])
    began = time.time()
    movie = cv2.VideoCapture(clip)
    for frame in range(int(frames)):
        _, picture = movie.read()
        cutout = rembg.remove(Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)), session=session)
        cutout.save(Path(folder, f"{frame:06d}.png"))
    return {"began": began}


def run_matting(clip: str, frames: str, folder: str) -> dict[str, Any]:
    """rembg with alpha matting, which takes many seconds a frame, on a few frames of a clip."""
    from PIL import Image

    from inference import movie

    from .quality import pairs

    rembg: Any = importlib.import_module("rembg")
    session = rembg.new_session("u2netp", providers=["CPUExecutionProvider"])
    began = time.time()
    for frame, picture in movie.decode(clip, pairs(int(frames))):
        cutout = rembg.remove(Image.fromarray(picture), session=session, alpha_matting=True)
        cutout.save(Path(folder, f"{frame:06d}.png"))
    return {"began": began}


def run_feed(clip: str, frames: str) -> None:
    """RGB pictures on standard output, as rembg's `b` wants them."""
    import cv2

    movie = cv2.VideoCapture(clip)
    for _ in range(int(frames)):
        _, picture = movie.read()
        sys.stdout.buffer.write(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).data)
    sys.stdout.buffer.flush()


# Ours


def our_job(clip: str, frames: str, folder: str, settings: str) -> inference.Job:
    """The Job of a case, on the CPU where the case does not say otherwise."""
    plain = inference.Job(clip, tuple(range(int(frames))), folder, inference.BUILT_IN_MODEL, device="CPU")
    return replace(plain, **json.loads(settings))


class Told:
    """What a job tells. began: when it told first, which is when its network was loaded; None before."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.texts: list[str] = []

    def __call__(self, _kind: str, text: str) -> None:
        self.began = self.began or time.time()
        self.texts.append(text)

    @property
    def facts(self) -> dict[str, Any]:
        """began; network: what runs; seen: the part of the frames that the network saw."""
        (saw,) = filter(None, map(SAW.search, self.texts))
        return {"began": self.began, "network": self.texts[0], "seen": int(saw[1]) / int(saw[2])}


def run_ours(clip: str, frames: str, folder: str, settings: str) -> dict[str, Any]:
    """The job, as the operator runs it; then another in the same process, up to its first image.

    first, again: seconds from the call until the first image stood on disk, of the one job and the other.
    """
    job, told = our_job(clip, frames, folder, settings), Told()
    start = time.time()
    for _ in inference.generate(job, told):
        pass
    first = first_file(folder) - start
    other = replace(job, folder=os.path.join(folder, "again"))
    start = time.time()
    with contextlib.closing(inference.generate(other)) as images:
        next(images)
    return {**told.facts, "first": first, "again": first_file(other.folder) - start}


def first_file(folder: str) -> float:
    """When the first image was written."""
    return min(file.stat().st_mtime for file in Path(folder).glob("*.png"))


def run_growth(clip: str, frames: str, folder: str, settings: str) -> dict[str, Any]:
    """The job; each image is deleted when it is there, so that a long clip does not fill the disk."""
    told = Told()
    for image in inference.generate(our_job(clip, frames, folder, settings), told):
        os.unlink(image.path)
    return {**told.facts, "ended": time.time()}


def run_stages(clip: str, frames: str, folder: str, settings: str) -> dict[str, tuple[float, float]]:
    """Each stage alone, on the same frames, with as many threads as the job gives it.

    Wall and processor seconds for a frame of the job. The order is the pipeline's, so that each stage works on what it
    gets there: the network on the frames that it sees, the flow on those that are carried or tried.
    """
    from inference import decoding, finish, keyframes, networks, pipeline, png
    from inference.folder import write_whole

    job = our_job(clip, frames, folder, settings)
    plan = networks.plan_for(job)
    model = networks.load(job.model, plan)
    quality = keyframes.QUALITIES[job.quality]
    spans = keyframes.spans(job.frames, quality, decoding.last(job))
    seconds: dict[str, tuple[float, float]] = {}

    def alone(stage: str, work: Callable[..., Any], *inputs: Iterable[Any]) -> list[Any]:
        with ThreadPoolExecutor(plan.frames) as pool:
            wall, processor = time.perf_counter(), time.process_time()
            results = list(pool.map(work, *inputs))
            spent = time.perf_counter() - wall, time.process_time() - processor
            seconds[stage] = spent[0] / len(job.frames), spent[1] / len(job.frames)
        return results

    def matted(frame: int) -> tuple[Any, Any]:
        colours = pictures[frame].planes()
        return colours, finish.matte(job, frame, colours, maps[frame])

    def written(picture: Any, matte: Any, path: str) -> None:
        write_whole(path, png.encoded(finish.strips(job, picture, matte)))

    def needed() -> Any:
        return decoding.pictures(job, sorted(set().union(*(span.needed for span in spans))), print)

    with pipeline.opencv_on_one_thread():
        # Nothing is kept while it is timed, for the job keeps nothing either: memory that is new takes its own time.
        alone("decode", lambda _: deque(needed(), 0), (None,))
        pictures = dict(needed())
        found = alone("look", lambda picture: keyframes.look(finish.seen(job, picture, model)), pictures.values())
        looks = dict(zip(pictures, found, strict=True))
        maps, seen, carried = _followed(keyframes, model, quality, plan.frames, spans, looks)
        alone("model", model.map, seen)
        if carried:
            alone("carry", keyframes.carry, *zip(*carried, strict=True))
        alone("colour, matte", lambda frame: len(matted(frame)), job.frames)
        paths = [os.path.join(folder, f"{frame:06d}.png") for frame in job.frames]
        alone("cutout, encode, write", written, *zip(*map(matted, job.frames), strict=True), paths)
    return seconds


def _followed(
    keyframes: Any, model: Any, quality: Any, threads: int, spans: Any, looks: Any
) -> tuple[dict[int, Any], list[Any], list[tuple[Any, ...]]]:
    """Maps of all frames; what the network was shown; what `carry` was called with."""
    from inference import waits

    maps: dict[int, Any] = {}
    seen: list[Any] = []
    carried: list[tuple[Any, ...]] = []
    carry = keyframes.carry

    def infer(planes: Any) -> Any:
        seen.append(planes)
        return model.map(planes)

    def noted(*words: Any) -> Any:
        carried.append(words)
        return carry(*words)

    keyframes.carry = noted
    with ThreadPoolExecutor(threads) as pool:
        found = keyframes.Maps(infer, pool, quality)
        for span in spans:
            of_span = waits.finished(found.of(span, lambda _: (), looks.__getitem__))
            maps |= {frame: map_.result() for frame, map_ in of_span.items()}
    keyframes.carry = carry
    return maps, seen, carried


def run_timeline(clip: str, frames: str, folder: str, settings: str) -> list[tuple[str, str, float, float]]:
    """The job with a clock around HOOKS, from the moment when its network is loaded.

    Of each call: thread, stage, start and end in seconds from that moment.
    """
    job, told = our_job(clip, frames, folder, settings), Told()
    spans: list[tuple[str, str, float, float]] = []

    def note(stage: str, start: float) -> None:
        spans.append((threading.current_thread().name, stage, start, time.time()))

    for stage, module, name in HOOKS:
        *classes, last = name.split(".")
        owner = functools.reduce(getattr, classes, importlib.import_module(f"inference.{module}"))
        setattr(owner, last, clocked(getattr(owner, last), functools.partial(note, stage)))
    for _ in inference.generate(job, told):
        pass
    began: float = told.facts["began"]
    return [(thread, stage, start - began, end - began) for thread, stage, start, end in spans if start >= began]


def clocked(work: Callable[..., Any], note: Callable[[float], None]) -> Callable[..., Any]:
    """The same function; `note` is given the start of each call, and of each step of a generator."""

    def steps(generator: Generator[Any, None, None]) -> Generator[Any, None, None]:
        with contextlib.closing(generator):
            while True:
                start = time.time()
                try:
                    item = next(generator)
                except StopIteration:
                    return
                note(start)
                yield item

    @functools.wraps(work)
    def wrapper(*words: Any, **named: Any) -> Any:
        start = time.time()
        result = work(*words, **named)
        if isinstance(result, Generator):
            return steps(result)
        note(start)
        return result

    return wrapper


WORKERS: dict[str, Callable[..., Any]] = {
    "rembg": run_rembg,
    "matting": run_matting,
    "feed": run_feed,
    "ours": run_ours,
    "growth": run_growth,
    "stages": run_stages,
    "timeline": run_timeline,
}

if __name__ == "__main__":
    answer = WORKERS[sys.argv[1]](*sys.argv[2:])
    if answer is not None:
        print(json.dumps(answer))
