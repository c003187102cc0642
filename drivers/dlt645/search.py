"""Finding the addresses of all meters on a line, question by question. Pure: who has a line puts the questions.

Everybody is asked first. Silence ends a branch; a clean answer is a meter; garbage means that several spoke at once,
then each of the hundred possible next two digits is asked for alone, low digits first: AAAAAAAAAA00, AAAAAAAAAA01 …

What this can promise, honestly:
- Asking for the low digits with AA in the high bytes is in the 2007 edition as public programs quote it, for reading
  data; that a meter takes it with function 13H too is customary [recalled], and 1997 meters need not know AA at all.
- Where one meter is much louder or quicker than another, its answer comes out clean and the other is missed. Asking
  again with the found one taken off the line, or a list of printed addresses, is the only sure way.
- On a noisy line everything looks like several meters; `most` questions bound the search.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from drivers.dlt645.frame import ANYBODY, Edition
from drivers.dlt645.question import read, read_address

if TYPE_CHECKING:
    from drivers.dlt645.question import Answer
    from drivers.wire import Question

MOST_QUESTIONS: Final = 2000
METER_NUMBER_1997: Final = "C032"
"""1997 has no function that asks for the address; the answer's frame tells it, whatever is read."""


def address_question(edition: Edition = Edition.OF_2007, low_digits: str = "") -> Question[Answer]:
    """Ask for the address of whoever is there and whose address ends in `low_digits` (an even number of them).

    `Answer.address` is the meter's. Raises BadRequest for anything but digits.
    """
    address = ANYBODY[len(low_digits) :] + low_digits
    return read_address(address) if edition is Edition.OF_2007 else read(edition, address, METER_NUMBER_1997, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressSearch:
    """How far a search has come. Put `question`, tell what came of it, and go on with what that returns.

    `pending` are the low digits still to be asked for, the next one last; `found` the addresses; `twins` those at
    which two meters seem to answer.
    """

    edition: Edition = Edition.OF_2007
    pending: tuple[str, ...] = ("",)
    found: tuple[str, ...] = ()
    twins: tuple[str, ...] = ()
    asked: int = 0
    most: int = MOST_QUESTIONS

    @property
    def question(self) -> Question[Answer] | None:
        """What to ask next; ``None`` when the search is over."""
        if not self.pending or self.asked >= self.most:
            return None
        return address_question(self.edition, self.pending[-1])

    @property
    def is_complete(self) -> bool:
        """Whether every branch was followed to its end (else `most` questions were not enough)."""
        return not self.pending

    def answered(self, address: str) -> AddressSearch:
        """One meter answered."""
        known = address in self.found
        return replace(self._went_on(), found=self.found if known else (*self.found, address))

    def silent(self) -> AddressSearch:
        """Nobody answered."""
        return self._went_on()

    def garbled(self) -> AddressSearch:
        """Something came, but no sound answer: several meters at once, or noise."""
        low = self.pending[-1]
        if len(low) == len(ANYBODY):
            return replace(self._went_on(), twins=(*self.twins, low))
        rest = self._went_on()
        return replace(rest, pending=(*rest.pending, *(f"{pair:02}{low}" for pair in reversed(range(100)))))

    def _went_on(self) -> AddressSearch:
        return replace(self, pending=self.pending[:-1], asked=self.asked + 1)
