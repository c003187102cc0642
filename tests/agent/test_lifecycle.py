"""The life of one alarm: every cell of the state table, and what lies over the states."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent import lifecycle
from agent.elapsed import Since
from agent.lifecycle import NORMAL, AlarmRefused, By, Definition, Life, Shelf, Status, Turn, Word
from config.site import Text

DOCS = Path(__file__).parents[2] / "docs"
SECOND = 1_000_000_000
PLAIN = Definition(
    id="rule.T1.paint", priority="high", text=Text("治污未开", "treatment not on"), escalate_after_ns=90 * SECOND
)
LATCHING = replace(PLAIN, latch=True)
AUTO = replace(PLAIN, auto_reset=True)
REMINDING = replace(PLAIN, remind_ns=30 * SECOND)
WANG = By("wang", 1000, "seen")
AT = Since(0)
SHELF = Shelf(WANG, AT, 60 * SECOND)

EVENTS: dict[str, Any] = {
    "begins": lambda _, life: lifecycle.begins(life, AT),
    "ends": lifecycle.ends,
    "ack": lambda _, life: lifecycle.acknowledge(life, AT),
    "reset": lambda _, life: lifecycle.reset(life),
    "shelve": lambda definition, life: lifecycle.shelve(definition, life, SHELF),
    "once": lambda definition, life: lifecycle.shelve(definition, life, replace(SHELF, once=True)),
    "unshelve": lambda _, life: lifecycle.unshelve(life, AT),
    "mute": lambda _, life: lifecycle.mute(life, ("maintenance",), AT),
    "unmute": lambda _, life: lifecycle.mute(life, (), AT),
    "out": lambda _, life: lifecycle.take_out(life, WANG),
    "back": lambda _, life: lifecycle.put_back(life, AT),
    "60 s": lambda definition, life: lifecycle.passes(definition, life, 60 * SECOND, AT),
    "90 s": lambda definition, life: lifecycle.passes(definition, life, 90 * SECOND, AT),
}


def lived(*events: str, definition: Definition = PLAIN) -> tuple[Life, list[str]]:
    """Return what these events make of a normal alarm, and the words of the last of them."""
    turn = Turn(NORMAL)
    for event in events:
        turn = EVENTS[event](definition, turn.life)
    return turn.life, [word.value for word in turn.told]


A: tuple[str, ...] = ()
B = ("begins",)
C = ("begins", "ack")
D = ("begins", "ends")
E = ("shelve",)
F = ("mute", "begins")
G = ("out",)


@pytest.mark.parametrize(
    ("before", "event", "told", "status"),
    [
        (A, "begins", ["raised"], "unacknowledged"),
        (B, "ack", ["acknowledged"], "acknowledged"),
        (B, "ends", ["cleared"], "returned"),
        (C, "ends", ["cleared"], "normal"),
        (D, "ack", ["acknowledged"], "normal"),
        (D, "begins", ["raised"], "unacknowledged"),
        (A, "shelve", ["shelved"], "shelved"),
        (B, "shelve", ["shelved"], "shelved"),
        (C, "shelve", ["shelved"], "shelved"),
        (D, "shelve", ["shelved"], "shelved"),
        (E, "shelve", ["shelved"], "shelved"),
        (E, "begins", ["raised"], "shelved"),
        ((*E, "begins"), "ends", ["cleared"], "shelved"),
        (E, "unshelve", ["unshelved"], "normal"),
        (E, "60 s", ["unshelved"], "normal"),
        ((*E, "begins"), "unshelve", ["unshelved"], "unacknowledged"),
        ((*E, "begins"), "60 s", ["unshelved"], "unacknowledged"),
        ((*B, "shelve"), "unshelve", ["unshelved"], "unacknowledged"),
        ((*C, "shelve"), "unshelve", ["unshelved"], "acknowledged"),
        ((*C, "shelve"), "60 s", ["unshelved"], "acknowledged"),
        ((*D, "shelve"), "unshelve", ["unshelved"], "returned"),
        ((*B, "shelve", "ends"), "unshelve", ["unshelved"], "returned"),
        ((*C, "shelve", "ends"), "unshelve", ["unshelved"], "normal"),
        ((*C, "shelve", "ends", "begins"), "unshelve", ["unshelved"], "unacknowledged"),
        ((*E, "begins", "ends"), "unshelve", ["unshelved"], "normal"),
        ((*B, "shelve"), "ack", ["acknowledged"], "shelved"),
        ((*B, "shelve", "ack"), "unshelve", ["unshelved"], "acknowledged"),
        ((*B, "once"), "ends", ["cleared", "unshelved"], "returned"),
        ((*C, "once"), "ends", ["cleared", "unshelved"], "normal"),
        ((*C, "once"), "60 s", ["unshelved"], "acknowledged"),
        (A, "mute", [], "normal"),
        (("mute",), "unmute", [], "normal"),
        (("mute",), "begins", ["suppressed"], "suppressed"),
        (B, "mute", ["suppressed"], "suppressed"),
        (C, "mute", ["suppressed"], "suppressed"),
        (D, "mute", [], "returned"),
        (E, "mute", [], "shelved"),
        (F, "mute", [], "suppressed"),
        (F, "unmute", ["unsuppressed", "raised"], "unacknowledged"),
        (F, "ends", ["unsuppressed"], "normal"),
        ((*D, "mute", "begins"), "ends", ["unsuppressed"], "returned"),
        ((*B, "mute"), "unmute", ["unsuppressed"], "unacknowledged"),
        ((*C, "mute"), "unmute", ["unsuppressed"], "acknowledged"),
        ((*B, "mute"), "ends", ["unsuppressed", "cleared"], "returned"),
        ((*C, "mute"), "ends", ["unsuppressed", "cleared"], "normal"),
        ((*F, "shelve"), "unmute", ["unsuppressed", "raised"], "shelved"),
        (A, "out", ["out-of-service"], "out-of-service"),
        (B, "out", ["out-of-service"], "out-of-service"),
        (C, "out", ["out-of-service"], "out-of-service"),
        (D, "out", ["out-of-service"], "out-of-service"),
        (E, "out", ["out-of-service"], "out-of-service"),
        (F, "out", ["out-of-service"], "out-of-service"),
        (G, "begins", ["raised"], "out-of-service"),
        ((*G, "begins"), "ends", ["cleared"], "out-of-service"),
        (G, "back", ["in-service"], "normal"),
        ((*G, "begins"), "back", ["in-service"], "unacknowledged"),
        ((*G, "begins", "ends"), "back", ["in-service"], "normal"),
        ((*C, "out"), "back", ["in-service"], "acknowledged"),
        ((*D, "out"), "back", ["in-service"], "returned"),
        ((*E, "out"), "back", ["in-service"], "shelved"),
        ((*E, "out"), "60 s", ["unshelved"], "out-of-service"),
        ((*F, "out"), "back", ["in-service"], "suppressed"),
        (B, "90 s", ["escalated"], "unacknowledged"),
        (C, "90 s", ["escalated"], "acknowledged"),
        ((*C, "out"), "90 s", ["escalated"], "out-of-service"),
        ((*C, "shelve"), "90 s", ["unshelved", "escalated"], "acknowledged"),
        ((*B, "90 s"), "90 s", [], "unacknowledged"),
        ((*B, "mute"), "90 s", [], "suppressed"),
        ((*B, "mute", "90 s", "unmute"), "90 s", ["escalated"], "unacknowledged"),
        (D, "90 s", [], "returned"),
    ],
)
def test_each_transition_has_its_word_and_its_state(
    before: tuple[str, ...], event: str, told: list[str], status: str
) -> None:
    """The table of ISA-18.2, cell by cell, with what this product adds to it."""
    life, words = lived(*before, event)

    assert (words, life.status.value) == (told, status)


@pytest.mark.parametrize(
    ("definition", "events", "told", "status"),
    [
        (LATCHING, (*C, "ends"), ["cleared"], "latched"),
        (LATCHING, (*B, "ends"), ["cleared"], "returned"),
        (LATCHING, (*B, "ends", "ack"), ["acknowledged"], "latched"),
        (LATCHING, (*C, "ends", "reset"), ["reset"], "normal"),
        (LATCHING, (*C, "ends", "begins"), ["raised"], "unacknowledged"),
        (LATCHING, (*G, "begins", "ends", "back"), ["in-service"], "latched"),
        (LATCHING, (*F, "ends"), ["unsuppressed"], "normal"),
        (AUTO, (*B, "ends"), ["cleared"], "normal"),
        (AUTO, B, ["raised"], "unacknowledged"),
        (REMINDING, (*C, "60 s"), ["realarmed"], "unacknowledged"),
        (REMINDING, (*C, "60 s", "ack"), ["acknowledged"], "acknowledged"),
        (REMINDING, (*B, "60 s"), [], "unacknowledged"),
        (REMINDING, (*C, "out", "60 s"), [], "out-of-service"),
        (REMINDING, (*C, "mute", "60 s"), [], "suppressed"),
        (REMINDING, (*C, "ends", "60 s"), [], "normal"),
    ],
)
def test_latch_auto_reset_and_reminder(
    definition: Definition, events: tuple[str, ...], told: list[str], status: str
) -> None:
    """What a definition may add: a reset by people, none at all, and being told again."""
    life, words = lived(*events, definition=definition)

    assert (words, life.status.value) == (told, status)


@pytest.mark.parametrize(
    ("definition", "before", "event", "words"),
    [
        (PLAIN, A, "ack", "there is nothing to acknowledge"),
        (PLAIN, C, "ack", "it is acknowledged already"),
        (PLAIN, F, "ack", "there is nothing to acknowledge"),
        (PLAIN, A, "reset", "it does not wait for a reset"),
        (PLAIN, C, "reset", "its condition still holds"),
        (LATCHING, C, "reset", "its condition still holds"),
        (LATCHING, D, "reset", "acknowledge it first"),
        (PLAIN, A, "unshelve", "it is not shelved"),
        (PLAIN, A, "once", "it is not active: there is no once to shelve it for"),
        (PLAIN, G, "shelve", "it is out of service"),
        (replace(PLAIN, longest_shelf_ns=SECOND), B, "shelve", "it can be shelved for 0.000277778 h at most"),
        (PLAIN, G, "out", "it is out of service already, by wang"),
        (PLAIN, A, "back", "it is in service"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    definition: Definition, before: tuple[str, ...], event: str, words: str
) -> None:
    """People are told why, and nothing changes."""
    life, _ = lived(*before, definition=definition)

    with pytest.raises(AlarmRefused, match=words):
        EVENTS[event](definition, life)


@pytest.mark.parametrize("for_ns", [0, -1, 8 * 3600 * SECOND + 1])
def test_the_shelf_has_a_limit(for_ns: int) -> None:
    """Eight hours at a time, and never for no time at all."""
    with pytest.raises(AlarmRefused):
        lifecycle.shelve(PLAIN, NORMAL, replace(SHELF, for_ns=for_ns))
    assert lifecycle.shelve(PLAIN, NORMAL, replace(SHELF, for_ns=8 * 3600 * SECOND)).life.status is Status.SHELVED


def test_after_everything_an_alarm_is_simply_normal() -> None:
    """Nothing is left behind of a life that is over, so that the table forgets it."""
    events = (*C, "shelve", "mute", "out", "90 s", "back", "unmute", "ends", "begins", "ack", "ends")
    life, _ = lived(*events)

    assert life == NORMAL


def test_shelving_again_begins_the_time_anew() -> None:
    """The later shelf counts."""
    life, _ = lived("begins", "shelve")
    later = lifecycle.shelve(PLAIN, life, Shelf(WANG, Since(50 * SECOND), 60 * SECOND)).life

    assert lifecycle.passes(replace(PLAIN, escalate_after_ns=None), later, 109 * SECOND, AT).told == ()
    assert lifecycle.passes(PLAIN, later, 110 * SECOND, AT).told == (Word.UNSHELVED, Word.ESCALATED)


def test_coming_off_the_shelf_begins_the_reminder_anew() -> None:
    """What was acknowledged comes back acknowledged, and stays so for a whole reminder."""
    definition = replace(REMINDING, escalate_after_ns=None)
    life, _ = lived(*C, "shelve", definition=definition)
    at = 60 * SECOND
    back = lifecycle.passes(definition, life, at, Since(at))

    assert (back.told, back.life.status) == ((Word.UNSHELVED,), Status.ACKNOWLEDGED)
    assert lifecycle.due_ns(definition, back.life) == 90 * SECOND


def test_due_is_when_something_passes() -> None:
    """Nothing happens a nanosecond before, and something does then."""
    for events in (B, (*B, "shelve"), (*C,), E):
        life, _ = lived(*events, definition=REMINDING)
        due = lifecycle.due_ns(REMINDING, life)
        assert due is not None
        assert lifecycle.passes(REMINDING, life, due - 1, AT).told == ()
        assert lifecycle.passes(REMINDING, life, due, AT).told != ()
    assert lifecycle.due_ns(REMINDING, NORMAL) is None


def test_the_schema_knows_every_word_and_every_status() -> None:
    """And no other."""
    members = json.loads((DOCS / "schema" / "alarm.json").read_text(encoding="utf-8"))["properties"]

    assert set(members["state"]["enum"]) == {word.value for word in Word}
    assert set(members["status"]["enum"]) == {status.value for status in Status}


@pytest.mark.parametrize("page", ["alarms.md", "wire-format.md"])
def test_the_pages_name_every_word(page: str) -> None:
    """What a record may say is explained."""
    text = (DOCS / page).read_text(encoding="utf-8")

    assert {word.value for word in Word} <= set(re.findall(r"`([a-z-]+)`", text))
