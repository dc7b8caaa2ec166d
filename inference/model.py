# SPDX-License-Identifier: GPL-3.0-or-later
"""U2-Net, or any network with the same manners, in an ONNX Runtime session."""

import functools
import os
import threading
from collections.abc import Callable

import cv2
import numpy as np

from . import catalogue, devices
from .batches import Batches
from .bound import Bound
from .devices import first_line
from .errors import MatteError
from .libraries import load
from .picture import Picture
from .resample import Box

# What a file is asked with that the catalogue does not know: as U2-Net.
MEAN = np.array(catalogue.IMAGENET[0], np.float32)
DEVIATION = np.array(catalogue.IMAGENET[1], np.float32)
PATIENCE = 120.0  # seconds for one answer, after which the network is taken to loop for ever
LARGEST = 4096  # side that a file may fix
SIDE = 320  # the side U2-Net was trained at; the longer one, where the file leaves height and width open
MULTIPLE = 32  # U2-Net halves its picture five times
NARROWEST = 96  # of the shorter side: a picture more than 10:3 is squeezed rather than seen as a strip
FLOAT = "tensor(float)"
EXPECTED = "Expected an ONNX file with one NCHW float image input and a map as first output, as U2-Net has"


class Model:
    """One session. `map` may be called from several threads at once. On the CPU it gives the same bits however many
    there are.

    device: the name of what it runs on. sides: height and width that the network looks at, None where the file leaves
    them open.
    """

    def __init__(self, path: str, device: str = devices.CPU, threads: int = 1) -> None:
        """Load an ONNX file.

        path: the file. device: a name of devices.ORDER. threads: cores that one call of `map` computes on.
        Raises MatteError where ONNX Runtime will not import, where the file is missing or is not such a model, and
        where the device does not take it.
        """
        if not os.path.isfile(path):
            raise MatteError(f'The model "{path}" is not there. Choose an ONNX file in the add-on\'s preferences')
        load("onnxruntime")
        self.device = device
        try:
            self.session = devices.session(path, device, threads)
        except Exception as error:  # ONNX Runtime has one class an error code, all directly below Exception
            raise MatteError(f'"{path}" can not be read as a model. {EXPECTED} ({first_line(error)})') from error
        self._input, self._output, self.sides = self._check(path)
        self._mean, self._deviation = _fed_with(path)
        self._bound: Bound | None = None
        if devices.BY_NAME[device].bound:
            memory = functools.partial(devices.memory, device)
            self._bound = Bound(self.session, self._input, self._output, memory)
        self._answer: Callable[[np.ndarray], np.ndarray] = self._run_one
        if device != devices.CPU:  # one call at a time: not every device takes two
            single = self.session.get_inputs()[0].shape[0] == 1
            self._answer = Batches(self._run, 1 if single else devices.BY_NAME[device].batch).answer

    def _check(self, path: str) -> tuple[str, str, tuple[int, int] | None]:
        """Names of input and output, and the size the network looks at, None where the file leaves it open.

        MatteError where the file does not fit.
        """
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        found = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
        wrong = MatteError(f'"{path}" is not a matting model. {EXPECTED}; this one takes {found or "nothing"}')
        if len(inputs) != 1 or not outputs or inputs[0].type != FLOAT or outputs[0].type != FLOAT:
            raise wrong
        shape = inputs[0].shape
        if len(shape) != 4 or (isinstance(shape[1], int) and shape[1] != 3):
            raise wrong
        if isinstance(shape[0], int) and shape[0] != 1:
            raise wrong
        height, width = shape[2:]
        fixed = isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0
        if fixed and max(height, width) > LARGEST:
            raise wrong
        return inputs[0].name, outputs[0].name, (height, width) if fixed else None

    def planes(self, picture: Picture, part: Box | None = None) -> np.ndarray:
        """A picture, or a part of it, as the network sees it: (3, h, w) float32 RGB in 0..255, a little over at edges.

        Where the file fixes a size, the picture is stretched to it, as in training. Where it does not, the picture
        keeps its aspect, and its longer side becomes 320.
        """
        height, width = (side.stop - side.start for side in part) if part else (picture.height, picture.width)
        rows, columns = self.sides or (_side(height, width), _side(width, height))
        return picture.reduced(rows, columns, part)

    def map(self, planes: np.ndarray) -> np.ndarray:
        """The network's answer to what `planes` made: (h, w) float32 in 0..1.

        The answer is used on its own scale: the authors stretch each to 0..1, which makes a matte of the noise of an
        empty frame, and flickers. Sides the network can not take are lengthened by repeating the picture's rim.
        """
        height, width = planes.shape[1:]
        above, left, below, right = (0, 0, 0, 0) if self.sides else _rim(height, width)
        fed = (planes / 255.0 - self._mean) / self._deviation
        fed = np.pad(fed, ((0, 0), (above, below), (left, right)), mode="edge")
        answer = self._answer(fed)
        if answer.shape != fed.shape[1:]:  # some networks answer at half the size
            answer = cv2.resize(answer, fed.shape[:0:-1], interpolation=cv2.INTER_LINEAR)
        if not self.sides:
            answer = answer[above : above + height, left : left + width]
        return np.clip(np.nan_to_num(answer), 0.0, 1.0)

    def _run_one(self, fed: np.ndarray) -> np.ndarray:
        one: np.ndarray = self._run(fed[None])[0]
        return one

    def _run(self, fed: np.ndarray) -> np.ndarray:
        """The network's answers (n, h, w) to (n, 3, h, w)."""
        options = load("onnxruntime").RunOptions()
        watch = threading.Timer(PATIENCE, setattr, (options, "terminate", True))
        watch.daemon = True
        watch.start()
        try:
            if self._bound:
                answers = self._bound.run(fed, options)
            else:
                (answers,) = self.session.run([self._output], {self._input: fed}, options)
        except Exception as error:
            raise MatteError(f"The model failed on a frame. {EXPECTED} ({first_line(error)})") from error
        finally:
            watch.cancel()
            watch.join()  # it takes a moment to end, and nothing is to be left of a job that is stopped
        maps = answers[:, 0] if answers.ndim == 4 and answers.shape[1] else answers
        if maps.ndim != 3 or len(maps) != len(fed) or min(maps.shape[1:]) < 2:
            raise MatteError(f"The model's first output has the shape {answers.shape}. {EXPECTED}")
        return maps


def _fed_with(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation for a file's network, each (3, 1, 1) float32. A file that is not known is asked as U2-Net."""
    network = catalogue.recognised(path)
    if network is None:
        return MEAN[:, None, None], DEVIATION[:, None, None]
    mean, deviation = np.array(network.mean, np.float32), np.array(network.deviation, np.float32)
    return mean[:, None, None], deviation[:, None, None]


def _side(side: int, other: int) -> int:
    """What one side of a picture is reduced to."""
    return SIDE if side >= other else max(round(SIDE * side / other), NARROWEST)


def _rim(height: int, width: int) -> tuple[int, int, int, int]:
    """Rows above, columns left, rows below and columns right that make both sides multiples of 32."""
    more_rows, more_columns = -height % MULTIPLE, -width % MULTIPLE
    above, left = more_rows // 2, more_columns // 2
    return above, left, more_rows - above, more_columns - left
