# SPDX-License-Identifier: GPL-3.0-or-later
"""What an editor can set: for the shot in the scene, for the machine in the preferences."""

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from .. import inference
from . import strips

ADDON = __package__.rpartition(".")[0]

MODELS = (
    ("U2NETP", "U2-Net P", "The small U2-Net that comes with Strip Matte: any salient subject, fast on every machine"),
    ("FILE", "Model File", "The ONNX file that is chosen in the add-on's preferences"),
)
OUTPUTS = (
    ("CUTOUT", "Cutout", "An image strip with the movie's colour and the matte as its alpha, above the muted movie"),
)
QUALITIES = (
    ("EVERY", "Every Frame", "The network looks at every frame"),
    (
        "ADAPTIVE",
        "Adaptive",
        (
            "The network looks at the frames it must. Between them the matte follows the picture's motion, where that "
            "gives what the network would say"
        ),
    ),
    ("DRAFT", "Draft", "As Adaptive, and content with less. For rough cuts"),
)
PRECISIONS = (
    ("AUTO", "Automatic", "8 bits where this machine is faster so, else full precision"),
    ("FULL", "Full", "The network as its authors trained it, on every machine"),
)
DEVICES = (
    ("AUTO", "Automatic", "The fastest device that works on this machine"),
    ("CPU", "CPU", "The processor"),
)


class StripMatteSettings(bpy.types.PropertyGroup):
    """The shot's settings, at scene.strip_matte."""

    model: EnumProperty(name="Model", description="The network that finds the subject", items=MODELS)
    output: EnumProperty(name="Output", description="What is put on the timeline", items=OUTPUTS)
    quality: EnumProperty(
        name="Quality", description="How often the network looks at the movie", items=QUALITIES, default="ADAPTIVE"
    )
    precision: EnumProperty(name="Precision", description="How exactly the network computes", items=PRECISIONS)
    folder: StringProperty(
        name="Folder",
        description="Where the images are kept, one folder for each movie and model. // is beside the project file",
        subtype="DIR_PATH",
        options=strips.RELATIVE_PATH,
        default="//strip_matte/",
    )
    mute_source: BoolProperty(
        name="Mute Source",
        description="Mute the movie strip when its cutout is in place, so that the background is gone",
        default=True,
    )


class Preferences:
    """The machine's settings. Mixed into the class that draws them, in ui."""

    model_file: StringProperty(
        name="Model File",
        description="An ONNX file with one NCHW float image input and a matte as its first output, such as U2-Net",
        subtype="FILE_PATH",
        options=strips.RELATIVE_PATH,
    )
    device: EnumProperty(name="Device", description="What the network runs on", items=DEVICES)
    cores: IntProperty(
        name="Cores",
        description="Processor cores that a job may use. 0 takes all; in a window, all but one of three or more",
        min=0,
        soft_max=64,
    )


def preferences(context: bpy.types.Context) -> Preferences:
    """The machine's settings. MatteError where Blender was started with --addons, which makes none."""
    addon = context.preferences.addons.get(ADDON)
    if addon is None or addon.preferences is None:
        raise inference.MatteError(
            "Strip Matte has no preferences. Enable it in Blender's preferences, not by --addons"
        )
    return addon.preferences


def model_path(context: bpy.types.Context, settings: StripMatteSettings) -> str:
    """The absolute path of the chosen ONNX file. MatteError where none is chosen."""
    if settings.model == "U2NETP":
        return inference.BUILT_IN_MODEL
    chosen = preferences(context).model_file
    if not chosen:
        raise inference.MatteError("No model file is chosen. Choose an ONNX file in the add-on's preferences")
    return bpy.path.abspath(chosen)


CLASSES = (StripMatteSettings,)
_register_classes, _unregister_classes = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    _register_classes()
    bpy.types.Scene.strip_matte = PointerProperty(type=StripMatteSettings, name="Strip Matte")


def unregister() -> None:
    del bpy.types.Scene.strip_matte
    _unregister_classes()
