# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps in the life of an installed extension, in a Blender of their own: `python steps.py ROOM STEP[=WORD] ...`, or
`blender --python steps.py -- ROOM STEP[=WORD] ...` for one with a window.

run.py copies this file and timeline.py into the room and starts it in a Blender that has nothing of ours. What
a step has to tell ends in ROOM/STEP.json, which is only there when the step came to its end. "After a restart" is true
where each step has a Blender of its own; run.py tells why 4.2 takes all in one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).parent))

import timeline

MODULE = timeline.MODULE
PACKAGES = ("av", "cv2", "isal", "onnxruntime")
"""What our wheels bring."""

CORES = 1
"""A preference that is not as it was at first, to be kept."""

START, FRAMES = 60, 3
"""The frames of the clip that are cut out: the rabbit stands left of the middle, and nothing of it in the corners."""

BACKGROUND = (0.9, 0.35, 0.1)

WINDOW = not bpy.app.background


def empty(_room: Path, cut_off: str) -> dict[str, Any]:
    """A Blender that nothing was ever installed into."""
    found = [name for name in PACKAGES if importlib.util.find_spec(name)]
    assert not found, f"this Python has {found} without the extension, so nothing would be shown"
    interfaces = [name for _, name in socket.if_nameindex()]
    assert cut_off == "no" or interfaces == ["lo"], f"there is a network: {interfaces}"
    bpy.ops.wm.save_userpref()
    return {
        "blender": bpy.app.version_string,
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "path": sys.path,
    }


def install(room: Path, extension: str) -> dict[str, Any]:
    """From the zip to a cutout without a restart, as Preferences > Get Extensions > Install from Disk does it."""
    install_file(extension)
    preferences().cores = CORES
    made = cut_out(room / "images-installed")
    if WINDOW:
        bpy.context.preferences.filepaths.file_preview_type = "NONE"  # else Blender leaves a thumbnail in the home
        bpy.ops.wm.save_as_mainfile(filepath=str(room / "shot.blend"))
    bpy.ops.wm.save_userpref()
    return made


def upgrade(room: Path, extension: str) -> dict[str, Any]:
    """After a restart: it is enabled, takes the newer zip, keeps its preferences and works on."""
    assert preferences().cores == CORES, "the preferences did not outlive a restart"
    before = version()
    install_file(extension)
    assert version() != before, f"{before} is still there"
    assert preferences().cores == CORES, "the preferences did not outlive the upgrade"
    made = cut_out(room / "images-upgraded")
    bpy.ops.wm.save_userpref()
    return {**made, "from": before, "to": version()}


def disable(room: Path) -> dict[str, Any]:
    """After another restart it works; then it is disabled, and Blender is as if it had never been there."""
    assert preferences().cores == CORES, "the preferences did not outlive the upgrade and a restart"
    made = cut_out(room / "images-restarted")
    before = {kind: sorted(found()) for kind, found in TRACES.items()}
    # Each look finds what there is to be found: else it would see nothing afterwards either.
    blind = [kind for kind in ("classes", "properties", "menu entries") if not before[kind]]
    assert not blind, f"no {blind} were seen of the enabled extension"
    bpy.ops.preferences.addon_disable(module=MODULE)
    after = {kind: left for kind, found in TRACES.items() if (left := sorted(found()))}
    assert not after, f"left behind by disabling: {after}"
    bpy.ops.wm.save_userpref()
    return {**made, "was": {kind: len(names) for kind, names in before.items()}}


def remove(_room: Path) -> dict[str, Any]:
    """After one more restart it is still disabled, and is removed."""
    assert MODULE not in bpy.context.preferences.addons, "the extension is enabled again"
    names = [repository.module for repository in bpy.context.preferences.extensions.repos]
    done = bpy.ops.extensions.package_uninstall(repo_index=names.index("user_default"), pkg_id="strip_matte")
    assert done == {"FINISHED"}, done
    bpy.ops.wm.save_userpref()
    return {}


def after(_room: Path) -> dict[str, Any]:
    """A last start."""
    found = [name for name in PACKAGES if importlib.util.find_spec(name)]
    assert not found, f"{found} can still be imported"
    assert MODULE not in bpy.context.preferences.addons
    return {"path": sys.path}


# The hands


def install_file(extension: str) -> None:
    done = bpy.ops.extensions.package_install_files(repo="user_default", filepath=extension, enable_on_install=True)
    assert done == {"FINISHED"}, done
    assert MODULE in bpy.context.preferences.addons, "it was not enabled"


def preferences() -> Any:
    assert MODULE in bpy.context.preferences.addons, "the extension is not enabled after a restart"
    return bpy.context.preferences.addons[MODULE].preferences


def version() -> str:
    import addon_utils

    addon_utils.modules_refresh()
    (module,) = [module for module in addon_utils.modules() if module.__name__ == MODULE]
    return ".".join(str(part) for part in module.bl_info["version"])


def cut_out(folder: Path) -> dict[str, Any]:
    """Cut the frames out through the operator with the settings that a user finds, over a colour, and render one."""
    if not WINDOW:
        bpy.ops.wm.read_homefile(use_factory_startup=False, use_empty=True)
    scene = timeline.new_scene(1280, 720, 25)
    scene.strip_matte.folder = str(folder)
    timeline.add_colour(scene, BACKGROUND, 1, 1, 200)
    movie = timeline.add_movie(scene, folder.parent / "clip.mp4", channel=2)
    timeline.trim(movie, START, FRAMES)
    assert bpy.ops.sequencer.matte_add() == {"FINISHED"}
    (made,) = [strip for strip in timeline.strips(scene.sequence_editor) if "strip_matte" in strip]
    if WINDOW:
        show_panel()
    images = [str(Path(bpy.path.abspath(made.directory), element.filename)) for element in made.elements]
    # Where the packages came from: Blender unpacked them, or nothing was shown.
    origins = [str(sys.modules[name].__file__) for name in PACKAGES if name in sys.modules]
    inside = os.environ["BLENDER_USER_RESOURCES"]
    assert origins, "the cutout was made without a package of ours"
    assert all(origin.startswith(inside) for origin in origins), origins
    return {"images": images, "rendered": str(render(scene, START + 1, folder.with_suffix(".png")))}


def show_panel() -> None:
    """Draw the panel in the sidebar: what goes wrong there is printed, and run.py finds it."""
    area = max(bpy.context.window.screen.areas, key=lambda area: area.width * area.height)
    area.ui_type = "SEQUENCE_EDITOR"
    area.spaces.active.show_region_ui = True
    for _ in range(2):  # a tab has a panel once the sidebar was drawn
        bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
        (sidebar,) = [region for region in area.regions if region.type == "UI"]
        if sidebar.active_panel_category != "UNSUPPORTED":
            sidebar.active_panel_category = "Matte"
    assert sidebar.active_panel_category == "Matte"
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)


def render(scene: Any, frame: int, path: Path) -> Path:
    scene.frame_set(frame)
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "8"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    return path


# The eyes: what an enabled extension adds to Blender, by name


def ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).startswith(MODULE)


def subclasses(parent: Any) -> Iterator[Any]:
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


def classes() -> set[str]:
    """Registered ones: Blender takes bl_rna away from a class that it forgets."""
    return {cls.__name__ for cls in subclasses(bpy.types.bpy_struct) if ours(cls) and "bl_rna" in vars(cls)}


def properties() -> set[str]:
    owners = (bpy.types.Scene, bpy.types.WindowManager, bpy.types.MovieClip)
    return {f"{owner.__name__}.{name}" for owner in owners for name in dir(owner) if name.startswith("strip_matte")}


def menu_entries() -> set[str]:
    menus = [cls for cls in subclasses(bpy.types.bpy_struct) if hasattr(getattr(cls, "draw", None), "_draw_funcs")]
    return {menu.__name__ for menu in menus if any(ours(function) for function in menu.draw._draw_funcs)}


def handlers() -> set[str]:
    lists = {name: getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers) if not name.startswith("_")}
    return {name for name, found in lists.items() if isinstance(found, list) and any(ours(one) for one in found)}


def timers() -> set[str]:
    modules = [module for name, module in list(sys.modules.items()) if name.startswith(MODULE)]
    functions = [(module.__name__, one) for module in modules for one in vars(module).values() if callable(one)]
    return {f"{name}.{one.__name__}" for name, one in functions if ours(one) and bpy.app.timers.is_registered(one)}


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread is not threading.main_thread()}


def keys() -> set[str]:
    addon = bpy.context.window_manager.keyconfigs.addon
    items = [item for keymap in addon.keymaps for item in keymap.keymap_items] if addon else []
    return {item.idname for item in items if "matte" in item.idname}


TRACES: dict[str, Callable[[], set[str]]] = {
    "classes": classes,
    "properties": properties,
    "menu entries": menu_entries,
    "handlers": handlers,
    "timers": timers,
    "threads": threads,
    "keys": keys,
}

STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    "empty": empty,
    "install": install,
    "upgrade": upgrade,
    "disable": disable,
    "remove": remove,
    "after": after,
}


def main(words: list[str]) -> None:
    place, *steps = words
    if not WINDOW and bpy.app.version >= (4, 5) and not steps[0].startswith("empty"):
        # Blender as a module starts with the factory's preferences; the program reads the user's.
        bpy.ops.wm.read_userpref()
    for one in steps:
        name, _, word = one.partition("=")
        told = STEPS[name](Path(place), *([word] if word else []))
        Path(place, f"{name}.json").write_text(json.dumps(told))


def leave_after_main() -> None:
    """Some releases of pip bpy crash as they quit, after all is done; with a window Blender would live on."""
    status = 1
    try:
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]) if WINDOW else nullcontext():
            main(sys.argv[sys.argv.index("--") + 1 :] if WINDOW else sys.argv[1:])
        status = 0
    except BaseException:  # noqa: BLE001  the outermost frame: a timer's is printed, and Blender goes on
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if not WINDOW:
    leave_after_main()
# When the window is there.
bpy.app.timers.register(leave_after_main, first_interval=0.5, persistent=True)
