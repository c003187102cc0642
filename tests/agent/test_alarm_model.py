"""Random lives of rules' alarms against a naive model: letters of ISA-18.2, delays recounted from the whole history.

The model is written from docs/alarms.md, not from the code. Restarts fall between any two steps.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.alarms import Alarms
from agent.elapsed import Now
from agent.lifecycle import AlarmRefused, By, Definition
from config.site import Text

S = 1_000_000_000
NAMES = ("rule.T1.paint", "rule.T5.paint")
WANG = By("wang")


@dataclass
class Model:
    """One alarm, as the documentation has it. Times are seconds; `letter` is A, B, C, D or L (latched)."""

    on_s: int
    off_s: int
    latch: bool
    ladder_s: int
    remind_s: int
    letter: str = "A"
    silent: bool = False
    unseen: bool = False
    escalated: bool = False
    raised_s: int = 0
    seen_s: int = 0
    shelf_until_s: int | None = None
    once: bool = False
    out: bool = False
    muted: bool = False
    active: bool = False
    history: list[tuple[int, bool | None]] = field(default_factory=list)

    @property
    def is_hidden(self) -> bool:
        """Whether people do not see it."""
        return self.out or self.shelf_until_s is not None or (self.muted and self.active)

    def status(self) -> str:
        """The state by the table, what lies over it first."""
        if self.out:
            return "out-of-service"
        if self.muted and self.active:
            return "suppressed"
        if self.shelf_until_s is not None:
            return "shelved"
        words = {"A": "normal", "B": "unacknowledged", "C": "acknowledged", "D": "returned", "L": "latched"}
        return words[self.letter]

    def weigh(self, now_s: int, condition: bool | None) -> list[str]:
        """Recount the delay from the whole history; return the words."""
        self.history.append((now_s, condition))
        if condition is None or condition == self.active:
            return []
        counted = 0
        for (earlier_s, before), (later_s, after) in zip(self.history[-2::-1], self.history[:0:-1], strict=True):
            if self.active in (before, after):
                break
            if before is not None and after is not None:
                counted += later_s - earlier_s
        if counted < (self.off_s if self.active else self.on_s):
            return []
        self.active = not self.active
        self.history.clear()
        self.history.append((now_s, condition))
        return self.begin(now_s) if self.active else self.end()

    def begin(self, now_s: int) -> list[str]:
        """The condition has come."""
        if self.muted:
            self.silent = True
            return ["suppressed"]
        self.raise_(now_s)
        return ["raised"]

    def raise_(self, now_s: int) -> None:
        """To B, from wherever."""
        self.unseen = (self.out or self.shelf_until_s is not None) and self.letter in "AL"
        self.letter, self.silent, self.escalated, self.raised_s = "B", False, False, now_s

    def end(self) -> list[str]:
        """The condition has gone."""
        words = ["unsuppressed"] if self.muted else []
        if not self.silent:
            words.append("cleared")
            gone = "L" if self.latch else "A"
            self.letter = gone if self.letter == "C" or self.unseen else "D"
        self.silent = self.unseen = self.escalated = False
        if self.shelf_until_s is not None and self.once:
            self.shelf_until_s = None
            words.append("unshelved")
        return words

    def mute(self, muted: bool, now_s: int) -> list[str]:
        """A reason for suppression comes or goes."""
        was, self.muted = self.muted, muted
        if was == muted or not self.active:
            return []
        if muted:
            return ["suppressed"]
        if self.silent:
            self.raise_(now_s)
            return ["unsuppressed", "raised"]
        self.reappear(now_s)
        return ["unsuppressed"]

    def reappear(self, now_s: int) -> None:
        """People see it again, if nothing else hides it."""
        if not self.is_hidden:
            self.unseen, self.seen_s = False, now_s

    def ask(self, what: str, now_s: int) -> list[str] | None:  # noqa: PLR0911 -- a table
        """Return the words, ``None`` for a refusal."""
        if what == "acknowledge" and self.letter in "BD":
            gone = "L" if self.latch else "A"
            self.letter, self.unseen, self.seen_s = ("C" if self.letter == "B" else gone), False, now_s
            return ["acknowledged"]
        if what == "reset" and self.letter == "L" and not self.active:
            self.letter = "A"
            return ["reset"]
        if what in ("shelve", "once") and not self.out and (what == "shelve" or self.active):
            self.shelf_until_s, self.once = now_s + 40, what == "once"
            return ["shelved"]
        if what == "unshelve" and self.shelf_until_s is not None:
            self.shelf_until_s = None
            self.reappear(now_s)
            return ["unshelved"]
        if what == "take_out" and not self.out:
            self.out = True
            return ["out-of-service"]
        if what == "put_back" and self.out:
            self.out = False
            self.reappear(now_s)
            return ["in-service"]
        return None

    def tick(self, now_s: int) -> list[str]:
        """What time alone makes due."""
        words = []
        if self.shelf_until_s is not None and now_s >= self.shelf_until_s:
            self.shelf_until_s = None
            self.reappear(now_s)
            words.append("unshelved")
        told = self.letter in "BC" and not self.silent
        if told and not self.escalated and not self.muted and now_s >= self.raised_s + self.ladder_s:
            self.escalated = True
            words.append("escalated")
        if self.letter == "C" and not self.silent and not self.is_hidden and now_s >= self.seen_s + self.remind_s:
            self.letter = "B"
            words.append("realarmed")
        return words


class LivesOfAlarms(RuleBasedStateMachine):
    """Two alarms of one group."""

    @initialize(on=st.integers(0, 3), off=st.integers(0, 3), latch=st.booleans())
    def begin(self, on: int, off: int, latch: bool) -> None:
        """Define both alike."""
        self.now_s = 1000
        self.first: str | None = None
        self.models = {name: Model(on, off, latch, ladder_s=90, remind_s=30) for name in NAMES}
        self.definitions = [
            Definition(
                id=name,
                priority="high",
                text=Text("治污未开", "treatment not on"),
                group="paint",
                on_delay_ns=on * S,
                off_delay_ns=off * S,
                latch=latch,
                escalate_after_ns=90 * S,
                remind_ns=30 * S,
                members={"rule": "T1", "object": "paint"},
            )
            for name in NAMES
        ]
        self.alarms = Alarms((), (), self.definitions, Now("b1", 0))

    def compare(self, name: str, told: list[str], drafts: Any) -> None:
        """Hold the records of one step against the words of the model."""
        model = self.models[name]
        records = [draft for draft in drafts if draft["kind"] == "alarm"]
        firsts = {self.first}
        standing = [other for other in NAMES if self.models[other].letter != "A" and not self.models[other].out]
        self.first = None if not standing else self.first or standing[0]
        firsts.add(self.first)
        assert [draft["state"] for draft in records] == told
        assert [draft["status"] for draft in records[-1:]] == [model.status()] * bool(told)
        for draft in records:
            assert draft["alarm"] == name
            assert draft.get("first_out", False) == (name in firsts)

    @rule(name=st.sampled_from(NAMES), condition=st.sampled_from((True, True, False, None)), later=st.integers(0, 40))
    def weigh(self, name: str, condition: bool | None, later: int) -> None:
        """An evaluation, some time later; the tick of a second before it does what time makes due."""
        self.now_s += later
        self.tick()
        drafts = self.alarms.weigh(name, condition, self.now_s * S, None, dict)
        self.compare(name, self.models[name].weigh(self.now_s, condition), drafts)

    @rule(name=st.sampled_from(NAMES), reasons=st.sampled_from(((), ("maintenance",), ("Q1", "stopped"))))
    def suppress(self, name: str, reasons: tuple[str, ...]) -> None:
        """Marks and stronger alarms come and go."""
        self.alarms.suppress(name, reasons)
        told = self.models[name].mute(bool(reasons), self.now_s) + self.models[name].tick(self.now_s)
        self.compare(name, told, self.alarms.tick(self.now_s * S, None))

    @rule(
        name=st.sampled_from(NAMES),
        what=st.sampled_from(("acknowledge", "reset", "shelve", "once", "unshelve", "take_out", "put_back")),
    )
    def people(self, name: str, what: str) -> None:
        """People do what they may, and are refused the rest."""
        told = self.models[name].ask(what, self.now_s)
        drafts: list[Any] = []
        refused = True
        with suppress(AlarmRefused):
            drafts = self.asked(name, what)
            refused = False
        assert refused == (told is None)
        self.compare(name, told or [], drafts)

    def asked(self, name: str, what: str) -> list[Any]:
        """Return what the agent tells."""
        if what in ("shelve", "once"):
            return self.alarms.shelve(name, WANG, 40, self.now_s * S, once=what == "once")
        done: list[Any] = getattr(self.alarms, what)(name, WANG, self.now_s * S)
        return done

    @rule(later=st.integers(0, 40))
    def wait(self, later: int) -> None:
        """Time passes."""
        self.now_s += later
        self.tick()

    def tick(self) -> None:
        """Let both do what time makes due."""
        drafts = self.alarms.tick(self.now_s * S, None)
        for name in NAMES:
            mine = [draft for draft in drafts if draft.get("alarm") == name]
            self.compare(name, self.models[name].tick(self.now_s), mine)

    @precondition(lambda self: hasattr(self, "alarms"))
    @rule()
    def restart(self) -> None:
        """The process is killed and comes back: nothing is told, delays have a gap."""
        now = Now("b1", self.now_s * S)
        self.alarms, drafts = Alarms.restore((), (), self.alarms.snapshot(), self.definitions, now)
        assert drafts == ()
        for model in self.models.values():
            model.history.append((self.now_s, None))

    @invariant()
    def the_list_agrees(self) -> None:
        """What people are shown is what the model says."""
        shown = {row["alarm"]: row["status"] for row in self.alarms.listing(all=True)}
        assert shown == {name: model.status() for name, model in self.models.items()}


TestLivesOfAlarms = LivesOfAlarms.TestCase
TestLivesOfAlarms.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
