# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting models that do not come with Strip Matte: by https after a click, or from a file.

Nothing here uses the network unless Blender's own preferences allow it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading

import bpy
from bpy.props import EnumProperty, StringProperty

from ..inference import MatteError, catalogue, download
from . import settings

log = logging.getLogger(__name__)
TICK = 0.2  # seconds between two looks at how much is there
WAIT = 2.0  # seconds that quitting waits for the thread: one that hears nothing from its server ends with the process
MOVABLE = tuple(item for item in settings.MODELS if item[0] not in (catalogue.SHIPPED.identifier, "FILE"))
_current: Fetching | None = None
_timer: bpy.types.Timer | None = None


class Fetching:
    """A download, on a thread of its own or in place. No bpy here.

    done: bytes that are there. whole: whether the file has its name. trouble: a sentence where it failed.
    """

    def __init__(self, network: catalogue.Network, path: str) -> None:
        self.network = network
        self.done = 0
        self.whole = False
        self.trouble = ""
        self.stopped = False
        self._path = path
        self._thread = threading.Thread(target=self.work, name="strip_matte_download", daemon=True)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def share(self) -> float:
        """Of the file, 0 to 1."""
        return self.done / self.network.size

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end. What is there is kept."""
        self.stopped = True

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(WAIT)

    def work(self) -> None:
        """Download until the file is there, or it is stopped, or fails."""
        network = self.network
        try:
            coming = download.fetch(network.address, self._path, network.size, network.sha256)
            with contextlib.closing(coming):
                for self.done in coming:
                    if self.stopped:
                        return
                    self.tell()
            self.whole = True
        except MatteError as error:
            log.info("%s was not downloaded", network.name, exc_info=True)
            self.trouble = str(error)
        except Exception as error:  # a defect of ours: the editor gets a sentence, the log the traceback
            log.exception("%s was not downloaded", network.name)
            self.trouble = f"{type(error).__name__}: {error}. Please report this as a bug"

    def tell(self) -> None:
        """Called whenever more is there."""


class Printing(Fetching):
    """One that tells the terminal."""

    _told = -1

    def tell(self) -> None:
        part = int(self.share * 20) * 5
        if part > self._told:
            self._told = part
            sys.stdout.write(f"{self.network.title}: {part}% of {megabytes(self.network.size)}\n")
            sys.stdout.flush()


class PREFERENCES_OT_matte_model_download(bpy.types.Operator):
    """Download this model, check that it is the right file, and keep it on this machine. Esc stops, and what is there
    is kept for the next time"""

    bl_idname = "preferences.matte_model_download"
    bl_label = "Download"

    network: EnumProperty(name="Model", items=MOVABLE)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = why_not()
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background or context.window is None:
            return self.execute(context)
        path = self._path()
        if not path:
            return {"CANCELLED"}
        self._fetching = Fetching(_network(self.network), path)
        _set_current(self._fetching)
        _set_timer(context)
        self._fetching.start()
        context.window_manager.modal_handler_add(self)
        redraw(context)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" and event.value == "PRESS":
            self._fetching.stop()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        redraw(context)
        if self._fetching.running:
            if not bpy.app.online_access:  # taken back meanwhile
                self._fetching.stop()
            return {"PASS_THROUGH"}
        stop(context)
        return self._finish(self._fetching)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: the window is closed, another file is loaded, or Blender quits."""
        stop(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = self._path()
        if not path:
            return {"CANCELLED"}
        fetching = Printing(_network(self.network), path)
        fetching.work()
        return self._finish(fetching)

    def _path(self) -> str:
        """Where the file goes; empty, and told, where it can not go there or is there."""
        network = _network(self.network)
        try:
            settings.models_folder(create=True)
        except OSError as error:
            self.report({"ERROR"}, f'"{settings.models_folder()}" can not be made: {error.strerror}')
            return ""
        path = settings.network_file(network)
        if os.path.isfile(path):
            self.report({"INFO"}, f"{network.title} is on this machine")
            return ""
        return path

    def _finish(self, fetching: Fetching) -> set[str]:
        title = fetching.network.title
        if fetching.trouble:
            self.report({"ERROR"}, fetching.trouble)
            return {"CANCELLED"}
        if not fetching.whole:
            self.report({"INFO"}, f"Stopped at {percent(fetching.share)}. Download {title} again to go on from there")
            return {"CANCELLED"}
        self.report({"INFO"}, f"{title} is on this machine now")
        return {"FINISHED"}


class PREFERENCES_OT_matte_model_stop(bpy.types.Operator):
    """Stop the download. What is there is kept, and the next one goes on from it"""

    bl_idname = "preferences.matte_model_stop"
    bl_label = "Stop"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if _current is None:
            cls.poll_message_set("No model is being downloaded")
        return _current is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        if _current is not None:
            _current.stop()
        return {"FINISHED"}


class PREFERENCES_OT_matte_model_add(bpy.types.Operator):
    """Add one of these models from a file on this machine. It is known by its content, whatever its name, and copied"""

    bl_idname = "preferences.matte_model_add"
    bl_label = "Add Model from File"

    filepath: StringProperty(subtype="FILE_PATH")
    filter_glob: StringProperty(default="*.onnx", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _no_download(cls)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            network = download.bring(bpy.path.abspath(self.filepath), settings.models_folder(create=True))
        except MatteError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        except OSError as error:
            self.report({"ERROR"}, f'"{settings.models_folder()}" can not be made: {error.strerror}')
            return {"CANCELLED"}
        self.report({"INFO"}, f"{network.title} is on this machine now")
        redraw(context)
        return {"FINISHED"}


class PREFERENCES_OT_matte_model_remove(bpy.types.Operator):
    """Remove this model from this machine, or what an unfinished download has left of it. Projects that name it keep
    its name"""

    bl_idname = "preferences.matte_model_remove"
    bl_label = "Remove"

    network: EnumProperty(name="Model", items=MOVABLE)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _no_download(cls)

    def execute(self, context: bpy.types.Context) -> set[str]:
        network = _network(self.network)
        path = settings.network_file(network)
        try:
            download.discard(path)
            if os.path.isfile(path):
                os.unlink(path)
        except OSError as error:
            self.report({"ERROR"}, f'"{path}" can not be removed: {error.strerror}')
            return {"CANCELLED"}
        self.report({"INFO"}, f"{network.title} is removed from this machine")
        redraw(context)
        return {"FINISHED"}


def why_not() -> str:
    """Why nothing can be downloaded now, as a sentence without a full stop; empty where it can."""
    if _current is not None:
        return "A model is being downloaded. Wait for it, or stop it"
    if bpy.app.online_access:
        return ""
    if bpy.app.online_access_override:
        return "Blender was started without network access. Add the model's file, or start it without --offline-mode"
    return "Blender may not use the network. Allow Online Access in Preferences > System > Network, or add the file"


def current() -> Fetching | None:
    """The download that is under way in the background, if one is."""
    return _current


def state(network: catalogue.Network) -> str:
    """In a word or two, whether a model can be used: for the preferences and the command line."""
    if network is catalogue.SHIPPED:
        return "Shipped"
    path = settings.network_file(network)
    if os.path.isfile(path):
        return "Here"
    kept = download.kept(path, network.size)
    return f"Not here, {percent(kept / network.size)} kept" if kept else "Not here"


def listed() -> str:
    """The list, for a terminal."""
    lines = [
        f"{network.name}: {network.title}. {state(network)}. {megabytes(network.size)}, licence: {network.licence}\n"
        f"    {network.good_for}"
        for network in catalogue.NETWORKS
    ]
    return "\n".join(lines)


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def percent(share: float) -> str:
    """Rounded down: 100% is the whole."""
    return f"{int(share * 100)}%"


def stop(context: bpy.types.Context) -> None:
    """Stop a download that works in the background, and leave nothing of it behind but what it has."""
    global _timer  # noqa: PLW0603  see _set_timer
    if _current is not None:
        if _current.running:
            _current.stop()
            _current.join()
        _set_current(None)
    if _timer is not None:
        context.window_manager.event_timer_remove(_timer)
        _timer = None
    redraw(context)


def redraw(context: bpy.types.Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()


def _network(identifier: str) -> catalogue.Network:
    return next(network for network in catalogue.NETWORKS if network.identifier == identifier)


def _no_download(operator: type[bpy.types.Operator]) -> bool:
    if _current is not None:
        operator.poll_message_set("A model is being downloaded. Wait for it, or stop it")
    return _current is None


def _set_current(fetching: Fetching | None) -> None:
    global _current  # noqa: PLW0603  the rows, the Stop button and unregister() all ask for the one there is
    _current = fetching


def _set_timer(context: bpy.types.Context) -> None:
    global _timer  # noqa: PLW0603  one window timer for the one download
    _timer = context.window_manager.event_timer_add(TICK, window=context.window)


CLASSES = (
    PREFERENCES_OT_matte_model_download,
    PREFERENCES_OT_matte_model_stop,
    PREFERENCES_OT_matte_model_add,
    PREFERENCES_OT_matte_model_remove,
)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
