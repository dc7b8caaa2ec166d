# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way a frame goes: decode, map, matte, cutout, file."""

import contextlib
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from . import cutout, folder, movie, png, sequence
from .errors import MatteError
from .job import Image, Job, available_cores
from .model import Model

# Frames in the model at a time. One core a frame is fastest, but a frame costs 350 MB in U2-NetP: beyond this number,
# more cores share each frame.
MOST_FRAMES = 4


def generate(job: Job, tell: Callable[[str], None] | None = None) -> Generator[Image, None, None]:
    """Make the job's images, and yield each once it stands whole on disk under its final name.

    First the frames an earlier run has made, then the rest, ascending. Close the generator to cancel: frames in hand
    are finished, nothing half-written stays. Decoding happens here, everything after it in a pool of threads that
    each carry one frame from picture to file, so that the stages overlap, and at most 2 * MOST_FRAMES pictures exist.
    tell: is given sentences about the source that are known only once it is decoded.
    Raises MatteError with a sentence for the editor.
    """
    images = folder.claim(job)
    whole = images.whole(job.frames)
    for frame in sorted(whole):
        yield Image(frame, images.image(frame), reused=True)
    missing = set(job.frames) - whole
    if not missing:
        return

    cores = job.cores or available_cores()
    hands = min(cores, MOST_FRAMES)
    model = Model(job.model, job.device, cores // hands)

    def make(frame: int, picture: np.ndarray) -> Image:
        matte = cutout.matte_at_full_size(model.map(picture[..., :3]), *picture.shape[:2])
        path = images.image(frame)
        folder.write_whole(path, png.encode(cutout.cutout(picture, matte)))
        return Image(frame, path, reused=False)

    pending: deque[Future[Image]] = deque()
    pictures = _pictures(job, sorted(missing), tell)
    with ThreadPoolExecutor(hands, "strip_matte") as pool, contextlib.closing(pictures):
        try:
            for frame, picture in pictures:
                pending.append(pool.submit(make, frame, picture))
                if len(pending) == 2 * hands:
                    yield pending.popleft().result()
                missing.remove(frame)
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
    if missing:
        raise MatteError(f'"{job.movie}" gave no picture for {len(missing)} frames, the first of them {min(missing)}')


def _pictures(
    job: Job, frames: list[int], tell: Callable[[str], None] | None
) -> Generator[tuple[int, np.ndarray], None, None]:
    """The source's pictures, RGBA where it has an alpha of its own."""
    if job.pictures:
        return sequence.decode(job.pictures, frames)
    channels = 4 if movie.probe(job.movie).alpha else 3
    return movie.decode(job.movie, frames, channels, job.upright, tell)
