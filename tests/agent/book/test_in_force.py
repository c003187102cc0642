"""What orders and marks mean to the rules at a moment, also while time is not known."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.book.book import Book
from agent.book.entries import EntryRefused
from agent.book.in_force import BookPlan
from agent.clock import ts
from agent.rules.outside import NOTHING, InForce, Plan
from tests.agent.book.test_book import HOUR, NOON, STOP, WHO, plant

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def book() -> Book:
    """Return an empty book."""
    return Book(plant(), ZONE)


def enter(book: Book, do: str, **words: Any) -> None:
    """Enter something at noon."""
    book.enter(do, words, WHO, NOON)


def demanded(book: Book, wall_ms: int | None = NOON, line: str = "paint") -> InForce | None:
    """Return what is demanded of the line."""
    plan: Plan = BookPlan(book, ZONE)
    return plan.order(line, wall_ms)


def test_without_orders_nothing_is_demanded_whatever_the_time(book: Book) -> None:
    """Also while time is not known: there is nothing that could change the answer."""
    assert demanded(book) is NOTHING
    assert demanded(book, None) is NOTHING


def test_while_time_is_not_known_an_order_is_neither_in_force_nor_not(book: Book) -> None:
    """It satisfies no rule and excuses none; a line without orders is still known."""
    enter(book, "order", **STOP)

    assert demanded(book, None) is None
    assert demanded(book, None, "boiler") is NOTHING


def test_a_stop_order_counts_its_time_from_its_start_to_its_end(book: Book) -> None:
    """Elapsed and remaining are seconds of wall time."""
    enter(book, "order", **STOP)

    expected = InForce(is_any=True, is_stop=True, reduction=1.0, elapsed_s=3600.0, remaining_s=23 * 3600.0)

    assert demanded(book, NOON + HOUR) == expected
    assert demanded(book, NOON - 1) is NOTHING
    assert demanded(book, NOON + 24 * HOUR) is NOTHING


def test_of_two_orders_that_meet_the_stricter_holds(book: Book) -> None:
    """The emergency leads in time; hours hold if both allow them; the larger reduction, the smaller load."""
    enter(book, "order", kind="staggered", lines=["paint"], reduce=20, hours="06:00-11:00", minimum=8, end="+99h")
    enter(book, "order", lines=["paint"], reduce=30, minimum=5, start="+1h", end="+5h")

    expected = InForce(
        is_any=True, reduction=0.3, elapsed_s=3600.0, remaining_s=3 * 3600.0, minimum_kw=5.0, is_allowed=False
    )

    assert demanded(book, NOON + 2 * HOUR) == expected


def test_staggered_production_is_not_an_emergency_stop(book: Book) -> None:
    """Each is judged by rules of its own."""
    enter(book, "order", kind="staggered", **STOP)

    now = demanded(book)

    assert now is not None
    assert (now.is_staggered, now.is_stop) == (True, False)


def test_a_mark_on_the_plant_is_a_mark_on_everything(book: Book) -> None:
    """While time is not known it is known only that nothing was marked."""
    plan = BookPlan(book, ZONE)
    enter(book, "mark", kind="stopped", reason="holiday", end="+1h")

    assert plan.is_marked("stopped", ["paint"], NOON) is True
    assert plan.is_marked("stopped", ["paint"], NOON + HOUR) is False
    assert plan.is_marked("stopped", ["paint"], None) is None
    assert plan.is_marked("fault", ["paint"], None) is False


MARKS = st.tuples(
    st.sampled_from(["fault", "drying"]),
    st.sampled_from(["paint", "press-1", "plant"]),
    st.integers(-5, 5),
    st.none() | st.integers(-5, 6),
    st.booleans(),
)


@given(marks=st.lists(MARKS, max_size=12), hour=st.integers(-6, 7))
def test_what_is_marked_is_what_any_mark_says(marks: list[tuple[str, str, int, int | None, bool]], hour: int) -> None:
    """However many there are, ended early or never begun: as if each were looked at."""
    book = Book(plant(), ZONE)
    for kind, name, start, end, is_ended in marks:
        words = {"kind": kind, "object": name, "start": ts(NOON + start * HOUR), "reason": "x"}
        with suppress(EntryRefused):
            number = book.enter("mark", words | ({} if end is None else {"end": ts(NOON + end * HOUR)}), WHO, NOON)
            if is_ended:
                book.enter("end-mark", {"id": number["mark"]["id"]}, WHO, NOON)
    plan, now_ms = BookPlan(book, ZONE), NOON + hour * HOUR

    for kind in ("fault", "drying"):
        there = [mark for mark in book.marks.values() if mark.kind == kind and mark.object in ("paint", "plant")]
        assert plan.is_marked(kind, ["paint"], now_ms) == any(mark.is_in_force(now_ms) for mark in there)


def test_the_nearest_declared_start_or_stop_is_told_within_a_day(book: Book) -> None:
    """Positive after it, negative before; maintenance declares no start of production."""
    plan = BookPlan(book, ZONE)
    enter(book, "mark", kind="maintenance", object="paint", reason="filter", start="now", end="+2h")
    assert plan.declared_s(["paint"], NOON) is None
    enter(book, "mark", kind="stopped", object="paint", reason="weekend", start="+1h", end="+30h")

    assert plan.declared_s(["paint", "press-1"], NOON) == -3600.0
    assert plan.declared_s(["paint"], NOON + 2 * HOUR) == 3600.0
    assert plan.declared_s(["paint"], NOON + 29 * HOUR) == -3600.0
    assert plan.declared_s(["paint"], NOON + 60 * HOUR) is None
    assert plan.declared_s(["boiler"], NOON) is None
    assert plan.declared_s(["paint"], None) is None


def test_a_line_is_declaring_once_anything_was_entered_for_it(book: Book) -> None:
    """An order, a mark; of another line it does not count."""
    plan = BookPlan(book, ZONE)
    assert plan.is_declaring(["paint"], NOON) is False
    enter(book, "order", **STOP)

    assert plan.is_declaring(["paint"], NOON) is True
    assert plan.is_declaring(["boiler"], NOON) is False


def test_the_last_change_of_consumables_counts(book: Book) -> None:
    """Marks that are over have still happened."""
    plan = BookPlan(book, ZONE)
    assert plan.renewed_ms("press-1") is None
    enter(book, "mark", kind="renewed", object="press-1", reason="new bags", start="+1h", end="+2h")
    enter(book, "mark", kind="renewed", object="press-1", reason="new bags", start="+3h", end="+4h")

    assert plan.renewed_ms("press-1") == NOON + 3 * HOUR


def test_overdue_tasks_are_counted(book: Book) -> None:
    """While time is not known an open task may be overdue or not."""
    plan = BookPlan(book, ZONE)
    assert plan.overdue(None) == 0
    enter(book, "task", place="P1", due="+1h", items=["look"])

    assert plan.overdue(NOON) == 0
    assert plan.overdue(NOON + HOUR) == 1
    assert plan.overdue(None) is None
