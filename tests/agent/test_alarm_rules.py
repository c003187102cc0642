"""Alarms of rules in the table: delays, evidence, suppression, people, the ladder over restarts, lists."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from agent.alarm_state import CaseKept, case_written
from agent.alarms import Alarms
from agent.elapsed import Now
from agent.lifecycle import AlarmRefused, By, Definition, Word
from config.site import Text
from tests.agent.plant import SECOND, boiler, limit, scan
from tests.independent.make_vectors import written
from tests.independent.test_schemas import complaints

T1 = Definition(
    id="rule.T1.paint",
    priority="high",
    text=Text("治污未开: 喷漆线", "treatment not on: paint line"),
    group="paint",
    escalate_after_ns=5400 * SECOND,
    members={"rule": "T1", "object": "paint"},
)
HELD = replace(T1, on_delay_ns=3 * SECOND, off_delay_ns=2 * SECOND)
T5 = replace(T1, id="rule.T5.paint", priority="medium", members={"rule": "T5", "object": "paint"})
WANG = By("wang", 1000, "通知了维修")
BEGUN = Now("a", 0, 1_795_000_000_000)


def table(*definitions: Definition) -> Alarms:
    """Return a table of rules' alarms."""
    return Alarms((), (), definitions or (T1,), BEGUN)


def weighed(alarms: Alarms, *conditions: bool | None, alarm: str = T1.id, from_s: int = 0) -> list[list[str]]:
    """Weigh one condition a second; return what each told."""
    return [
        [draft["state"] for draft in alarms.weigh(alarm, condition, at * SECOND, f"t{at}", dict)]
        for at, condition in enumerate(conditions, from_s)
    ]


def told(drafts: Any) -> list[tuple[str, str]]:
    """Return alarm and word of each draft."""
    return [(draft["alarm"], draft["state"]) for draft in drafts]


def test_a_raised_rule_is_told_in_full() -> None:
    """The record has the rule, the object, the evidence of this evaluation, and when the condition began."""
    alarms = table(replace(T1, on_delay_ns=SECOND))
    alarms.weigh(T1.id, True, 0, "t0", dict)

    (draft,) = alarms.weigh(T1.id, True, SECOND, "t1", lambda: {"production": 1, "treatment": 0})

    assert draft == {
        "kind": "alarm",
        "alarm": "rule.T1.paint",
        "state": "raised",
        "status": "unacknowledged",
        "priority": "high",
        "rule": "T1",
        "object": "paint",
        "evidence": {"production": 1, "treatment": 0},
        "since": "t0",
        "first_out": True,
        "text": {"zh": "治污未开: 喷漆线", "en": "treatment not on: paint line"},
    }


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ((True, True, True), [[], [], []]),
        ((True, True, True, True), [[], [], [], ["raised"]]),
        ((True, True, False, True, True, True), [[]] * 6),
        ((True, True, None, True, True, True), [[], [], [], [], [], ["raised"]]),
        ((None, None, True), [[], [], []]),
        ((True,) * 4 + (False, False, False), [[]] * 3 + [["raised"], [], [], ["cleared"]]),
        ((True,) * 4 + (False, None, False, False, False), [[]] * 3 + [["raised"], [], [], [], [], ["cleared"]]),
        ((True,) * 4 + (False, False, True, False, False), [[]] * 3 + [["raised"], [], [], [], [], []]),
        ((True,) * 4 + (None,) * 5, [[]] * 3 + [["raised"], [], [], [], [], []]),
    ],
)
def test_delays_count_between_evaluations_that_know_and_agree(
    conditions: tuple[bool | None, ...], told: list[list[str]]
) -> None:
    """Three seconds to come, two to go; what is not known freezes both."""
    assert weighed(table(HELD), *conditions) == told


def test_without_delay_it_is_told_at_this_evaluation() -> None:
    """And evidence is asked for then only."""
    alarms, asked = table(), []

    def evidence() -> dict[str, Any]:
        asked.append(condition)
        return {}

    for at, condition in enumerate((False, True, True, None, True, False)):
        alarms.weigh(T1.id, condition, at * SECOND, None, evidence)

    assert asked == [True, False]


def test_suppression_is_told_once_with_its_reasons() -> None:
    """While it lasts nothing is raised; when it ends and the condition still holds, that is raised with its date."""
    alarms = table()
    alarms.suppress(T1.id, ("maintenance",))
    (suppressed,) = alarms.weigh(T1.id, True, 0, "t0", lambda: {"treatment": 0})
    alarms.suppress(T1.id, ("maintenance", "rule.Q1.dcs"))

    assert weighed(alarms, True, True, from_s=1) == [[], []]
    assert (suppressed["state"], suppressed["status"], suppressed["reasons"]) == (
        "suppressed",
        "suppressed",
        ["maintenance"],
    )
    assert alarms.active() == []
    assert alarms.is_active(T1.id), "a suppressed alarm still mutes weaker ones"
    assert [one.is_discounted for one in alarms.standing()] == [True]
    alarms.suppress(T1.id, ())
    ended, raised = alarms.tick(5 * SECOND, None)
    assert told([ended, raised]) == [(T1.id, "unsuppressed"), (T1.id, "raised")]
    assert (raised["since"], raised["evidence"], raised["text"]["en"]) == ("t0", {"treatment": 0}, T1.text.en)


def test_a_suppression_that_comes_and_goes_unseen_tells_nothing() -> None:
    """Nothing was kept still by it."""
    alarms = table()
    alarms.suppress(T1.id, ("maintenance",))
    alarms.tick(SECOND, None)
    alarms.suppress(T1.id, ())

    assert alarms.tick(2 * SECOND, None) == []
    assert json.loads(alarms.snapshot())["cases"] == []


# --- people ----------------------------------------------------------------------------------------------------------


def test_an_acknowledgement_says_who_and_what() -> None:
    """The record has the user of the box and the note; the state is kept with it."""
    alarms = table()
    weighed(alarms, True)
    (draft,) = alarms.acknowledge(T1.id, WANG, SECOND)

    assert draft["by"] == {"who": "wang", "uid": 1000, "note": "通知了维修"}
    assert (draft["state"], draft["status"], draft["since"]) == ("acknowledged", "acknowledged", "t0")
    assert draft["text"] == {
        "zh": "治污未开: 喷漆线: 已确认 (wang)",
        "en": "treatment not on: paint line: acknowledged (wang)",
    }


def test_all_are_those_that_people_see() -> None:
    """What is shelved is not acknowledged in passing; with nothing to acknowledge nothing is told."""
    alarms = table(T1, T5)
    weighed(alarms, True)
    weighed(alarms, True, alarm=T5.id)
    alarms.shelve(T5.id, WANG, 60.0, SECOND)

    assert told(alarms.acknowledge("all", WANG, SECOND)) == [(T1.id, "acknowledged")]
    assert alarms.acknowledge("all", WANG, SECOND) == []
    assert [draft["status"] for draft in alarms.unshelve(T5.id, WANG, SECOND)] == ["unacknowledged"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rule.T1.paint", "rule.T1.paint: there is nothing to acknowledge"),
        ("rule.T1.pant", "there is no alarm 'rule.T1.pant'; did you mean 'rule.T1.paint'?"),
        ("§", "there is no alarm '§'"),
    ],
)
def test_a_refusal_names_the_alarm(name: str, words: str) -> None:
    """And the one that was meant, if that can be guessed."""
    with pytest.raises(AlarmRefused) as refused:
        table().acknowledge(name, WANG, 0)

    assert str(refused.value) == words


def test_a_limit_is_shelved_and_taken_out_like_a_rule() -> None:
    """Also while it is normal; its record has a limit's members, and no reading."""
    alarms = Alarms([boiler()], [limit(high=100.0)])
    (draft,) = alarms.shelve("limit.boiler.load.high", WANG, 5400.0, 0)

    members = {name: draft[name] for name in ("device", "point", "level", "value", "limit", "since", "for_s")}
    assert list(members.values()) == ["boiler", "load", "high", None, 100.0, None, 5400.0]
    assert draft["text"]["en"] == "Boiler load above high limit: shelved for 1 h 30 min (wang)"
    (raised,) = alarms.judge(scan(1, 101.0), "t1")
    assert (raised["state"], raised["status"]) == ("raised", "shelved")
    assert [(one["state"], one["reason"]) for one in alarms.tick(5400 * SECOND, None)] == [
        ("unshelved", "time over"),
    ]


@pytest.mark.parametrize("hide", ["shelve", "take_out", "suppress"])
def test_a_hidden_high_high_does_not_silence_high(hide: str) -> None:
    """Only what people see speaks for the milder level."""
    high_high = "limit.boiler.load.high_high"
    alarms = Alarms([boiler()], [limit(high_high=110.0, high=100.0)])
    alarms.judge(scan(0, 115.0), "t0")
    if hide == "suppress":
        alarms.suppress(high_high, ("maintenance",))
        alarms.tick(SECOND, None)
    elif hide == "shelve":
        alarms.shelve(high_high, WANG, 60.0, SECOND)
    else:
        alarms.take_out(high_high, WANG, SECOND)

    assert told(alarms.judge(scan(2, 115.0), "t2")) == [("limit.boiler.load.high", "raised")]
    assert alarms.judge(scan(3, 115.0), "t3") == []


def test_high_high_is_unacknowledged_whatever_was_acknowledged_of_high() -> None:
    """The more severe limit annunciates by its own alarm."""
    alarms = Alarms([boiler()], [limit(high_high=110.0, high=100.0)])
    alarms.judge(scan(0, 105.0), "t0")
    alarms.acknowledge("all", WANG, SECOND)
    alarms.judge(scan(2, 115.0), "t2")

    assert [(row["level"], row["status"]) for row in alarms.listing()] == [
        ("high_high", "unacknowledged"),
        ("high", "acknowledged"),
    ]


# --- the ladder over restarts ----------------------------------------------------------------------------------------


def after(alarms: Alarms, now: Now, *definitions: Definition) -> Alarms:
    """Return the table of the next process, which has nothing to tell."""
    restored, drafts = Alarms.restore((), (), alarms.snapshot(), definitions or (T1,), now)
    assert drafts == ()
    return restored


@pytest.mark.parametrize(
    ("name", "now", "left_s"),
    [
        ("the process was away for a while", Now("a", 2000 * SECOND, 1_795_002_000_000), 3400),
        ("the clock was set back by a year meanwhile", Now("a", 2000 * SECOND, 1_763_000_000_000), 3400),
        ("the machine was off, and knows the time", Now("b", 5 * SECOND, 1_795_002_000_000), 3400),
        ("the machine was off, and does not", Now("b", 5 * SECOND), 4400),
    ],
)
def test_the_ninety_minutes_survive(name: str, now: Now, left_s: int) -> None:
    """Escalated once, neither early nor never, also when the last snapshot is old."""
    alarms = table()
    weighed(alarms, True)
    alarms.tick(1000 * SECOND, BEGUN.wall_ms and BEGUN.wall_ms + 1_000_000)
    restored = after(alarms, now)

    due_ns = now.mono_ns + left_s * SECOND
    assert restored.tick(due_ns - 1, None) == [], name
    assert told(restored.tick(due_ns, None)) == [(T1.id, "escalated")], name
    assert restored.tick(due_ns + 90 * 60 * SECOND, None) == [], name


def test_time_that_is_known_later_is_added_to_the_ladder() -> None:
    """A box without a battery clock learns the time after its start: then the hour it was off counts."""
    alarms = table()
    weighed(alarms, True)
    alarms.tick(1800 * SECOND, 1_795_001_800_000)
    restored = after(alarms, Now("b", 5 * SECOND))

    assert restored.tick(30 * SECOND, None) == []
    assert told(restored.tick(31 * SECOND, 1_795_005_401_000)) == [(T1.id, "escalated")]


def test_unsaved_says_when_a_snapshot_would_know_more() -> None:
    """Time becomes known, or is set: a restart of the machine must know it, although nothing is told."""
    alarms = Alarms((), (), (T1,), Now("a", 0))
    weighed(alarms, True)
    alarms.snapshot()
    seen = []
    for at_s, wall_ms in ((1, None), (2, 5_000_000), (3, 5_001_000), (4, 9_002_000), (5, 9_003_000)):
        alarms.tick(at_s * SECOND, wall_ms)
        seen.append(alarms.unsaved)
        alarms.snapshot()

    assert seen == [False, True, False, True, False]


def test_in_a_flood_a_snapshot_writes_only_what_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken with every alarm: a burst of them must not cost the square of their number."""
    written: list[str] = []

    def counted(case: CaseKept) -> Any:
        written.append(case.alarm)
        return case_written(case)

    monkeypatch.setattr("agent.alarms.case_written", counted)
    rules = [replace(T1, id=f"rule.T1.line-{number}", on_delay_ns=0) for number in range(50)]
    alarms = table(*rules)
    for one in rules:
        weighed(alarms, True, alarm=one.id)
        alarms.snapshot()
    assert written == [one.id for one in rules]

    weighed(alarms, False, alarm=rules[7].id)
    alarms.acknowledge(rules[9].id, WANG, SECOND)
    alarms.snapshot()
    assert written[50:] == [rules[7].id, rules[9].id]


def test_a_snapshot_is_the_same_whenever_it_was_last_taken() -> None:
    """Also when time has become known since, which dates everything anew."""
    often, once = table(T1, replace(T1, id="rule.T1.other")), table(T1, replace(T1, id="rule.T1.other"))
    for alarms in (often, once):
        for alarm in (T1.id, "rule.T1.other"):
            weighed(alarms, True, True, True, True, alarm=alarm)
            if alarms is often:
                alarms.snapshot()
        alarms.tick(9 * SECOND, None)
        alarms.tick(10 * SECOND, 1_795_838_400_000)

    assert sorted(json.loads(often.snapshot())["cases"], key=str) == sorted(
        json.loads(once.snapshot())["cases"], key=str
    )
    assert often.standing() == once.standing()


def test_what_was_acknowledged_shelved_and_taken_out_stays_so() -> None:
    """People's words survive, and the shelf keeps its time."""
    alarms = table(T1, T5)
    weighed(alarms, True)
    alarms.acknowledge(T1.id, WANG, SECOND)
    alarms.shelve(T1.id, WANG, 600.0, 2 * SECOND)
    alarms.take_out(T5.id, WANG, 2 * SECOND)
    restored = after(alarms, Now("a", 100 * SECOND, 1_795_000_100_000), T1, T5)

    assert [(row["alarm"], row["status"]) for row in restored.listing()] == [
        (T1.id, "shelved"),
        (T5.id, "out-of-service"),
    ]
    assert [(d["state"], d["status"]) for d in restored.tick(602 * SECOND, None)] == [("unshelved", "acknowledged")]


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (("raise",), ["cleared"]),
        (("raise", "clear"), ["reset"]),
        (("shelve",), ["unshelved"]),
        (("raise", "out"), ["in-service", "cleared"]),
        (("mute", "raise"), ["unsuppressed"]),
    ],
)
def test_an_alarm_without_its_rule_ends_with_the_reason(prepare: tuple[str, ...], words: list[str]) -> None:
    """Nobody can take an alarm away unseen: whatever is open is closed, and the last status is normal."""
    alarms = table()
    for at, what in enumerate(prepare):
        if what == "mute":
            alarms.suppress(T1.id, ("maintenance",))
        elif what == "shelve":
            alarms.shelve(T1.id, WANG, 60.0, at * SECOND)
        elif what == "out":
            alarms.take_out(T1.id, WANG, at * SECOND)
        else:
            weighed(alarms, what == "raise", from_s=at)
    restored, drafts = Alarms.restore((), (), alarms.snapshot(), (), BEGUN)

    assert [draft["state"] for draft in drafts] == words
    assert {(draft["reason"], draft["status"], draft["rule"]) for draft in drafts} == {("rule removed", "normal", "T1")}
    assert restored.listing() == []


def test_the_state_of_an_older_version_is_read() -> None:
    """An upgrade loses no alarm: it stays raised, clears once, and its ladder goes on from its date."""
    old = {
        "v": 1,
        "alarms": [
            {
                "device": "boiler",
                "point": "load",
                "level": "high",
                "limit": 100.0,
                "label": {"zh": "锅炉负荷", "en": "Boiler load"},
                "held": {
                    "progress": {
                        "active": True,
                        "counting": False,
                        "counted_ns": 0,
                        "last_ns": None,
                        "since": "2026-11-22T01:30:00.000Z",
                    },
                    "announced": {
                        "kind": "alarm",
                        "alarm": "limit.boiler.load.high",
                        "state": "raised",
                        "priority": "medium",
                        "device": "boiler",
                        "point": "load",
                        "level": "high",
                        "value": 112.4,
                        "limit": 100.0,
                        "unit": "%",
                        "since": "2026-11-22T01:30:00.000Z",
                        "text": {"zh": "锅炉负荷 高于高限: 112.4 % > 100 %", "en": "Boiler load above high limit"},
                    },
                },
            }
        ],
    }
    half_past_one_ms = 1_795_311_000_000
    now = Now("b", 0, half_past_one_ms + 3_600_000)
    alarms, drafts = Alarms.restore([boiler()], [limit(high=100.0)], json.dumps(old).encode(), (), now)

    assert drafts == ()
    assert [(row["status"], row["value"]) for row in alarms.listing()] == [("unacknowledged", 112.4)]
    alarms.tick(1, half_past_one_ms + 3_600_000)
    assert alarms.tick(1799 * SECOND, None) == []
    assert told(alarms.tick(1801 * SECOND, None)) == [("limit.boiler.load.high", "escalated")]
    assert told(alarms.judge(scan(1900, 90.0), "t")) == [("limit.boiler.load.high", "cleared")]
    assert alarms.judge(scan(1901, 90.0), "t") == ()


# --- lists -----------------------------------------------------------------------------------------------------------


def test_the_list_has_the_most_urgent_first_and_all_means_all() -> None:
    """Unacknowledged before returned, priority within; normal ones only when asked for."""
    alarms = Alarms([boiler()], [limit(high=100.0, low=5.0)], (T5, T1), BEGUN)
    weighed(alarms, True, False, alarm=T1.id)
    weighed(alarms, True, alarm=T5.id)

    assert [(row["alarm"], row["status"]) for row in alarms.listing()] == [
        (T5.id, "unacknowledged"),
        (T1.id, "returned"),
    ]
    assert [row["status"] for row in alarms.listing(all=True)] == ["unacknowledged", "returned", "normal", "normal"]
    assert json.loads(json.dumps(alarms.listing(all=True))) == alarms.listing(all=True)


@pytest.mark.parametrize(
    ("name", "definition", "at_s", "escalates_in_s", "escalated_s"),
    [
        ("it has just come", T1, 0, 5400, None),
        ("a moment before", T1, 5399, 1, None),
        ("ten minutes after", T1, 6000, None, 600),
        ("one that never escalates", replace(T1, escalate_after_ns=None), 6000, None, None),
    ],
)
def test_the_list_tells_how_far_up_the_ladder_an_alarm_is(
    name: str, definition: Definition, at_s: int, escalates_in_s: int | None, escalated_s: int | None
) -> None:
    """In how many seconds it will be escalated, or how long ago it was."""
    alarms = table(definition)
    weighed(alarms, True)
    alarms.tick(at_s * SECOND, None)

    (row,) = alarms.listing()

    assert (row["escalates_in_s"], row["escalated_s"]) == (escalates_in_s, escalated_s), name


def test_what_is_suppressed_is_on_its_way_to_nobody() -> None:
    """Suppression by design holds the ladder, and the list says so."""
    alarms = table()
    weighed(alarms, True)
    alarms.suppress(T1.id, ("marked",))
    alarms.tick(60 * SECOND, None)

    assert [(row["status"], row["escalates_in_s"]) for row in alarms.listing()] == [("suppressed", None)]


def test_standing_is_what_holds_acknowledged_or_not() -> None:
    """Escalation and status travel with it; what only waits for people does not stand."""
    alarms = table(T1, T5)
    weighed(alarms, True)
    weighed(alarms, True, False, alarm=T5.id)
    alarms.acknowledge(T1.id, WANG, SECOND)
    alarms.tick(5400 * SECOND, None)

    (one,) = alarms.standing()
    assert (one.alarm, one.priority, one.status, one.escalated, one.is_discounted) == (
        T1.id,
        "high",
        "acknowledged",
        True,
        False,
    )


def test_chatter_and_floods_are_told() -> None:
    """The third transition within a minute carries the mark; the eleventh alarm brings the event."""
    many = [replace(T1, id=f"rule.T1.line-{number}") for number in range(11)]
    alarms = table(T1, *many)
    marks = [
        [draft.get("chattering", False) for draft in alarms.weigh(T1.id, condition, at * SECOND, None, dict)]
        for at, condition in enumerate((True, False, True))
    ]
    events = [
        draft["event"]
        for at, one in enumerate(many, 3)
        for draft in alarms.weigh(one.id, True, at * SECOND, None, dict)
        if draft["kind"] == "event"
    ]
    figures = alarms.figures()

    assert marks == [[False], [False], [True]]
    assert events == ["alarm-flood"]
    assert (figures["annunciated"], figures["chattering"], figures["fleeting"], figures["floods"]) == (13, 1, 1, 1)
    assert figures["now"]["flood"]
    assert [draft["state"] for draft in alarms.tick(700 * SECOND, None)] == ["end"]
    assert figures["now"]["unacknowledged"] == 12


def test_what_has_been_active_for_a_day_is_stale() -> None:
    """Acknowledged or not."""
    alarms = table(replace(T1, escalate_after_ns=None))
    weighed(alarms, True)
    alarms.acknowledge(T1.id, WANG, 0)
    alarms.tick(86_400 * SECOND, None)
    assert alarms.figures()["now"]["stale"] == 0
    alarms.tick(86_401 * SECOND, None)

    assert alarms.figures()["now"]["stale"] == 1


def test_an_alarm_may_be_defined_while_everything_runs() -> None:
    """A task for staff comes with its own."""
    alarms = table()
    alarms.define(T5)

    assert weighed(alarms, True, alarm=T5.id) == [["raised"]]


def test_a_limit_that_latches_waits_for_its_reset() -> None:
    """The value is back; the alarm goes when somebody resets it."""
    alarms = Alarms([boiler()], [limit(high=100.0, latch=True)], (), BEGUN)
    high = "limit.boiler.load.high"
    alarms.judge(scan(1, 101.0), None)
    alarms.acknowledge(high, WANG, 2 * SECOND)

    assert [draft["status"] for draft in alarms.judge(scan(3, 10.0), None)] == ["latched"]
    assert told(alarms.reset(high, WANG, 4 * SECOND)) == [(high, "reset")]
    assert alarms.listing() == []


def test_every_record_fits_the_published_schema() -> None:
    """Of limits and rules, whatever happens to them; and one without its members does not."""
    envelope = json.loads(written(2).lines[1])
    alarms = Alarms([boiler()], [limit(high=100.0)], (replace(T1, latch=True, remind_ns=SECOND),), BEGUN)
    high = "limit.boiler.load.high"
    drafts = [
        *alarms.judge(scan(1, 101.0), None),
        *alarms.weigh(T1.id, True, SECOND, "2026-11-22T01:30:00.000Z", lambda: {"production": 1, "limit": None}),
        *alarms.acknowledge("all", WANG, SECOND),
        *alarms.tick(2 * SECOND, None),
        *alarms.acknowledge(T1.id, By("li"), 2 * SECOND),
        *alarms.shelve(high, WANG, 60.0, 2 * SECOND, once=True),
        *alarms.take_out(T1.id, WANG, 2 * SECOND),
        *alarms.tick(5402 * SECOND, None),
        *alarms.put_back(T1.id, WANG, 5402 * SECOND),
    ]
    alarms.suppress(T1.id, ("maintenance",))
    drafts += [*alarms.tick(5402 * SECOND, None), *alarms.weigh(T1.id, False, 5403 * SECOND, None, dict)]
    drafts += [*alarms.reset(T1.id, WANG, 5403 * SECOND), *alarms.judge(scan(5404, 10.0), None)]

    assert {draft["state"] for draft in drafts} == {word.value for word in Word}
    for draft in drafts:
        assert complaints(envelope | draft) == [], draft
        for name in ("state", "status" if draft["alarm"] == T1.id else "limit", "text", "since"):
            assert complaints(envelope | {key: value for key, value in draft.items() if key != name}), name
