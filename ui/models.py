# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of models in the add-on's preferences."""

import bpy

from ..inference import catalogue
from ..operators import models
from ..operators.translations import iface, told


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """A box with two lines for each model: its name, state and buttons; what it is good for, size and licence."""
    box = layout.box()
    row = box.row()
    row.label(text="Models")
    row.operator("preferences.matte_model_add", icon="FILE_FOLDER")
    for network in catalogue.NETWORKS:
        _draw_network(box.column(align=True), network)
    reason = models.why_not()
    if reason and models.current() is None:
        box.label(text=reason, icon="INFO")


def _draw_network(column: bpy.types.UILayout, network: catalogue.Network) -> None:
    fetching = models.current()
    row = column.row(align=True)
    row.label(text=network.title, translate=False)
    if fetching is not None and fetching.network is network:
        row.progress(factor=fetching.share, text=models.percent(fetching.share))
        row.operator("preferences.matte_model_stop", text="", icon="X")
    else:
        end = row.row(align=True)
        end.alignment = "RIGHT"
        _draw_state(end, network)
    about = column.column(align=True)
    about.active = False
    about.label(text=network.good_for)
    licence = iface("{}. Licence: {}").format(models.megabytes(network.size), iface(network.licence))
    about.label(text=licence, translate=False)


def _draw_state(row: bpy.types.UILayout, network: catalogue.Network) -> None:
    """Whether it is on this machine, and what can be done about it."""
    state = models.state(network)
    row.label(text=told(state), translate=False)
    if network is catalogue.SHIPPED:
        return
    if state != "Here":
        row.operator("preferences.matte_model_download", icon="IMPORT").network = network.identifier
    if state != "Not here":
        row.operator("preferences.matte_model_remove", text="", icon="TRASH").network = network.identifier
