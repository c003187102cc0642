"""The person's end of `plantgate init`: lines of text, on any terminal.

No colours, no cursor movements: it works on a serial console and on a dumb terminal. Progress rewrites its line with a
carriage return where the terminal knows that much, else it takes a new line now and then.
"""

from __future__ import annotations

import os
import re
import sys
from getpass import getpass
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Final, cast
from unicodedata import east_asian_width

from agent.setup.dialogue import Back
from agent.setup.interview import STEPS
from agent.setup.words import Words, printable
from config.problem import Mistake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.setup.dialogue import Ask, Do, Tell
    from agent.setup.document import Document
    from agent.setup.words import Language
    from drivers.reading import Clock

WIDTH: Final = 78
NARROWEST: Final = 20
SAYS_ITSELF: Final = (
    "talk.resume",
    "broker.then",
    "lines.then",
    "lines.settings",
    "lines.host",
    "devices.take",
    "devices.unknown",
)
"""Questions whose words name all that can be answered."""
NEW_LINE_EVERY_NS: Final = 10_000_000_000
REWRITE_EVERY_NS: Final = 200_000_000


class Terminal:
    """Asks and tells. `secrets` keeps what is typed unseen and returns the name of its file."""

    def __init__(
        self,
        words: Words,
        clock: Clock,
        deeds: Mapping[str, Callable[[Document], Document]],
        secrets: Callable[[str], str],
    ) -> None:
        self.words = words
        self._deeds = deeds
        self._secrets = secrets
        self._clock = clock
        self._last_ns = 0
        self._shown = 0
        self._rewrites = sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")

    # --- what the dialogue wants -------------------------------------------------------------------------------------

    def ask(self, question: Ask, proposal: str | None) -> Any:
        """Ask until there is an answer. Raises Back at "<"."""
        fields = {"file": "mqtt.password", **question.fields}
        if question.choices and question.key not in SAYS_ITSELF:
            self.say("talk.choices", choices="  ".join(_listed(question.choices)))
        while True:
            typed = self._typed(question, fields, proposal)
            if typed == "<":
                raise Back
            if typed == "?":
                self._line("  " + self.words.why(question.key, fields))
                continue
            found, answer = self._read(question, typed, proposal)
            if found:
                if question.path == ("gateway", "language"):
                    self.words = Words(cast("Language", answer))
                return answer

    def tell(self, what: Tell) -> None:
        """Print something; a step under a rule of dashes."""
        text = self.words.text(what.key, what.fields)
        if what.step:
            self._line("")
            text = f"--- {what.step}/{STEPS}  {text} "
            text += "-" * (width() - columns(text))
        self._line(text.rstrip())

    def do(self, deed: Do) -> Document:
        """Do something that takes time."""
        return self._deeds[deed.what](deed.wants)

    def first(self) -> None:
        """Say that nothing is before."""
        self.say("talk.first")

    # --- what deeds say ----------------------------------------------------------------------------------------------

    def say(self, key: str, **fields: object) -> None:
        """Print the text of `key`."""
        self._line(self.words.text(key, fields))

    def raw(self, text: str) -> None:
        """Print a text as it is, made printable: what is to be copied is not broken."""
        self._clear()
        print(printable(text), flush=True)

    def progress(self, key: str, **fields: object) -> None:
        """Show how far it is: on one line where that can be, else seldom."""
        now_ns = self._clock.mono_ns()
        if self._last_ns and now_ns - self._last_ns < (REWRITE_EVERY_NS if self._rewrites else NEW_LINE_EVERY_NS):
            return
        self._last_ns = now_ns
        text = self.words.text(key, fields).rstrip()
        if not self._rewrites:
            self._line(text)
            return
        text = wrapped(text, width())[0]  # a line that breaks cannot be written over
        sys.stdout.write("\r" + text + " " * max(0, self._shown - columns(text)))
        sys.stdout.flush()
        self._shown = columns(text)

    def _line(self, text: str) -> None:
        self._clear()
        for line in text.split("\n"):
            print("\n".join(wrapped(line, width())), flush=True)

    def _clear(self) -> None:
        """Take away the line of progress."""
        if self._shown:
            sys.stdout.write("\r" + " " * self._shown + "\r")
            self._shown = 0

    # --- one answer --------------------------------------------------------------------------------------------------

    def _typed(self, question: Ask, fields: Mapping[str, object], proposal: str | None) -> str:
        text = self.words.text(question.key, fields)
        if question.secret:
            text += " " + self.words.text("talk.password")
            return getpass(f"{text} [{'****' if proposal else '-'}]: ").rstrip("\r\n")
        usual = f" [{printable(proposal)}]" if proposal is not None else " [-]" if question.optional else ""
        *before, last = [part for line in f"{text}{usual}: ".split("\n") for part in wrapped(line, width())]
        for line in before:
            print(line)
        return input(last).strip()

    def _read(self, question: Ask, typed: str, proposal: str | None) -> tuple[bool, Any]:
        """Return whether there is an answer, and the answer."""
        if not typed and proposal is None and not question.optional:
            self.say("talk.needed")
            return False, None
        if typed == "-" or (not typed and proposal is None):
            if question.optional:
                return True, None
            self.say("talk.needed")
            return False, None
        if question.secret:
            return True, self._secrets(typed) if typed else proposal
        try:
            typed.encode()
            return True, question.read(typed or cast("str", proposal))
        except UnicodeEncodeError:
            self.say("talk.text")
        except Mistake as mistake:
            self.say("talk.wrong", what=mistake, hint=mistake.hint)
        return False, None


def width() -> int:
    """Return how many columns a line may have: those of the terminal, as far as they are readable."""
    return max(NARROWEST, min(WIDTH, get_terminal_size((WIDTH + 2, 24)).columns - 2))


def columns(text: str) -> int:
    """Return how wide a text is; Chinese characters take two columns."""
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in text)


def wrapped(text: str, most: int = WIDTH) -> list[str]:
    """Return a line as lines of at most so many columns, broken at spaces, or within Chinese (two columns each)."""
    indent = text[: len(text) - len(text.lstrip())]
    lines, line, wide = [], "", 0
    for word in re.findall(r"[\x21-\u2fff]+ *|.", text):
        width = columns(word)
        if line.strip() and wide + columns(word.rstrip()) > most:
            lines.append(line.rstrip())
            line, wide = indent, len(indent)
        line, wide = line + word, wide + width
    return [*lines, line]


def _listed(choices: tuple[str, ...]) -> list[str]:
    """Return choices for people: long lists of points with numbers."""
    return [f"{n} {one}" for n, one in enumerate(choices, 1)] if any("." in one for one in choices) else list(choices)
