# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the faster forms of U2-Net or U2-NetP that ship, from the authors' network and ranges.json.

    python -m tools.model.convert int8 OUT.onnx [--network FILE] [--ranges FILE] [--height 320] [--width 320]
    python -m tools.model.convert fp32 OUT.onnx

Both take what the authors' file takes and give its first map only. fp32 is exact but for rounding, int8 is not: see
evaluate.py. The bytes depend on the inputs and on the version of the onnx package alone; the SHA-256 is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import onnx

from . import graph
from .quantise import quantise
from .rewrite import centre, equalise, merge_tail, ranges_of, split_sides

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NETWORK = ROOT / "build" / "models" / "u2netp.onnx"
RANGES = HERE / "ranges.json"
FORMS = ("fp32", "int8")
SHARE = 0.5  # see rewrite.equalise; 0.5 to 0.7 measure alike


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--network", type=Path, default=NETWORK, help="the authors' file")
    parser.add_argument("--ranges", type=Path, default=RANGES, help="what calibrate.py wrote for it")
    parser.add_argument("--height", type=int, default=320, help="the input's height, a multiple of 32, or 0: any")
    parser.add_argument("--width", type=int, default=320)
    options = parser.parse_args()
    try:
        content = converted(options.form, options.network, options.ranges, options.height, options.width)
    except graph.Refused as reason:
        print(f"tools/model/convert.py: {reason}", file=sys.stderr)
        return 1
    options.out.write_bytes(content)
    print(f"{options.out.name}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


def converted(form: str, network: Path, ranges_file: Path, height: int = 320, width: int = 320) -> bytes:
    """The bytes of one form. Raises Refused where the files do not fit each other, or the sides the network."""
    if height % 32 or width % 32:
        raise graph.Refused("height and width must be multiples of 32")
    content = network.read_bytes()
    net = graph.read(onnx.load_from_string(content))
    digest = hashlib.sha256(content).hexdigest()
    if form == "int8":
        ranges = measured(ranges_file)
        if ranges["network"] != digest:
            raise graph.Refused(f"{ranges_file.name} was measured on another network; run tools/model/calibrate.py")
        to_int8(net, ranges["tensors"])
    else:
        split_sides(net, merge_tail(net))
    model = graph.write(net, height or None, width or None, f"map 0 of the network with sha256 {digest}, {form}")
    return model.SerializeToString(deterministic=True)


def measured(ranges_file: Path) -> dict[str, Any]:
    """What calibrate.py wrote."""
    found: dict[str, Any] = json.loads(ranges_file.read_text(encoding="utf-8"))
    return found


def to_int8(net: graph.Net, tensors: dict[str, dict[str, list[float]]]) -> None:
    """Put a network into eight bits in place, all but its tail."""
    ranges = ranges_of(net, tensors)
    centre(net, ranges)
    equalise(net, ranges, SHARE)
    sides = split_sides(net, merge_tail(net))
    quantise(net, ranges, {id(side) for side in sides})


if __name__ == "__main__":
    sys.exit(main())
