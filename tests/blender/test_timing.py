# SPDX-License-Identifier: GPL-3.0-or-later
"""Every timeline frame of a strip, under every condition: the source frame that we name is the one that is shown."""

from pathlib import Path

import bpy
import conditions
import pytest

RETIMES_IMAGES = bpy.app.version >= (4, 4, 0)


@pytest.mark.parametrize("name", conditions.CLIPS)
@pytest.mark.parametrize("condition", conditions.CONDITIONS, ids=lambda condition: condition.__name__)
def test_each_timeline_frame_is_blenders(blender, tmp_path: Path, condition: conditions.Condition, name: str) -> None:
    assert conditions.measure(condition, name, tmp_path).wrong == ()


@pytest.mark.parametrize(
    "condition",
    [each for each in conditions.CONDITIONS if RETIMES_IMAGES or each not in conditions.RETIMED],
    ids=lambda condition: condition.__name__,
)
def test_each_timeline_frame_of_an_image_strip_is_blenders(
    blender, tmp_path: Path, condition: conditions.Condition
) -> None:
    assert conditions.measure_pictures(condition, tmp_path).wrong == ()
