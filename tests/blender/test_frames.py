# SPDX-License-Identifier: GPL-3.0-or-later
"""Every source frame of every clip: what inference.movie gives is what Blender renders."""

import clips
import frames
import pytest


@pytest.mark.parametrize("name", [clip.name for clip in clips.CLIPS])
def test_each_source_frame_is_blenders(blender, name: str) -> None:
    assert frames.unexpected(frames.measure(name), blender.app.version) == ""
