# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device a job runs on, what happens where one fails, and what is told.

This machine has a processor alone. A device that it lacks stands in at the two places where inference/devices.py asks
ONNX Runtime: which providers there are, and for a session on one. Its session is the processor's own, spoiled on
purpose; everything from the choice to the files is the real thing.
"""

import ctypes
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inference
from inference import BUILT_IN_MODEL, Job, MatteError, checkup, devices, networks
from inference.libraries import load
from inference.model import Model

real_session = devices.session


class Fake:
    """A session on a device that this machine has not: quick, because it keeps its answers, unless `slow` or bound."""

    def __init__(self, path: str, *, off: float = 0.0, slow: bool = False, lost_after: int = 1 << 30) -> None:
        self._session = real_session(path, devices.CPU, 1)
        self._off, self._slow, self._left = off, slow, lost_after
        self._known: dict[bytes, list[np.ndarray]] = {}
        self.get_inputs, self.get_outputs = self._session.get_inputs, self._session.get_outputs
        self.io_binding = self._session.io_binding

    def run_with_iobinding(self, binding: Any, options: Any) -> None:
        self._count()
        self._session.run_with_iobinding(binding, options)
        for answer in binding.get_outputs():
            seen(answer.data_ptr(), answer.shape())[:] += self._off

    def run(self, names: list[str], fed: dict[str, np.ndarray], options: Any) -> list[np.ndarray]:
        self._count()
        (planes,) = fed.values()
        key = repr(planes.shape).encode() + planes.tobytes()
        if self._slow or key not in self._known:
            for _ in range(3 if self._slow else 1):
                self._known[key] = [answer + self._off for answer in self._session.run(names, fed, options)]
        return self._known[key]

    def _count(self) -> None:
        if not self._left:
            raise RuntimeError("The device is lost\nand a second line")
        self._left -= 1


def seen(start: int, shape: Sequence[int]) -> np.ndarray:
    """The float32 at an address."""
    return np.ctypeslib.as_array(ctypes.cast(start, ctypes.POINTER(ctypes.c_float)), tuple(shape))


Plug = Callable[..., None]


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    """Plugs devices in: by name, what opens a session of a file there. Nothing that was found out is left over."""
    networks.unload()

    def plugged(**opened: Callable[[str], object]) -> None:
        def session(path: str, name: str, threads: int) -> object:
            return opened[name](path) if name in opened else real_session(path, name, threads)

        names = tuple(device.name for device in devices.ORDER if device.name in opened or device.name == devices.CPU)
        monkeypatch.setattr(devices, "there", lambda: names)
        monkeypatch.setattr(devices, "session", session)

    yield plugged
    networks.unload()


def chosen(device: str = "AUTO", *, must: bool = False) -> networks.Plan:
    return networks.fastest(BUILT_IN_MODEL, device, 1, "fp32", must)


def fails(_path: str) -> object:
    raise RuntimeError("no driver\nand a second line")


def test_the_order_is_the_one_that_is_written_down() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "devices.md").read_text()
    rows = re.findall(r"^\| \d+ \| (\w+)", text, re.MULTILINE)
    assert rows == [device.label for device in devices.ORDER]


def test_a_processor_alone_is_used_without_a_word(plug: Plug) -> None:
    plug()
    plan = chosen()
    assert plan.device == "CPU"
    assert not plan.remarks


def test_the_first_that_works_is_taken(plug: Plug) -> None:
    plug(COREML=Fake, WEBGPU=Fake)
    assert chosen().device == "COREML"
    assert chosen("WEBGPU").device == "WEBGPU"
    assert chosen("CPU").device == "CPU"


def test_tensorrt_is_for_those_who_ask(plug: Plug) -> None:
    plug(TENSORRT=Fake)
    assert chosen().device == "CPU"
    assert chosen("TENSORRT").device == "TENSORRT"


def test_one_that_does_not_open_gives_way_to_the_next(plug: Plug) -> None:
    plug(CUDA=fails, WEBGPU=Fake)
    plan = chosen()
    assert plan.device == "WEBGPU"
    assert plan.remarks == (("WARNING", "CUDA failed: no driver. WebGPU is used instead"),)


def test_a_wrong_answer_is_not_taken(plug: Plug) -> None:
    plug(WEBGPU=lambda path: Fake(path, off=0.02))
    plan = chosen()
    assert plan.device == "CPU"
    ((kind, text),) = plan.remarks
    assert kind == "WARNING"
    assert text.startswith("WebGPU gives a wrong answer, off by 0.0")
    assert text.endswith("The CPU is used instead")


def test_a_slower_one_is_not_taken_unasked(plug: Plug) -> None:
    plug(WEBGPU=lambda path: Fake(path, slow=True))
    plan = chosen()
    assert plan.device == "CPU"
    ((kind, text),) = plan.remarks
    assert kind == "INFO"
    assert text.startswith("WebGPU does ")
    assert text.endswith("The CPU is used instead")
    assert chosen("WEBGPU").device == "WEBGPU"


def test_one_that_is_not_there_is_told_with_what_to_do(plug: Plug) -> None:
    plug()
    ((kind, text),) = chosen("WEBGPU").remarks
    assert kind == "WARNING"
    assert text.startswith("WebGPU is not there. Unzip the wheel of the Python package onnxruntime-ep-webgpu")


@pytest.mark.parametrize(
    ("opened", "told"), [({}, "is not there"), ({"CUDA": fails}, "failed: no driver"), ({"CUDA": None}, "wrong answer")]
)
def test_must_use_refuses(plug: Plug, opened: dict[str, Any], told: str) -> None:
    plug(**{name: open_ or (lambda path: Fake(path, off=0.5)) for name, open_ in opened.items()}, WEBGPU=Fake)
    with pytest.raises(MatteError, match=f"CUDA must be used, and .*{told}"):
        chosen("CUDA", must=True)


@pytest.fixture
def job(bunny: Path, tmp_path: Path) -> Job:
    plain = Job(str(bunny), tuple(range(6)), str(tmp_path / "images"), BUILT_IN_MODEL)
    return replace(plain, quality="EVERY", precision="FULL", cores=1)


def made(job: Job) -> tuple[list[tuple[str, str]], dict[str, bytes]]:
    """What is told, and the images."""
    told: list[tuple[str, str]] = []
    images = [Path(image.path) for image in inference.generate(job, lambda *said: told.append(said))]
    return told, {image.name: image.read_bytes() for image in images}


def devices_of(folder: str) -> list[str]:
    return json.loads((Path(folder) / "strip_matte.json").read_text())["devices"]


def test_what_runs_is_told_and_kept_with_the_images(plug: Plug, job: Job) -> None:
    plug(COREML=Fake)
    told, _ = made(job)
    assert ("INFO", "The network runs in full precision on CoreML") in told
    assert devices_of(job.folder) == ["COREML"]
    assert devices.told("AUTO") == "CoreML (Automatic)"


def test_a_device_that_is_lost_loses_no_frame(plug: Plug, job: Job, tmp_path: Path) -> None:
    """It answers in the trials and for a few frames. All frames are there, as the processor makes them."""
    plug()
    _, right = made(replace(job, folder=str(tmp_path / "right")))
    sessions: list[Fake] = []

    def opened(path: str) -> Fake:
        # The trial's; and the timing's, 3 runs of 2 frames, which is kept for the job and 2 of its frames.
        sessions.append(Fake(path, lost_after=1 << 30 if not sessions else 8))
        return sessions[-1]

    networks.unload()
    plug(COREML=opened)
    told, images = made(job)
    assert images == right
    lost = ("WARNING", "CoreML failed: The device is lost. The CPU is used instead")
    assert lost in told
    assert devices_of(job.folder) == ["COREML", "CPU"]
    later, _ = made(replace(job, folder=str(tmp_path / "later"), frames=(0,)))
    assert lost in later  # it is not tried again
    assert devices_of(str(tmp_path / "later")) == ["CPU"]


def test_a_device_that_is_lost_and_must_be_used_ends_the_job(plug: Plug, job: Job) -> None:
    sessions: list[Fake] = []

    def opened(path: str) -> Fake:
        sessions.append(Fake(path, lost_after=1 << 30 if not sessions else 2))
        return sessions[-1]

    plug(CUDA=opened)
    with pytest.raises(MatteError, match="CUDA failed: The device is lost. It must be used.*Whole frames are kept"):
        made(replace(job, device="CUDA", must_use=True))
    assert not list(Path(job.folder).glob("*.part"))


def test_a_folder_of_unlike_devices_is_told_and_not_refused(plug: Plug, job: Job) -> None:
    """As on a farm: one machine with a device, one without."""
    plug(CUDA=Fake)
    made(replace(job, frames=(0, 1), device="CUDA"))
    networks.unload()
    plug()
    told, images = made(job)
    assert len(images) == 6
    warning = "Images of this folder were made on CUDA, and these on CPU: they may differ a little"
    assert ("WARNING", warning) in told
    assert devices_of(job.folder) == ["CUDA", "CPU"]


def test_a_file_that_is_no_plug_in_is_told(tmp_path: Path) -> None:
    """Asked of the real ONNX Runtime."""
    file = tmp_path / "no_provider.so"
    file.write_bytes(b"no library")
    assert devices.add_library(str(tmp_path / "nowhere.so")) == "The file is not there"
    assert "no_provider.so" in devices.add_library(str(file))


def test_a_device_gets_one_call_at_a_time(plug: Plug) -> None:
    """Not every device takes two. Of the job's threads eight ask at once."""
    inside: list[str] = []
    met: list[int] = []

    class Alone(Fake):
        def run(self, names: list[str], fed: dict[str, np.ndarray], options: Any) -> list[np.ndarray]:
            inside.append("one more")
            met.append(len(inside))
            time.sleep(0.01)  # time for another thread to come in, if it may
            try:
                return super().run(names, fed, options)
            finally:
                inside.pop()

    plug(WEBGPU=Alone)
    plan = networks.fastest(BUILT_IN_MODEL, "WEBGPU", 4, "fp32")
    assert (plan.frames, plan.remarks) == (8, ())
    assert networks._speed(BUILT_IN_MODEL, plan) > 0
    assert set(met) == {1}


def test_memory_that_is_kept_gives_the_same_maps(plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound to the processor's provider: batches of one to three pictures of two sizes, in any order."""
    plug()
    made_of: list[tuple[str, int]] = []
    real_memory = devices.memory

    def memory(name: str, count: int) -> Any:
        made_of.append((name, count))
        return real_memory(name, count)

    monkeypatch.setattr(devices, "memory", memory)
    monkeypatch.setitem(devices.BY_NAME, devices.CPU, replace(devices.BY_NAME[devices.CPU], bound=True))
    bound = Model(BUILT_IN_MODEL)
    monkeypatch.undo()
    plain = Model(BUILT_IN_MODEL)
    pictures = np.random.default_rng(0).normal(0, 1, (2, 3, 3, 64, 96)).astype(np.float32)
    batches = [pictures[0], pictures[1], pictures[0, :1], pictures[1, :2, :, ::2], pictures[0, :2], pictures[1]]
    maps = [bound._run(batch) for batch in batches]
    for batch, found in zip(batches, maps, strict=True):  # kept until here: no later run has written over one
        assert np.array_equal(found, plain._run(batch))
    assert made_of == [("CPU", 3 * 3 * 64 * 96), ("CPU", 3 * 64 * 96)]  # once each, input and output


def test_memory_is_page_locked_where_a_device_has_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of ONNX Runtime as it is; the processor's own memory stands in for a card's."""
    runtime = load("onnxruntime")
    own = runtime.OrtMemoryInfo("Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT)
    asked = []

    class Card:
        ep_name = "CUDAExecutionProvider"

        def memory_info(self, kind: Any) -> Any:
            asked.append(kind.name)
            return own

    monkeypatch.setattr(devices, "_plugged", lambda _runtime: [Card()])
    assert devices.memory("CUDA", 12).shape() == [12]  # though it says that it gives none
    runtime.create_and_register_allocator(own, None)
    assert devices.memory("CUDA", 12).shape() == [12]
    assert asked == ["HOST_ACCESSIBLE"] * 2
    assert devices.memory("TENSORRT", 12).shape() == [12]
    assert len(asked) == 2


def lines(folder: Path) -> list[checkup.Line]:
    return list(checkup.run({"Blender": "4.2"}, {}, [str(folder)], 1))


def test_the_self_test_finds_this_machine_in_order(plug: Plug, tmp_path: Path) -> None:
    plug(WEBGPU=lambda path: Fake(path, off=0.5))
    found = lines(tmp_path)
    text = checkup.report(found)
    assert not [line for line in found if line.fault], text
    assert text.endswith("All works\n")
    for part in (
        "Blender 4.2",
        "onnxruntime 1.",
        "CPU: ",
        "ms a frame",
        "PNG",
        "Model u2netp_int8.onnx",
        str(tmp_path),
    ):
        assert checkup.masked(part) in text
    assert "NOTE  WebGPU gives a wrong answer" in text


def test_the_self_test_says_what_is_broken(plug: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that a disk has spoiled, and a folder that is a file."""
    plug()
    (tmp_path / "u2netp.onnx").write_bytes(b"spoiled")
    monkeypatch.setattr(checkup, "MODELS", tmp_path)
    (tmp_path / "file").touch()
    found = lines(tmp_path / "file")
    faults = [str(line) for line in found if line.fault]
    assert any("u2netp.onnx" in line and "Reinstall" in line for line in faults)
    assert any("is a file" in line for line in faults)
    assert "do not work" in checkup.report(found)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("{home}/shots/a.blend", "~/shots/a.blend"),
        ("/home/somebody/x", "~/x"),
        ("/Users/Some Body/x", "~/x"),
        (r'Folder "C:\Users\Some Body\x y"', r'Folder "~\x y"'),
        (r"c:\\users\\somebody\\x", r"~\\x"),
        ("/media/{user}/disk", "/media/<user>/disk"),
    ],
)
def test_nobodys_name_is_in_the_report(path: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/people/jane")
    monkeypatch.setattr("getpass.getuser", lambda: "jane")
    assert checkup.masked(path.format(home="/srv/people/jane", user="jane")) == shown
