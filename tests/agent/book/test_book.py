"""Orders, marks and tasks: what is taken, what is refused and why, what is in force, and that nothing is forgotten."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.book.book import KEEP_MS, MOST, VERBS, Book
from agent.book.entries import EntryRefused
from agent.book.in_force import BookPlan
from config.site import Facility, Line, Plant, Text

if TYPE_CHECKING:
    from agent.book.orders import Order

ZONE = ZoneInfo("Asia/Shanghai")
NOON = 1_795_838_400_000
"""2026-11-28T12:00:00 in Shanghai is 04:00 UTC."""
HOUR = 3_600_000
WHO = {"who": "li.wei", "uid": 1000}


def plant() -> Plant:
    """Return two lines, one of them of grade A."""
    facility = Facility(
        name="press-1", label=Text("压机", "Press"), role="production", type=None, power="m.power", current=None,
        running=None, rated=45.0, points={}, facts={},
    )  # fmt: skip
    lines = [
        Line(name=name, label=Text(name, name), production=("press-1",), treatment=(), outlet=None, facts=facts)
        for name, facts in (("paint", {}), ("boiler", {"grade": "A"}))
    ]
    return Plant(facilities=(facility,), lines=tuple(lines))


@pytest.fixture
def book() -> Book:
    """Return an empty book."""
    return Book(plant(), ZONE)


def orders_on(book: Book, line: str, wall_ms: int) -> list[Order]:
    """Return the orders in force on a line at a moment."""
    return [order for order in book.orders_for(line) if order.is_in_force(wall_ms)]


def is_marked(book: Book, kind: str, name: str, wall_ms: int) -> bool | None:
    """Return whether an object is marked at a moment."""
    return BookPlan(book, ZONE).is_marked(kind, [name], wall_ms)


def enter(book: Book, do: str, now_ms: int | None = NOON, **words: Any) -> dict[str, Any]:
    """Enter something as li.wei."""
    return book.enter(do, words, WHO, now_ms)


STOP: dict[str, Any] = {"lines": ["paint"], "stop": True, "start": "now", "end": "+24h"}


def test_an_order_is_in_force_from_its_start_up_to_its_end(book: Book) -> None:
    """The first moment belongs to it, the last one does not."""
    enter(book, "order", **(STOP | {"start": "+1h"}))

    assert [len(orders_on(book, "paint", NOON + hours * HOUR)) for hours in (0, 1, 23, 24)] == [0, 1, 1, 0]
    assert orders_on(book, "boiler", NOON + HOUR) == []


def test_an_order_is_told_with_who_entered_it(book: Book) -> None:
    """The event carries the whole order in words that a platform can read, and who did it."""
    told = enter(book, "order", lines=["paint"], reduce=30, start="2026-11-28 13:00", end="2026-11-30T00:00:00Z")

    assert told["event"] == "order-entered"
    assert told["by"] == WHO
    assert told["order"] == {
        "id": "o1", "kind": "emergency", "lines": ["paint"], "start": "2026-11-28T05:00:00.000Z",
        "end": "2026-11-30T00:00:00.000Z", "reduce": 30, "stop": False,
    }  # fmt: skip


REFUSED_ORDERS = {
    "ends before it starts": ({"stop": True, "start": "+2h", "end": "+1h"}, "ends .* before it starts"),
    "ends when it starts": ({"stop": True, "start": "+1h", "end": "+1h"}, "before it starts"),
    "overlaps": ({"stop": True, "end": "+1h", "lines": ["paint"]}, "has order o1 .* end that one first"),
    "says nothing": ({"end": "+30h", "start": "+25h"}, "says what to do"),
    "says two things": ({"end": "+30h", "stop": True, "reduce": 20}, "not both"),
    "reduces by nothing": ({"end": "+30h", "reduce": 0}, "more than 0"),
    "reduces by more than all": ({"end": "+30h", "reduce": 101}, "from 0 to 100"),
    "no such line": ({"end": "+30h", "stop": True, "lines": ["pant"]}, "no line 'pant'"),
    "no such kind": ({"end": "+30h", "stop": True, "kind": "emergncy"}, "did you mean 'emergency'"),
    "unknown word": ({"end": "+30h", "stop": True, "linse": ["paint"]}, "did you mean 'lines'"),
    "exempts every line": ({"end": "+30h", "stop": True, "lines": ["boiler"], "exempt": ["A"]}, "order nothing"),
    "no end": ({"stop": True}, "end is missing"),
    "no moment": ({"stop": True, "end": "tomorrow"}, "no moment"),
    "far away": ({"stop": True, "end": "2099-01-01"}, "ten years away"),
    "odd hours": ({"end": "+30h", "hours": "6-22"}, "no span of the day"),
    "not a truth value": ({"end": "+30h", "stop": "yes"}, "true or false"),
    "a truth value as number": ({"end": "+30h", "reduce": True}, "must be a number"),
}


@pytest.mark.parametrize(("words", "why"), REFUSED_ORDERS.values(), ids=REFUSED_ORDERS.keys())
def test_an_order_that_cannot_be_meant_is_refused_with_the_reason(book: Book, words: dict[str, Any], why: str) -> None:
    """Nothing of a refused order stays in the book."""
    enter(book, "order", **STOP)

    with pytest.raises(EntryRefused, match=why):
        enter(book, "order", **words)

    assert list(book.orders) == ["o1"]


def test_orders_that_follow_each_other_do_not_overlap(book: Book) -> None:
    """The end of one may be the start of the next."""
    enter(book, "order", **STOP)
    enter(book, "order", **(STOP | {"start": "+24h", "end": "+48h"}))

    assert [order.id for order in orders_on(book, "paint", NOON + 24 * HOUR)] == ["o2"]


def test_an_emergency_may_fall_into_a_season_of_staggered_production(book: Book) -> None:
    """Orders of different kinds are in force together."""
    enter(book, "order", kind="staggered", lines=["paint"], hours="06:00-22:00", end="+1000h")
    enter(book, "order", **STOP)

    assert [order.sort for order in orders_on(book, "paint", NOON)] == ["staggered", "emergency"]


def test_an_order_does_not_concern_the_grades_it_exempts(book: Book) -> None:
    """A line without a grade is never exempt."""
    enter(book, "order", reduce=50, end="+24h", exempt=["A", "B"])

    assert len(orders_on(book, "paint", NOON)) == 1
    assert orders_on(book, "boiler", NOON) == []


@pytest.mark.parametrize(
    ("hours", "minute", "allowed"),
    [
        ("06:00-22:00", 359, False),
        ("06:00-22:00", 360, True),
        ("06:00-22:00", 1320, False),
        ("22:00-06:00", 1320, True),
        ("22:00-06:00", 359, True),
        ("22:00-06:00", 360, False),
        ("00:00-24:00", 1439, True),
    ],
)
def test_hours_of_an_order_hold_over_midnight(book: Book, hours: str, minute: int, allowed: bool) -> None:
    """The first minute belongs to the span, the last one does not."""
    enter(book, "order", hours=hours, end="+24h", lines=["paint"])

    assert book.orders["o1"].allows(minute) is allowed


def test_an_order_ends_early_and_can_be_ended_once(book: Book) -> None:
    """It is no longer in force from then on; its numbers are never used again."""
    enter(book, "order", **STOP)
    told = enter(book, "end-order", NOON + HOUR, id="o1", reason="alert is over")

    assert (told["event"], told["reason"]) == ("order-ended", "alert is over")
    assert orders_on(book, "paint", NOON + HOUR) == []
    with pytest.raises(EntryRefused, match="ended already"):
        enter(book, "end-order", NOON + HOUR, id="o1")
    with pytest.raises(EntryRefused, match="there is no order 'o9'"):
        enter(book, "end-order", id="o9")
    assert enter(book, "order", NOON + HOUR, **STOP)["order"]["id"] == "o2"


def test_marks_are_in_force_on_their_object_and_on_the_whole_plant(book: Book) -> None:
    """A mark without an end stays until it is ended."""
    enter(book, "mark", kind="maintenance", object="press-1", reason="bearing", start="now", end="+2h")
    enter(book, "mark", kind="stopped", reason="holiday")

    assert is_marked(book, "maintenance", "press-1", NOON + HOUR)
    assert not is_marked(book, "maintenance", "paint", NOON + HOUR)
    assert not is_marked(book, "maintenance", "press-1", NOON + 2 * HOUR)
    assert is_marked(book, "stopped", "paint", NOON + 500 * HOUR)
    enter(book, "end-mark", NOON + HOUR, id="m2")
    assert not is_marked(book, "stopped", "paint", NOON + HOUR)


def test_an_instrument_can_be_marked(book: Book) -> None:
    """What a rule about a device asks for can be said of it."""
    with_devices = Book(plant(), ZONE, ["cems"])
    enter(with_devices, "mark", kind="communication", object="cems", reason="cable cut")

    assert is_marked(with_devices, "communication", "cems", NOON)
    with pytest.raises(EntryRefused, match="there is no 'cems'"):
        enter(book, "mark", kind="communication", object="cems", reason="cable cut")


REFUSED_MARKS = {
    "no reason": ({"kind": "fault", "object": "press-1"}, "reason is missing"),
    "empty reason": ({"kind": "fault", "object": "press-1", "reason": " "}, "reason is empty"),
    "no such kind": ({"kind": "stoped", "reason": "x"}, "did you mean 'stopped'"),
    "no such object": ({"kind": "fault", "object": "pres-1", "reason": "x"}, "did you mean 'press-1'"),
    "ends before it starts": ({"kind": "fault", "reason": "x", "end": "+0s"}, "before it starts"),
    "twice": ({"kind": "stopped", "reason": "x", "start": "+5h"}, "plant is marked stopped .* until it is ended"),
}


@pytest.mark.parametrize(("words", "why"), REFUSED_MARKS.values(), ids=REFUSED_MARKS.keys())
def test_a_mark_that_cannot_be_meant_is_refused_with_the_reason(book: Book, words: dict[str, Any], why: str) -> None:
    """Nothing of a refused mark stays in the book."""
    enter(book, "mark", kind="stopped", reason="holiday")

    with pytest.raises(EntryRefused, match=why):
        enter(book, "mark", **words)

    assert list(book.marks) == ["m1"]


TASK: dict[str, Any] = {
    "place": "STACK-1",
    "title": "Morning round",
    "due": "+8h",
    "items": [
        "Anything unusual?",
        {"id": "dp", "text": "Bag dP", "kind": "number", "low": 500, "high": 2000, "unit": "Pa"},
        {"id": "leak", "text": "Leak?", "choices": ["no", "yes"]},
        {"id": "pic", "text": "Photo of the gauge", "kind": "photo"},
    ],
}
ANSWERS: dict[str, Any] = {"1": "no", "dp": 2200, "leak": "no", "pic": "IMG_0001.jpg"}


def test_a_task_is_answered_as_a_whole_and_says_what_is_out_of_bounds(book: Book) -> None:
    """Text, choice, number and photo; a number out of its bounds is a finding, not a mistake."""
    enter(book, "task", **TASK)
    told = enter(book, "answer-task", NOON + HOUR, id="t1", answers=ANSWERS)

    assert (told["event"], told["late"], told["task"]["findings"]) == ("task-answered", False, ["dp"])
    assert told["task"]["answers"] == ANSWERS
    assert told["task"]["who"] == "li.wei"
    with pytest.raises(EntryRefused, match="answered already"):
        enter(book, "answer-task", NOON + HOUR, id="t1", answers=ANSWERS)


def test_a_task_is_overdue_from_the_moment_it_is_due_until_it_is_answered(book: Book) -> None:
    """A late answer is taken and says that it is late."""
    enter(book, "task", **TASK)

    assert book.overdue(NOON + 8 * HOUR - 1) == []
    assert [task.id for task in book.overdue(NOON + 8 * HOUR)] == ["t1"]
    assert enter(book, "answer-task", NOON + 9 * HOUR, id="t1", answers=ANSWERS)["late"] is True
    assert book.overdue(NOON + 9 * HOUR) == []


REFUSED_ANSWERS = {
    "not whole": ({"dp": 700}, "no answer to 1, leak, pic"),
    "unknown item": (ANSWERS | {"ph": 7}, "no item 'ph'"),
    "no choice": (ANSWERS | {"leak": "maybe"}, "one of: no, yes"),
    "no number": (ANSWERS | {"dp": "much"}, "with a number"),
    "not a number": (ANSWERS | {"dp": float("nan")}, "with a number"),
    "no text": (ANSWERS | {"1": " "}, "with a text"),
}


@pytest.mark.parametrize(("answers", "why"), REFUSED_ANSWERS.values(), ids=REFUSED_ANSWERS.keys())
def test_an_answer_that_cannot_be_meant_is_refused(book: Book, answers: dict[str, Any], why: str) -> None:
    """The task stays open."""
    enter(book, "task", **TASK)

    with pytest.raises(EntryRefused, match=why):
        enter(book, "answer-task", id="t1", answers=answers)

    assert book.tasks["t1"].is_open


def test_a_withdrawn_task_is_never_overdue(book: Book) -> None:
    """It needs a reason, and cannot be answered any more."""
    enter(book, "task", **TASK)
    enter(book, "withdraw-task", id="t1", reason="wrong place")

    assert book.overdue(NOON + 99 * HOUR) == []
    with pytest.raises(EntryRefused, match="withdrawn"):
        enter(book, "answer-task", id="t1", answers=ANSWERS)


def test_while_time_is_not_known_only_dates_are_taken(book: Book) -> None:
    """``now`` and ``+2h`` mean nothing then, and are refused with the reason."""
    with pytest.raises(EntryRefused, match="does not know the time"):
        enter(book, "order", None, **STOP)

    enter(book, "order", None, lines=["paint"], stop=True, start="2026-11-28 12:00", end="2026-11-28 20:00")
    assert len(orders_on(book, "paint", NOON)) == 1


def test_the_book_survives_a_restart(book: Book) -> None:
    """Everything in it, and the next number."""
    enter(book, "order", **STOP, exempt=["C"], minimum=5)
    enter(book, "order", kind="staggered", hours="22:00-06:00", end="+100h", lines=["boiler"])
    enter(book, "mark", kind="stopped", reason="holiday")
    enter(book, "task", **TASK)
    enter(book, "answer-task", id="t4", answers=ANSWERS)
    again = Book(plant(), ZONE)

    assert again.restore(book.snapshot()) is None
    assert again.listing(NOON, everything=True) == book.listing(NOON, everything=True)
    assert enter(again, "mark", kind="fault", reason="x")["mark"]["id"] == "m5"


@pytest.mark.parametrize("state", [b"", b"{}", b'{"v":99}', b"[1]", b'{"v":1,"next":1,"orders":[{}]}', b"\xff"])
def test_a_book_that_cannot_be_read_is_told(book: Book, state: bytes) -> None:
    """The box goes on with an empty one."""
    told = book.restore(state)

    assert told is not None
    assert told["event"] == "book-lost"
    assert book.listing(NOON, everything=True) == {"orders": [], "marks": [], "tasks": []}


def test_what_ended_long_ago_leaves_the_book_and_what_is_open_stays(book: Book) -> None:
    """Their evidence is in the chain."""
    enter(book, "order", **STOP)
    enter(book, "mark", kind="stopped", reason="for good")
    enter(book, "mark", NOON + KEEP_MS + 30 * HOUR, kind="fault", reason="x")

    assert list(book.orders) == []
    assert list(book.marks) == ["m2", "m3"]


def full_of_tasks(book: Book) -> None:
    """Fill the book with open tasks."""
    empty = json.loads(book.snapshot())
    enter(book, "task", **TASK)
    task = json.loads(book.snapshot())["tasks"][0]
    tasks = [task | {"id": f"t{number + 1}"} for number in range(MOST)]
    book.restore(json.dumps(empty | {"next": MOST + 1, "tasks": tasks}).encode())


def test_the_book_is_bounded(book: Book) -> None:
    """More open entries than any plant has are refused."""
    full_of_tasks(book)

    with pytest.raises(EntryRefused, match="2000 entries of this sort are open already"):
        enter(book, "task", **TASK)


def test_what_is_done_makes_room(book: Book) -> None:
    """A plant that asks for ten tasks a day never comes to an end of its book: the oldest that is done leaves it."""
    full_of_tasks(book)
    enter(book, "withdraw-task", id="t7", reason="twice")

    enter(book, "task", **TASK)

    assert len(book.tasks) == MOST
    assert "t7" not in book.tasks
    assert f"t{MOST + 1}" in book.tasks


def test_a_snapshot_costs_nothing_while_the_book_is_the_same(book: Book) -> None:
    """It is asked for with every alarm."""
    enter(book, "order", **STOP)
    first = book.snapshot()

    assert book.snapshot() is first
    enter(book, "end-order", NOON + HOUR, id="o1")
    assert book.snapshot() != first


def test_what_was_ended_before_it_began_is_in_nobodys_way(book: Book) -> None:
    """An order or mark that never was overlaps nothing."""
    enter(book, "order", **(STOP | {"start": "+2h"}))
    enter(book, "end-order", id="o1")
    enter(book, "mark", kind="fault", start="+2h", reason="planned")
    enter(book, "end-mark", id="m2")

    enter(book, "order", **(STOP | {"start": "+1h"}))
    enter(book, "mark", kind="fault", start="+1h", reason="planned anew")

    assert not is_marked(book, "fault", "paint", NOON)
    assert is_marked(book, "fault", "paint", NOON + 2 * HOUR)
    assert [order.id for order in orders_on(book, "paint", NOON + 2 * HOUR)] == ["o3"]


def test_orders_meet_only_on_lines_that_both_concern(book: Book) -> None:
    """A line that the first order exempts by its grade is free for another."""
    enter(book, "order", stop=True, end="+24h", exempt=["A"])

    enter(book, "order", reduce=30, end="+24h", lines=["boiler"])

    assert [order.id for order in orders_on(book, "boiler", NOON)] == ["o2"]
    with pytest.raises(EntryRefused, match="line 'paint' has order o1"):
        enter(book, "order", reduce=30, end="+24h")


def test_consumables_are_renewed_again_and_again(book: Book) -> None:
    """It is a moment, not a state: no earlier mark is in its way, and the last one is never forgotten."""
    enter(book, "mark", kind="renewed", object="press-1", reason="new bags")
    enter(book, "mark", NOON + HOUR, kind="renewed", object="press-1", reason="one was torn")
    enter(book, "end-mark", NOON + 2 * HOUR, id="m2")
    enter(book, "mark", NOON + KEEP_MS + 30 * HOUR, kind="fault", reason="x", end="+1h")
    enter(book, "mark", NOON + KEEP_MS + 31 * HOUR, kind="drying", reason="x")

    assert BookPlan(book, ZONE).renewed_ms("press-1") == NOON + HOUR


def test_a_mark_cannot_be_ended_before_its_start(book: Book) -> None:
    """One that has not begun is ended by leaving the moment out."""
    enter(book, "mark", kind="fault", start="+2h", reason="planned")

    with pytest.raises(EntryRefused, match=r"would end .* before it starts"):
        enter(book, "end-mark", id="m1", end="+1h")


REFUSED_ITEMS = {
    "inverted bounds": ({"text": "dP", "kind": "number", "low": 5, "high": 2}, "low 5 is above high 2"),
    "bounds of a text": ({"text": "dP", "low": 5}, "low and high belong to kind number"),
    "a name that is empty": ({"text": "dP", "id": ""}, "id is empty"),
    "a bound beyond all": ({"text": "dP", "kind": "number", "low": 10**400}, "low must be a number"),
}


@pytest.mark.parametrize(("item", "why"), REFUSED_ITEMS.values(), ids=REFUSED_ITEMS.keys())
def test_an_item_that_cannot_be_meant_is_refused(book: Book, item: dict[str, Any], why: str) -> None:
    """With what is wrong about it."""
    with pytest.raises(EntryRefused, match=why):
        enter(book, "task", place="P", due="+1h", items=[item])


WORDS = ("kind", "lines", "object", "start", "end", "stop", "reduce", "hours", "minimum", "exempt", "reason", "id",
         "place", "title", "items", "due", "answers", "nonsense")  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1e300, float("nan"), float("inf"), 10**400, "", " ", "now", "+2h", "+1e308d", "+-2h", "+nan",
    "9999-12-31 23:59", "0001-01-01", "2026-11-29", "2026-11-29T20:00:00+23:59", "\x00", "\ud800", "压", "x" * 600,
    [], {}, [1], ["paint"], ["x"] * 60, [[]], {"1": 10**400}, {"1": "ok"}, [{"text": 5}], "06:00-22:00", "24:00-06:00",
    "stop", "fault", "paint", "o1", "m2", "t3",
)  # fmt: skip


@settings(max_examples=300)
@given(
    do=st.sampled_from(VERBS), words=st.dictionaries(st.sampled_from(WORDS), st.sampled_from(VALUES)), now=st.booleans()
)
def test_any_words_are_taken_or_refused(do: str, words: dict[str, Any], now: bool) -> None:
    """Never anything else; what is taken can be told, kept and taken back."""
    book = Book(plant(), ZONE)
    enter(book, "order", start="2026-12-01", end="2026-12-02", stop=True)
    enter(book, "mark", kind="fault", reason="x")
    enter(book, "task", place="P", items=["look"], due="2026-12-01")
    good: dict[str, dict[str, Any]] = {
        "order": {"end": "+2h", "stop": True},
        "mark": {"kind": "stopped", "reason": "x"},
    }
    good |= {
        "task": {"place": "P", "items": ["look"], "due": "+1h"},
        "answer-task": {"id": "t3", "answers": {"1": "ok"}},
    }
    before = book.snapshot()

    try:
        told = book.enter(do, good.get(do, {"id": "o1"}) | words, WHO, NOON if now else None)
    except EntryRefused:
        assert book.snapshot() == before
        return
    assert told["kind"] == "event"
    json.dumps(told, allow_nan=False)
    again = Book(plant(), ZONE)
    assert again.restore(book.snapshot()) is None
    assert again.snapshot() == book.snapshot()
