# SPDX-License-Identifier: GPL-3.0-or-later
"""What an editor can set: for the shot in the scene, for the machine in the preferences."""

import functools
import os

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from .. import inference
from ..inference import catalogue, devices
from . import strips

ADDON = __package__.rpartition(".")[0]

# Scenes keep the last number: one that was given stays, and so does what a project means on another machine.
NUMBERS = {"U2NETP": 0, "FILE": 1, "U2NET": 2, "U2NET_HUMAN_SEG": 3, "SILUETA": 4, "ISNET_GENERAL_USE": 5}
COMES_FROM = {True: "It comes with Strip Matte", False: "It is downloaded, or added, in the add-on's preferences"}
MODELS = (
    *(
        (n.identifier, n.title, f"{n.good_for}. {COMES_FROM[n is catalogue.SHIPPED]}", NUMBERS[n.identifier])
        for n in catalogue.NETWORKS
    ),
    ("FILE", "Model File", "The ONNX file that is chosen in the add-on's preferences", NUMBERS["FILE"]),
)
OUTPUTS = (
    ("CUTOUT", "Cutout", "An image strip with the movie's colour and the matte as its alpha, above the muted movie"),
    (
        "MATTE",
        "Matte",
        "A muted strip of grey frames, and a Mask modifier on the movie that reads it. The movie's own pixels stay",
    ),
)
FORMATS = (
    ("PNG8", "PNG, 8 Bits", "Quick to make, and read by everything"),
    (
        "PNG16",
        "PNG, 16 Bits",
        (
            "For the output Matte alone: soft edges in 65,536 steps of gray, in larger files. The compositor shows "
            "them, and the sequencer where the movie strip has Convert to Float"
        ),
    ),
    (
        "WEBP",
        "WebP, Lossless",
        "The same pixels as PNG, 8 Bits, in smaller files that take longer to make",
    ),
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
KEEPS = (
    ("ALL", "Everything", "All that the network finds"),
    ("LARGEST", "Largest", "The largest separate piece, even where another is larger for a few frames"),
    ("PICKED", "Picked", "The piece that was picked with Pick Subject, followed through the strip"),
)
MASK_MODES = (
    ("LIMIT", "Limit", "Nothing outside the mask belongs to the subject"),
    ("EXCLUDE", "Exclude", "Nothing inside the mask belongs to the subject"),
    ("INCLUDE", "Include", "Everything inside the mask belongs to the subject"),
)
DEVICES = (
    ("AUTO", "Automatic", "The first device that is there, answers as the processor does, and is faster"),
    *((device.name, device.label, device.how or "The processor") for device in devices.ORDER),
)
# Preferences keep the number.
DEVICE_NUMBERS = {"AUTO": 0, "CPU": 1, "CUDA": 2, "DIRECTML": 3, "COREML": 4, "WEBGPU": 5, "OPENVINO": 6, "TENSORRT": 7}


@functools.cache  # Blender wants texts that outlive the call
def _devices_of(known: tuple[str, ...]) -> tuple[tuple[str, str, str, int], ...]:
    """The devices, and which of them are not there. known: names of those that are; empty where nobody knows."""
    return tuple(
        (
            name,
            label if not known or name in ("AUTO", *known) else f"{label} (not available)",
            tooltip,
            DEVICE_NUMBERS[name],
        )
        for name, label, tooltip in DEVICES
    )


def _devices(_preferences: object, _context: object) -> tuple[tuple[str, str, str, int], ...]:
    return _devices_of(devices.known())


class StripMatteSettings(bpy.types.PropertyGroup):
    """The shot's settings, at scene.strip_matte."""

    model: EnumProperty(name="Model", description="The network that finds the subject", items=MODELS)
    output: EnumProperty(name="Output", description="What is put on the timeline", items=OUTPUTS)
    format: EnumProperty(name="Format", description="What files the images are kept in", items=FORMATS)
    quality: EnumProperty(
        name="Quality", description="How often the network looks at the movie", items=QUALITIES, default="ADAPTIVE"
    )
    precision: EnumProperty(name="Precision", description="How exactly the network computes", items=PRECISIONS)
    edges: BoolProperty(
        name="Refine Edges",
        description="Let the matte follow the picture's own edges, at the movie's full size",
        default=True,
    )
    edge_colour: BoolProperty(
        name="Clean Edge Color",
        description="Take the old background's color out of hair, blur and other soft edges",
        default=True,
    )
    steady: BoolProperty(
        name="Steady",
        description="Remove flicker, with the help of the frames before and after. A cut is left as it is",
        default=True,
    )
    keep: EnumProperty(name="Keep", description="Which of several separate things is the subject", items=KEEPS)
    use_region: BoolProperty(
        name="Region",
        description="Look for the subject in a part of the picture alone, and at more detail. Nothing outside is kept",
    )
    region_min: FloatVectorProperty(
        name="Region Min",
        description="Left and lower side of the region, as parts of the movie's picture",
        size=2,
        subtype="XYZ",
        min=0.0,
        max=1.0,
        default=(0.0, 0.0),
    )
    region_max: FloatVectorProperty(
        name="Region Max",
        description="Right and upper side of the region, as parts of the movie's picture",
        size=2,
        subtype="XYZ",
        min=0.0,
        max=1.0,
        default=(1.0, 1.0),
    )
    mask: PointerProperty(
        type=bpy.types.Mask,
        name="Mask",
        description="A mask, drawn over the movie's picture in the Image Editor or the Clip Editor",
    )
    mask_mode: EnumProperty(name="Mask Mode", description="What the mask does to the matte", items=MASK_MODES)
    black: FloatProperty(
        name="Clip Black",
        description="Alpha at or below this becomes transparent: takes haze away",
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    white: FloatProperty(
        name="Clip White",
        description="Alpha at or above this becomes opaque: closes faint places inside the subject",
        min=0.0,
        max=1.0,
        default=1.0,
        subtype="FACTOR",
    )
    specks: FloatProperty(
        name="Drop Specks",
        description="Separate pieces smaller than this part of the picture are dropped",
        min=0.0,
        soft_max=5.0,
        max=100.0,
        subtype="PERCENTAGE",
    )
    holes: FloatProperty(
        name="Fill Holes",
        description="Holes in the subject smaller than this part of the picture are filled",
        min=0.0,
        soft_max=5.0,
        max=100.0,
        subtype="PERCENTAGE",
    )
    grow: IntProperty(
        name="Grow",
        description="Pixels of the movie by which the matte's edges move outwards; less than 0 shrinks",
        soft_min=-20,
        soft_max=20,
        min=-200,
        max=200,
    )
    feather: FloatProperty(
        name="Feather",
        description="Pixels of the movie over which the matte's edges are softened",
        min=0.0,
        soft_max=50.0,
        max=400.0,
    )
    invert: BoolProperty(name="Invert", description="Keep the background, and remove the subject")
    folder: StringProperty(
        name="Folder",
        description="Where the images are kept, one folder for each movie, model and set of settings. // is beside the "
        "project file",
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
    device: EnumProperty(name="Device", description="What the network runs on", items=_devices)
    must_use: BoolProperty(
        name="Must Use",
        description="Make no matte where the chosen device is not there or fails, instead of using the next one",
    )
    provider_library: StringProperty(
        name="Provider Library",
        description=(
            "A plug-in library that lets ONNX Runtime use another device, such as onnxruntime_providers_webgpu from "
            "the unzipped wheel of onnxruntime-ep-webgpu. Choose one that you trust: it is a program"
        ),
        subtype="FILE_PATH",
    )
    cores: IntProperty(
        name="Cores",
        description="Processor cores that a job may use. 0 takes all; in a window, all but one of three or more",
        min=0,
        soft_max=64,
    )
    # Of this machine's last run, for the estimate before the next one; 0 before the first.
    seconds_a_frame: FloatProperty(description="What a frame took in the last run", options={"HIDDEN"})
    pixels_a_frame: IntProperty(description="Pixels of a frame in the last run", options={"HIDDEN"})
    bytes_a_frame: FloatProperty(description="Size of an image in the last run", options={"HIDDEN"})
    bytes_kind: StringProperty(
        description="Output and format of the images in the last run", default="CUTOUT PNG8", options={"HIDDEN"}
    )


def device(machine: Preferences) -> str:
    """The name of the chosen device. A chosen plug-in is loaded, once; where that fails, using its device tells why."""
    if machine.provider_library:
        devices.add_library(bpy.path.abspath(machine.provider_library))
    return machine.device


def shape(settings: StripMatteSettings) -> inference.Shape:
    """What is done to the finished matte."""
    return inference.Shape(
        black=settings.black,
        white=settings.white,
        specks=settings.specks / 100,
        holes=settings.holes / 100,
        grow=settings.grow,
        feather=settings.feather,
        invert=settings.invert,
    )


def region(settings: StripMatteSettings) -> tuple[float, float, float, float] | None:
    """Left, upper, right and lower side as parts of the picture, from the left and the top; None without one."""
    if not settings.use_region:
        return None
    left, right = sorted((settings.region_min[0], settings.region_max[0]))
    low, high = sorted((settings.region_min[1], settings.region_max[1]))
    return left, 1.0 - high, right, 1.0 - low


def preferences(context: bpy.types.Context) -> Preferences:
    """The machine's settings. MatteError where Blender was started with --addons, which makes none."""
    addon = context.preferences.addons.get(ADDON)
    if addon is None or addon.preferences is None:
        raise inference.MatteError(
            "Strip Matte has no preferences. Enable it in Blender's preferences, not by --addons"
        )
    return addon.preferences


def model_path(context: bpy.types.Context, settings: StripMatteSettings) -> str:
    """The absolute path of the chosen ONNX file. MatteError where none is chosen, or a listed one is not here."""
    network = catalogue.find(settings.model)
    if network is not None:
        return network_path(network)
    chosen = preferences(context).model_file
    if not chosen:
        raise inference.MatteError("No model file is chosen. Choose an ONNX file in the add-on's preferences")
    return bpy.path.abspath(chosen)


def network_path(network: catalogue.Network) -> str:
    """The absolute path of a listed model's file. MatteError where it is not on this machine."""
    path = network_file(network)
    if not os.path.isfile(path):
        raise inference.MatteError(
            f"{network.title} is not on this machine. Download it in the add-on's preferences, or add the file "
            f"{network.file} there"
        )
    return path


def network_file(network: catalogue.Network) -> str:
    """Where a listed model's file is, or would be: a whole file has this name, and no other does."""
    return inference.BUILT_IN_MODEL if network is catalogue.SHIPPED else os.path.join(models_folder(), network.file)


def models_folder(*, create: bool = False) -> str:
    """Where downloaded models are kept: an update of the extension leaves it alone."""
    return bpy.utils.extension_path_user(ADDON, path="models", create=create)


CLASSES = (StripMatteSettings,)
_register_classes, _unregister_classes = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    _register_classes()
    bpy.types.Scene.strip_matte = PointerProperty(type=StripMatteSettings, name="Strip Matte")


def unregister() -> None:
    del bpy.types.Scene.strip_matte
    _unregister_classes()
