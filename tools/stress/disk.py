# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that fills, and one that turns read-only, in mid-run: a sentence, and a folder that resumes.

The disk is a small tmpfs. It is mounted in namespaces of our own (unshare), which needs no root where the kernel lets
users have them; no mount outlives the process.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import inference
from inference import Job, MatteError
from inference.hold import LOCKS

from . import jobs
from .children import sentence
from .tally import Tally

FRAMES = 24
PAGE = 4096
PLENTY = 64 << 20
NAMES = ("a disk that fills", "a disk that turns read-only", "a folder that is taken away", "a limit on a file's size")


def run(count: int, seed: int, frames: int = FRAMES) -> Iterator[Tally]:
    """In namespaces of our own; skipped loudly where there are none."""
    jobs.clip(frames), jobs.network()
    outside = ["unshare", "--user", "--map-root-user", "--mount"]
    command = [sys.executable, "-m", "tools.stress.disk", str(count), str(seed), str(frames)]
    try:
        done = subprocess.run([*outside, *command], capture_output=True, text=True, cwd=jobs.ROOT)
    except FileNotFoundError:
        done = subprocess.CompletedProcess(outside, 1, "", "there is no unshare")
    if done.returncode:
        for name in NAMES[:2]:
            yield Tally(name, skipped=f"no mount of our own ({done.stderr.strip()[-200:]})")
        return
    for told in json.loads(done.stdout):
        yield Tally(**{**told, "survived": Counter(told["survived"])})


def main(count: int, seed: int, frames: int) -> None:
    """Inside: print the tallies as JSON."""
    with jobs.scratch() as home:
        job = jobs.job(home / "undisturbed", frames)
        jobs.finish(job)
        wanted = jobs.contents(job.folder)
        room = sum(-(-path.stat().st_size // PAGE) * PAGE for path in Path(job.folder).iterdir())
        disk = home / "disk"
        disk.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={PLENTY}", "none", str(disk))
        tallies = [Tally(name) for name in NAMES]
        try:
            for number in range(count):
                dice = jobs.dice(seed, "disk", number)
                share, stop = dice.random(), dice.randrange(frames)
                trials: tuple[tuple[str, Callable[[Job], None]], ...] = (
                    (f"with {int(share * room)} of {room} bytes", partial(_fill, disk=disk, room=int(share * room))),
                    (f"after {stop} images", partial(_read_only, disk=disk, after=stop)),
                    (f"after {stop} images", partial(_taken_away, after=stop)),
                    (f"of {int(share * 20000)} bytes", partial(_limit, size=int(share * 20000))),
                )
                for tally, (about, trial) in zip(tallies, trials, strict=True):
                    again = replace(job, folder=str(disk / f"images_{number}"))
                    _judge(tally, about, again, trial, wanted)
        finally:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)
    print(json.dumps([vars(tally) for tally in tallies]))


def _judge(tally: Tally, about: str, job: Job, trial: Callable[[Job], None], wanted: dict[str, str]) -> None:
    """One trial, what it left, and the run that goes on."""
    threads, end = threading.active_count(), "no end"
    try:
        trial(job)
        end = "done in spite of it"
    except MatteError as error:
        said = sentence(str(error))
        if not said.good:
            tally.add(said.kind, f"{about}: {said.text}")
            return
        end = "told and resumed"
    except Exception as error:  # noqa: BLE001  a loss, and told
        tally.add(f"{type(error).__name__}", f"{about}: {error}")
        return
    finally:
        _mount("-o", f"remount,rw,size={PLENTY}", str(Path(job.folder).parent))
    left = jobs.contents(job.folder) if os.path.isdir(job.folder) else {}
    # What a process told of itself, and could not take back where its folder was gone, the next run sweeps away. The
    # manifest is written twice, when the folder is made and when it is known what the network runs on.
    left = {name: digest for name, digest in left.items() if not name.endswith((".hold", ".json"))}
    reason = jobs.differences(left, {name: wanted[name] for name in left if name in wanted})
    reason = reason or (
        f"{threading.active_count() - threads} threads left" if threading.active_count() > threads else ""
    )
    if not reason:
        try:
            jobs.finish(job)
            reason = jobs.differences(jobs.contents(job.folder), wanted)
        except Exception as error:  # noqa: BLE001  a loss, and told
            reason = f"does not resume: {type(error).__name__}: {error}"
    tally.add(end if not reason else "lost", reason and f"{about}: {reason}")
    subprocess.run(["rm", "-rf", job.folder], check=True)


def _fill(job: Job, disk: Path, room: int) -> None:
    used = os.statvfs(disk)
    size = (used.f_blocks - used.f_bfree) * used.f_bsize + max(room // PAGE * PAGE, PAGE)
    _mount("-o", f"remount,size={size}", str(disk))
    list(inference.generate(job))


def _read_only(job: Job, disk: Path, after: int) -> None:
    # The file by which processes hold frames is open for writing all the time, and the mount would be refused: a link
    # in its place makes this a folder without locks.
    link = os.path.join(job.folder, LOCKS)
    os.mkdir(job.folder)
    os.symlink("nothing", link)
    for number, _ in enumerate(inference.generate(job)):
        if number == after:
            os.unlink(link)
            Path(link).touch()
            _until_free(lambda: _mount("-o", "remount,ro", str(disk)))


def _taken_away(job: Job, after: int) -> None:
    """Another program renames the folder; it is put back afterwards."""
    away = job.folder + " away"
    try:
        for number, _ in enumerate(inference.generate(job)):
            if number == after:
                os.rename(job.folder, away)
    finally:
        if os.path.isdir(away):
            os.rename(away, job.folder)


def _limit(job: Job, size: int) -> None:
    """As ulimit -f and quotas do."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        list(inference.generate(job))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def _until_free(act: Callable[[], None]) -> None:
    """A file system turns read-only while no file of it is open for writing, and that is soon."""
    for _ in range(2000):
        try:
            return act()
        except subprocess.CalledProcessError as error:
            if b"busy" not in error.stderr:
                raise
            time.sleep(0.001)
    raise OSError(errno.EBUSY, "the disk stayed busy")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
