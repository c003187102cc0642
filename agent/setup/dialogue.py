"""A conversation that can go back, be broken off, and be taken up again.

The script is a generator: it yields what is to be asked, told or done, and is sent the answer. It decides by what it
was sent and by nothing else, so going back is simple: forget the last answer and play the script again. What was
answered is also kept in a document (`agent.setup.document`), which proposes it the next time, and from which `keep`
makes a file after every answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from agent.setup.document import OWN, numbered, recall, remember, spoken
from config.problem import Mistake

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from agent.setup.document import Document, Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question. Its words are found by `key` (`words.toml`), with `fields` put in.

    `read` turns what is typed into the value, or raises `Mistake`; `proposal` is what Enter means where nothing was
    answered before. `optional`: it can be left out, by "-". `secret`: typed unseen, and only the name of its file is
    kept. `fresh`: never answered from memory. Without `path` the answer is not kept.
    """

    key: str
    path: Path = ()
    read: Callable[[str], Any] = str
    proposal: Any = None
    choices: tuple[str, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict)
    optional: bool = False
    secret: bool = False
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Something to be read. A `step` opens a chapter."""

    key: str
    fields: Mapping[str, object] = field(default_factory=dict)
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Do:
    """Something that takes time: `what` with `wants`. The result, plain data, is kept at `path` beside what was wanted.

    It is not done again for the same wants, unless `fresh`. Without `path` nothing is kept.
    """

    what: str
    wants: Document
    path: Path = ()
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What was answered before, wherever it came from."""

    path: Path


Event = Ask | Tell | Do | Known
if TYPE_CHECKING:
    Script = Generator[Event, Any, Document]


class Back(Exception):
    """The person wants the question before."""


class Screen(Protocol):
    """The person's end."""

    def ask(self, question: Ask, proposal: str | None) -> Any:
        """Return the answer. Raises `Back`."""

    def tell(self, what: Tell) -> None:
        """Show something."""

    def do(self, deed: Do) -> Document:
        """Do it, with progress."""

    def first(self) -> None:
        """Say that there is no question before."""


@dataclass(frozen=True, slots=True)
class Lived:
    """What happened, and what came of it."""

    event: Event
    answer: Any


class Dialogue:
    """One conversation. `memory` is proposed from, and grows; `keep` is called whenever it has."""

    def __init__(
        self, script: Callable[[], Script], memory: Document, screen: Screen, keep: Callable[[Document], None]
    ) -> None:
        self._script = script
        self._memory = memory
        self._screen = screen
        self._keep = keep
        self._lived: list[Lived] = []
        self._skips = False
        self._wrong: Path = ()

    def run(self, *, resume: bool = False) -> Document:
        """Return what the script makes of the answers. With `resume`, what memory knows is not asked again."""
        self._skips = resume
        while True:
            try:
                return self._through()
            except Back:
                self._forget_last()

    def return_to(self, question: Ask) -> None:
        """Forget this question and all after it; `run(resume=True)` asks it again, and what nobody has answered yet."""
        number = next(n for n, one in enumerate(self._lived) if one.event is question)
        self._cut(number)
        self._wrong = question.path

    def asked(self) -> list[Ask]:
        """Return the questions that were answered, in their order."""
        return [one.event for one in self._lived if isinstance(one.event, Ask)]

    def about(self, document: Document, line_of: Callable[[tuple[str | int, ...]], int], line: int) -> Ask | None:
        """Return the question that decided what stands on `line` of the text of `document`.

        It is the nearest before that line in the same table; ``None`` where nobody was asked about that table.
        """
        table = max(_tables(document), key=lambda path: (line_of(path) <= line, line_of(path)), default=())
        best, nearest = 0, None
        for question in self.asked():
            path = numbered(document, question.path) if question.path and question.path[0] not in OWN else None
            if path is not None and path[: len(table)] == table and best < (at := line_of(path)) <= line:
                best, nearest = at, question
        return nearest

    def back(self) -> None:
        """Forget the last answer, so that `run` asks for it again."""
        self._forget_last()

    # --- playing it --------------------------------------------------------------------------------------------------

    def _through(self) -> Document:
        script, answer, number = self._script(), None, 0
        while True:
            try:
                event = script.send(answer)
            except StopIteration as end:
                document: Document = end.value
                return document
            if number == len(self._lived):
                self._lived.append(Lived(event, self._live(event)))
            elif isinstance(event, Ask):  # the same question, whose reader may know more by now
                self._lived[number] = Lived(event, self._lived[number].answer)
            answer = self._lived[number].answer
            number += 1

    def _live(self, event: Event) -> Any:
        if isinstance(event, Tell):
            return self._screen.tell(event)
        if isinstance(event, Known):
            return recall(self._memory, event.path)
        if isinstance(event, Do):
            return self._done(event)
        return self._answered(event)

    def _done(self, deed: Do) -> Document:
        if not deed.path:
            return self._screen.do(deed)
        before = recall(self._memory, deed.path)
        if before is not None and not deed.fresh and before.get("wants") == deed.wants:
            known: Document = before
            return known
        result = {"wants": deed.wants, **self._screen.do(deed)}
        remember(self._memory, deed.path, result)
        self._keep(self._memory)
        return result

    def _answered(self, question: Ask) -> Any:
        is_left_out = spoken(question.path) in self._left_out()
        known = recall(self._memory, question.path) if question.path else None
        if self._skips and not question.fresh and not self._is_wrong(question):
            if is_left_out and question.optional and known is None:
                return None
            if known is not None and _reads(question, known):
                return known if question.secret else question.read(shown(known))
        proposal = None if is_left_out and known is None else question.proposal if known is None else known
        answer = self._screen.ask(question, None if proposal is None else shown(proposal))
        if question.path:
            self._note(question.path, answer)
        return answer

    def _note(self, path: Path, answer: Any) -> None:
        remember(self._memory, path, answer)
        left_out = [one for one in self._left_out() if one != spoken(path)]
        if answer is None:
            left_out.append(spoken(path))
        remember(self._memory, ("init", "left_out"), left_out or None)
        self._keep(self._memory)

    def _is_wrong(self, question: Ask) -> bool:
        """Whether this is the question to ask again; it is so once."""
        is_wrong = bool(self._wrong) and question.path == self._wrong
        if is_wrong:
            self._wrong = ()
        return is_wrong

    def _left_out(self) -> list[str]:
        return recall(self._memory, ("init", "left_out")) or []

    # --- going back --------------------------------------------------------------------------------------------------

    def _forget_last(self) -> None:
        numbers = [n for n, one in enumerate(self._lived) if isinstance(one.event, Ask)]
        self._skips = False
        if numbers:
            self._cut(numbers[-1])
        else:
            self._screen.first()

    def _cut(self, number: int) -> None:
        """Forget from here on, and what was told just before, so that it is told again."""
        while number and not isinstance(self._lived[number - 1].event, (Ask, Do)):
            number -= 1
        del self._lived[number:]


def _tables(document: Document) -> list[tuple[str | int, ...]]:
    """Return the paths of all tables of the first level, each element of an array."""
    arrays = [(key, n) for key, value in document.items() if isinstance(value, list) for n in range(len(value))]
    return [*arrays, *((key,) for key, value in document.items() if isinstance(value, dict))]


def _reads(question: Ask, known: Any) -> bool:
    try:
        question.read(shown(known))
    except (Mistake, ValueError):
        return False
    return True


def shown(value: Any) -> str:
    """Return a value as a person would type it."""
    if isinstance(value, dict):
        return " / ".join(str(one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(shown, value))
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)
