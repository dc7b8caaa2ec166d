# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the faster forms of U2-Net or U2-NetP that ship, from the authors' network and what the other scripts found.

    python -m tools.model.convert int8 OUT.onnx [--network FILE] [--ranges FILE] [--kept FILE] [--rounding FILE]
    python -m tools.model.convert fp32 OUT.onnx [--height 192] [--width 320]

Both take what the authors' file takes, in any size whose sides are multiples of 32, and give its first map only. fp32
is exact but for rounding, int8 is not: see evaluate.py. The bytes depend on the inputs and on the version of the onnx
package alone; the SHA-256 is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from . import graph
from .last import resize_last, sides_in_integers
from .pictures import NETWORK
from .quantise import inner, quantise
from .rewrite import Ranges, centre, equalise, merge_tail, ranges_of, split_sides

HERE = Path(__file__).parent
RANGES = HERE / "ranges.json"
KEPT = HERE / "kept.json"
ROUNDING = HERE / "rounding.json"
FORMS = ("fp32", "int8")
SHARE = 0.6  # see rewrite.equalise; 0.6 to 0.8 measure alike


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--network", type=Path, default=NETWORK, help="the authors' file")
    parser.add_argument("--ranges", type=Path, default=RANGES, help="what calibrate.py wrote for it")
    parser.add_argument("--kept", type=Path, default=KEPT, help="what search.py wrote for it")
    parser.add_argument("--rounding", type=Path, default=ROUNDING, help="what rounding.py wrote for it")
    parser.add_argument("--height", type=int, default=0, help="the input's height, a multiple of 32, or 0: any")
    parser.add_argument("--width", type=int, default=0)
    options = parser.parse_args()
    try:
        files = Files(options.network, options.ranges, options.kept, options.rounding)
        content = converted(options.form, files, options.height, options.width)
    except graph.Refused as reason:
        print(f"tools/model/convert.py: {reason}", file=sys.stderr)
        return 1
    options.out.write_bytes(content)
    print(f"{options.out.name}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


@dataclass(frozen=True)
class Files:
    """The authors' network, and what calibrate.py, search.py and rounding.py wrote for it."""

    network: Path = NETWORK
    ranges: Path = RANGES
    kept: Path = KEPT
    rounding: Path = ROUNDING


def converted(form: str, files: Files, height: int = 0, width: int = 0) -> bytes:
    """The bytes of one form. Raises Refused where the files do not fit each other, or the sides the network."""
    if height % 32 or width % 32:
        raise graph.Refused("height and width must be multiples of 32")
    content = files.network.read_bytes()
    net = graph.read(onnx.load_from_string(content))
    digest = hashlib.sha256(content).hexdigest()
    if form == "fp32":
        split_sides(net, merge_tail(net))
    else:
        sides_in_integers(net, rounded(net, digest, files))
        resize_last(net)
    model = graph.write(net, height or None, width or None, f"map 0 of the network with sha256 {digest}, {form}")
    return model.SerializeToString(deterministic=True)


def made_for(digest: str, file: Path) -> dict[str, Any]:
    """What calibrate.py, search.py or rounding.py wrote. Raises Refused where it is about another network."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if found["network"] != digest:
        raise graph.Refused(
            f"{file.name} was made for another network; run tools/model/calibrate.py, then search.py and rounding.py"
        )
    return found


def rounded(net: graph.Net, digest: str, files: Files) -> list[graph.Node]:
    """Put a network into eight bits in place, all but the convolutions that are kept, by the authors' operations.

    Its tail is left exact. Returns the side convolutions.
    """
    ranges, kept, rounding = (made_for(digest, file) for file in (files.ranges, files.kept, files.rounding))
    if {conv.output for conv in inner(net)} - set(kept["convolutions"]) != set(rounding["turned"]):
        raise graph.Refused(
            f"{files.rounding.name} was made for another {files.kept.name}; run tools/model/rounding.py"
        )
    channels = prepared(net, ranges["tensors"], set(kept["convolutions"]))
    ends = {side.output for side in split_sides(net, merge_tail(net))}
    quantise(net, channels, {*kept["convolutions"], *ends}, rounding["turned"])
    return [node for node in net.nodes if node.output in ends]


def prepared(
    net: graph.Net, tensors: Mapping[str, Mapping[str, list[float]]], kept: Container[str], share: float = SHARE
) -> Ranges:
    """Make a network fit for eight bits in place, exactly, and say what its channels carry then."""
    ranges = ranges_of(net, tensors)
    centre(net, ranges, kept)
    equalise(net, ranges, share)
    return ranges


if __name__ == "__main__":
    sys.exit(main())
