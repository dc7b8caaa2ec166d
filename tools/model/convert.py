# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the faster forms of U2-Net or U2-NetP that ship, from the authors' network, ranges.json and kept.json.

    python -m tools.model.convert int8 OUT.onnx [--network FILE] [--ranges FILE] [--kept FILE] [--height 0] [--width 0]
    python -m tools.model.convert fp32 OUT.onnx

All take what the authors' file takes, in any size whose sides are multiples of 32, and give its first map only. fp32 is
exact but for rounding, int8 is not: see evaluate.py. int8 is right on every processor. int8-vnni has finer weights, and
is WRONG on processors that have AVX2 or AVX-512 without VNNI, where sums overflow: compare maps before it is used. The
bytes depend on the inputs and on the version of the onnx package alone; the SHA-256 is printed.
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
from .last import resize_last, sides_in_integers
from .pictures import NETWORK
from .quantise import quantise
from .rewrite import centre, equalise, merge_tail, ranges_of, split_sides

HERE = Path(__file__).parent
RANGES = HERE / "ranges.json"
KEPT = HERE / "kept.json"
FORMS = ("fp32", "int8", "int8-vnni")
SHARE = 0.5  # see rewrite.equalise; 0.5 to 0.7 measure alike


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--network", type=Path, default=NETWORK, help="the authors' file")
    parser.add_argument("--ranges", type=Path, default=RANGES, help="what calibrate.py wrote for it")
    parser.add_argument("--kept", type=Path, default=KEPT, help="what search.py wrote for it")
    parser.add_argument("--height", type=int, default=0, help="the input's height, a multiple of 32, or 0: any")
    parser.add_argument("--width", type=int, default=0)
    options = parser.parse_args()
    try:
        content = converted(options.form, options.network, options.ranges, options.kept, options.height, options.width)
    except graph.Refused as reason:
        print(f"tools/model/convert.py: {reason}", file=sys.stderr)
        return 1
    options.out.write_bytes(content)
    print(f"{options.out.name}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


def converted(
    form: str, network: Path, ranges_file: Path = RANGES, kept_file: Path = KEPT, height: int = 0, width: int = 0
) -> bytes:
    """The bytes of one form. Raises Refused where the files do not fit each other, or the sides the network."""
    if height % 32 or width % 32:
        raise graph.Refused("height and width must be multiples of 32")
    content = network.read_bytes()
    net = graph.read(onnx.load_from_string(content))
    digest = hashlib.sha256(content).hexdigest()
    if form == "fp32":
        split_sides(net, merge_tail(net))
    else:
        ranges, kept = (made_for(digest, file) for file in (ranges_file, kept_file))
        to_int8(net, ranges["tensors"], set(kept["convolutions"]), paired=form == "int8")
    model = graph.write(net, height or None, width or None, f"map 0 of the network with sha256 {digest}, {form}")
    return model.SerializeToString(deterministic=True)


def made_for(digest: str, file: Path) -> dict[str, Any]:
    """What calibrate.py or search.py wrote. Raises Refused where it is about another network."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if found["network"] != digest:
        raise graph.Refused(f"{file.name} was made for another network; run tools/model/calibrate.py, then search.py")
    return found


def to_int8(net: graph.Net, tensors: dict[str, dict[str, list[float]]], kept: set[str], paired: bool) -> None:
    """Put a network into eight bits in place, all but its tail and the convolutions with the kept outputs."""
    sides_in_integers(net, rounded(net, tensors, kept, paired))
    resize_last(net)


def rounded(
    net: graph.Net, tensors: dict[str, dict[str, list[float]]], kept: set[str], paired: bool
) -> list[graph.Node]:
    """The same, as it is said by the authors' operations. Returns the side convolutions."""
    ranges = ranges_of(net, tensors)
    centre(net, ranges, kept)
    equalise(net, ranges, SHARE)
    ends = {side.output for side in split_sides(net, merge_tail(net))}
    quantise(net, ranges, kept | ends, paired)
    return [node for node in net.nodes if node.output in ends]


if __name__ == "__main__":
    sys.exit(main())
