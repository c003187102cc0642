"""The edition: what moves on the panel, as texts and states in one language."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.panel.edition import BLANK, Edition, Press, size, when_short
from agent.panel.words import Language, Words
from tests.agent.panel.believable import FOLLOW, NOW_MS, SITE

WORDS = Words()
ZONE = ZoneInfo("Asia/Shanghai")


def edition(language: Language = "en", **members: Any) -> Edition:
    """Return the edition of the believable board, with some members of it changed."""
    press = Press.of_site(SITE, partial(WORDS.said, language), ZONE)
    return press.edition(copy.deepcopy(FOLLOW) | members)


@pytest.mark.parametrize(
    ("key", "text", "state"),
    [
        ("value:press-1.power", "87.4", "N"),
        ("value:press-1.energy", "120934.25", "N"),
        ("value:rto-1.power", "—", "B"),
        ("why:press-1.power", "", None),
        ("facility:press-1", "running", "run"),
        ("facility:rto-1", "unknown", "unknown"),
        ("since:rto-1", "—", None),
        ("production:paint", "running", "run"),
        ("treatment:paint", "unknown", "unknown"),
        ("line:paint", "Red: serious", "red"),
        ("code", "Red: serious", "red"),
        ("ladder:limit.cems-1.nmhc.high", "told to the authority in 78 min", "counting"),
        ("ladder:rule.T1.paint", "told to the authority", "told"),
        ("share:cems-1.nmhc", "0.872", None),
        ("alarms", "3 active, 1 unacknowledged, 1 escalated", None),
        ("alarms.unacknowledged", "1", "some"),
        ("clock", "14:30 synchronised", "good"),
        ("disk", "11.2 GiB free (39%)", "good"),
    ],
)
def test_what_is_told(key: str, text: str, state: str | None) -> None:
    """Each key of the table has this text and this state."""
    told = edition()
    assert (told.text[key], told.state.get(key)) == (text, state)


def test_a_reading_that_is_not_good_says_why() -> None:
    """Beside "—" stands the quality in words and what went wrong; never a zero, never the last good value."""
    why = edition().text["why:rto-1.power"]
    assert why.endswith("no answer in 500 ms")
    assert len(why) > len("no answer in 500 ms")


def test_chinese_and_english_have_the_same_keys() -> None:
    """An edition differs from another in its words only."""
    zh, en = edition("zh"), edition("en")
    assert (zh.text.keys(), zh.state) == (en.text.keys(), en.state)
    assert zh.text["facility:press-1"] == "运行"


@pytest.mark.parametrize(
    ("name", "members", "key", "state"),
    [
        ("no uplink in the site file", {"uplink": None}, "uplink", "unknown"),
        ("an uplink that waits", {"uplink": {"state": "waiting 3.0 s: refused", "since_s": 9}}, "uplink", "bad"),
        ("nothing waits", {"outbox": {"waiting": 0, "oldest_ts": None}}, "backlog", "good"),
        ("age of the backlog not known", {"outbox": {"waiting": 5, "oldest_ts": None}}, "backlog", "warn"),
        (
            "a backlog of two days",
            {"outbox": {"waiting": 5, "oldest_ts": "2026-06-29T06:30:00Z"}},
            "backlog",
            "bad",
        ),
        ("clock on its own", {"clock": {"q": "hold"}}, "clock", "warn"),
        ("clock unknown", {"clock": {"q": "unsync"}}, "clock", "bad"),
        ("nothing told of the disk", {"disk": None}, "disk", "unknown"),
        ("a disk nearly full", {"disk": {"free": 1, "total": 100}}, "disk", "bad"),
        ("a colour nobody knows", {"code": {"plant": "mauve", "lines": {}}}, "code", "unknown"),
    ],
)
def test_how_the_box_is(name: str, members: dict[str, Any], key: str, state: str) -> None:
    """Each row of the table is a board, and how one thing on it is judged."""
    assert edition(**members).state[key] == state, name


def test_only_what_has_changed_is_told() -> None:
    """A viewer who has one edition is told of the next one what differs, and which keys are gone."""
    devices = copy.deepcopy(FOLLOW["devices"])
    devices["press-1"]["values"]["power"] = 88.0
    del devices["cems-1"]
    told = edition(devices=devices).since(edition())
    assert told["text"] == {"value:press-1.power": "88.0"}
    assert told["state"] == {}
    assert "value:cems-1.nmhc" in told["gone"]
    assert "alarms" not in told


def test_the_first_edition_is_told_whole() -> None:
    """A viewer who has nothing is told everything, alarms included, with those that ask for somebody by name."""
    whole = edition()
    told = whole.since(BLANK)
    assert (told["text"], told["state"]) == (whole.text, whole.state)
    assert told["alarms"]["asking"] == [["critical", "rule.T1.paint", "2026-07-01T06:17:26.000Z"]]
    assert told["alarms"]["sound"] is True


def test_an_unknown_time_makes_no_durations() -> None:
    """While the wall time is not known, nothing says since when."""
    told = edition(ts=None)
    assert told.text["since:press-1"] == "—"
    assert told.at is None


def test_moments_are_short_where_that_is_clear() -> None:
    """Today's moments are told by the hour, others with their date, unknown ones not at all."""
    assert when_short(NOW_MS, NOW_MS, ZONE) == "14:30"
    assert when_short(NOW_MS - 86_400_000, NOW_MS, ZONE) == "2026-06-30 14:30"
    assert when_short(None, NOW_MS, ZONE) is None


def test_sizes() -> None:
    """Room on a disk is told in the unit that fits."""
    assert (size(5 * 2**30), size(300 * 2**20)) == ("5.0 GiB", "300 MiB")
