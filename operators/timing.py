# SPDX-License-Identifier: GPL-3.0-or-later
"""Which source frame does each timeline frame of a strip show? Numbers in, numbers out, no bpy.

The rules are Blender's `give_frame_index` and `retiming evaluate`, found by rendering clips whose pictures carry their
number under every condition, in each release; docs/frames.md has the results.
"""

import bisect
import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Key:
    """A retiming key.

    at: strip frame, counted in source frames from the content's start. part: of the content, 0 to 1, that has been
    shown by then. eased: from this key to the next the speed changes gradually.
    """

    at: float
    part: float
    eased: bool


@dataclass(frozen=True)
class Timing:
    """All that decides which source frame is seen.

    start, end: timeline frames where the content begins and (exclusive) ends; handles may lie inside or outside.
    length: source frames of content, without those that `skipped` hides.
    skipped: source frames cut off the start for good (Blender's animation_offset_start).
    rate: source frames a timeline frame.
    reversed, strobe: as Blender has them.
    keys: retiming, empty where there is none. span: what a key's part is a part of.
    whole: the steps between keys are counted in whole frames (to 4.3).
    compared: keys, counted from the one where a gradual change begins, whose speeds are compared.
    remembered: one picture serves all timeline frames whose position has the same whole part, the one that was shown
    first (from 5.0 on).
    """

    start: int
    end: int
    length: int
    skipped: int
    rate: float
    reversed: bool
    strobe: float
    keys: tuple[Key, ...]
    span: int
    whole: bool
    compared: tuple[int, int]
    remembered: bool

    def source_frames(self, frames: range) -> list[int]:
        """The source frame of each timeline frame, when they are played forward in this order."""
        shown: dict[int, int] = {}
        found = []
        for frame in frames:
            position = self._position(frame)
            nearest = math.floor(np.float32(position + np.float32(0.5))) + self.skipped
            found.append(shown.setdefault(math.floor(position), nearest) if self.remembered else nearest)
        return found

    def depends_on_order(self, frames: range) -> bool:
        """Whether scrubbing or playing backward may show other pictures than playing forward."""
        return self.remembered and self.source_frames(frames) != self.source_frames(frames[::-1])[::-1]

    def _position(self, frame: int) -> np.float32:
        """Where in the content a timeline frame is, in source frames. Single precision where Blender has it."""
        index = np.float32(self.end - 1 - frame if self.reversed else frame - self.start)
        index = max(index, np.float32(0)) * np.float32(self.rate)
        if self.keys:
            index = np.float32(self._part(float(index))) * np.float32(self.span)
        index = min(max(index, np.float32(0)), np.float32(self.length - 1))
        if self.strobe > 1:
            index = np.float32(index - np.fmod(index, np.float32(self.strobe)))
        return index

    def _part(self, index: float) -> float:
        """The part of the content that has been shown at a strip frame."""
        # The key at or before it, never the last one, which ends the last segment.
        at = max(bisect.bisect_right([key.at for key in self.keys[:-1]], index) - 1, 0)
        key = self.keys[at]
        if key.eased and not self._even(at):
            return min(1.0, self._on_arc(at, index))
        step = self._step(at - 1 if key.eased else at)
        return min(1.0, float(np.float32(key.part) + step * np.float32(index - key.at)))

    def _even(self, at: int) -> bool:
        """Whether Blender takes the speeds around a gradual change for the same, and goes on in a straight line."""
        before, after = self.compared
        return abs(self._speed(at + before) - self._speed(at + after)) < 0.01

    def _step(self, at: int) -> np.float32:
        """Part of the content a strip frame, between key `at` and the next."""
        key, following = self.keys[at], self.keys[at + 1]
        length = following.at - key.at
        return np.float32((np.float32(following.part) - np.float32(key.part)) / (int(length) if self.whole else length))

    def _speed(self, at: int) -> float:
        """Source frames a timeline frame on the way to key `at`; 1 at the first key, whatever follows."""
        return float(self._step(at - 1)) * self.span if at > 0 else 1.0

    def _on_arc(self, at: int, index: float) -> float:
        """A gradual change of speed: the circle that touches the straight lines before and after it."""
        before, begin, finish, after = self.keys[at - 1 : at + 3]
        # Normals of both lines, through the points where the arc leaves them.
        across = (-(begin.part - before.part), begin.at - before.at)
        back = (-(after.part - finish.part), after.at - finish.at)
        determinant = across[0] * back[1] - across[1] * back[0]
        gap = (finish.at - begin.at, finish.part - begin.part)
        along = (gap[0] * back[1] - gap[1] * back[0]) / determinant
        centre = (begin.at + along * across[0], begin.part + along * across[1])
        radius = math.hypot(begin.at - centre[0], begin.part - centre[1])
        side = -1 if centre[1] > begin.part else 1
        return centre[1] + side * math.sqrt(max(radius**2 - (index - centre[0]) ** 2, 0.0))


def playback_rate(media: float, fps: int, fps_base: float) -> float:
    """Source frames a timeline frame of a strip whose movie has `media` frames a second, in single precision."""
    return float(np.float32(media) / (np.float32(fps) / np.float32(fps_base)))
