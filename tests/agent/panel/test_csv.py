"""Trends as files for spreadsheets: what stands in them, who may take them, and what no spreadsheet may run."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from agent.panel import csv_export
from tests.agent.panel.test_series import series

if TYPE_CHECKING:
    from tests.agent.panel.rig import Rig

CELLS = {
    "formula": ("=1+1", "'=1+1"),
    "plus": ("+49", "'+49"),
    "minus": ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
    "at": ("@SUM(A1)", "'@SUM(A1)"),
    "blank before it": ("  =1", "'  =1"),
    "tab before it": ("\t=1", "'\t=1"),
    "full width": ("＝1", "'＝1"),
    "harmless": ("press-1.power", "press-1.power"),
    "a negative number stays a number": (-5.25, "-5.25"),
    "not known": (None, ""),
    "yes": (True, "1"),
    "no": (False, "0"),
}


@pytest.mark.parametrize("name", CELLS)
def test_no_text_becomes_a_formula(name: str) -> None:
    """A text that a spreadsheet would run gets a quote; numbers stay numbers, and what is not known is empty."""
    value, expected = CELLS[name]

    assert csv_export.cell(value) == expected


def test_one_row_a_period() -> None:
    """The head has the mark of UTF-8 and units; rows have moments with their zone; what is not known is empty."""
    zone = ZoneInfo("Asia/Shanghai")
    text = csv_export.head(["a.p"], {"a.p": "kW"})
    text += csv_export.lines(["a.p"], {"a.p": series((0, 5.0, True), (1, None, False))}, zone)

    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows[0][:5] == ["start", "end", "a.p avg [kW]", "a.p min [kW]", "a.p max [kW]"]
    assert rows[1][:2] == ["1970-01-01T08:00:00+08:00", "1970-01-01T08:01:00+08:00"]
    assert rows[1][2:] == ["5.0", "4.0", "6.0", "12", "1", "N", "5.0"]
    assert rows[2][2:] == ["", "", "", "12", "0", "B", ""]


def test_only_operators_take_files_and_it_is_recorded(rig: Rig) -> None:
    """A viewer is refused; an operator gets the file, and the agent is told who took what."""
    address = "/trends/export.csv?p=press-1.power&range=24h&level=minute"
    rig.login("viewer")
    assert rig.get(address).status_code == 403
    rig.login("operator")

    answer = rig.get(address)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbfstart,end,press-1.power avg [kW]")
    rig.wait_for(lambda: any(words["event"] == "download" for words in rig.door.asked("audit")))
    told = next(words for words in rig.door.asked("audit") if words["event"] == "download")
    assert (told["user"], told["what"], told["points"]) == ("operator", "trend", ["press-1.power"])


@pytest.mark.parametrize(
    "query",
    [
        "range=24h&level=minute",
        "p=press-1.power&level=second",
        "p=press-1.power&range=1y&level=minute",
        "p=x.y&level=day",
    ],
)
def test_what_makes_no_file_is_said(rig: Rig, query: str) -> None:
    """Without points, with an unknown length of rows, or with a year of minutes there is no file, but a reason."""
    rig.login("operator")

    assert rig.get(f"/trends/export.csv?{query}").status_code == 422


def test_what_the_agent_refuses_begins_no_file(rig: Rig) -> None:
    """A refusal of the agent is an error page, never a file with half a table."""
    rig.login("operator")
    rig.door.answers["trend"] = {"error": "too many at once"}

    answer = rig.get("/trends/export.csv?p=press-1.power&range=24h&level=minute")

    assert answer.status_code >= 400
    assert "attachment" not in answer.headers.get("content-disposition", "")
