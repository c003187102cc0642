"""A person who answers from a list, and a box without lines, for conversations in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.setup.dialogue import Back, Dialogue
from agent.setup.interview import Machine, interview
from config.problem import Mistake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.setup.dialogue import Ask, Do, Script, Tell
    from agent.setup.document import Document

FIND: Document = {
    "bus": {"name": "x", "type": "serial", "port": "/dev/ttyUSB0", "baudrate": 9600, "parity": "N"},
    "device": [
        {"name": "meter-3", "bus": "x", "protocol": "modbus", "address": 3, "poll": "10s", "report": "60s"}
        | {"model": "eastron-sdm630", "found": {"at": "9600 8N1", "by": "identity", "asks_ct": False}},
        {"name": "meter-4", "bus": "x", "protocol": "modbus", "address": 4, "poll": "10s", "report": "60s"}
        | {"model": "chint-dtsu666", "found": {"at": "9600 8N1", "by": "plausible", "asks_ct": True}},
        {"name": "unit-5", "bus": "x", "protocol": "modbus", "address": 5, "poll": "10s", "report": "60s"}
        | {"point": [{"name": "r", "register": "holding", "at": 0, "type": "uint16"}], "found": {"at": "9600 8N1"}},
    ],
    "strangers": [],
    "remarks": [],
}
STATION: Document = {
    "bus": {"name": "y", "type": "serial", "port": "/dev/ttyUSB1", "baudrate": 9600, "parity": "N"},
    "device": [
        {"name": "cems-1", "bus": "y", "protocol": "hj212", "address": "MN1", "report": "60s"}
        | {"model": "hj212-cems", "found": {"by": "its packets"}},
    ],
    "strangers": [],
    "remarks": [],
}
BROKER_WORKS: Document = {"ok": True, "words": "MQTT 5", "topic": "t", "zh": "", "en": ""}


class Gone(Exception):
    """The person's terminal has hung up."""


class Person:
    """Answers questions by their key: a text, or texts one after the other; "<" goes back; else Enter.

    `asked` are the keys of the questions put, `told` those of what was shown.
    """

    def __init__(self, answers: Mapping[str, str | list[str]], deeds: Mapping[str, Document] | None = None) -> None:
        self.answers = {key: [one] if isinstance(one, str) else list(one) for key, one in answers.items()}
        self.asked: list[str] = []
        self.told: list[str] = []
        self.proposals: dict[str, str | None] = {}
        self.deeds = {"/dev/ttyUSB0": FIND, "/dev/ttyUSB1": STATION, "broker": BROKER_WORKS, **(deeds or {})}
        self.done: list[str] = []
        self.refused: list[str] = []
        self.leaves_at = ""

    def ask(self, question: Ask, proposal: str | None) -> Any:
        """See `Screen.ask`."""
        if question.key == self.leaves_at:
            raise Gone
        self.asked.append(question.key)
        self.proposals[question.key] = proposal
        while True:
            typed = self.answers[question.key].pop(0) if self.answers.get(question.key) else ""
            if typed == "<":
                raise Back
            if typed == "-" or (not typed and proposal is None):
                assert question.optional, f"{question.key} cannot be left out"
                return None
            try:
                return question.read(typed or proposal or "")
            except Mistake as mistake:
                self.refused.append(f"{question.key}: {mistake}")

    def tell(self, what: Tell) -> None:
        """See `Screen.tell`."""
        self.told.append(what.key)

    def do(self, deed: Do) -> Document:
        """See `Screen.do`."""
        self.done.append(deed.what)
        return self.deeds[deed.wants.get("place", deed.what)]

    def first(self) -> None:
        """See `Screen.first`."""
        self.told.append("talk.first")


PLANT: dict[str, str | list[str]] = {
    "gateway.id": "jn-0417",
    "broker.url": "-",
    "lines.places": "/dev/ttyUSB0 /dev/ttyUSB1",
    "devices.name": ["press-1", "fan-1", "cems"],
    "devices.ct": "200/5",
    "facilities.rated": ["45", "22"],
    "outlets.reference_o2": "9",
    "outlets.factors": "cems.so2 cems.nox",
    "outlets.limit": ["35", "50"],
    "outlets.range": ["0 300", "0 500"],
}
"""A whole plant: two meters on one line, an analyzer on another."""
BOX = Machine(timezone="Asia/Shanghai", language="zh", host="", state_dir="state")


def conversation(
    person: Person, memory: Document | None = None, script: Callable[[], Script] | None = None
) -> tuple[Dialogue, list[Document]]:
    """Return a dialogue with a person, and what was kept after each answer."""
    kept: list[Document] = []
    dialogue = Dialogue(script or (lambda: interview(BOX)), {} if memory is None else memory, person, kept.append)
    return dialogue, kept
