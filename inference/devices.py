# SPDX-License-Identifier: GPL-3.0-or-later
"""What a network can run on beside the processor, in which order it is tried, and opening a session there.

docs/devices.md gives the reasons for the order. Whether a device is right and fast enough is found out in networks.py.
"""

import functools
import importlib
import importlib.util
import inspect
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from .libraries import load

AUTO, CPU = "AUTO", "CPU"
# Packages that bring a plug-in, where an installed zip holds one: each has get_library_path().
PACKAGES = ("onnxruntime_ep_webgpu", "onnxruntime_ep_openvino")
PLUG_IN = (
    "Unzip the wheel of the Python package {package} for this platform, and choose {library} in it as the Provider "
    "Library in Strip Matte's preferences"
)


@dataclass(frozen=True)
class Device:
    """Something that networks run on.

    name: as settings and jobs know it. label: for an editor. provider: ONNX Runtime's name of what computes there.
    how: what to do where it is not there. automatic: whether it is tried unasked. batch: pictures at a time.
    hosted: whether it computes on the processor's cores. bound: whether pictures and maps go through kept memory.
    """

    name: str
    label: str
    provider: str
    how: str
    automatic: bool = True
    batch: int = 1
    hosted: bool = False
    bound: bool = False

    def options(self, threads: int) -> dict[str, str]:
        """The provider's options. threads: cores that one answer may take, where it is computed on the processor."""
        if self.name == "OPENVINO":
            # Left to itself it computes in bfloat16 on processors that can, and is wrong by half of the range.
            exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(threads)}
            return {"load_config": json.dumps({"CPU": exact})}
        if self.name == "COREML":
            return {"ModelFormat": "MLProgram"}
        return {}


# The first that works is taken. Batches are for CUDA alone: others prepare anew for each number of pictures.
ORDER = (
    Device(
        "TENSORRT",
        "TensorRT",
        "TensorrtExecutionProvider",
        "It needs TensorRT, and an ONNX Runtime for NVIDIA in place of the one in Strip Matte's zip",
        automatic=False,
        bound=True,
    ),
    Device(
        "CUDA",
        "CUDA",
        "CUDAExecutionProvider",
        "It needs CUDA and cuDNN, and an ONNX Runtime for NVIDIA in place of the one in Strip Matte's zip",
        batch=16,
        bound=True,
    ),
    Device(
        "DIRECTML",
        "DirectML",
        "DmlExecutionProvider",
        "It needs Windows, and an ONNX Runtime with DirectML in place of the one in Strip Matte's zip",
    ),
    Device("COREML", "CoreML", "CoreMLExecutionProvider", "It is on Macs alone"),
    Device(
        "WEBGPU",
        "WebGPU",
        "WebGpuExecutionProvider",
        PLUG_IN.format(package="onnxruntime-ep-webgpu", library="the library onnxruntime_providers_webgpu"),
    ),
    Device(
        "OPENVINO",
        "OpenVINO",
        "OpenVINOExecutionProvider",
        PLUG_IN.format(package="onnxruntime-ep-openvino", library="the library onnxruntime_providers_openvino_plugin"),
        hosted=True,
    ),
    Device(CPU, "CPU", "CPUExecutionProvider", "", hosted=True),
)
BY_NAME = {device.name: device for device in ORDER}
# Of a plug-in's devices, which is preferred. OrtHardwareDeviceType's names.
KINDS = ("GPU", "NPU", "CPU")

_registered: dict[str, str] = {}  # file of a plug-in: what ONNX Runtime said against it
_lost: dict[str, str] = {}  # name of a device that failed in mid-job: what it said
_used: dict[str, str] = {}  # what was wished for: what was found to work
_there: tuple[str, ...] = ()  # what was found last


def add_library(file: str) -> str:
    """Let ONNX Runtime load a plug-in with an execution provider, once. Returns what it says against it, or nothing."""
    file = os.path.abspath(file)
    if file not in _registered:
        _registered[file] = _register(file)
    return _registered[file]


def there() -> tuple[str, ...]:
    """Names of the devices that this ONNX Runtime has, in the order in which they are tried. MatteError where it will
    not import. That one is named does not say that it works."""
    global _there  # noqa: PLW0603  preferences are drawn without loading what comes in wheels
    runtime = load("onnxruntime")
    _add_packages()
    providers = {*runtime.get_available_providers(), *(each.ep_name for each in _plugged(runtime))}
    _there = tuple(device.name for device in ORDER if device.provider in providers)
    return _there


def known() -> tuple[str, ...]:
    """What `there` said last; empty before. Loads nothing."""
    return _there


def found(wish: str, name: str) -> None:
    """Remember which device works, for `told`."""
    _used[wish] = name


def told(wish: str) -> str:
    """For an editor: what is wished for, and what a network really runs on as far as is known."""
    wished = "Automatic" if wish == AUTO else BY_NAME[wish].label
    name = _used.get(wish)
    return wished if name in (None, wish) else f"{BY_NAME[name].label} ({wished})"


def listed(names: Iterable[str]) -> str:
    """For an editor: devices that were used."""
    return ", ".join(BY_NAME[name].label if name in BY_NAME else name for name in names)


def session(path: str, name: str, threads: int) -> Any:
    """ONNX Runtime's session of a file on one device, and on no other. Raises what ONNX Runtime raises.

    Left to itself ONNX Runtime goes on on the processor where a device fails, and only prints that it does.
    """
    runtime, device = load("onnxruntime"), BY_NAME[name]
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if device.name == CPU:
        return runtime.InferenceSession(path, options, providers=[device.provider])
    if device.name == "DIRECTML":  # as its documentation demands
        options.enable_mem_pattern = False
    plugged = [each for each in _plugged(runtime) if each.ep_name == device.provider]
    if plugged:
        plugged.sort(key=lambda each: KINDS.index(each.device.type.name))
        options.add_provider_for_devices(plugged[:1], device.options(threads))
        made = runtime.InferenceSession(path, options, enable_fallback=0)
    else:
        providers = [(device.provider, device.options(threads)), BY_NAME[CPU].provider]
        made = runtime.InferenceSession(path, options, providers=providers, enable_fallback=0)
    if made.get_providers()[0] != device.provider:
        raise RuntimeError(f"{device.label} could not be started")
    return made


def memory(name: str, count: int) -> Any:
    """ONNX Runtime's value for so many float32, in memory that the processor reaches: page-locked for a device that has
    such memory to give."""
    runtime = load("onnxruntime")
    make = runtime.OrtValue.ortvalue_from_shape_and_type
    if "memory_info" in inspect.signature(make).parameters:  # not in earlier releases
        ours = (each for each in _plugged(runtime) if each.ep_name == BY_NAME[name].provider)
        locked = (each.memory_info(runtime.OrtDeviceMemoryType.HOST_ACCESSIBLE) for each in ours)
        if (info := next(filter(None, locked), None)) is not None:
            try:
                return make([count], np.float32, memory_info=info)
            except RuntimeError:  # none is left, or the device keeps it to itself: copies from any memory are right
                return make([count], np.float32)
    return make([count], np.float32)


def candidates(wish: str) -> list[str]:
    """Names of the devices to try, the CPU last. wish: 'AUTO', or what is tried first whether it is there or not."""
    if wish == CPU:
        return [CPU]
    unasked = [name for name in there() if BY_NAME[name].automatic and name != CPU]
    first = [] if wish == AUTO else [wish]
    return [*first, *(name for name in unasked if name != wish), CPU]


def absent(name: str) -> str:
    """Why a device can not be tried, to go on after its name, without a full stop; empty where it can."""
    if name in _lost:
        return f"failed: {_lost[name]}"
    if name in there():
        return ""
    if any(name.lower() in os.path.basename(file).lower() for file, said in _registered.items() if not said):
        return "is not there. Its plug-in is loaded and finds nothing here that it can use: a driver may be missing"
    against = [f"{os.path.basename(file)}: {said}" for file, said in _registered.items() if said]
    return "is not there. " + (". ".join(against) or BY_NAME[name].how)


def lose(name: str, reason: str) -> None:
    """A device failed in mid-job: it is not tried again in this process."""
    _lost.setdefault(name, reason)


def label(name: str) -> str:
    """What an editor calls a device: 'the CPU', 'CUDA'."""
    return "the CPU" if name == CPU else BY_NAME[name].label


def forget() -> None:
    """Let devices that were lost be tried again."""
    _lost.clear()
    _used.clear()


def first_line(error: BaseException) -> str:
    """What an error says, in one line of a bearable length."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


@functools.cache
def _add_packages() -> None:
    """Once: what is installed does not change in a process."""
    for package in PACKAGES:
        if importlib.util.find_spec(package) is not None:
            add_library(importlib.import_module(package).get_library_path())


def _register(file: str) -> str:
    register = getattr(load("onnxruntime"), "register_execution_provider_library", None)
    if register is None:  # before 1.22
        return "This ONNX Runtime takes no plug-ins"
    if not os.path.isfile(file):
        return "The file is not there"
    try:
        register(os.path.basename(file), file)
    except Exception as error:  # noqa: BLE001  ONNX Runtime has one class an error code; said where it is asked for
        return first_line(error)
    return ""


def _plugged(runtime: ModuleType) -> Sequence[Any]:
    """The devices of plug-ins. Empty in releases of ONNX Runtime that have none."""
    listed: Callable[[], Sequence[Any]] | None = getattr(runtime, "get_ep_devices", None)
    return listed() if listed else ()
