"""The fewest requests for the wanted items: a block wherever it brings two of them. Pure.

Why two are enough. A request and the frame of its answer take some 40 characters beside the data, and a meter thinks
for 20 to 500 ms [recalled] before each answer. The widest member of a block has 8 bytes, and the usual meter fills 5 of
an open block: 40 characters. So a block costs at most one exchange and 40 characters, two items two exchanges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.dlt645.items import block_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from drivers.dlt645.items import Item

WORTH_A_BLOCK = 2


@dataclass(frozen=True, slots=True)
class Read:
    """One request for the item or block `di`.

    `places` are (index of the point, first byte of its item in the data). At least `needed` bytes must come, at most
    `most`, and whole items of `step` bytes.
    """

    di: str
    places: tuple[tuple[int, int], ...]
    needed: int
    most: int
    step: int

    @property
    def is_block(self) -> bool:
        """Whether the items can be had one by one too."""
        return self.most > self.step

    def fits(self, size: int, *, is_whole: bool = True) -> bool:
        """Whether `size` bytes of data can be what was asked for, or a beginning of it with all that is wanted."""
        return self.needed <= size <= self.most and (size % self.step == 0 or not is_whole)


def plan(wanted: Mapping[int, Item], apart: AbstractSet[str]) -> tuple[Read, ...]:
    """Return the requests for the `wanted` items by point, in the order of the points.

    `apart` are the blocks that the meter does not give.
    """
    groups: dict[str, list[int]] = {}
    for index, item in wanted.items():
        block = block_name(item)
        groups.setdefault(item.di if block is None or block in apart else block, []).append(index)
    reads = []
    for di, points in groups.items():
        items = {wanted[index].di for index in points}
        if len(items) >= WORTH_A_BLOCK:
            reads.append(_joined(di, points, wanted))
        else:
            reads.append(_single(items.pop(), points, wanted))
    return tuple(sorted(reads, key=lambda read: read.places))


def _single(di: str, points: list[int], wanted: Mapping[int, Item]) -> Read:
    """Return the request for one item, which several points may show."""
    size = wanted[points[0]].size
    return Read(di, tuple((index, 0) for index in points), size, size, size)


def block_name(item: Item) -> str | None:
    """Return the block that can bring `item`; one in a format of its own must have the bytes of the others."""
    block = block_of(item.di)
    return block.di if block and block.size == item.size else None


def _joined(di: str, points: list[int], wanted: Mapping[int, Item]) -> Read:
    block = block_of(wanted[points[0]].di)
    assert block is not None  # block_name has found it
    places = tuple((index, block.members.index(wanted[index].di) * block.size) for index in points)
    most = len(block.members) * block.size
    last = max(start for _, start in places)
    # where an open block ends early, the last tariffs lack; of the others nobody knows which member does
    return Read(di, places, last + block.size if block.is_open else most, most, block.size)
