"""Moments as people of the site type and read them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from agent.panel import moments
from agent.panel.typed import Typed

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
NOW = 1_782_887_400_000

TYPED = {
    "of a field": ("2026-07-01T14:30", SHANGHAI, NOW),
    "with a blank": (" 2026-07-01 14:30 ", SHANGHAI, NOW),
    "full width": ("２０２６-０７-０１ １４：３０", SHANGHAI, NOW),
    "in UTC": ("2026-07-01T06:30:00Z", SHANGHAI, NOW),
    "a day alone": ("2026-07-01", SHANGHAI, NOW - 14 * 3_600_000 - 30 * 60_000),
    "comes twice: the first": ("2026-10-25T02:30", BERLIN, 1_792_888_200_000),
    "skipped by the clock": ("2026-03-29T02:30", BERLIN, "typed.skipped"),
    "rubbish": ("<script>", SHANGHAI, "typed.moment"),
    "before 1970": ("1969-01-01", SHANGHAI, "typed.moment"),
    "no such day": ("2026-02-30", SHANGHAI, "typed.moment"),
    "beyond every calendar": ("9999-12-31T23:59-23:59", SHANGHAI, "typed.moment"),
    "beyond the calendar of this zone": ("9999-12-31T23:59Z", SHANGHAI, "typed.moment"),
    "the year nought": ("0000-01-01", SHANGHAI, "typed.moment"),
    "the year one": ("0001-01-01T00:00", SHANGHAI, "typed.moment"),
}


@pytest.mark.parametrize("name", TYPED)
def test_a_moment_is_taken_as_it_stands_on_the_clock_of_the_site(name: str) -> None:
    """What is typed is the clock on the wall; what is no moment there is refused at its field."""
    text, zone, expected = TYPED[name]
    typed = Typed({"at": text}, zone)

    found = typed.moment("at")

    assert (found if not typed.problems else typed.problems["at"][0]) == expected


def test_a_moment_goes_round() -> None:
    """A moment shown in a field and read again is the same, and so is one shown to people."""
    assert moments.typed(moments.for_field(NOW, BERLIN), BERLIN) == NOW
    assert moments.typed(moments.local(NOW, BERLIN) or "", BERLIN) == NOW
    assert moments.typed(moments.iso(NOW, SHANGHAI), BERLIN) == NOW
    assert moments.of_record(moments.utc(NOW)) == NOW


@pytest.mark.parametrize("ts", [None, "", "yesterday", 5, "2026-07-01T06:30:00"])
def test_a_record_without_time_has_none(ts: object) -> None:
    """What a record does not tell is not known, never 1970."""
    assert moments.of_record(ts) is None
    assert moments.local(None, SHANGHAI) is None


def test_the_day_of_a_clock_change_ends_at_its_own_midnight() -> None:
    """A day of 25 hours ends 25 hours after it began."""
    start = moments.typed("2026-10-25T00:00", BERLIN)

    assert moments.midnight_after(start, BERLIN) - start == 25 * 3_600_000


NUMBERS = {"12.5": 12.5, "１２．５": 12.5, "-3": -3.0, "12。5": 12.5, "abc": "typed.number", "nan": "typed.range"}
NUMBERS |= {"1e99": "typed.range", "": "typed.missing"}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_read_as_people_type_it(text: str) -> None:
    """Digits of full width are digits; what is no number, or out of all reason, is refused at its field."""
    typed = Typed({"x": text}, SHANGHAI)

    found = typed.number("x", -100, 100, needed=True)

    assert (found if not typed.problems else typed.problems["x"][0]) == NUMBERS[text]
