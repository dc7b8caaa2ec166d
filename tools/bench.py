# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: how fast, beside what an editor could run instead. Linux only: it reads /proc.

    python tools/bench.py                   every case, at 1080p and at 4K: docs/speed.md says what the figures mean
    python tools/bench.py --docs            the same, and put what is printed into docs/speed.md
    python tools/bench.py --short           ratios at 1080p only, in less than a minute
    python tools/bench.py --only fp32       cases whose names hold a word, and the case that ratios are taken to
    python tools/bench.py --timeline        only the picture of one job

Every measurement is a process of its own. What is measured is defined by the files that appear, so that any program
can be a case. A case more is an entry in CASES.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "build" / "clips" / "bigbuckbunny.mp4"
BENCH = ROOT / "build" / "bench"
MODELS = ROOT / "build" / "models"
DOCS = ROOT / "docs" / "speed.md"
BEGIN, END = "<!-- begin of the figures -->", "<!-- end of the figures -->"
PACKAGES = ("rembg", "onnxruntime", "opencv-python-headless", "av", "pillow", "numpy")
VECTORS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8")  # as /proc/cpuinfo calls them
SAMPLE = 0.02  # seconds between two looks at the processes


# What is measured


@dataclass(frozen=True)
class Clip:
    """A clip to make. grain: deviation of the noise, of 255. size: of a grain, in pixels."""

    name: str
    width: int
    height: int
    grain: float
    size: int

    @property
    def path(self) -> Path:
        return BENCH / "clips" / f"{self.name}.mp4"


HD = Clip("1080p", 1920, 1080, grain=3.0, size=1)
UHD = Clip("4K", 3840, 2160, grain=3.0, size=2)
CLIP_FRAMES = 132
CLIP_OPTIONS = {"crf": "18", "preset": "veryfast"}


@dataclass(frozen=True)
class Case:
    """One row.

    job: what is set in the Job of `inference.generate`; None where it is not ours.
    commands: otherwise, from clip, number of frames and folder, the programs of a pipe; the last makes one PNG a frame
    in the folder.
    """

    name: str
    job: dict[str, Any] | None = None
    commands: Callable[[Clip, int, Path], list[list[str]]] | None = None


def worker(what: str, *words: object) -> list[str]:
    """The command that runs one of WORKERS in a process of its own."""
    return [sys.executable, str(Path(__file__).resolve()), "--worker", what, *map(str, words)]


def rembg_frames(clip: Clip, frames: int, folder: Path) -> list[list[str]]:
    return [worker("rembg", clip.path, frames, folder)]


def rembg_pipe(clip: Clip, frames: int, folder: Path) -> list[list[str]]:
    program = Path(sys.executable).with_name("rembg")
    options = ["b", "--model", "u2netp", "--output_specifier", str(folder / "%06d.png")]
    return [worker("feed", clip.path, frames), [str(program), *options, str(clip.width), str(clip.height)]]


REFERENCE = Case("rembg, frame by frame", commands=rembg_frames)
CASES = (
    REFERENCE,
    Case("rembg b (pipe)", commands=rembg_pipe),
    Case("ours, fp32, every frame", job={}),
)


@dataclass(frozen=True)
class Size:
    """How much is measured: frames that count, frames before and after them that do not, and rounds."""

    clips: tuple[tuple[Clip, int], ...]
    edge: int
    rounds: int


WHOLE = Size(((HD, 32), (UHD, 16)), edge=4, rounds=5)
SHORT = Size(((HD, 8),), edge=2, rounds=2)


# Clips


def make_clip(clip: Clip) -> None:
    """Big Buck Bunny (1280 x 720, 132 frames) enlarged with Lanczos, film grain, H.264 4:2:0. Made once.

    The grain is normal noise on luma, another for each picture: shifts of one field drawn with a fixed seed.
    """
    if clip.path.exists():
        return
    import av
    import cv2
    import numpy as np

    print(f"Making the {clip.name} clip", file=sys.stderr, flush=True)
    clip.path.parent.mkdir(parents=True, exist_ok=True)
    part = clip.path.with_suffix(".part.mp4")
    random = np.random.default_rng(2008)
    small = ((clip.height // clip.size) + 64, (clip.width // clip.size) + 64)
    noise = (random.standard_normal(small) * clip.grain).astype(np.float32)
    with av.open(str(SOURCE)) as old, av.open(str(part), "w") as new:
        stream = new.add_stream("libx264", rate=old.streams.video[0].guessed_rate, options=CLIP_OPTIONS)
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
        for frame in old.decode(video=0):
            picture = cv2.resize(frame.to_ndarray(format="rgb24"), (clip.width, clip.height), None, 0, 0, 4)  # Lanczos
            y, x = random.integers(0, 64, 2)
            grain = cv2.resize(noise[y : y + small[0] - 64, x : x + small[1] - 64], (clip.width, clip.height))
            grey = cv2.cvtColor(grain, cv2.COLOR_GRAY2RGB)
            picture = cv2.add(picture, grey, dtype=cv2.CV_8U)
            new.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        new.mux(stream.encode(None))
    part.replace(clip.path)


# Workers: what runs in processes of their own


def run_rembg(clip: str, frames: str, folder: str) -> None:
    """What one writes who has a video and rembg: OpenCV's decoder, `remove`, and a PNG of what it returns."""
    import cv2
    from PIL import Image

    rembg: Any = importlib.import_module("rembg")  # not where types are checked
    session = rembg.new_session("u2netp", providers=["CPUExecutionProvider"])
    movie = cv2.VideoCapture(clip)
    for frame in range(int(frames)):
        _, picture = movie.read()
        cutout = rembg.remove(Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)), session=session)
        cutout.save(Path(folder, f"{frame:06d}.png"))


def run_feed(clip: str, frames: str) -> None:
    """RGB pictures on standard output, as rembg's `b` wants them."""
    import cv2

    movie = cv2.VideoCapture(clip)
    for _ in range(int(frames)):
        _, picture = movie.read()
        sys.stdout.buffer.write(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).data)
    sys.stdout.buffer.flush()


def our_job(clip: str, frames: str, folder: str, settings: str) -> Any:
    """The Job of a case, on the CPU where the case does not say otherwise."""
    import inference

    plain = inference.Job(clip, tuple(range(int(frames))), folder, inference.BUILT_IN_MODEL, device="CPU")
    return replace(plain, **json.loads(settings))


def run_ours(clip: str, frames: str, folder: str, settings: str) -> None:
    """The job, as the operator runs it. Prints the seconds from the start to the first whole image."""
    import inference

    job = our_job(clip, frames, folder, settings)
    start = time.perf_counter()
    images = inference.generate(job)
    next(images)
    print(json.dumps(time.perf_counter() - start))
    for _ in images:
        pass


def run_stages(clip: str, frames: str, folder: str, settings: str) -> None:
    """Each stage alone, on the same frames, with as many threads as the job gives it. Prints seconds a frame.

    The order is the pipeline's, so that each stage works on what it gets there.
    """
    from inference import cutout, movie, pipeline, png
    from inference.folder import write_whole
    from inference.job import available_cores
    from inference.model import Model

    job = our_job(clip, frames, folder, settings)
    cores = job.cores or available_cores()
    hands = min(cores, pipeline.MOST_FRAMES)
    model = Model(job.model, job.device, cores // hands)
    seconds: dict[str, float] = {}

    def alone(stage: str, work: Callable[..., Any], *inputs: Iterable[Any]) -> list[Any]:
        with ThreadPoolExecutor(hands) as pool:
            start = time.perf_counter()
            results = list(pool.map(work, *inputs))
            seconds[stage] = (time.perf_counter() - start) / len(results)
        return results

    start = time.perf_counter()
    pictures = [picture for _, picture in movie.decode(job.movie, job.frames)]
    seconds["decode"] = (time.perf_counter() - start) / len(pictures)
    for _ in range(2):
        model.map(pictures[0])  # the first calls allocate
    maps = alone("model", model.map, pictures)

    def matted(map_: Any, picture: Any) -> Any:
        return cutout.cutout(picture, cutout.matte_at_full_size(map_, *picture.shape[:2]))

    cutouts = alone("matte, cutout", matted, maps, pictures)
    paths = [os.path.join(folder, f"{frame:06d}.png") for frame in job.frames]
    alone("encode, write", lambda image, path: write_whole(path, png.encode(image)), cutouts, paths)
    print(json.dumps(seconds))


# The timeline's hooks: stage, module of `inference`, what pipeline.py calls there.
HOOKS = (
    ("decode", "pipeline", "_pictures"),
    ("model", "model", "Model.map"),
    ("cutout", "cutout", "matte_at_full_size"),
    ("cutout", "cutout", "cutout"),
    ("encode, write", "png", "encode"),
    ("encode, write", "folder", "write_whole"),
)


@dataclass(frozen=True)
class Span:
    """One call of a stage: seconds from the start of the job."""

    thread: str
    stage: str
    start: float
    end: float


def run_timeline(clip: str, frames: str, folder: str, settings: str) -> None:
    """The job with a clock around the functions of HOOKS. Prints the spans."""
    import inference

    job = our_job(clip, frames, folder, settings)
    spans: list[Span] = []
    began = time.perf_counter()

    def note(stage: str, start: float) -> None:
        spans.append(Span(threading.current_thread().name, stage, start - began, time.perf_counter() - began))

    for stage, module, name in HOOKS:
        *classes, last = name.split(".")
        owner = functools.reduce(getattr, classes, importlib.import_module(f"inference.{module}"))
        setattr(owner, last, clocked(getattr(owner, last), functools.partial(note, stage)))
    for _ in inference.generate(job):
        pass
    print(json.dumps([vars(span) for span in spans]))


def clocked(work: Callable[..., Any], note: Callable[[float], None]) -> Callable[..., Any]:
    """The same function; `note` is given the start of each call, and of each step of a generator."""

    def steps(generator: Generator[Any, None, None]) -> Generator[Any, None, None]:
        with contextlib.closing(generator):
            while True:
                start = time.perf_counter()
                try:
                    item = next(generator)
                except StopIteration:
                    return
                note(start)
                yield item

    @functools.wraps(work)
    def wrapper(*words: Any, **named: Any) -> Any:
        start = time.perf_counter()
        result = work(*words, **named)
        if isinstance(result, Generator):
            return steps(result)
        note(start)
        return result

    return wrapper


WORKERS: dict[str, Callable[..., None]] = {
    "rembg": run_rembg,
    "feed": run_feed,
    "ours": run_ours,
    "stages": run_stages,
    "timeline": run_timeline,
}


# Measuring


class Watch:
    """Processor time and memory of running processes and all that they start, from /proc.

    Of a process that has ended, what was last seen counts on. `peak` adds up each process's own peak of resident
    memory: exact for one process, an upper bound for several.
    """

    def __init__(self, processes: Sequence[subprocess.Popen[Any]]) -> None:
        self._roots = [process.pid for process in processes]
        self._seconds: dict[int, float] = {}
        self._peaks: dict[int, int] = {}
        self.samples: list[tuple[float, float]] = []
        """Time of day, processor seconds up to then."""
        self._start = time.time(), busy_seconds()

    def look(self) -> None:
        waiting = list(self._roots)
        while waiting:
            process = waiting.pop()
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
                self._look_at(Path("/proc", str(process)))
                for children in Path("/proc", str(process), "task").glob("*/children"):
                    waiting += map(int, children.read_text().split())
        self.samples.append((time.time(), sum(self._seconds.values())))

    def _look_at(self, process: Path) -> None:
        # proc(5): the 14th and 15th field are user and system time in ticks; the second, a name, may hold blanks.
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        self._seconds[int(process.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        for line in (process / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):  # kB; a process that has ended has none
                self._peaks[int(process.name)] = int(line.split()[1]) * 1024

    @property
    def others(self) -> float:
        """Cores that everything else on the machine kept busy meanwhile: near 0, or the figures are worth little."""
        (began, busy), (now, own) = self._start, self.samples[-1]
        return max(busy_seconds() - busy - own, 0.0) / (now - began)

    @property
    def peak(self) -> int:
        return sum(self._peaks.values())

    def seconds_at(self, moment: float) -> float:
        """Processor seconds up to a time of day, between the samples on its two sides."""
        for (before, lower), (after, upper) in zip(self.samples, self.samples[1:], strict=False):
            if before <= moment <= after:
                return lower + (upper - lower) * (moment - before) / (after - before)
        return self.samples[-1][1]


def busy_seconds() -> float:
    """Seconds that all cores together have been busy, from proc_stat(5): user, nice and system; stolen time too."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]))
    return (sum(fields[:3]) + sum(fields[5:8])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Result:
    """One process's figures. seconds, cpu: a frame. peak: bytes. size: bytes a frame. first: seconds to an image.

    others: cores that the rest of the machine kept busy.
    """

    seconds: float
    cpu: float
    peak: int
    size: float
    first: float | None
    others: float


class Failed(Exception):
    """A process of a case did not do what it should; the text says which."""


def measure(case: Case, clip: Clip, frames: int, edge: int) -> Result:
    """Run a case once. The first and last `edge` frames, when a pipeline fills and empties, do not count."""
    with tempfile.TemporaryDirectory(dir=BENCH) as scratch:
        folder, number = Path(scratch), frames + 2 * edge
        commands = (
            case.commands(clip, number, folder)
            if case.commands
            else [worker("ours", clip.path, number, folder, json.dumps(case.job))]
        )
        watch, printed = run_pipe(commands, case.name)
        files = sorted((file.stat() for file in folder.glob("*.png")), key=lambda stat: stat.st_mtime_ns)
    if len(files) != number:
        raise Failed(f"{case.name} made {len(files)} files of {number}")
    start, end = (files[index].st_mtime_ns / 1e9 for index in (edge - 1, edge - 1 + frames))
    return Result(
        (end - start) / frames,
        (watch.seconds_at(end) - watch.seconds_at(start)) / frames,
        watch.peak,
        statistics.fmean(stat.st_size for stat in files),
        json.loads(printed) if case.job is not None else None,
        watch.others,
    )


def run_pipe(commands: list[list[str]], name: str) -> tuple[Watch, str]:
    """Run programs, each reading what the one before prints; return what was seen and what the last one printed."""
    environment = os.environ | {"U2NET_HOME": str(MODELS), "PYTHONPATH": str(ROOT)}
    processes: list[subprocess.Popen[str]] = []
    for command in commands:
        source = processes[-1].stdout if processes else subprocess.DEVNULL
        processes.append(
            subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, text=True, env=environment, cwd=BENCH)
        )
        if processes[:-1] and processes[-2].stdout:
            processes[-2].stdout.close()  # the reader alone holds it, and its end is seen by the writer
    watch = Watch(processes)
    while any(process.poll() is None for process in processes):
        watch.look()
        time.sleep(SAMPLE)
    if any(process.returncode for process in processes):
        raise Failed(f"{name}: a process ended with {[process.returncode for process in processes]}")
    last = processes[-1].stdout
    return watch, last.read() if last else ""


def ask_worker(what: str, clip: Clip, frames: int, settings: dict[str, Any]) -> Any:
    """What a worker of ours prints."""
    with tempfile.TemporaryDirectory(dir=BENCH) as scratch:
        command = worker(what, clip.path, frames, scratch, json.dumps(settings))
        return json.loads(run_pipe([command], what)[1])


@dataclass
class Measured:
    """All rounds of one clip: by the case's name, in the order of the rounds."""

    clip: Clip
    results: dict[str, list[Result]] = field(default_factory=dict)
    stages: dict[str, list[dict[str, float]]] = field(default_factory=dict)


def measure_clip(clip: Clip, frames: int, cases: Sequence[Case], size: Size, with_stages: bool) -> Measured:
    """Every case once a round; each round starts with another case, so that a slow minute meets all of them."""
    make_clip(clip)
    measured = Measured(clip)
    for turn in range(size.rounds):
        first = turn % len(cases)
        for case in (*cases[first:], *cases[:first]):
            result = measure(case, clip, frames, size.edge)
            measured.results.setdefault(case.name, []).append(result)
            told = f"{clip.name}, round {turn + 1} of {size.rounds}: {case.name}, {1 / result.seconds:.2f} frames/s"
            print(told, file=sys.stderr, flush=True)
            if with_stages and case.job is not None:
                measured.stages.setdefault(case.name, []).append(ask_worker("stages", clip, frames, case.job))
    return measured


# Telling


def spread(values: Iterable[float], digits: int, factor: float = 1.0) -> str:
    """The median, and in brackets the smallest and the largest."""
    scaled = sorted(value * factor for value in values)
    middle, low, high = (f"{value:.{digits}f}" for value in (statistics.median(scaled), scaled[0], scaled[-1]))
    return middle if low == high else f"{middle} ({low} to {high})"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def ratios(measured: Measured, name: str) -> list[float]:
    """How many times as fast as the reference of the same round."""
    reference = measured.results[REFERENCE.name]
    return [base.seconds / own.seconds for base, own in zip(reference, measured.results[name], strict=True)]


def about_rounds(measured: Measured, size: Size, frames: int) -> str:
    others = [result.others for results in measured.results.values() for result in results]
    return (
        f"Rounds: {size.rounds}, of {frames} frames each; medians (smallest to largest). Other programs kept "
        f"{spread(others, 2)} cores busy meanwhile."
    )


def case_table(measured: Measured) -> list[str]:
    rows = [
        (
            name,
            spread((1 / result.seconds for result in results), 2),
            spread(ratios(measured, name), 2),
            spread((result.cpu for result in results), 3),
            spread((result.peak for result in results), 0, 1e-6),
            spread((result.size for result in results), 2, 1e-6),
            spread((result.first for result in results if result.first), 2) if results[0].first else "",
        )
        for name, results in measured.results.items()
    ]
    heads = ("case", "frames/s", "times rembg", "CPU s/frame", "peak MB", "MB/frame", "first image, s")
    return table(heads, rows)


def stage_table(measured: Measured) -> list[str]:
    rows = []
    for name, rounds in measured.stages.items():
        stages = list(rounds[0])
        alone = {stage: statistics.median(each[stage] for each in rounds) for stage in stages}
        busiest = max(alone, key=lambda stage: alone[stage])
        walls = [result.seconds for result in measured.results[name]]
        over = [wall / each[busiest] for wall, each in zip(walls, rounds, strict=True)]
        cells = [spread((each[stage] for each in rounds), 1, 1e3) for stage in stages]
        rows.append((name, *cells, spread(walls, 1, 1e3), f"{spread(over, 2)} of {busiest}"))
    return table(("ms a frame", *stages, "the whole job", "job / busiest stage"), rows)


def timeline_picture(spans: list[Span], width: int = 110) -> list[str]:
    """One row a thread, time to the right. A letter names the stage that took most of its slice of time: a capital
    where at least half of the slice was spent in a stage, a small letter where less, a dot where nothing was."""
    whole = max(span.end for span in spans)
    slice_ = whole / width
    threads = sorted({span.thread for span in spans}, key=lambda name: (name != "MainThread", name))
    room = max(map(len, threads))
    lines = []
    for thread in threads:
        own = [span for span in spans if span.thread == thread]
        cells = "".join(slice_letter(own, index * slice_, (index + 1) * slice_) for index in range(width))
        busy = sum(span.end - span.start for span in own) / whole
        lines.append(f"{thread:{room}} {cells} {busy:4.0%}")
    totals = {stage: sum(span.end - span.start for span in spans if span.stage == stage) for stage, *_ in HOOKS}
    legend = ", ".join(f"{stage[0].upper()} {stage} {seconds:.2f} s" for stage, seconds in totals.items())
    return [*lines, f"{'':{room}} 0 to {whole:.2f} s, {whole / width * 1e3:.0f} ms a letter. {legend}"]


def slice_letter(spans: list[Span], start: float, end: float) -> str:
    inside: dict[str, float] = {}
    for span in spans:
        overlap = min(span.end, end) - max(span.start, start)
        if overlap > 0:
            inside[span.stage] = inside.get(span.stage, 0.0) + overlap
    if not inside:
        return "."
    letter = max(inside, key=lambda stage: inside[stage])[0]
    return letter.upper() if sum(inside.values()) >= 0.5 * (end - start) else letter


def machine() -> list[str]:
    """What the figures were measured on, and with which packages."""
    lines = [line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line]
    facts = {key.strip(): value.strip() for key, value in lines}
    flags = (facts.get("flags") or facts.get("Features", "")).split()
    has = [flag for flag in VECTORS if flag in flags]
    model = facts.get("model name", platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    hardware = (
        f"{len(os.sched_getaffinity(0))} cores of {model} (family {facts.get('cpu family')}, model "
        f"{facts.get('model')}; of {', '.join(VECTORS)} it has {', '.join(has) or 'none'}), {memory:.0f} GB"
    )
    system = f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    libraries = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [f"{hardware}. {system}, {libraries}. Load before the start: {os.getloadavg()[0]:.1f}."]


# The command line


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="ratios of our cases at 1080p only")
    parser.add_argument("--docs", action="store_true", help="write what is printed into docs/speed.md")
    parser.add_argument("--only", metavar="WORD", help="only cases whose name holds this")
    parser.add_argument("--rounds", type=int, help="how many times each case runs")
    parser.add_argument("--timeline", action="store_true", help="only the timeline")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    size = SHORT if options.short else WHOLE
    if options.rounds:
        size = replace(size, rounds=options.rounds)
    cases = [case for case in CASES if case is REFERENCE or not options.only or options.only in case.name]
    about = machine()
    BENCH.mkdir(parents=True, exist_ok=True)
    try:
        if options.timeline:
            lines = timelines(cases, HD)
        elif options.short:
            lines = short_report([case for case in cases if case is REFERENCE or case.job is not None], size)
        else:
            lines = report(cases, size)
    except Failed as reason:
        print(f"tools/bench.py: {reason}", file=sys.stderr)
        return 1
    text = "\n".join([*about, "", *lines])
    print(text)
    if options.docs:
        write_docs(text)
    return 0


def short_report(cases: Sequence[Case], size: Size) -> list[str]:
    clip, frames = size.clips[0]
    measured = measure_clip(clip, frames, cases, size, with_stages=False)
    rows = [(name, spread(ratios(measured, name), 2)) for name in measured.results]
    return [about_rounds(measured, size, frames), "", *table((clip.name, "times rembg"), rows)]


def report(cases: Sequence[Case], size: Size) -> list[str]:
    lines = []
    for clip, frames in size.clips:
        measured = measure_clip(clip, frames, cases, size, with_stages=True)
        about = about_rounds(measured, size, frames)
        lines += [f"### {clip.name}", "", about, "", *case_table(measured)]
        if measured.stages:
            lines += ["", "Each stage alone, and the job, in which they overlap:", "", *stage_table(measured)]
        lines.append("")
    return [*lines, "### When each stage ran", "", *timelines(cases, HD)]


def timelines(cases: Sequence[Case], clip: Clip, frames: int = 14) -> list[str]:
    make_clip(clip)
    lines = []
    for case in cases:
        if case.job is not None:
            spans = [Span(**span) for span in ask_worker("timeline", clip, frames, case.job)]
            lines += [f"{case.name}, {clip.name}, {frames} frames:", "", "```", *timeline_picture(spans), "```", ""]
    return lines[:-1]


def write_docs(text: str) -> None:
    before, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
    DOCS.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        WORKERS[sys.argv[2]](*sys.argv[3:])
        sys.exit()
    sys.exit(main())
