"""Judgement, from a register or a command to the signed record: rules, people, the ladder, orders, the health code."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from agent.control_client import NoAnswer, Visit
from tests.e2e.harness import (
    FAILPOINTS,
    ROOT,
    Outcomes,
    Record,
    Site,
    Stage,
    arrived,
    bus,
    device,
    mqtt,
    played_together,
    point,
)
from tests.e2e.test_clock import WallClock
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

ME = pwd.getpwuid(os.getuid()).pw_name

# --- the plant -------------------------------------------------------------------------------------------------------

PRESS, FAN, CEMS, FEEDER = 1, 2, 3, 4
"""Unit numbers of the four instruments."""
VALUE = 1
"""The register with the power of a meter in 0.1 kW; of the analyzer: SO2, NOx, O2, flow from here on."""


def _meter(name: str, unit: int) -> dict[str, Any]:
    return device(name, unit, points=[point(), point("power", VALUE, unit="kW", scale=0.1)], poll="300ms")


def _gas(name: str, at: int, unit: str) -> dict[str, Any]:
    return point(name, at, unit=unit, scale=0.1)


GASES = [_gas("so2", 1, "mg/m3"), _gas("nox", 2, "mg/m3"), _gas("o2", 3, "%"), _gas("flow", 4, "m3/h")]
DEVICES = [
    _meter("press-1", PRESS),
    _meter("fan-1", FAN),
    device("cems", CEMS, points=[point(), *GASES], poll="300ms"),
    _meter("feeder", FEEDER),
]
PLANT = """
[[facility]]
name = "press-1"
role = "production"
power = "press-1.power"
rated = 45.0
on_hold = "0s"
off_hold = "0s"

[[facility]]
name = "fan-1"
label = { zh = "1号风机", en = "Fan 1" }
role = "treatment"
type = "fan"
power = "fan-1.power"
rated = 18.5
on_hold = "0s"
off_hold = "0s"

[[facility]]
name = "main"
role = "main"
power = "feeder.power"

[[line]]
name = "paint"
label = { zh = "涂装线", en = "Paint shop" }
production = ["press-1"]
treatment = ["fan-1"]
outlet = "stack-1"

[[outlet]]
name = "stack-1"
medium = "air"
o2 = "cems.o2"
reference_o2 = 9.0
points = { flow = "cems.flow" }

[[outlet.factor]]
code = "a21026"
point = "cems.so2"
limit = 35.0
range = [0.0, 300.0]

[[outlet.factor]]
code = "a21002"
point = "cems.nox"
limit = 50.0
range = [0.0, 500.0]

[[derived]]
name = "paint.power"
formula = "press-1.power + fan-1.power"
unit = "kW"
decimals = 1

[[derived]]
name = "paint.ratio"
formula = "press-1.power / fan-1.power"
decimals = 2
"""


def change(rule: str, **params: Any) -> str:
    """Return a change to a rule; alarms clear at once unless told otherwise."""
    return f'\n[[rule]]\nid = "{rule}"\n' + "".join(
        f"{name} = {json.dumps(value)}\n" for name, value in ({"clear_hold": "0s"} | params).items()
    )


T1 = "rule.T1.paint.fan-1"
SOON_S = 20.0
"""Generous: for a machine that does other things as well. A day is what must not be waited."""


def at_once(**params: Any) -> str:
    """Return the change that makes T1 speak at once; T3, about the moment of stopping, leaves it the word."""
    return change("T1", grace="0s", **params) + change("T3", enabled=False)


AT_ONCE = at_once()


def at_work(stage: Stage) -> None:
    """Let the plant run as it should."""
    for unit, values in {PRESS: [300], FAN: [150], CEMS: [200, 300, 80, 9000], FEEDER: [500]}.items():
        for number, value in enumerate(values):
            stage.meters.set(VALUE + number, value, unit)


def begin(stage: Stage, rules: str = AT_ONCE, command: Sequence[str] | None = None, **more: Any) -> None:
    """Start the agent on the plant at work, and wait until it has judged it."""
    at_work(stage)
    environment = more.pop("environment", None)
    stage.write(devices=DEVICES, plant=PLANT + rules, packs=None, **more)
    stage.agent.start(*([command] if command else []), environment=environment)
    arrived(stage, lambda: len(stage.counts("press-1")) > 2)
    assert eventually(lambda: code(stage) == {"plant": "green", "lines": {"paint": "green"}})


def fan(stage: Stage, *, runs: bool) -> None:
    """Switch the treatment on or off."""
    stage.meters.set(VALUE, 150 if runs else 0, FAN)


# --- what is told ----------------------------------------------------------------------------------------------------


def told(stage: Stage, alarm: str) -> list[Record]:
    """Return what the chain says of one alarm, in its order."""
    return sorted(stage.records("alarm", alarm=alarm), key=lambda record: record["seq"])


def words(stage: Stage, alarm: str) -> list[tuple[str, str]]:
    """Return what happened to an alarm, and the status after each."""
    return [(record["state"], record["status"]) for record in told(stage, alarm)]


def happened(stage: Stage, alarm: str, state: str) -> Record:
    """Wait for something to happen to an alarm; return its record."""
    arrived(stage, lambda: stage.records("alarm", alarm=alarm, state=state))
    return told(stage, alarm)[-1]


def code(stage: Stage) -> Any:
    """Return the health code that the retained status shows."""
    status = [m.payload for m in (stage.platform.messages if stage.platform else []) if m.topic.endswith("/status")]
    return json.loads(status[-1]).get("code") if status else None


def others(stage: Stage, *known: str) -> set[str]:
    """Return the alarms raised beside those that are known."""
    return {record["alarm"] for record in stage.records("alarm", state="raised")} - set(known)


@dataclass(frozen=True)
class Said:
    """What a verb of the command line said, and how it ended."""

    code: int
    out: str
    err: str


def plantgate(stage: Stage, *verb: str, more: Sequence[str] = ()) -> Said:
    """Run a verb on the stage's site file as people do."""
    command = [sys.executable, "-m", "agent.cli.main", *verb, str(stage.agent.site), *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def asked(stage: Stage, do: str, **said: Any) -> dict[str, Any]:
    """Ask the running agent at its local door, where the verbs ask. Raises NoAnswer with the words of a refusal."""
    with Visit(stage.state) as visit:
        return visit.ask({"do": do, **said})


def denied(stage: Stage, do: str, **said: Any) -> str:
    """Ask for what is refused; return why."""
    with pytest.raises(NoAnswer) as reason:
        asked(stage, do, **said)
    return str(reason.value)


def done(stage: Stage, *verb: str, more: Sequence[str] = ()) -> str:
    """Run a verb that works; return what it printed."""
    said = plantgate(stage, *verb, more=more)
    assert said.code == 0, said
    return said.out


def refused(stage: Stage, *verb: str, more: Sequence[str] = ()) -> str:
    """Run a verb that is refused with exit code 1; return why."""
    said = plantgate(stage, *verb, more=more)
    assert said.code == 1, said
    return said.err


# --- stories ---------------------------------------------------------------------------------------------------------


def treatment_stopped(directory: Path, _: str) -> None:
    """T1 comes with its evidence and goes with its cause; the code is yellow meanwhile, here and in `health`."""
    with Stage(directory) as stage:
        begin(stage, command=FAILPOINTS, environment={"PLANTGATE_HEALTH_S": "1"})
        fan(stage, runs=False)
        raised = happened(stage, T1, "raised")
        assert eventually(lambda: code(stage) == {"plant": "yellow", "lines": {"paint": "yellow"}})
        arrived(
            stage, lambda: any(record.get("code", {}).get("plant") == "yellow" for record in stage.records("health"))
        )
        fan(stage, runs=True)
        cleared = happened(stage, T1, "cleared")
        assert eventually(lambda: code(stage) == {"plant": "green", "lines": {"paint": "green"}})
        arrived(stage, lambda: stage.records("health")[-1]["code"]["lines"] == {"paint": "green"})
        stage.finish()

        assert words(stage, T1) == [("raised", "unacknowledged"), ("cleared", "returned")]
        assert (raised["rule"], raised["object"], raised["priority"]) == ("T1", "paint/fan-1", "high")
        assert raised["evidence"]["values"] == {"production": 2, "state": 0}
        assert raised["evidence"]["params"] == {"grace": 0.0}
        assert raised["text"] == {"zh": "1号风机 产污开治污未开", "en": "Fan 1: treatment not on"}
        assert cleared["since"] == raised["since"]
        shown = next(r for r in stage.records("readings", device="fan-1") if r["values"]["power"] == 0)
        assert raised["seq"] < shown["seq"], "the alarm stands in front of the reading that shows it"
        assert not others(stage, T1), "nothing else is wrong with this plant"


def acknowledged_and_killed(directory: Path, _: str) -> None:
    """An acknowledgement outlives a kill right after the verb said yes; nothing is raised a second time."""
    with Stage(directory) as stage:
        begin(stage)
        fan(stage, runs=False)
        happened(stage, T1, "raised")
        assert plantgate(stage, "alarms").code == 1, "somebody has to look"
        said = done(stage, "ack", more=[T1, "--note", "阀门卡住, fitter called"])
        stage.agent.kill()
        assert T1 in said

        stage.agent.start()
        listed = json.loads(done(stage, "alarms", more=["--json"]))  # exit 0: nothing asks for acknowledgement
        [row] = [one for one in listed["alarms"] if one["alarm"] == T1]
        assert (row["status"], row["active"], row["acknowledged"]) == ("acknowledged", True, True)
        assert listed["code"] == {"plant": "yellow", "lines": {"paint": "yellow"}}, "it puts nothing right"
        assert "acknowledged already" in denied(stage, "acknowledge", alarm=T1)
        fan(stage, runs=True)
        happened(stage, T1, "cleared")
        stage.finish()

        assert words(stage, T1) == [
            ("raised", "unacknowledged"),
            ("acknowledged", "acknowledged"),
            ("cleared", "normal"),
        ]
        by = told(stage, T1)[1]["by"]
        assert by == {"who": ME, "uid": os.getuid(), "note": "阀门卡住, fitter called"}


def put_aside(directory: Path, _: str) -> None:
    """Shelved, taken off, out of service and back: each a record with who did it; nonsense is refused in words."""
    with Stage(directory) as stage:
        begin(stage)
        fan(stage, runs=False)
        happened(stage, T1, "raised")

        assert f"did you mean '{T1}'?" in refused(stage, "shelve", more=["rule.T1.paint.fan", "--for", "1h"])
        assert "8 h at most" in denied(stage, "shelve", alarm=T1, for_s=9 * 3600.0)
        assert "not shelved" in denied(stage, "unshelve", alarm=T1)
        assert "condition still holds" in denied(stage, "reset", alarm=T1)
        assert "in service" in denied(stage, "put-back", alarm=T1)
        assert plantgate(stage, "shelve", more=[T1, "--for", "a while"]).code == 2, "no duration at all is a wrong use"
        assert words(stage, T1) == [("raised", "unacknowledged")], "what is refused changes nothing"

        done(stage, "shelve", more=[T1, "--for", "2s", "--note", "known"])
        happened(stage, T1, "unshelved")
        asked(stage, "shelve", alarm=T1, for_s=3600.0, once=True)
        done(stage, "unshelve", more=[T1])
        done(stage, "shelve", more=[T1, "--out-of-service", "--note", "drive is being exchanged"])
        assert eventually(lambda: code(stage) == {"plant": "green", "lines": {"paint": "green"}}), "it does not count"
        assert "out of service" in denied(stage, "shelve", alarm=T1, for_s=3600.0)
        done(stage, "unshelve", more=[T1, "--in-service"])
        assert eventually(lambda: code(stage) == {"plant": "yellow", "lines": {"paint": "yellow"}})
        stage.finish()

        unacknowledged = "unacknowledged"
        assert words(stage, T1) == [
            ("raised", unacknowledged),
            ("shelved", "shelved"),
            ("unshelved", unacknowledged),
            ("shelved", "shelved"),
            ("unshelved", unacknowledged),
            ("out-of-service", "out-of-service"),
            ("in-service", unacknowledged),
        ]
        shelved, ended, *by_people = told(stage, T1)[1:]
        assert (shelved["for_s"], shelved["by"]["note"], ended["reason"]) == (2, "known", "time over")
        assert "by" not in ended, "nobody did that"
        assert {record["by"]["who"] for record in (shelved, *by_people)} == {ME}


def escalated_over_a_kill(directory: Path, _: str) -> None:
    """The ladder's clock goes on while the agent is down; what stays active is escalated once, and the code is red."""
    with Stage(directory) as stage:
        begin(stage, at_once(escalate_after="4s"))
        fan(stage, runs=False)
        raised = happened(stage, T1, "raised")
        time.sleep(1)
        stage.agent.kill()
        time.sleep(1)
        stage.agent.start()
        escalated = happened(stage, T1, "escalated")
        assert eventually(lambda: code(stage) == {"plant": "red", "lines": {"paint": "red"}})
        fan(stage, runs=True)
        happened(stage, T1, "cleared")
        stage.finish()

        assert [state for state, _ in words(stage, T1)] == ["raised", "escalated", "cleared"]
        assert told(stage, T1)[-1]["escalated"] is True
        due = raised["clk"]["up"] + 4.0
        started = stage.events("start")[-1]["clk"]["up"]
        assert due <= escalated["clk"]["up"] < max(due, started) + SOON_S


def escalated_by_no_clock(directory: Path, _: str) -> None:
    """A host clock set a day ahead, under the running agent and under a stopped one, escalates nothing early."""
    wall = WallClock(directory.parent / f"{directory.name}-faketime")
    with Stage(directory) as stage:
        begin(stage, at_once(escalate_after="8s"), environment=wall.environment)
        fan(stage, runs=False)
        raised = happened(stage, T1, "raised")
        wall.set(86_400)
        arrived(stage, lambda: stage.records("clock", why="step"))
        stage.agent.kill()
        wall.set(2 * 86_400)
        stage.agent.start(environment=wall.environment)
        escalated = happened(stage, T1, "escalated")
        stage.finish()

        assert [state for state, _ in words(stage, T1)] == ["raised", "escalated"]
        due = raised["clk"]["up"] + 8.0
        started = stage.events("start")[-1]["clk"]["up"]
        assert due <= escalated["clk"]["up"] < max(due, started) + SOON_S


def ordered_to_stop(directory: Path, _: str) -> None:
    """A stop order that is not kept raises R1 until it is ended; what overlaps or ends too early is refused."""
    line = ["--line", "paint"]
    with Stage(directory) as stage:
        begin(stage, AT_ONCE + change("R1", grace="1s"))
        said = done(stage, "order", "enter", more=[*line, "--stop", "--end", "+8h", "--reason", "重污染橙色预警"])
        number = said.split()[1].rstrip(":")
        raised = happened(stage, "rule.R1.paint", "raised")

        overlap = refused(stage, "order", "enter", more=[*line, "--reduce", "30", "--start", "+1h", "--end", "+2h"])
        assert f"has order {number} from" in overlap
        assert f"order end {number}" in overlap
        assert "before it starts" in denied(stage, "order", lines=["paint"], stop=True, start="+10h", end="+9h")
        assert "there is no line 'paimt'" in denied(stage, "order", lines=["paimt"], stop=True, end="+9h")
        [listed] = json.loads(done(stage, "order", "list", more=["--json"]))
        assert (listed["id"], listed["in_force"], listed["stop"]) == (number, True, True)
        done(stage, "order", "end", more=[number, "--reason", "lifted"])
        happened(stage, "rule.R1.paint", "cleared")
        stage.finish()

        assert raised["evidence"]["values"]["production"] == 2
        assert raised["evidence"]["elapsed_s"] > raised["evidence"]["grace_s"] == 1.0
        [entered], [ended] = stage.events("order-entered"), stage.events("order-ended")
        assert (entered["order"]["lines"], entered["by"]["who"]) == (["paint"], ME)
        assert (entered["order"]["reason"], ended["reason"]) == ("重污染橙色预警", "lifted")
        assert entered["seq"] < raised["seq"] < ended["seq"]


def marked_and_sent(directory: Path, _: str) -> None:
    """Maintenance mutes Q1 of the marked instrument, with the reason; a task not answered in time is an alarm."""
    silent = "rule.Q1.cems"
    with Stage(directory) as stage:
        begin(stage, AT_ONCE + change("Q1", age="4s"))
        entered = done(stage, "mark", "enter", more=["maintenance", "--of", "cems", "--reason", "new lamp"])
        number = entered.split()[1].rstrip(":")
        stage.meters.dead.add(CEMS)
        suppressed = happened(stage, silent, "suppressed")
        asked(stage, "end-mark", id=number)
        raised = happened(stage, silent, "raised")
        stage.meters.dead.clear()
        happened(stage, silent, "cleared")

        items = ["--item", "Is the lamp burning?"]
        task = done(stage, "task", "enter", more=["--place", "A-03", "--due", "+1s", *items]).split()[1].rstrip(":")
        overdue = happened(stage, f"task.{task}", "raised")
        assert "has no item '2'" in denied(stage, "answer-task", id=task, answers={"2": "it does"})
        done(stage, "task", "answer", more=[task, "1=it does"])
        happened(stage, f"task.{task}", "cleared")
        stage.finish()

        assert suppressed["reasons"] == ["maintenance"]
        assert [state for state, _ in words(stage, silent)] == ["suppressed", "unsuppressed", "raised", "cleared"]
        assert raised["evidence"]["age_s"] > 4.0
        assert (overdue["object"], overdue["evidence"]["items"]) == ("A-03", 1)
        [answer] = stage.events("task-answered")
        assert (answer["late"], answer["task"]["answers"], answer["by"]["who"]) == (True, {"1": "it does"}, ME)


def never_answered(directory: Path, _: str) -> None:
    """An instrument that never answers makes what it tells unknown, and raises its data rules, nothing else."""
    with Stage(directory) as stage:
        stage.meters.dead.add(FAN)
        begin(stage, AT_ONCE + change("Q1", age="4s"))
        happened(stage, "rule.Q1.fan-1", "raised")
        stage.meters.set(VALUE, 0, PRESS)  # production stops and starts: every rule about the line is asked again
        arrived(stage, lambda: any(r["values"]["power"] == 0 for r in stage.records("readings", device="press-1")))
        stage.meters.set(VALUE, 300, PRESS)
        count = len(stage.counts("press-1"))
        arrived(stage, lambda: len(stage.counts("press-1")) > count + 8)
        stage.finish()

        assert not others(stage, "rule.Q1.fan-1")
        derived = stage.records("readings", device="paint")
        assert derived, "it is told that they are unknown"
        assert all(record["values"] == {"power": None, "ratio": None} for record in derived)
        assert all(record["flags"] == {"power": "B", "ratio": "B"} for record in derived)


def derived_points(directory: Path, _: str) -> None:
    """A formula is published like a reading and can have a limit; a division by zero is no value, with flag D."""
    total = "limit.paint.power.high"
    with Stage(directory) as stage:
        begin(stage, limits=[{"point": "paint.power", "high": 50.0, "deadband": 1.0}])
        arrived(stage, lambda: any(r["values"] == {"power": 45, "ratio": 2} for r in stage.records("readings")))
        stage.meters.set(VALUE, 400, PRESS)
        raised = happened(stage, total, "raised")
        stage.meters.set(VALUE, 300, PRESS)
        happened(stage, total, "cleared")
        fan(stage, runs=False)
        arrived(stage, lambda: any(r["values"] == {"power": 30, "ratio": None} for r in stage.records("readings")))
        stage.finish()

        assert (raised["device"], raised["point"], raised["value"], raised["unit"]) == ("paint", "power", 55, "kW")
        undefined = next(r for r in stage.records("readings", device="paint") if r["values"]["power"] == 30)
        assert undefined["flags"] == {"ratio": "D"}


def rule_taken_away(directory: Path, _: str) -> None:
    """A rule switched off by a reload clears its alarm with the reason; everything else stays as it is."""
    limit = "limit.paint.power.low"
    with Stage(directory) as stage:
        begin(stage, limits=[{"point": "paint.power", "low": 40.0}])
        asked(stage, "order", reduce=10.0, start="+1h", end="+2h")
        fan(stage, runs=False)
        happened(stage, T1, "raised")
        happened(stage, limit, "raised")
        asked(stage, "acknowledge", alarm=limit)
        happened(stage, limit, "acknowledged")
        stage.write(plant=PLANT + '\n[[rule]]\nid = "T1"\nenabled = false\n')
        stage.agent.hangup()
        cleared = happened(stage, T1, "cleared")
        count = len(stage.counts("press-1"))
        arrived(stage, lambda: len(stage.counts("press-1")) > count + 5)
        rows = {row["alarm"]: row for row in asked(stage, "alarms")["alarms"]}
        assert rows[limit]["status"] == "acknowledged"
        assert T1 not in rows
        assert len(asked(stage, "book")["orders"]) == 1
        stage.finish()

        assert [state for state, _ in words(stage, T1)] == ["raised", "cleared"]
        assert cleared["reason"] == "rule removed"
        assert [state for state, _ in words(stage, limit)] == ["raised", "acknowledged"]
        assert stage.records("config")[-1]["seq"] < cleared["seq"]
        assert others(stage, T1, limit) == {"rule.Q8.site"}, "that the configuration was changed is told"


def rules_listed(directory: Path, _: str) -> None:
    """`plantgate rules` says what each rule is active on, waits for, or is missing; with and without the agent."""
    with Stage(directory) as stage:
        stage.write(devices=DEVICES, plant=PLANT, packs=None)
        alone = json.loads(done(stage, "rules", more=["--json"]))
        begin(stage)
        running = asked(stage, "rules")["rules"]
        spoken = done(stage, "rules", more=["--lang", "en"])
        stage.finish()

        for rows in (alone, running):
            by_id = {row["rule"]: row for row in rows}
            assert len(by_id) == len(rows) == 100
            assert by_id["T1"]["active"] == ["paint/fan-1"]
            assert by_id["E1"]["active"] == ["stack-1/a21026", "stack-1/a21002"]
            assert by_id["Q1"]["active"] == ["press-1", "fan-1", "cems", "feeder"]
            missing = [row for row in rows if not row["active"] and not row["off"]]
            assert missing
            assert all(
                text["en"] and text["zh"] for row in missing for some in row["missing"].values() for text in some
            )
        t4 = {row["rule"]: row for row in alone}["T4"]
        assert t4["not_ready_days"] == 14
        assert re.search(r"^active: \d+ of 100$", spoken, re.MULTILINE)
        assert re.search(r"^  T4 .*: needs 14 days \(paint/fan-1\)$", spoken, re.MULTILINE)


def history_damaged(directory: Path, _: str) -> None:
    """A history that was damaged between two runs is set aside and told; the agent starts and goes on."""
    with Stage(directory) as stage:
        begin(stage)
        assert stage.agent.terminate() == 0
        (stage.state / "history.db").write_bytes(os.urandom(40_000))
        for name in ("history.db-wal", "history.db-shm"):
            (stage.state / name).unlink(missing_ok=True)
        stage.agent.start()
        arrived(stage, lambda: stage.events("history-damaged"))
        fan(stage, runs=False)
        happened(stage, T1, "raised")
        stage.finish()

        [event] = stage.events("history-damaged")
        assert (stage.state / event["set_aside"]).exists()
        assert (stage.state / "history.db").exists()
        assert event["reason"]


STORIES = [
    escalated_by_no_clock,
    put_aside,
    ordered_to_stop,
    marked_and_sent,
    acknowledged_and_killed,
    escalated_over_a_kill,
    rule_taken_away,
    never_answered,
    treatment_stopped,
    derived_points,
    rules_listed,
    history_damaged,
]
"""The longest first: they are played side by side."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Play all of them side by side."""
    yield from played_together(tmp_path_factory, [(story, story.__name__) for story in STORIES])


@pytest.mark.parametrize("story", STORIES, ids=[story.__name__ for story in STORIES])
def test_judgement_end_to_end(story: Callable[[Path, str], None], outcomes: Outcomes) -> None:
    """Each story tells its own truth in its docstring; whatever happens, the chain verifies and has every record."""
    outcomes[story, story.__name__].result()


# --- what bad input gets ---------------------------------------------------------------------------------------------

MISTAKES = {
    "a rule for a line that is not there": (
        '[[rule]]\nid = "T1"\nline = "paimt" #!\n',
        'did you mean "paint"?',
    ),
    "a rule that is not there": ('[[rule]]\nid = "T99" #!\n', "no such rule"),
    "a parameter that is not there": (
        '[[rule]]\nid = "T1"\nfacility = "fan-1"\ngrays = "1m" #!\n',
        'did you mean "grace"?',
    ),
    "a formula that cannot be parsed": (
        '[[derived]]\nname = "odd.sum"\nformula = "press-1.power +" #!\n',
        "formula",
    ),
    "a formula that loops": (
        '[[derived]]\nname = "o.hen"\nformula = "o.egg + 1" #!\n\n[[derived]]\nname = "o.egg"\nformula = "o.hen"\n',
        "o.egg",
    ),
    "a formula over a point that is not there": (
        '[[derived]]\nname = "odd.one"\nformula = "press-1.powr * 2" #!\n',
        'did you mean "press-1.power"?',
    ),
    "a limit that is inverted": (
        '[[limit]]\npoint = "paint.power"\nhigh = 10.0 #!\nlow = 20.0\n',
        "is not above low = 20",
    ),
    "a line without treatment": ('[[line]] #!\nname = "bare"\nproduction = ["press-1"]\n', "treatment: none"),
    "a factor without unit": (
        '[[outlet]]\nname = "drain"\nmedium = "water"\n[[outlet.factor]] #!\ncode = "w01018"\npoint = "cems.count"\n',
        'needs the key "unit"',
    ),
}
"""What is wrong, how it is written, and a part of what is said about it; the line to be named ends with ``#!``."""


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[int, str]]:
    """Check one site file with all mistakes; return its text, and what was said by line."""
    directory = tmp_path_factory.mktemp("check")
    plant = PLANT + "\n".join(written for written, _ in MISTAKES.values())
    site = Site(buses=[bus(502)], uplink=mqtt(1883), devices=DEVICES, packs=None, plant=plant).write(directory)
    command = [sys.executable, "-m", "agent.cli.main", "check", str(site)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 1, said
    told = re.findall(r"^site\.toml:(\d+): (.*)$", said.stdout, re.MULTILINE)
    return site.read_text(encoding="utf-8"), {int(line): words for line, words in told}


@pytest.mark.parametrize("name", MISTAKES)
def test_check_names_line_and_remedy(name: str, verdict: tuple[str, dict[int, str]]) -> None:
    """Whatever is wrong with plant, formulas and rules is found in one go, at its line, with what to write instead."""
    text, said = verdict
    written, part = MISTAKES[name]
    first = text[: text.index(written)].count("\n") + 1
    line = first + written[: written.index("#!")].count("\n")

    assert line in said, said
    assert part in said[line]
    assert " — " in said[line], "and what to do"


def test_check_names_nothing_else(verdict: tuple[str, dict[int, str]]) -> None:
    """A mistake is told once, where it is, not again wherever it has consequences."""
    text, said = verdict
    marked = {number for number, line in enumerate(text.split("\n"), 1) if "#!" in line}

    assert set(said) == marked
