# SPDX-License-Identifier: GPL-3.0-or-later
"""A session that is fed from, and answers into, memory that is kept (ONNX Runtime's IO binding).

A card copies from page-locked memory without a detour, and memory that is kept is not locked anew for each batch.
"""

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np


class Bound:
    """Runs a session with one input and one output of float32, one call at a time."""

    def __init__(self, session: Any, fed: str, answered: str, memory: Callable[[int], Any]) -> None:
        """session: ONNX Runtime's. fed, answered: names of its input and of its output. memory: makes an OrtValue of so
        many float32 that the processor can reach."""
        self._session, self._fed, self._answered = session, fed, answered
        self._binding = session.io_binding()
        self._input, self._output = Buffer(memory), Buffer(memory)
        # What one picture is answered with, by the picture's shape: only a run tells.
        self._shapes: dict[tuple[int, ...], tuple[int, ...]] = {}

    def run(self, fed: np.ndarray, options: Any) -> np.ndarray:
        """The session's answers to pictures (n, ...) float32. options: RunOptions. Raises what ONNX Runtime raises."""
        pictures = self._input.array(fed.shape)
        pictures[:] = fed
        # A card is sent the input while it is bound: it is bound anew for each run.
        self._binding.bind_input(self._fed, "cpu", 0, np.float32, fed.shape, pictures.ctypes.data)
        shape = self._shapes.get(fed.shape[1:])
        if shape is None:
            self._binding.bind_output(self._answered, "cpu")
            self._session.run_with_iobinding(self._binding, options)
            (first,) = self._binding.copy_outputs_to_cpu()
            self._shapes[fed.shape[1:]] = first.shape[1:]
            return np.array(first)
        answers = self._output.array((len(fed), *shape))
        self._binding.bind_output(self._answered, "cpu", 0, np.float32, answers.shape, answers.ctypes.data)
        self._session.run_with_iobinding(self._binding, options)
        return answers.copy()


class Buffer:
    """Memory for arrays, made anew only where a larger one is asked for."""

    def __init__(self, memory: Callable[[int], Any]) -> None:
        self._memory = memory
        self._value: Any = None
        self._flat = np.empty(0, np.float32)

    def array(self, shape: tuple[int, ...]) -> np.ndarray:
        """An array of float32 on the memory: what was in it is written over."""
        count = math.prod(shape)
        if count > len(self._flat):
            self._value = self._memory(count)
            # Not its numpy(), which in earlier releases of ONNX Runtime is a copy.
            start = ctypes.cast(self._value.data_ptr(), ctypes.POINTER(ctypes.c_float))
            self._flat = np.ctypeslib.as_array(start, (count,))
        return self._flat[:count].reshape(shape)
