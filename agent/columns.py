"""Taking columns out of rows at C speed: values and flags of a scan are rows aligned with the device's points."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from drivers.reading import Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


def picker(indices: Sequence[int], width: int) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return a function that takes the columns `indices` out of a row of `width`, in one call where it can."""
    if list(indices) == list(range(width)):
        return lambda row: row
    if len(indices) > 1:
        return itemgetter(*indices)
    return lambda row: tuple(row[index] for index in indices)  # itemgetter gives a tuple only for two or more


def flagged(names: Iterable[str], flags: str) -> dict[str, str]:
    """Return the flags that are not N, by point: the `flags` of a record."""
    return {name: flag for name, flag in zip(names, flags, strict=True) if flag != Quality.NORMAL}
