"""What may be asked at a door: every verb does what it says and tells who wanted it, or refuses in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.book.book import VERBS as BOOK_VERBS
from agent.caller import Request
from agent.control import Unwilling
from agent.intake import Ask, Intake
from agent.local_verbs import hand_over, user
from agent.office import VERBS, Done, Refused, attend
from agent.record import expressible
from agent.sites import load_site
from tests.agent.test_judgement import HIGH, NS, PLANT, TASK, WHO, Run
from tests.config.sites import site

if TYPE_CHECKING:
    from pathlib import Path

    from config.site import Site


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site with a line and a limit."""
    path: Path = tmp_path_factory.mktemp("site") / "site.toml"
    path.write_text(site() + PLANT, encoding="utf-8")
    return load_site(path)


@pytest.fixture
def run(described: Site) -> Run:
    """Return a run in which the limit is violated."""
    run = Run(described)
    run.scan(41.0)
    return run


def ask(run: Run, do: str, **words: Any) -> Done:
    """Ask for something as li.wei."""
    done = attend(Ask(do, words, WHO), run.judgement, run.stamp, round(run.mono_s * NS))
    run.keep([*done.drafts])
    return done


def said(done: Done) -> list[str]:
    """Return what happened."""
    return [draft["state"] for draft in done.drafts]


def test_what_people_do_to_an_alarm(run: Run) -> None:
    """One verb each, in the order of a life; each record says who did it and what they had to say."""
    assert said(ask(run, "acknowledge", alarm=HIGH, note="seen")) == ["acknowledged"]
    shelved = ask(run, "shelve", alarm=HIGH, for_s=60, once=True)
    assert said(shelved) == ["shelved"]
    assert (shelved.drafts[0]["for_s"], shelved.drafts[0]["once"]) == (60, True)
    assert said(ask(run, "unshelve", alarm=HIGH)) == ["unshelved"]
    assert said(ask(run, "take-out", alarm=HIGH, note="cable")) == ["out-of-service"]
    back = ask(run, "put-back", alarm=HIGH, note="mended")
    assert back.answer == {"done": [HIGH]}
    assert back.drafts[0]["by"] == {"who": "li.wei", "uid": 1000, "note": "mended"}


def test_the_list_has_alarms_figures_and_the_code(run: Run) -> None:
    """With `all` also those that are normal; asking tells nothing."""
    done = ask(run, "alarms")

    assert [row["alarm"] for row in done.answer["alarms"]] == [HIGH]
    assert done.answer["code"] == {"plant": "yellow", "lines": {"paint": "yellow"}}
    assert done.answer["figures"]["now"]["unacknowledged"] == 1
    assert len(ask(run, "alarms", all=True).answer["alarms"]) > 1
    assert done.drafts == ()


def test_all_of_none_is_nothing_to_do(run: Run) -> None:
    """No refusal: there is simply nobody left."""
    assert ask(run, "acknowledge", alarm="all").answer == {"done": [HIGH]}
    assert ask(run, "acknowledge", alarm="all").answer == {"done": []}
    assert ask(run, "reset", alarm="all").answer == {"done": []}


def test_what_goes_into_the_book_is_answered_as_it_is_told(run: Run) -> None:
    """The answer is the record's own words."""
    done = ask(run, "order", stop=True, end="+2h")

    assert done.drafts[0]["event"] == "order-entered"
    assert done.drafts[0]["by"] == WHO
    assert done.answer == {"order": done.drafts[0]["order"]}
    assert [one["id"] for one in ask(run, "book").answer["orders"]] == ["o1"]
    ask(run, "end-order", id="o1")
    assert ask(run, "book").answer["orders"] == []
    assert len(ask(run, "book", all=True).answer["orders"]) == 1


def test_a_task_can_be_shelved_before_it_is_late(run: Run) -> None:
    """Its alarm is there from the moment it is entered."""
    ask(run, "task", **TASK)

    assert said(ask(run, "shelve", alarm="task.t1", for_s=3600)) == ["shelved"]


def test_the_rules_are_listed(run: Run) -> None:
    """All hundred."""
    assert len(ask(run, "rules").answer["rules"]) == 100


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no alarm": ("acknowledge", {}, "alarm is missing"),
    "an alarm that is a number": ("acknowledge", {"alarm": 5}, "alarm must be a text"),
    "an alarm that there is not": ("acknowledge", {"alarm": "limit.meter.power.hgih"}, f"did you mean '{HIGH}'"),
    "twice": ("reset", {"alarm": HIGH}, "its condition still holds"),
    "not shelved": ("unshelve", {"alarm": HIGH}, "it is not shelved"),
    "in service": ("put-back", {"alarm": HIGH}, "it is in service"),
    "no time": ("shelve", {"alarm": HIGH}, "for how long"),
    "a time in words": ("shelve", {"alarm": HIGH, "for_s": "2h"}, "for_s must be a number"),
    "a truth for a time": ("shelve", {"alarm": HIGH, "for_s": True}, "for_s must be a number"),
    "NaN": ("shelve", {"alarm": HIGH, "for_s": float("nan")}, "for_s must be a number"),
    "too long for this alarm": ("shelve", {"alarm": HIGH, "for_s": 28_801}, "8 h at most"),
    "once of what is not active": ("shelve", {"alarm": "task.t1", "for_s": 9, "once": True}, "no alarm 'task.t1'"),
    "a word nobody knows": ("acknowledge", {"alarm": HIGH, "nte": "x"}, "did you mean 'note'"),
    "a note of two lines": ("acknowledge", {"alarm": HIGH, "note": "a\nb"}, "note must be a text"),
    "a note without end": ("acknowledge", {"alarm": HIGH, "note": "x" * 501}, "note must be a text"),
    "half a character": ("acknowledge", {"alarm": HIGH, "note": "\ud800"}, "note must be a text"),
    "all of a list": ("alarms", {"all": "yes"}, "all must be true or false"),
    "words for rules": ("rules", {"all": True}, "'all' is not known here"),
    "the book's own reason": ("order", {"stop": True, "end": "2020-01-01"}, "before it starts"),
}


@pytest.mark.parametrize(("do", "words", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_done_is_refused_in_words(run: Run, do: str, words: dict[str, Any], why: str) -> None:
    """And changes nothing."""
    before = run.judgement.states()

    with pytest.raises(Refused, match=why):
        ask(run, do, **words)
    assert run.judgement.states() == before


def test_there_is_a_verb_for_everything_in_the_book() -> None:
    """The book's table of verbs is part of the office's."""
    assert set(BOOK_VERBS) < set(VERBS)


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just("x" * 600), st.just(10**400),
    st.sampled_from([HIGH, "all", "task.t1", "now", "+1h", "m1"]), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip
NAMES = ("alarm", "note", "for_s", "once", "all", "id", "kind", "start", "end", "reason", "answers", "items", "x")


@settings(max_examples=100, deadline=None)
@given(do=st.sampled_from(VERBS), words=st.dictionaries(st.sampled_from(NAMES), ODD, max_size=4))
def test_any_words_are_answered_or_refused(described: Site, do: str, words: dict[str, Any]) -> None:
    """Never anything else; what is told can be a record, and the answer a line of JSON."""
    run = Run(described)
    run.scan(41.0)
    try:
        done = ask(run, do, **words)
    except Refused:
        return
    json.dumps(done.answer, allow_nan=False)
    assert [expressible(draft) for draft in done.drafts] == [*done.drafts]


def test_a_request_at_the_local_door_is_handed_over_with_who_asks() -> None:
    """The pipeline sees the words without the verb, and by which user of the machine."""
    intake = Intake()

    later = hand_over(Request({"do": "acknowledge", "alarm": "all"}, 0), intake)

    handed = intake.take(0)
    assert isinstance(handed, Ask)
    assert (handed.do, handed.words, handed.by) == ("acknowledge", {"alarm": "all"}, {"who": user(0), "uid": 0})
    handed.answer.set_result({"done": []})
    assert later.is_ready
    assert later.answer() == {"done": []}


def test_a_refusal_and_a_request_that_came_too_late_are_told_in_words() -> None:
    """Whoever asks learns why, and whether anything was done."""
    intake = Intake()
    refused, late, slow = (hand_over(Request({"do": "reset", "alarm": "all"}, 0), intake) for _ in range(3))
    first, second, third = (one for one in (intake.take(0) for _ in range(3)) if isinstance(one, Ask))
    first.answer.set_exception(Refused("not now"))
    second.answer.cancel()
    third.answer.set_running_or_notify_cancel()

    with pytest.raises(Unwilling, match="not now"):
        refused.answer()
    with pytest.raises(Unwilling, match="nothing was done"):
        late.answer()
    with pytest.raises(Unwilling, match="look whether it was done"):
        slow.answer()
