# SPDX-License-Identifier: GPL-3.0-or-later
"""U2-Net, or any network with the same manners, in an ONNX Runtime session."""

import os

import numpy as np

from .errors import MatteError
from .libraries import load
from .resample import reduce

# Qin et al. 2020, data_loader.py of the authors' U-2-Net: RGB in 0..1, then the mean and deviation of ImageNet.
MEAN = np.array((0.485, 0.456, 0.406), np.float32)
DEVIATION = np.array((0.229, 0.224, 0.225), np.float32)
DEFAULT_SIDE = 320  # the side U2-Net was trained at, taken where the file leaves height and width open
# Execution providers for each device that can be chosen, the first that is there and works is taken.
PROVIDERS = {"AUTO": ("CUDAExecutionProvider", "CPUExecutionProvider"), "CPU": ("CPUExecutionProvider",)}
FLOAT = "tensor(float)"
EXPECTED = "Expected an ONNX file with one NCHW float image input and a map as first output, as U2-Net has"


class Model:
    """One session. `map` may be called from several threads at once, and gives the same bits however many there are."""

    def __init__(self, path: str, device: str = "AUTO", threads: int = 1) -> None:
        """Load an ONNX file.

        path: the file. device: 'AUTO' or 'CPU'. threads: cores that one call of `map` computes on.
        Raises MatteError where ONNX Runtime will not import, and where the file is missing or is not such a model.
        """
        if not os.path.isfile(path):
            raise MatteError(f'The model "{path}" is not there. Choose an ONNX file in the add-on\'s preferences')
        runtime = load("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        there = runtime.get_available_providers()
        providers = [provider for provider in PROVIDERS[device] if provider in there]
        try:
            self.session = runtime.InferenceSession(path, options, providers=providers)
        except Exception as error:  # ONNX Runtime has one class an error code, all directly below Exception
            raise MatteError(f'"{path}" can not be read as a model. {EXPECTED} ({_first_line(error)})') from error
        self.input, self.output, self.height, self.width = self._check(path)

    def _check(self, path: str) -> tuple[str, str, int, int]:
        """Names of input and output, and the size the network looks at; MatteError where the file does not fit."""
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
        height, width = (side if isinstance(side, int) and side > 0 else DEFAULT_SIDE for side in shape[2:])
        return inputs[0].name, outputs[0].name, height, width

    def map(self, picture: np.ndarray) -> np.ndarray:
        """The network's answer: (height, width) float32 in 0..1 for an (H, W, 3) uint8 RGB picture in sRGB code.

        The picture is stretched to the network's size, as in training. The answer is used on its own scale: the
        authors stretch each to 0..1, which makes a matte of the noise of an empty frame, and flickers.
        """
        planes = reduce(picture, self.height, self.width)
        planes *= (1.0 / (255.0 * DEVIATION))[:, None, None]
        planes -= (MEAN / DEVIATION)[:, None, None]
        try:
            (answer,) = self.session.run([self.output], {self.input: planes[None]})
        except Exception as error:
            raise MatteError(f"The model failed on a frame. {EXPECTED} ({_first_line(error)})") from error
        answer = np.squeeze(answer[0][:1] if answer.ndim == 4 else answer)
        if answer.ndim != 2 or min(answer.shape) < 2:
            raise MatteError(f"The model's first output has the shape {answer.shape}. {EXPECTED}")
        return np.clip(np.nan_to_num(answer), 0.0, 1.0)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
