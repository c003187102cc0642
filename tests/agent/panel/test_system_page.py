"""The system page: the state of lines and link, what was changed, who did what, and the support bundle."""

from __future__ import annotations

import copy
import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from agent.panel import condition
from agent.panel.deeds import EVENTS, deeds
from tests.agent.panel.believable import FOLLOW, JOURNAL, SITE, TS
from tests.agent.panel.hostile import harm, poisoned

if TYPE_CHECKING:
    from tests.agent.panel.rig import Rig

BY = {"who": "wang", "uid": 991, "door": "panel"}


def test_error_rates_count_everything_that_was_no_answer() -> None:
    """The share of wrong requests holds time-outs, bad frames and exceptions; before any request it is unknown."""
    board = copy.deepcopy(FOLLOW)
    board["devices"]["press-1"] |= {"requests": 200, "timeouts": 3, "bad_frames": 2, "exceptions": {"2": 5}}
    board["devices"]["fan-1"] |= {"requests": 0, "timeouts": 0}

    found = {device.name: device for device in condition.devices(SITE, board)}

    assert (found["press-1"].wrong, found["press-1"].is_sick) == (0.05, True)
    assert (found["fan-1"].wrong, found["fan-1"].is_sick) == (None, False)
    assert found["rto-1"].is_sick, "it does not answer"
    assert "paint" not in found, "derived points are asked of nobody"


def test_without_a_board_nothing_is_known() -> None:
    """Lines and instruments of an agent that is away have no figures, and no zeros in their place."""
    assert {bus.busy for bus in condition.buses(SITE, None)} == {None}
    assert {device.wrong for device in condition.devices(SITE, None)} == {None}


def test_deeds_are_what_people_did() -> None:
    """Records with somebody behind them, and logins that were refused; what the agent did by itself is left out."""
    records = [
        {
            "seq": 5,
            "kind": "alarm",
            "ts": TS,
            "alarm": "a",
            "text": {"zh": "确认", "en": "ack"},
            "by": BY | {"note": "ok"},
        },
        {"seq": 4, "kind": "alarm", "ts": TS, "alarm": "a", "text": {"zh": "来", "en": "came"}},
        {"seq": 3, "kind": "event", "ts": None, "event": "login-refused", "user": "eve", "address": "10.0.0.9"},
        {"seq": 2, "kind": "event", "ts": TS, "event": "device-lost", "device": "fan-1"},
        {
            "seq": 1,
            "kind": "event",
            "ts": TS,
            "event": "mark-ended",
            "by": BY,
            "mark": {"id": "m1", "kind": "fault", "x": 1},
        },
    ]

    found = deeds(records)

    assert [(deed.seq, deed.who, deed.details) for deed in found] == [
        (5, "wang", "ok"),
        (3, "eve", "user: eve; address: 10.0.0.9"),
        (1, "wang", "mark: m1, fault"),
    ]
    assert (found[0].text, found[1].key, found[1].at_ms) == ({"zh": "确认", "en": "ack"}, EVENTS["login-refused"], None)


def test_the_page_tells_how_everything_does(rig: Rig) -> None:
    """Link, buffer, clock, versions, lines, instruments and the configuration in force are on one page."""
    rig.login("viewer")

    page = rig.get("/system").text

    for text in ("mqtts://broker.example:8883", "48 MB", "timesyncd", "0.1.0", "c0ffee00c0ffee00", "41 %", "61 MB"):
        assert text in page
    assert "/system/support" not in page, "viewers take no bundle"


def test_changes_of_the_configuration_are_shown_with_what_changed(rig: Rig) -> None:
    """Each record tells its hash and each place that is different, also where it takes some looking to find it."""
    diff = [{"path": "limit.high", "old": None, "new": 50}]
    record = {"seq": 9, "kind": "config", "ts": TS, "hash": "abcdefabcdefabcdef", "previous": "x", "diff": diff}
    rig.door.answers["journal"] = lambda words: (
        {"records": [record], "next": None} if words["before"] == 500 else {"records": [], "next": 500}
    )
    rig.login("viewer")

    page = rig.get("/system").text

    assert "abcdefabcdef" in page
    assert "limit.high" in page
    assert rig.door.asked("journal")[-1]["kinds"] == ["config"]


def test_the_audit_goes_on_where_a_page_ends(rig: Rig) -> None:
    """A page holds fifty deeds; the next goes on after the last; a long stretch without any is looked through."""

    def journal(words: dict[str, Any]) -> dict[str, Any]:
        before = words["before"] or 1001
        records: list[dict[str, Any]] = [
            {"seq": seq, "kind": "event", "ts": TS, "event": "login", "by": BY}
            if seq % 2
            else {"seq": seq, "kind": "alarm"}
            for seq in range(before - 1, max(0, before - 1 - words["limit"]), -1)
        ]
        return {"records": records, "next": records[-1]["seq"] if records and records[-1]["seq"] > 1 else None}

    rig.door.answers["journal"] = journal
    rig.login("viewer")

    first, last = rig.get("/system/audit").text, rig.get("/system/audit?before=101").text

    assert first.count("<tr>") == 51
    assert "/system/audit?before=901" in first
    assert last.count("<tr>") == 51
    assert rig.get("/system/audit?before=1").status_code == 200
    assert rig.get("/system/audit?before=x").text.count("<tr>") == 51


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_the_support_bundle_is_for_installers(rig: Rig, role: str) -> None:
    """Others are refused, and the agent is not asked."""
    rig.login(role)

    assert rig.post("/system/support").status_code == 403
    assert rig.door.asked("support") == []


def test_the_support_bundle_is_a_zip_and_is_recorded(rig: Rig) -> None:
    """The files come as the agent told them, under plain names; who took them is recorded."""
    rig.door.answers["support"] = {"files": {"status.json": "{}", "../../etc/log.txt": "日志"}}
    rig.login("installer")

    answer = rig.post("/system/support")

    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert {name: packed.read(name).decode() for name in packed.namelist()} == {
            "status.json": "{}",
            "log.txt": "日志",
        }
    rig.wait_for(lambda: any(words["event"] == "download" for words in rig.door.asked("audit")))
    told = next(words for words in rig.door.asked("audit") if words["event"] == "download")
    assert (told["user"], told["what"]) == ("installer", "support")


def test_hostile_records_stay_text(rig: Rig) -> None:
    """Faults, diagnoses, notes, users and configurations are text, whatever they hold."""
    records: dict[str, Any] = poisoned(copy.deepcopy(JOURNAL), "ts", "kind", "event")
    diff = poisoned([{"path": "a", "old": "b", "new": {"c": "d"}}])
    records["records"].append(
        {"seq": 1, "kind": "config", "ts": TS, "hash": diff[0]["path"], "previous": "x", "diff": diff}
    )
    records["records"].append(
        poisoned({"seq": 2, "kind": "event", "event": "x", "by": {"who": "y"}, "z": ["w"]}, "kind")
    )
    rig.door.answers["journal"] = records
    follow = poisoned(copy.deepcopy(FOLLOW), "ts", "flags", "rows", "cfg") | {"software": "other"}
    rig.door.answers["follow"] = follow
    rig.wait_for(lambda: (rig.house.agency.live.board or {}).get("software") == "other")
    rig.login("installer")

    assert harm(rig.get("/system").text) == []
    rig.door.answers["journal"] = records | {"next": None}
    assert harm(rig.get("/system/audit").text) == []
