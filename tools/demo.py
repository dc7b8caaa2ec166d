# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: a movie strip becomes a cutout over a coloured background with a title between the two.

The clip is Big Buck Bunny, (c) 2008 Blender Foundation, peach.blender.org, CC-BY 3.0. Everything ends in build/demo/.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / "build" / "clips" / "bigbuckbunny.mp4"
OUT = ROOT / "build" / "demo"
BACKGROUND = (0.9, 0.35, 0.1)
SHEET_FRAMES = (1, 45, 90, 132)
SHEET_WIDTH = 480


def main() -> int:
    shutil.rmtree(OUT, ignore_errors=True)
    resources = OUT / "user"
    resources.mkdir(parents=True)
    os.environ["BLENDER_USER_RESOURCES"] = str(resources)
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    import bpy
    import timeline

    timeline.use_checkout(resources)
    clip = timeline.addon("inference").probe(str(CLIP))
    scene = timeline.new_scene(clip.width, clip.height, round(clip.fps))
    timeline.add_colour(scene, BACKGROUND, 1, 1, clip.frames)
    title = timeline.add_effect(scene, "TEXT", "Title", 2, 1, clip.frames)
    title.text, title.font_size = "STRIP MATTE", 180
    timeline.add_movie(scene, CLIP, channel=3)
    scene.frame_start, scene.frame_end = 1, clip.frames
    bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "demo.blend"))

    print(f"Matting {clip.frames} frames of {CLIP.name}, {clip.width} x {clip.height}")
    if bpy.ops.sequencer.matte_add() != {"FINISHED"}:
        return 1
    composite, with_alpha = OUT / "composite.mp4", OUT / "cutout_alpha.mov"
    with progress("Over a colour", scene):
        timeline.render_movie(scene, composite, "MPEG4", "H264", alpha=False)
    for name in ("Background", "Title"):
        timeline.strips(scene.sequence_editor)[name].mute = True
    with progress("With alpha", scene):
        timeline.render_movie(scene, with_alpha, "QUICKTIME", "PRORES", alpha=True)
    bpy.ops.wm.save_mainfile()

    sheet = OUT / "contact_sheet.png"
    contact_sheet(timeline.addon("inference.movie"), composite, sheet)
    shutil.rmtree(resources)
    for made in (composite, with_alpha):
        movie = timeline.addon("inference").probe(str(made))
        same = (movie.width, movie.height, movie.fps, movie.frames) == (clip.width, clip.height, clip.fps, clip.frames)
        print(
            f"{made.relative_to(ROOT)}: {movie.width} x {movie.height}, {movie.fps} fps, {movie.frames} frames", end=""
        )
        print(", as the clip" if same else ", NOT as the clip")
        if not same:
            return 1
    print(f"{sheet.relative_to(ROOT)}: frame, matte, composite")
    print(f"{(OUT / 'demo.blend').relative_to(ROOT)}: the project")
    return 0


@contextlib.contextmanager
def progress(what: str, scene: Any) -> Iterator[None]:
    """A bar on the terminal while Blender renders; its own two lines a frame go to render.log."""
    import bpy

    terminal, log = os.dup(1), os.open(OUT / "render.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def show(*_: object) -> None:
        done = scene.frame_current - scene.frame_start + 1
        share = done / (scene.frame_end - scene.frame_start + 1)
        if os.isatty(terminal):
            os.write(terminal, f"\r{what} [{'#' * int(share * 30):<30}] {done} frames".encode())
        elif share == 1:
            os.write(terminal, f"{what}: {done} frames rendered\n".encode())

    sys.stdout.flush()
    os.dup2(log, 1)
    bpy.app.handlers.render_write.append(show)
    try:
        yield
    finally:
        bpy.app.handlers.render_write.remove(show)
        sys.stdout.flush()
        os.dup2(terminal, 1)
        if os.isatty(terminal):
            os.write(terminal, b"\n")
        os.close(terminal)
        os.close(log)


def contact_sheet(movie: Any, composite: Path, path: Path) -> None:
    """A PNG of rows: the clip's frame, its matte, and the rendered composite."""
    import cv2
    import numpy as np

    folder = next((OUT / "strip_matte").iterdir())
    wanted = [frame - 1 for frame in SHEET_FRAMES]
    rows = []
    for (frame, before), (_, after) in zip(
        movie.decode(str(CLIP), wanted), movie.decode(str(composite), wanted), strict=True
    ):
        matte = cv2.imread(str(folder / f"{frame:06d}.png"), cv2.IMREAD_UNCHANGED)[..., 3]
        cells = (before[..., ::-1], np.repeat(matte[..., None], 3, axis=2), after[..., ::-1])
        height = SHEET_WIDTH * before.shape[0] // before.shape[1]
        rows.append(np.hstack([cv2.resize(c, (SHEET_WIDTH, height), interpolation=cv2.INTER_AREA) for c in cells]))
    cv2.imwrite(str(path), np.vstack(rows))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # some releases of pip bpy crash as they quit, after all is done
