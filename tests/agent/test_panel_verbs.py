"""The panel's door: who acts is said and recorded, what is recorded is bounded, and some verbs do not exist."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.caller import Answer, Later, Repeated, Request
from agent.control import NAME, Control, Unwilling
from agent.control_client import NoAnswer, Visit
from agent.intake import Ask, Intake
from agent.local_verbs import local_verbs
from agent.notices import AUDITED, MOST_MEMBERS, NAMELESS
from agent.office import ACTING, ASKING, RECORDING, VERBS, Refused, attend
from agent.panel_verbs import LONGEST_NAME, MOST_A_MINUTE, Pace, looking, panel_verbs
from agent.record import canonical, expressible
from agent.sites import load_site
from tests.agent.test_judgement import HIGH, NS, PLANT, TASK, Run
from tests.config.sites import site
from tests.independent.make_vectors import written
from tests.independent.test_schemas import complaints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from agent.control import Verb
    from config.site import Site

PANEL_UID = 991
ME = {"who": "wang", "uid": PANEL_UID, "door": "panel"}


class StillClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_ns = 1_000 * NS

    def mono_ns(self) -> int:
        """Return the monotonic clock."""
        return self.now_ns

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return 1_795_838_400_000


class Door:
    """The panel's verbs, and a pipeline that does what it is asked when it is asked."""

    def __init__(self, described: Site) -> None:
        self.run = Run(described)
        self.run.scan(41.0)
        self.clock = StillClock()
        self.intake = Intake()
        self.drafts: list[dict[str, Any]] = []
        self.verbs = panel_verbs({"site": lambda request: dict(request.words)}, self.intake, self.clock)

    def ask(self, do: str, **words: Any) -> Answer:
        """Return the answer. Raises Unwilling."""
        later = self.verbs[do](Request({"do": do, **words}, PANEL_UID))
        if isinstance(later, Later):
            asked = self.intake.take(0)
            assert isinstance(asked, Ask)
            self._attend(asked)
            return later.answer()
        assert isinstance(later, dict)
        return later

    def _attend(self, asked: Ask) -> None:
        try:
            done = attend(asked, self.run.judgement, self.run.stamp, round(self.run.mono_s * NS))
        except Refused as reason:
            asked.answer.set_exception(reason)
            return
        self.drafts += self.run.keep([*done.drafts])
        asked.answer.set_result(done.answer)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site with a line and a limit."""
    path: Path = tmp_path_factory.mktemp("site") / "site.toml"
    path.write_text(site() + PLANT, encoding="utf-8")
    return load_site(path)


@pytest.fixture
def door(described: Site) -> Door:
    """Return a door on whose site the limit is violated."""
    return Door(described)


# --- who acts --------------------------------------------------------------------------------------------------------

ACTS: dict[str, tuple[str, dict[str, Any]]] = {
    "an alarm": ("acknowledge", {"alarm": HIGH}),
    "a shelf": ("shelve", {"alarm": HIGH, "for_s": 60}),
    "service": ("take-out", {"alarm": HIGH}),
    "an order": ("order", {"stop": True, "end": "+2h"}),
    "a mark": ("mark", {"kind": "maintenance", "object": "fan", "reason": "belt"}),
    "a task": ("task", TASK),
}


@pytest.mark.parametrize(("do", "words"), ACTS.values(), ids=ACTS)
def test_who_acts_is_an_account_of_the_panel(door: Door, do: str, words: dict[str, Any]) -> None:
    """The record names the account, the number of the user as which the panel runs, and the door."""
    door.ask(do, user="wang", **words)

    assert [draft["by"] for draft in door.drafts] == [ME]


def test_every_verb_is_asking_acting_or_recording() -> None:
    """So none can be added without a thought about who does it."""
    assert sorted((*ASKING, *ACTING, *RECORDING)) == sorted(VERBS)


def test_who_shelved_an_alarm_is_known_after_a_restart(door: Door) -> None:
    """With the door; it is part of the state."""
    door.ask("shelve", alarm=HIGH, for_s=3600, user="wang", note="ordered")
    door.run.restart()
    rows = {row["alarm"]: row for row in door.ask("alarms")["alarms"]}

    assert rows[HIGH]["shelved_by"] == {**ME, "note": "ordered"}


@pytest.mark.parametrize("do", ACTING)
def test_nobody_acts_without_a_name(door: Door, do: str) -> None:
    """Whatever else is said."""
    with pytest.raises(Unwilling, match='"user" is missing'):
        door.ask(do, alarm=HIGH)


NO_NAMES: dict[str, Any] = {
    "empty": "",
    "blank": "  ",
    "blanks around": " wang ",
    "a number": 7,
    "a list": ["wang"],
    "a truth": True,
    "two lines": "wang\nroot",
    "turned round": "wang\u202egnaw",
    "half a character": "\ud800",
    "too long": "x" * (LONGEST_NAME + 1),
}


@pytest.mark.parametrize("user", NO_NAMES.values(), ids=NO_NAMES)
@pytest.mark.parametrize("do", ["acknowledge", "alarms", "site", "audit"])
def test_a_name_is_printable_and_short(door: Door, do: str, user: Any) -> None:
    """Also where it is not needed."""
    with pytest.raises(Unwilling, match="1 to 64 printable characters"):
        door.ask(do, user=user, alarm=HIGH, event="login")


def test_the_longest_name_and_a_chinese_one_are_names(door: Door) -> None:
    """Up to 64 characters."""
    for user in ("x" * LONGEST_NAME, "王 师傅"):
        door.ask("audit", event="login", user=user)

    assert [draft["by"]["who"] for draft in door.drafts] == ["x" * LONGEST_NAME, "王 师傅"]


def test_who_only_asks_may_leave_the_name_out(door: Door) -> None:
    """And it changes nothing where it is given."""
    assert door.ask("alarms") == door.ask("alarms", user="wang")
    assert door.ask("book", user="wang") == {"orders": [], "marks": [], "tasks": []}
    assert door.ask("site", user="wang") == {"do": "site"}
    assert door.drafts == []


def test_alarms_of_rules_come_with_what_to_do(door: Door) -> None:
    """The advice of the catalogue, in both languages."""
    rows = {row["alarm"]: row for row in door.ask("alarms", all=True)["alarms"]}

    assert set(rows["rule.R1.paint"]["advice"]) == {"zh", "en"}
    assert "advice" not in rows[HIGH]


def test_people_act_so_often_and_no_more(door: Door) -> None:
    """A panel that was taken over cannot fill the store with records that are never dropped."""
    for _ in range(MOST_A_MINUTE):
        door.ask("acknowledge", alarm="all", user="wang")
    with pytest.raises(Unwilling, match="more than 120 a minute"):
        door.ask("acknowledge", alarm="all", user="wang")
    door.clock.now_ns += 60 * NS
    door.ask("acknowledge", alarm="all", user="wang")


def test_the_pace_is_kept_in_any_minute() -> None:
    """Not only in those that begin with the clock's."""
    pace = Pace(2)

    assert [pace.admits(at * NS) for at in (0, 59, 59, 60, 118, 119)] == [True, True, False, True, False, True]


# --- what happened at the panel --------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", AUDITED)
def test_what_happens_at_the_panel_becomes_an_event(door: Door, event: str) -> None:
    """With who, from where, and whatever small there is to say; of the published form."""
    assert door.ask("audit", event=event, user="wang", address="192.168.10.77", role="viewer", hosts=["a", "b"]) == {}

    said = {"address": "192.168.10.77", "role": "viewer", "hosts": ["a", "b"]}
    assert door.drafts == [{"kind": "event", "event": event, **said, "by": ME}]
    assert fits(door.drafts[0])


HEAD: dict[str, Any] = {
    name: member
    for name, member in json.loads(written(2).lines[1]).items()
    if name in ("v", "gw", "chain", "seq", "prev", "ts", "clk", "cfg", "sig")
}
"""What every record has."""


def fits(draft: Mapping[str, Any]) -> bool:
    """Whether a draft becomes an event of the published form."""
    return complaints({**HEAD, **draft}) == []


@pytest.mark.parametrize("event", NAMELESS)
@pytest.mark.parametrize("user", [{}, {"user": None}, *({"user": one} for one in NO_NAMES.values())], ids=ascii)
def test_who_was_refused_may_have_no_name(door: Door, event: str, user: dict[str, Any]) -> None:
    """Then nobody is named; a strange name is no way to try passwords unrecorded."""
    door.ask("audit", event=event, address="10.0.0.9", **user)

    assert door.drafts == [{"kind": "event", "event": event, "address": "10.0.0.9"}]


STRANGE: dict[str, tuple[dict[str, Any], str]] = {
    "an event there is not": ({"event": "start"}, "event must be one of: login, "),
    "no event": ({"event": None}, "event must be one of"),
    "an event of another kind": ({"event": ["login"]}, "event must be one of"),
    "the record's own member": ({"seq": 5}, "'seq' is the record's own"),
    "somebody else": ({"by": {"who": "root"}}, "'by' is the record's own"),
    "another time": ({"ts": "2020-01-01T00:00:00.000Z"}, "'ts' is the record's own"),
    "another kind": ({"kind": "alarm"}, "'kind' is the record's own"),
    "a count of its own": ({"unrecorded": 3}, "the agent's own"),
    "what readings alone have": ({"period": {"n": 1}}, "'period' is the record's own"),
    "what is said of orders": ({"order": 5}, "'order' is the record's own"),
    "an address that is a number": ({"address": 5}, "address must be a text"),
    "a name that is none": ({"Größe": 1}, "a name is a small letter"),
    "two lines": ({"address": "1.2.3.4\n5"}, "one of|a line of at most 200"),
    "a long text": ({"agent": "x" * 201}, "a line of at most 200"),
    "NaN": ({"n": float("nan")}, "null, true, false, a number"),
    "a number beyond JSON": ({"n": 2**60}, "null, true, false, a number"),
    "a nest": ({"a": [[[[[1]]]]]}, "nested too deeply"),
    "a long list": ({"a": [0] * 51}, "lists more than 50"),
    "many members": ({f"m{at}": at for at in range(MOST_MEMBERS + 1)}, "more than 16 members"),
}


@pytest.mark.parametrize(("words", "why"), STRANGE.values(), ids=STRANGE)
def test_what_no_record_should_carry_is_refused(door: Door, words: dict[str, Any], why: str) -> None:
    """In words, and nothing is recorded."""
    with pytest.raises(Unwilling, match=why):
        door.ask("audit", **{"event": "login", "user": "wang", **words})
    assert door.drafts == []


def test_too_many_events_are_counted_and_the_count_is_told(door: Door) -> None:
    """The next one that is recorded says how many were not; one refused for its form does not lose the count."""
    for _ in range(MOST_A_MINUTE):
        door.ask("audit", event="login", user="wang")
    for _ in range(3):
        with pytest.raises(Unwilling, match="only counted"):
            door.ask("audit", event="login", user="wang")
    door.clock.now_ns += 60 * NS
    with pytest.raises(Unwilling, match="one of"):
        door.ask("audit", event="nothing", user="wang")
    door.ask("audit", event="locked", user="wang")
    door.ask("audit", event="logout", user="wang")

    assert [draft.get("unrecorded") for draft in door.drafts[-3:]] == [None, 3, None]
    assert len(door.drafts) == MOST_A_MINUTE + 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(words=st.dictionaries(st.text(max_size=8) | st.sampled_from(["user", "event", "address"]), JSON, max_size=6))
def test_whatever_the_panel_sends_is_refused_or_can_be_signed(described: Site, words: dict[str, Any]) -> None:
    """A record that could not be written would stop the chain."""
    door = Door(described)
    try:
        door.ask(
            "audit", **{"event": "login", "user": "wang", **{name: one for name, one in words.items() if name != "do"}}
        )
    except Unwilling:
        assert door.drafts == []
    else:
        assert canonical(expressible(door.drafts[0]))
        assert fits(expressible(door.drafts[0]))


# --- documents -------------------------------------------------------------------------------------------------------

SHA = "ab" * 32
DOCUMENTS: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "a report": ("commissioned", {"installer": "王工", "sha256": SHA, "summary": {"devices": 3}}, None),
    "an export": ("exported", {"sha256": SHA, "from": 1, "to": "2026-01-01", "records": 9, "reason": "audit"}, None),
    "an export of everything": ("exported", {"sha256": SHA}, None),
    "no installer": ("commissioned", {"sha256": SHA}, "installer is missing"),
    "no hash": ("exported", {"records": 1}, "sha256 is missing"),
    "a hash that is none": ("exported", {"sha256": "AB" * 32}, "64 hexadecimal digits"),
    "a summary that is none": ("commissioned", {"installer": "w", "sha256": SHA, "summary": []}, "must be a table"),
    "a summary with a strange name": (
        "commissioned",
        {"installer": "w", "sha256": SHA, "summary": {"": 1}},
        "a name is",
    ),
    "a count that is none": ("exported", {"sha256": SHA, "records": [1]}, "records must be"),
    "a word nobody knows": ("exported", {"sha256": SHA, "event": "login"}, "'event' is not known here"),
}


@pytest.mark.parametrize(("do", "words", "why"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_the_hash_of_a_document_becomes_an_event(door: Door, do: str, words: dict[str, Any], why: str | None) -> None:
    """Whose answer is the signed record; what is no such hash is refused."""
    asked = Ask(do, words, {"who": "root", "uid": 0})
    if why is not None:
        with pytest.raises(Refused, match=why):
            attend(asked, door.run.judgement, door.run.stamp, 0)
        return
    done = attend(asked, door.run.judgement, door.run.stamp, 0)

    assert done.is_proof
    assert done.drafts[0]["event"] == do
    assert done.drafts[0]["by"] == {"who": "root", "uid": 0}
    assert {name: done.drafts[0][name] for name in words} == words
    assert fits(done.drafts[0])
    assert canonical(expressible(done.drafts[0]))


# --- through a socket ------------------------------------------------------------------------------------------------


@pytest.fixture
def visit(door: Door, tmp_path: Path) -> Iterator[Visit]:
    """Return a connection to a real door with the panel's verbs, and somebody who follows."""
    ready: list[Answer | None] = [None, None, {"line": 1}, {"line": 2}]
    door.verbs["follow"] = lambda _: Repeated(lambda: ready.pop(0) if ready else {"line": 3})
    control = Control(tmp_path / NAME, door.verbs, _Real(), "panel door")
    assert control.open()
    thread = threading.Thread(target=control.run, daemon=True)
    thread.start()
    with Visit(tmp_path) as made:
        yield made
    control.stop()
    thread.join(20)
    assert not thread.is_alive()


class _Real:
    """The clock of this machine."""

    def __init__(self) -> None:
        from agent.clock import SystemClock

        self._clock = SystemClock()

    def mono_ns(self) -> int:
        """Return the monotonic clock."""
        return self._clock.mono_ns()

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return self._clock.wall_ms()


HOSTILE = {
    "a verb of the other door": {"do": "read"},
    "a verb that speaks for the box": {"do": "exported", "sha256": SHA},
    "no verb": {},
    "an act without a name": {"do": "acknowledge", "alarm": "all"},
    "an event without a name": {"do": "audit", "event": "login"},
    "a deep nest": {"do": "audit", "event": "login", "user": "w", "a": json.loads("[" * 99 + "]" * 99)},
}


@pytest.mark.parametrize("do", ["site", "follow", "trend", "journal", "support"])
def test_a_word_that_nobody_knows_is_refused(do: str) -> None:
    """Whoever mistypes "before" gets no page at all, and not the first one again."""
    nothing: Any = None
    verb = looking(nothing, nothing, nothing, nothing, nothing, nothing, nothing)[do]
    with pytest.raises(Unwilling, match="'befor' is not known here; known: "):
        verb(Request({"do": do, "befor": 5}, PANEL_UID))


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_hostile_lines_are_answered_with_an_error(visit: Visit, door: Door, words: dict[str, Any]) -> None:
    """And the door stays as it was."""
    intake = door.intake
    asking = threading.Thread(target=lambda: _serve(door, intake), daemon=True)
    asking.start()
    with pytest.raises(NoAnswer):
        visit.ask(words)
    assert visit.ask({"do": "site"}) == {"do": "site"}
    intake.tell({"kind": "event"})
    asking.join(20)
    assert door.drafts == []


def _serve(door: Door, intake: Intake) -> None:
    """Do what the pipeline does, until there is something else than a request."""
    while isinstance(asked := intake.take(20), Ask):
        door._attend(asked)


def test_a_line_that_is_not_ready_is_asked_for_again_soon(visit: Visit) -> None:
    """Whoever follows waits a moment for the first, and gets no empty one."""
    lines = visit.lines({"do": "follow"})

    assert [next(lines)["line"] for _ in range(2)] == [1, 2]


# --- the other door --------------------------------------------------------------------------------------------------


def test_the_control_door_takes_no_names(door: Door) -> None:
    """At any of its verbs: who asks is known by number, and cannot be somebody else."""
    looks: dict[str, Verb] = {"site": lambda _: {}}
    verbs = local_verbs(list, dict, door.clock, door.intake, looks)

    assert {"commissioned", "exported", "read", "look", "site"} <= verbs.keys()
    assert "audit" not in verbs
    for do, verb in verbs.items():
        with pytest.raises(Unwilling, match='"user" means nothing here'):
            verb(Request({"do": do, "user": "wang"}, 0))
    assert door.intake.take(0) is None


def test_a_busy_pipeline_is_told_and_nothing_is_done(door: Door) -> None:
    """When time is up before the pipeline has begun."""
    later = door.verbs["audit"](Request({"do": "audit", "event": "login", "user": "wang"}, PANEL_UID))
    assert isinstance(later, Later)
    answer: Callable[[], Answer] = later.answer
    futures: list[Future[Any]] = list(later.futures)
    for future in futures:
        future.cancel()

    with pytest.raises(Unwilling, match="nothing was done"):
        answer()
