# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way a frame goes: decode, look, map, settle, matte, image, file."""

import contextlib
import functools
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future

import cv2
import numpy as np

from . import decoding, finish, folder, hold, mapping, neighbours, networks, reuse
from .job import Image, Job
from .making import Maker, Matted
from .model import Model
from .planes import Planes
from .pool import Pool
from .reuse import Tell
from .waits import Waiting

# Images that wait to be made, beside those that the pool's threads have in hand: a span's come at once, and are made
# beside the steps of the next. At 4K each holds 12 MB.
MORE = 12
PAUSE = 0.5  # seconds between two looks at what another process makes


def generate(
    job: Job, tell: Tell | None = None, stopped: Callable[[], bool] | None = None
) -> Generator[Image, None, None]:
    """Make the job's images, and yield each once it stands whole on disk under its final name.

    First the frames an earlier run has made, then those that it has made with another mask which is drawn the same
    there, then those whose mattes it has made, then the rest; each ascending. Frames that another process is making are
    left to it and waited for last; those that it leaves unmade are made here. Close the generator to cancel: frames in
    hand are finished, nothing half-written stays. One thread decodes, a pool does everything after it, and this one
    only waits, so that the stages overlap. As many pictures exist as two spans have (keyframes.py) and some more, and
    where threads want for work as many as there is room for (mapping.py).
    tell: is given a kind, 'INFO' or 'WARNING', and a sentence for the editor, when something is found out on the way.
    stopped: asked while another process is waited for; where it says so, no more images come.
    Raises MatteError with a sentence for the editor.
    """
    job = decoding.begun(job)
    images = folder.claim(job, lambda: networks.plan_for(job).precision)
    tell = tell or _nobody
    hold.sweep(job.folder)
    whole, by_hand = reuse.whole(job, images, job.frames)
    if by_hand:
        tell("INFO", f"{len(by_hand)} images that were altered by hand are kept")
    kept = by_hand if job.force else whole
    for frame in sorted(kept):
        yield Image(frame, images.image(frame), reused=True)
    missing, told = sorted(set(job.frames) - kept), False
    while missing:
        with hold.taken(job.folder, missing) as mine:
            # Looked at once they are held: another process may have made them just before.
            there = set() if job.force else reuse.whole(job, images, missing)[0]
            for frame in sorted(there):
                yield Image(frame, images.image(frame), reused=True)
            yield from _made(job, images, sorted(mine - there), tell)
        missing = sorted(set(missing) - mine - there)
        if missing and not told:
            tell("INFO", f"{len(missing)} frames are being made by {hold.holders(job.folder, missing)}. Waiting for it")
            told = True
        if missing:
            if stopped and stopped():
                return
            time.sleep(PAUSE)


def _made(job: Job, images: folder.Folder, missing: list[int], tell: Tell) -> Generator[Image, None, None]:
    """Make images of source frames, ascending."""
    if not missing:
        return
    drawings = job.drawings
    if drawings and not job.force:
        copied: set[int] = set()
        for image in reuse.copied(job, images, missing, tell):
            copied.add(image.frame)
            yield image
        missing = [frame for frame in missing if frame not in copied]
        if not missing:
            return
    taken, made_with = ({}, {}) if job.force else reuse.taken_files(job, missing)
    plan = networks.plan_for(job, images.precision)
    if taken:
        reuse.note_devices(job, folder.made_on(job.mattes), tell)
        yield from _images(job, images, plan, made_with, functools.partial(_taken, job, taken, tell))
    missing = [frame for frame in missing if frame not in taken]
    if not missing:
        return
    model = networks.load(job.model, plan)
    for remark in plan.remarks:
        tell(*remark)
    tell("INFO", networks.describe(plan))
    reuse.note_devices(job, networks.ran_on(model), tell)
    try:
        yield from _images(job, images, plan, drawings, functools.partial(_inferred, job, missing, model, tell))
    finally:  # a run that is stopped has made images too
        if networks.lost(model):
            tell("WARNING", networks.lost(model))
            reuse.note_devices(job, networks.ran_on(model), tell)


def _images(
    job: Job,
    images: folder.Folder,
    plan: networks.Plan,
    drawings: Mapping[int, str],
    frames: Callable[[Pool], Generator[Matted | Waiting, None, None]],
) -> Generator[Image, None, None]:
    """From frames with their mattes to files. drawings: as Job has them. frames: given the pool all is done in."""
    pending: deque[Future[Image]] = deque()
    maker = Maker(job, images)
    most = plan.frames  # until the first image is there: work on others would delay what somebody waits for
    with opencv_on_one_thread(), Pool(plan.frames, "strip_matte") as pool:
        try:
            with contextlib.closing(frames(pool)) as stream:
                for matted in stream:
                    if isinstance(matted, Waiting):
                        matted.wait(*itertools.islice(pending, 1))
                    else:
                        drawing = drawings.get(matted.frame, "")
                        pending.append(pool.submit_image(matted.found, maker.make, matted, drawing))
                    while pending and (len(pending) > most or pending[0].done()):
                        yield pending.popleft().result()
                        most = plan.frames + MORE
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _taken(job: Job, files: dict[int, str], tell: Tell, pool: Pool) -> Generator[Matted, None, None]:
    """Frames whose mattes stand in files of the other output. The network is not asked."""
    other = "CUTOUT" if job.output == "MATTE" else "MATTE"
    with contextlib.closing(
        decoding.Ahead(decoding.pictures(job, files, functools.partial(tell, "WARNING")))
    ) as decoded:
        for frame, picture in iter(decoded.take, None):
            yield Matted(frame, picture, pool.submit(finish.taken, files[frame], other), _as_it_is)
    tell("INFO", f"{len(files)} mattes were there and are taken over")


def _inferred(
    job: Job, frames: list[int], model: Model, tell: Tell, pool: Pool
) -> Generator[Matted | Waiting, None, None]:
    """Frames whose mattes come from the network."""
    end = decoding.last(job)
    shown_at: dict[int, list[int]] = {}
    for frame in frames:  # those past the end are the last one again: a frame's matte does not depend on the others
        shown_at.setdefault(min(frame, end), []).append(frame)
    needed = neighbours.around(job, shown_at, end)
    with (
        contextlib.closing(mapping.mapped(job, needed, model, pool, tell)) as stream,
        contextlib.closing(neighbours.settled(job, stream, shown_at, pool)) as settled,
    ):
        for shown in settled:
            if isinstance(shown, Waiting):
                yield shown
                continue
            for frame in shown_at[shown.frame]:
                yield Matted(frame, shown.picture, shown.map, functools.partial(finish.matte, job, frame))


def _as_it_is(_picture: Planes, found: np.ndarray) -> np.ndarray:
    return found


def _nobody(_kind: str, _text: str) -> None:
    """Nobody listens."""


class _OneThread:
    """OpenCV's number of threads belongs to the whole process: the last one out puts it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = 1

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                cv2.setNumThreads(self._before)


_one_thread = _OneThread()


def opencv_on_one_thread() -> contextlib.AbstractContextManager[None]:
    """The pool's threads fill the cores already; and optical flow depends on how many threads share a picture."""
    return _one_thread
