# SPDX-License-Identifier: GPL-3.0-or-later
"""Which form of a network this machine runs fastest, and how many frames at a time. By measurement, once a process."""

import functools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from .job import eight_bits
from .model import CPU, Model

FULL, INT8 = "fp32", "int8"  # precisions, as manifests name them
WORTHWHILE = 0.87  # of the time in full precision, above which 8 bits are not worth their error
# Frames in a network at a time. One core a frame is fastest, but in U2-NetP a frame costs 350 MB in full precision and
# 100 MB in 8 bits: beyond these numbers, more cores share each frame.
MOST_FRAMES = {FULL: 3, INT8: 8}
TRIALS = 2
TURNS = 3  # of each form of the network
SMALL = (90, 160)  # the picture that is timed: a quarter of a usual one's work, in the same proportions


@dataclass(frozen=True)
class Plan:
    """How maps are made: precision 'fp32' or 'int8', frames that are worked on at a time, and the network's cores for
    each."""

    precision: str
    frames: int
    threads: int


@functools.lru_cache(maxsize=1)
def loaded(file: str, _changed: int, device: str, threads: int) -> Model:
    """A session, kept for the next job: loading takes longer than a frame."""
    return Model(file, device, threads)


def load(path: str, device: str, plan: Plan) -> Model:
    """The session that a plan asks for."""
    file = (eight_bits(path) if plan.precision == INT8 else "") or path
    return loaded(file, os.stat(file).st_mtime_ns if os.path.isfile(file) else 0, device, plan.threads)


def describe(model: Model, plan: Plan) -> str:
    """A sentence for the editor: what really runs."""
    bits = "8 bits" if plan.precision == INT8 else "full precision"
    if model.provider != CPU:
        return f"The network runs in {bits} on {model.provider.removesuffix('ExecutionProvider')}"
    return f"The network runs in {bits} on CPU, {plan.frames} x {plan.threads} cores"


def unload() -> None:
    """Let go of the sessions that are kept."""
    loaded.cache_clear()


@functools.lru_cache(maxsize=16)
def fastest(path: str, device: str, cores: int, precision: str) -> Plan:
    """Measure, and choose. precision: 'auto', or 'fp32' or 'int8' where it is settled.

    Raises MatteError where the network can not be loaded or does not run.
    """
    if precision == "auto":
        precision = _precision(path, device)
    if load(path, device, Plan(precision, 1, 1)).provider != CPU:
        # Half of the threads wait for the device, with what will be its next batch; the others keep the cores busy.
        return Plan(precision, 2 * cores, 1)
    splits = _splits(cores, MOST_FRAMES[precision])
    if len(splits) == 1:
        return Plan(precision, *splits[0])
    plans = [Plan(precision, *split) for split in splits]
    rates = {plan: _rate(load(path, device, plan), plan.frames) for plan in plans}
    return max(plans, key=lambda plan: rates[plan])


@functools.lru_cache(maxsize=16)
def _precision(path: str, device: str) -> str:
    """'int8' where there is such a form and it is worth it: processors with VNNI or the like multiply bytes three times
    as fast as floats, others not."""
    if not eight_bits(path):
        return FULL
    full, eight = (load(path, device, Plan(precision, 1, 1)) for precision in (FULL, INT8))
    if full.provider != CPU:
        return FULL
    # By turns, and the best of many: another program's burst must not decide what a folder is made in.
    rates = [(_rate(full, 1), _rate(eight, 1)) for _ in range(TURNS)]
    return INT8 if max(eight for _, eight in rates) * WORTHWHILE >= max(full for full, _ in rates) else FULL


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


def _rate(model: Model, frames: int) -> float:
    """Maps a second, the best of TRIALS after one that does not count."""
    planes = np.random.default_rng(0).uniform(0, 255, (3, *SMALL)).astype(np.float32)
    best = 0.0
    with ThreadPoolExecutor(frames) as pool:
        for trial in range(1 + TRIALS):
            start = time.perf_counter()
            list(pool.map(model.map, [planes] * frames))
            if trial:
                best = max(best, frames / (time.perf_counter() - start))
    return best
