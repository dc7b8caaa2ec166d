# SPDX-License-Identifier: GPL-3.0-or-later
"""Which form of a network this machine runs fastest, on what, and how many frames at a time. By measurement, once a
process."""

import functools
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from . import devices
from .devices import AUTO, CPU
from .errors import MatteError
from .job import Job, available_cores, eight_bits
from .model import Model
from .picture import Pixels

FULL, INT8 = "fp32", "int8"  # precisions, as manifests name them
WORTHWHILE = 0.87  # of the time in full precision, above which 8 bits are not worth their error
# Frames in a network at a time. One core a frame is fastest, but in U2-NetP a frame costs 350 MB in full precision and
# 100 MB in 8 bits: beyond these numbers, more cores share each frame.
MOST_FRAMES = {FULL: 3, INT8: 8}
TRIALS = 2
# How often each form of the network is timed, by turns; more than TURNS times only where 8 bits are not CLEARLY faster.
# The best of each counts, so that another program's bursts do not decide what a folder is made in.
TURNS, MOST_TURNS = 2, 8
CLEARLY = 0.65  # of the time in full precision
SMALL = (90, 160)  # the picture that is timed: a quarter of a usual one's work, in the same proportions
USUAL = (180, 320)  # where a device is timed that gains by larger pictures
# How far a device's map may be from the CPU's, 0 to 1: in the mean, and anywhere. docs/devices.md says what was seen.
MEAN_OFF, MOST_OFF = 0.004, 0.1
# How far 8 bits may be from full precision on `picture`, in the mean. They are off by .0003 at most; in ONNX Runtime
# 1.23.2, which mistakes the order of channels in our form, by .025.
EIGHT_OFF = 0.005
_known_right: dict[str, bool] = {}  # by a network's path, what `_right` found


@dataclass(frozen=True)
class Plan:
    """How maps are made: precision 'fp32' or 'int8', frames that are worked on at a time, the network's cores for each,
    and the name of the device that it runs on.

    remarks: why it is not another device, for the editor: kinds, 'INFO' or 'WARNING', and sentences. must: whether a
    failure in mid-job ends the job.
    """

    precision: str
    frames: int
    threads: int
    device: str = CPU
    remarks: tuple[tuple[str, str], ...] = ()
    must: bool = False


class Lasting(Model):
    """A network on a device that may be lost in mid-job: the frame in hand and all after it go to what is next.

    lost: what happened, for the editor; empty as long as nothing has.
    """

    def __init__(self, path: str, device: str, threads: int, instead: Callable[[], tuple[Model, Plan]] | None) -> None:
        """instead: makes what goes on, and its plan; None where nothing may. Raises as Model does."""
        super().__init__(path, device, threads)
        self.lost = ""
        self._make_instead = instead
        self._instead: Model | None = None
        self._turns = threading.Semaphore()
        self._losing = threading.Lock()

    @property
    def used(self) -> tuple[str, ...]:
        """Names of what it has run on."""
        return (self.device,) if self._instead is None else (self.device, *ran_on(self._instead))

    def map(self, planes: np.ndarray) -> np.ndarray:
        instead = self._instead
        if instead is None:
            try:
                return super().map(planes)
            except MatteError as error:
                instead = self._go_on(error)
        # The job's threads are as many as suited the device.
        with self._turns:
            return instead.map(planes)

    def _go_on(self, error: MatteError) -> Model:
        """What answers from now on."""
        with self._losing:
            if self._instead is not None:  # another thread's frame was lost too
                return self._instead
            reason = devices.first_line(error.__cause__ or error)
            if self._make_instead is None:
                raise MatteError(
                    f"{devices.label(self.device)} failed: {reason}. It must be used: turn Must Use off to go on with "
                    "another device. Whole frames are kept"
                ) from error
            devices.lose(self.device, reason)
            fastest.cache_clear()
            instead, plan = self._make_instead()
            self._turns = threading.Semaphore(plan.frames)
            self.lost = f"{devices.label(self.device)} failed: {reason}. {_capital(plan.device)} is used instead"
            self._instead = instead
            return instead


def ran_on(model: Model) -> tuple[str, ...]:
    """Names of the devices that a session has run on, more than one where one was lost."""
    return model.used if isinstance(model, Lasting) else (model.device,)


def lost(model: Model) -> str:
    """What happened to a session's device, for the editor; empty where nothing did."""
    return model.lost if isinstance(model, Lasting) else ""


@functools.lru_cache(maxsize=1)
def loaded(file: str, _changed: int, plan: Plan, path: str) -> Model:
    """A session, kept for the next job: loading takes longer than a frame."""
    if plan.device == CPU:
        return Model(file, CPU, plan.threads)

    def instead() -> tuple[Model, Plan]:
        next_ = fastest(path, AUTO, plan.frames // 2, plan.precision)
        return load(path, next_), next_

    return Lasting(file, plan.device, plan.threads, None if plan.must else instead)


def load(path: str, plan: Plan) -> Model:
    """The session that a plan asks for."""
    file = _form(path, plan.precision)
    kept = replace(plan, remarks=(), frames=0 if plan.device == CPU else plan.frames)  # what the session depends on
    return loaded(file, os.stat(file).st_mtime_ns if os.path.isfile(file) else 0, kept, path)


def describe(plan: Plan) -> str:
    """A sentence for the editor: what really runs."""
    bits = "8 bits" if plan.precision == INT8 else "full precision"
    if plan.device != CPU:
        return f"The network runs in {bits} on {devices.label(plan.device)}"
    return f"The network runs in {bits} on CPU, {plan.frames} x {plan.threads} cores"


def unload() -> None:
    """Let go of the sessions that are kept, and of what was found out about devices."""
    for known in (loaded, fastest, _on_cpu, _trouble, _speed, _precision):
        known.cache_clear()
    _known_right.clear()
    devices.forget()


def plan_for(job: Job, precision: str = "") -> Plan:
    """How a job's maps are made. precision: 'fp32' or 'int8' where it is settled. Raises as `fastest` does."""
    wish = "auto" if job.precision == "AUTO" else FULL
    return fastest(job.model, job.device, job.cores or available_cores(), precision or wish, job.must_use)


@functools.lru_cache(maxsize=16)
def fastest(path: str, device: str, cores: int, precision: str, must: bool = False) -> Plan:
    """Measure, and choose.

    device: 'AUTO', the first of devices.ORDER that is there, opens, answers as the CPU does, and is faster; or a name,
    which need not be faster. Where it is not there or fails, the next is taken, or with `must` none.
    precision: 'auto', or 'fp32' or 'int8' where it is settled.
    Raises MatteError where the network can not be loaded or does not run, and where the device must be used and fails.
    """
    must = must and device != AUTO
    failures: list[tuple[str, str, str]] = []
    chosen = Plan(precision, 1, 1)
    for name in devices.candidates(device):
        if name == CPU:
            chosen = _on_cpu(path, cores, precision)
            break
        trouble = devices.absent(name)
        if not trouble:
            chosen = replace(_on_device(path, name, cores, precision), must=must)
            trouble = _trouble(path, chosen)
        if trouble and must:
            raise MatteError(
                f"{devices.label(name)} must be used, and {trouble}. Choose another device, or turn Must Use off"
            )
        if trouble:
            failures.append(("WARNING", name, trouble))
            continue
        slower = _slower(path, chosen, _on_cpu(path, cores, precision)) if device == AUTO else ""
        if not slower:
            break
        failures.append(("INFO", name, slower))
    used = _capital(chosen.device)
    remarks = tuple((kind, f"{devices.label(name)} {why}. {used} is used instead") for kind, name, why in failures)
    devices.found(device, chosen.device)
    return replace(chosen, remarks=remarks)


def _on_device(path: str, name: str, cores: int, precision: str) -> Plan:
    """Half of the threads wait for the device, with what will be its next batch; the others keep the cores busy."""
    hosted = devices.BY_NAME[name].hosted
    if precision == "auto":  # 8 bits are for processors
        precision = _on_cpu(path, cores, precision).precision if hosted else FULL
    return Plan(precision, 2 * cores, cores if hosted else 1, name)


@functools.lru_cache(maxsize=16)
def _on_cpu(path: str, cores: int, precision: str) -> Plan:
    if precision == "auto":
        precision = _precision(path)
    elif precision == INT8 and not _right(path):
        raise MatteError(
            "These images were begun in 8 bits, which this machine computes wrongly. Make them on another machine, or "
            "choose another folder or Precision: Full"
        )
    splits = _splits(cores, MOST_FRAMES[precision])
    plans = [Plan(precision, *split) for split in splits]
    if len(plans) == 1:
        load(path, plans[0])  # which may fail: before a folder is claimed for it
        return plans[0]
    rates = {plan: _rate(load(path, plan), plan.frames) for plan in plans}
    return max(plans, key=lambda plan: rates[plan])


@functools.lru_cache(maxsize=16)
def _precision(path: str) -> str:
    """'int8' where there is such a form and it is worth it: processors with VNNI or the like multiply bytes three times
    as fast as floats, others not."""
    if not eight_bits(path):
        return FULL
    forms = _forms(path)
    if not _right(path, forms):
        return FULL
    full, eight = 0.0, 0.0
    for turn in range(1, MOST_TURNS + 1):
        full, eight = (max(best, _rate(form, 1)) for best, form in zip((full, eight), forms, strict=True))
        if turn >= TURNS and eight * CLEARLY >= full:
            break
    return INT8 if eight * WORTHWHILE >= full else FULL


def _forms(path: str) -> tuple[Model, Model]:
    """A network in full precision and in 8 bits, on one core of the CPU. The latter is kept for the job."""
    full, eight = (load(path, Plan(precision, 1, 1)) for precision in (FULL, INT8))
    return full, eight


def _right(path: str, forms: tuple[Model, Model] | None = None) -> bool:
    """Whether this machine's ONNX Runtime computes a network's 8-bit form as it should. forms: both, where loaded."""
    if path not in _known_right:
        full, eight = forms or _forms(path)
        planes = full.planes(Pixels(picture(*SMALL)))
        _known_right[path] = float(np.abs(full.map(planes) - eight.map(planes)).mean()) < EIGHT_OFF
    return _known_right[path]


@functools.lru_cache(maxsize=16)
def _trouble(path: str, plan: Plan) -> str:
    """What is wrong with a device: 'failed: ...' or 'gives a wrong answer'; empty where it answers as the CPU does.

    MatteError where the CPU can not run the network either.
    """
    right = Model(_form(path, plan.precision), CPU)
    planes = right.planes(Pixels(picture(*USUAL)))
    expected = right.map(planes)
    try:
        answer = Model(_form(path, plan.precision), plan.device, plan.threads).map(planes)
    except MatteError as error:
        return f"failed: {devices.first_line(error.__cause__ or error)}"
    off = np.abs(answer - expected)
    if off.mean() > MEAN_OFF or off.max() > MOST_OFF:
        return f"gives a wrong answer, off by {off.mean():.3f} in the mean and {off.max():.2f} at most, of 1"
    return ""


def tried(path: str, name: str, cores: int) -> tuple[float, str]:
    """Milliseconds that a frame takes on a device of devices.ORDER, and what is wrong with it, to go on after its name;
    0 and why, where it does not answer. MatteError where the network does not run on the CPU."""
    if name == CPU:
        return 1000 / _speed(path, _on_cpu(path, cores, "auto")), ""
    plan = Plan("", 1, 1) if devices.absent(name) else _on_device(path, name, cores, "auto")
    trouble = devices.absent(name) or _trouble(path, plan)
    return (0.0, trouble) if trouble else (1000 / _speed(path, plan), "")


def _slower(path: str, plan: Plan, on_cpu: Plan) -> str:
    """How much slower a device is than the CPU in its fastest form; empty where it is faster."""
    other, ours = _speed(path, on_cpu), _speed(path, plan)  # last what is kept for the job, where it is faster
    return "" if ours > other else f"does {ours:.1f} frames/s here, and the CPU {other:.1f}"


@functools.lru_cache(maxsize=16)
def _speed(path: str, plan: Plan) -> float:
    """Maps a second of a picture of the usual size."""
    return _rate(load(path, plan), plan.frames, USUAL)


def _form(path: str, precision: str) -> str:
    """The file that holds a network in a precision."""
    return (eight_bits(path) if precision == INT8 else "") or path


def _capital(device: str) -> str:
    """What an editor calls a device, at the beginning of a sentence."""
    name = devices.label(device)
    return name[0].upper() + name[1:]


def _splits(cores: int, most: int) -> list[tuple[int, int]]:
    """Ways to share cores out: (frames at a time, cores for each).

    Up to two cores there is nothing to try: a core a frame is 5% faster in full precision and 20% in 8 bits. With
    more, memory's bandwidth may hold many frames up.
    """
    frames = min(cores, most)
    ways = [(frames, cores // frames)]
    if cores > 2:
        ways.append((frames // 2, cores // (frames // 2)))
    return ways


def picture(height: int, width: int) -> np.ndarray:
    """A picture with a subject, to try a network with: (height, width, 3) uint8 RGB, always the same."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    y, x = y / height, x / width
    behind = np.stack([60 + 40 * y, 90 + 60 * x, 140 - 50 * y], axis=-1)
    body = ((x - 0.5) / 0.14) ** 2 + ((y - 0.62) / 0.36) ** 2 < 1
    head = ((x - 0.5) / 0.07) ** 2 + ((y - 0.2) / 0.13) ** 2 < 1
    behind[body] = (190, 60, 50)
    behind[head] = (225, 180, 150)
    grain = np.random.default_rng(0).normal(0, 4, (height, width, 1))
    return np.clip(behind + grain, 0, 255).astype(np.uint8)


def _rate(model: Model, frames: int, size: tuple[int, int] = SMALL) -> float:
    """Maps a second, the best of TRIALS after one that does not count."""
    planes = np.random.default_rng(0).uniform(0, 255, (3, *(model.sides or size))).astype(np.float32)
    best = 0.0
    with ThreadPoolExecutor(frames) as pool:
        for trial in range(1 + TRIALS):
            start = time.perf_counter()
            list(pool.map(model.map, [planes] * frames))
            if trial:
                best = max(best, frames / (time.perf_counter() - start))
    return best
