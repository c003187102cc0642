"""One DL/T 645 meter on a line: blocks where it gives them, what can be had kept, refusals learned from.

What each outcome of a request means:

    answer                        the values of that item or block
    answer of the wrong size      of a block: its items are asked for one by one; of an item: unknown, flag D
    BadFrame                      unknown, flag B; the visit goes on
    refused, a block              its items are asked for one by one, in this visit and from then on
    refused, no such data or      the item is dropped and told once, flag D
      no right to it
    refused, other error          unknown for this visit, flag D
    NoAnswer, LinkDown, or what   ends the visit, the rest is unknown, flag B: a dead meter costs one time-out
      took a whole time-out

Some meters do not refuse what they do not have, they are silent. So what has never been answered and was met with
silence is asked last from then on; where everything else is answered before it, a block is taken apart at once and an
item dropped after `MOST_SILENCES` visits. What was given up is asked for again every `PROBE_S`, alone, one request a
visit, behind the scan.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from drivers.bus import RefusedPoint
from drivers.dlt645.frame import Edition, error_words, full_address, only_reads
from drivers.dlt645.items import Item, lookup
from drivers.dlt645.question import Answer, read, read_more
from drivers.dlt645.reads import Read, block_name, plan
from drivers.dlt645.values import decoder
from drivers.errors import BadFrame, DriverError, NoAnswer, Refused
from drivers.reading import Clock, Quality, Scan, Value
from drivers.spec import DeviceSpec, ItemSpec
from drivers.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drivers.wire import Question, Wire

HOPELESS: Final = 0b110
"""Error bits after which asking the same again is of no use: no such data, no right to it."""
MOST_PARTS: Final = 8
"""Parts of one answer: 64 demands of 8 bytes come in three or four."""
MOST_SILENCES: Final = 3
PROBE_S: Final = 600.0
MOST_NAMES: Final = 5
SILENT: Final = 0
"""The code of a point dropped because it was met with silence; error bytes have a bit set."""


class BadItem(ValueError):
    """A point that can never be read: the site file or a model is wrong."""


class Misfit(DriverError):
    """The answer matches, but its data has not the size of what was asked for."""


@dataclass(slots=True)
class _Visit:
    """What one visit has brought so far, by identifier. `lost` says which flag the points of a failed read get.

    `heard` is the address of the meter that answers.
    """

    wire: Wire
    data: dict[str, tuple[Read, bytes]] = field(default_factory=dict)
    lost: dict[str, tuple[Read, Quality]] = field(default_factory=dict)
    errors: list[DriverError] = field(default_factory=list)
    heard: str = ""
    over: bool = False
    wall_ms: int = 0
    mono_ns: int = 0

    def missed(self, read: Read, error: DriverError) -> None:
        """Note why there is no data."""
        has_answered = isinstance(error, Refused | Misfit)
        self.lost[read.di] = read, Quality.FAULT if has_answered else Quality.NO_COMMUNICATION
        self.errors.append(error)


class Meter:
    """A meter, what is known of how to read it, and its counts. Used by one thread."""

    def __init__(self, spec: DeviceSpec, clock: Clock) -> None:
        """Look its points up. Raises BadItem; BadRequest for an address that is none."""
        self.spec = spec
        self.tally = Tally()
        self._clock = clock
        self._edition = Edition(spec.protocol)
        self._address = full_address(str(spec.address))
        self._items = {index: _item(spec, index, self._edition) for index in range(len(spec.points))}
        _must_agree(spec, self._items.values())
        self._decoders = [
            decoder(point, self._items[index]) for index, point in enumerate(spec.points) if isinstance(point, ItemSpec)
        ]
        self._questions: dict[str, Question[Answer]] = {}
        self._whom = f"meter {self._address}"
        self._told: set[int] = set()
        self._news: list[RefusedPoint] = []
        self._apart: set[str] = set()  # blocks the meter does not give
        self._dropped: set[str] = set()  # items it does not give
        self._proven: set[str] = set()  # what it has answered
        self._last: list[str] = []  # what it was silent to, the latest at the end
        self._silences: Counter[str] = Counter()
        self._round: list[str] = []  # what was given up and is still to be probed in this round
        self._next_probe_ns = 0
        self._plan = self._planned()

    def visit(self, wire: Wire) -> Scan:
        """Read every point once. Raises DriverError when the meter gave nothing."""
        visit = _Visit(wire)
        if not self._plan:
            self._probe(visit)
        while not visit.over and (next_read := self._next(visit)):
            self._take(next_read, visit)
        silent = [error for error in visit.errors if not isinstance(error, Refused | Misfit)]
        if silent and not visit.data:
            raise silent[0]
        scan = self._scan(visit)
        if visit.data and not visit.over:
            self._probe(_Visit(wire))
        return scan

    def refused(self) -> list[RefusedPoint]:
        """Return the points dropped since the last call. A point is told again only if it had come back."""
        news, self._news = self._news, []
        return news

    def restore(self) -> None:
        """Forget what was learned: the meter may be another one now."""
        for learned in (self._apart, self._dropped, self._proven, self._last, self._silences, self._round):
            learned.clear()
        self._plan = self._planned()

    # --- one request -----------------------------------------------------------------------------

    def _next(self, visit: _Visit) -> Read | None:
        """Return the next read of the plan, which may have changed since the last; what was silent comes last."""
        due = [read for read in self._plan if read.di not in visit.data and read.di not in visit.lost]
        return min(due, key=lambda read: self._last.index(read.di) if read.di in self._last else -1, default=None)

    def _take(self, wanted: Read, visit: _Visit) -> None:
        """Ask for one read and note what came of it."""
        began_ns = self._clock.mono_ns()
        try:
            visit.data[wanted.di] = wanted, self._data(wanted, visit)
        except (Refused, Misfit) as error:
            self._refused_to(wanted, error, visit)
        except DriverError as error:
            visit.missed(wanted, error)
            spent_ns = self._clock.mono_ns() - began_ns
            visit.over = not isinstance(error, BadFrame) or spent_ns >= self.spec.timeout_s * 1e9
            if isinstance(error, NoAnswer) and wanted.di not in self._proven:
                self._silent_to(wanted, visit)
        else:
            visit.wall_ms, visit.mono_ns = self._clock.wall_ms(), self._clock.mono_ns()
            self._told.difference_update(index for index, _ in wanted.places)

    def _data(self, wanted: Read, visit: _Visit) -> bytes:
        """Return the data of an item or block, with as many further parts as are needed. Raises DriverError."""
        question = self._questions.get(wanted.di)
        if question is None:
            question = self._questions[wanted.di] = read(self._edition, self._address, wanted.di, wanted.most)
        answer = self._ask(question, visit)
        data, part = answer.data, 0
        while answer.more and len(data) < wanted.needed and part < MOST_PARTS:
            part += 1
            answer = self._ask(read_more(self._edition, self._address, wanted.di, part), visit)
            data += answer.data
        if not wanted.fits(len(data), is_whole=not answer.more):
            self.tally.bad_frames += 1
            raise Misfit(f"{self._whom} answers {wanted.di} with {len(data)} bytes, not {wanted.needed}: other format?")
        self._proven.add(wanted.di)
        return data

    def _ask(self, question: Question[Answer], visit: _Visit) -> Answer:
        """Put one question. Raises DriverError, Refused among them, and BadFrame when another meter answers too."""
        only_reads(question.frame)
        answer = visit.wire.ask(question, self.spec.timeout_s, self.tally)
        if answer.address != self._address:
            self._whom = f"meter {answer.address} (asked as {self._address})"
        if visit.heard and answer.address != visit.heard:
            self.tally.bad_frames += 1
            raise BadFrame(f"meters {visit.heard} and {answer.address} both answer {self._address}: give the address")
        visit.heard = answer.address
        if answer.error is not None:
            self.tally.exceptions[answer.error] += 1
            raise Refused(answer.error, f"{self._whom} refuses: {error_words(answer.error, self._edition)}")
        return answer

    # --- learning --------------------------------------------------------------------------------

    def _refused_to(self, wanted: Read, error: Refused | Misfit, visit: _Visit) -> None:
        """Learn from a refusal, or from an answer that cannot be what was asked for."""
        if wanted.is_block:
            self._give_up(self._apart, wanted.di)
        elif isinstance(error, Refused) and error.code & HOPELESS:
            self._drop(wanted, error.code, str(error))
        else:
            visit.missed(wanted, error)

    def _silent_to(self, wanted: Read, visit: _Visit) -> None:
        """Put what has never been answered last; give it up where the meter answers all else."""
        if wanted.di in self._last:
            self._last.remove(wanted.di)
        self._last.append(wanted.di)
        if wanted.is_block and (visit.data or len(self._plan) == 1):
            self._give_up(self._apart, wanted.di)
        elif visit.data:
            self._silences[wanted.di] += 1
            if self._silences[wanted.di] >= MOST_SILENCES:
                self._drop(wanted, SILENT, f"{self._whom} is silent when asked for {wanted.di}")

    def _drop(self, wanted: Read, code: int, reason: str) -> None:
        self._give_up(self._dropped, wanted.di)
        for index, _ in wanted.places:
            if index not in self._told:
                self._told.add(index)
                self._news.append(RefusedPoint(self.spec.name, self.spec.points[index].name, code, reason))

    def _give_up(self, those: set[str], di: str) -> None:
        those.add(di)
        self._plan = self._planned()
        self._put_off_probing()

    def _planned(self, *, but: str = "") -> tuple[Read, ...]:
        """Return the reads for all that is not given up, and for `but`, an item or block that gets another chance."""
        wanted = {
            index: item
            for index, item in self._items.items()
            if item.di not in self._dropped or but in (item.di, block_name(item))
        }
        return plan(wanted, self._apart - {but})

    def _probe(self, visit: _Visit) -> None:
        """Ask for one thing that was given up, when a round is due or there is nothing else to ask for."""
        given_up = self._apart | self._dropped
        if not given_up or (self._plan and self._clock.mono_ns() < self._next_probe_ns):
            return
        self._round = self._round or sorted(given_up)
        di = self._round.pop()
        if not self._round:
            self._put_off_probing()
        for wanted in self._planned(but=di):
            if wanted.di == di:
                self._try(wanted, visit)

    def _try(self, wanted: Read, visit: _Visit) -> None:
        """Ask once; what comes back is a sign that others may, so all is asked for again at the next visit."""
        try:
            self._data(wanted, visit)
        except (Refused, Misfit):
            return
        except DriverError as error:
            visit.errors.append(error)
            visit.over = True
            return
        self.restore()

    def _put_off_probing(self) -> None:
        self._next_probe_ns = self._clock.mono_ns() + int(PROBE_S * 1e9)

    # --- the result ------------------------------------------------------------------------------

    def _scan(self, visit: _Visit) -> Scan:
        values: list[Value] = [None] * len(self._items)
        flags = [Quality.NO_COMMUNICATION.value] * len(self._items)
        for wanted, data in visit.data.values():
            for index, start in wanted.places:
                values[index], flags[index] = self._decoders[index](data[start:])
        for wanted, quality in visit.lost.values():
            for index, _ in wanted.places:
                flags[index] = quality.value
        unread = [index for index, item in self._items.items() if item.di in self._dropped]
        for index in unread:
            flags[index] = Quality.FAULT.value
        if not visit.data:  # refusals only: they came just now
            visit.wall_ms, visit.mono_ns = self._clock.wall_ms(), self._clock.mono_ns()
        fault = self._fault(visit.errors, [self.spec.points[index].name for index in unread])
        return Scan(self.spec.name, visit.wall_ms, visit.mono_ns, tuple(values), "".join(flags), fault)

    def _fault(self, errors: Sequence[DriverError], unread: Sequence[str]) -> str | None:
        reasons = list(dict.fromkeys(map(str, errors)))
        if unread:
            more = f" and {len(unread) - MOST_NAMES} more" if len(unread) > MOST_NAMES else ""
            reasons.append(f"{self._whom} does not give {', '.join(unread[:MOST_NAMES])}{more}")
        return "; ".join(reasons) or None


def _item(spec: DeviceSpec, index: int, edition: Edition) -> Item:
    """Return the item of a point. Raises BadItem."""
    point = spec.points[index]
    if not isinstance(point, ItemSpec):
        raise BadItem(f"{spec.name}.{point.name}: a DL/T 645 meter is read by item")
    item = lookup(point.item, point.format, point.signed)
    if item is None or len(item.di) != 2 * edition.item_bytes:
        raise BadItem(f"{spec.name}.{point.name}: no item {point.item} in {edition}: give its format, such as XXX.X")
    return item


def _must_agree(spec: DeviceSpec, items: Iterable[Item]) -> None:
    """Raise BadItem when two points take one answer for two sizes."""
    sizes: dict[str, int] = {}
    for item in items:
        if sizes.setdefault(item.di, item.size) != item.size:
            raise BadItem(f"{spec.name}: the points of item {item.di} have formats of different size")
