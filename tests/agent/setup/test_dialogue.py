"""A conversation: going back, breaking off, going on, being sent back to a mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.setup import readers
from agent.setup.dialogue import Ask, Do, Known, Tell
from agent.setup.document import which
from tests.agent.setup.people import Gone, Person, conversation

if TYPE_CHECKING:
    from agent.setup.dialogue import Script
    from agent.setup.document import Document


def script() -> Script:
    """Ask for a name, do something with it, then for a number and something that may be left out."""
    yield Tell(key="step", step=1)
    name = yield Ask(key="name", path=("box", "name"), read=readers.name)
    result = yield Do(what="scan", wants={"name": name, "place": "/dev/ttyUSB0"}, path=("init", "seen"))
    yield Tell(key="seen")
    limit = yield Ask(key="limit", path=("thing", which(name=name), "limit"), read=readers.positive, proposal=5.0)
    note = yield Ask(key="note", path=("box", "note"), optional=True)
    earlier = yield Known(("box", "earlier"))
    return {"name": name, "limit": limit, "note": note, "found": len(result["device"]), "earlier": earlier}


def held(answers: dict[str, str | list[str]], memory: Document | None = None, **more: Any) -> tuple[Person, Document]:
    """Return the person and the result of a conversation."""
    person = Person(answers)
    dialogue, _ = conversation(person, memory, script)
    return person, dialogue.run(**more)


def test_enter_takes_the_proposal() -> None:
    """Answers are read; what may be left out and has no proposal is left out."""
    person, document = held({"name": "fan"})

    assert document == {"name": "fan", "limit": 5.0, "note": None, "found": 3, "earlier": None}
    assert person.asked == ["name", "limit", "note"]


def test_back_asks_the_question_before_and_proposes_its_answer() -> None:
    """What was told just before is told again; what takes long is not done again for the same wants."""
    person, document = held({"name": ["fan", ""], "limit": ["<", "7"], "note": ["hi"]})

    assert document["limit"] == 7.0
    assert person.asked == ["name", "limit", "name", "limit", "note"]
    assert person.proposals["name"] == "fan"
    assert person.told == ["step", "seen", "step", "seen"]
    assert person.done == ["scan"]


def test_another_answer_is_another_deed() -> None:
    """Somebody who went back and changed what was wanted gets it done anew."""
    person, document = held({"name": ["fan", "press"], "limit": ["<", "7"]})

    assert document["name"] == "press"
    assert person.done == ["scan", "scan"]


def test_before_the_first_question_is_nothing() -> None:
    """It says so, and asks the first again."""
    person, document = held({"name": ["<", "fan"]})

    assert "talk.first" in person.told
    assert document["name"] == "fan"


@pytest.mark.parametrize("lost_at", ["limit", "note"])
def test_a_lost_connection_loses_no_answer(lost_at: str) -> None:
    """Everything answered was kept; the next conversation begins with the first question not answered."""
    first = Person({"name": "fan", "limit": "7"})
    first.leaves_at = lost_at
    dialogue, kept = conversation(first, None, script)
    with pytest.raises(Gone):
        dialogue.run()

    second = Person({"limit": "7"})
    again, _ = conversation(second, kept[-1], script)
    document = again.run(resume=True)

    assert second.asked[0] == lost_at
    assert document == {"name": "fan", "limit": 7.0, "note": None, "found": 3, "earlier": None}
    assert second.done == []


def test_what_was_left_out_is_not_asked_again() -> None:
    """That somebody wanted none is an answer, too."""
    first = Person({"name": "fan"})
    dialogue, kept = conversation(first, None, script)
    dialogue.run()
    second = Person({})
    again, _ = conversation(second, kept[-1], script)

    assert again.run(resume=True)["note"] is None
    assert second.asked == []


def test_a_memory_that_nobody_could_have_answered_is_asked_again() -> None:
    """A file edited by hand between two conversations."""
    person, document = held({"name": "fan"}, {"box": {"name": "NOT A NAME", "earlier": 1}}, resume=True)

    assert person.asked == ["name", "limit", "note"]
    assert document["name"] == "fan"
    assert document["earlier"] == 1


def test_a_mistake_leads_back_to_its_question() -> None:
    """By the line of the text that the check found; what was answered after it is not asked again."""
    person = Person({"name": "fan", "limit": ["7", "8"], "note": "hi"})
    dialogue, _ = conversation(person, {}, script)
    document = dialogue.run()
    lines: dict[tuple[str | int, ...], int] = {("box",): 1, ("box", "name"): 2, ("thing", 0): 4}
    lines |= {("thing", 0, "limit"): 5, ("rule", 0): 8}
    site: Document = {"box": {}, "thing": [{"name": "fan"}], "rule": [{}]}

    question = dialogue.about(site, lambda path: lines.get(path, 1), 6)
    assert question is not None
    dialogue.return_to(question)
    document = dialogue.run(resume=True)

    assert question.key == "limit"
    assert dialogue.about(site, lambda path: lines.get(path, 1), 9) is None, "nobody was asked about rules"
    assert document["limit"] == 8.0
    assert document["note"] == "hi"
    assert person.asked == ["name", "limit", "note", "limit"]
