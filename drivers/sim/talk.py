"""What one speaker puts on a line, character by character, and what becomes of it when two speak at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_PIECE_NS = 1_000_000
"""Fast characters are handed over together, as by an adapter, but never later than this."""


@dataclass(slots=True, eq=False)
class Talk:
    """Characters without a pause: number ``n`` is over at ``start_ns + (n + 1) * char_ns``.

    A character is ``None`` when the box cannot tell it from what somebody else says. `told` of them are handed over to
    the box; what it says itself (`is_heard` false) never is, unless there is an echo.
    """

    start_ns: int
    char_ns: int
    characters: list[int | None]
    is_heard: bool = True
    told: int = 0

    @property
    def end_ns(self) -> int:
        """When the last character is over."""
        return self.start_ns + len(self.characters) * self.char_ns

    @property
    def is_told(self) -> bool:
        """Whether everything is handed over that is to be."""
        return not self.is_heard or self.told == len(self.characters)

    @property
    def due_ns(self) -> int:
        """When the next characters can be handed over."""
        piece = max(1, _PIECE_NS // self.char_ns)
        return self.start_ns + min(len(self.characters), (self.told // piece + 1) * piece) * self.char_ns

    def tell(self, now_ns: int) -> bytes:
        """Return what can be handed over by now."""
        if now_ns < self.due_ns:
            return b""
        first, self.told = self.told, min(len(self.characters), (now_ns - self.start_ns) // self.char_ns)
        return bytes(value for value in self.characters[first : self.told] if value is not None)

    def during(self, from_ns: int, to_ns: int) -> range:
        """Return which characters are on the line at any time between two moments."""
        first = max(0, (from_ns - self.start_ns) // self.char_ns)
        last = min(len(self.characters), -((self.start_ns - to_ns) // self.char_ns))
        return range(first, max(first, last))

    def spoil(self, places: range, dice: Random) -> None:
        """Let the characters at `places` come out wrong, those not yet handed over."""
        for place in places:
            value = self.characters[place]
            if place >= self.told and value is not None:
                self.characters[place] = value ^ dice.randint(1, 255)


def collide(new: Talk, old: Talk, dice: Random) -> range:
    """Spoil what two speakers say at the same time; return which characters of `new` that concerns."""
    from_ns, to_ns = max(new.start_ns, old.start_ns), min(new.end_ns, old.end_ns)
    if from_ns >= to_ns:
        return range(0)
    old.spoil(old.during(from_ns, to_ns), dice)
    places = new.during(from_ns, to_ns)
    new.spoil(places, dice)
    return places
