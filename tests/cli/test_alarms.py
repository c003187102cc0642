"""``plantgate alarms``, ``ack``, ``shelve``, ``unshelve`` and ``reset`` against a door with a real table behind it."""

from __future__ import annotations

import json
from io import StringIO
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import typer
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from agent.alarms import Alarms
from agent.cli import alarms as verbs
from agent.cli.alarms_screen import STATES, Screen
from agent.clock import SystemClock
from agent.control import NAME, Control, Unwilling
from agent.lifecycle import AlarmRefused, By, Definition, Status
from config.load import load
from config.site import Text
from tests.e2e.harness import Site, bus, device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.caller import Request

SECOND = 1_000_000_000
WANG = By("wang", 1000)
T1 = Definition(
    id="rule.T1.paint",
    priority="high",
    text=Text("治污未开: 喷漆线", "treatment not on: paint line"),
    group="paint",
    escalate_after_ns=5400 * SECOND,
    members={"rule": "T1", "object": "paint"},
)
T7 = Definition(id="rule.T7.paint", priority="low", text=Text("治污停电", "treatment feeder dead"), latch=True)


class House:
    """A site whose agent is a door and a table of alarms. `asked` is what came through the door."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(buses=[bus(1)], devices=[device("meter")]).write(folder)
        self.gateway = load(self.site).gateway
        self.alarms = Alarms((), (), (T1, T7))
        self.asked: list[dict[str, Any]] = []
        by, do = WANG, self._do
        doing = {
            "acknowledge": do(lambda words: self.alarms.acknowledge(words["alarm"], by, SECOND)),
            "shelve": do(lambda words: self.alarms.shelve(words["alarm"], by, words["for_s"], 1, once="once" in words)),
            "unshelve": do(lambda words: self.alarms.unshelve(words["alarm"], by, SECOND)),
            "reset": do(lambda words: self.alarms.reset(words["alarm"], by, SECOND)),
            "take-out": do(lambda words: self.alarms.take_out(words["alarm"], by, SECOND)),
            "put-back": do(lambda words: self.alarms.put_back(words["alarm"], by, SECOND)),
        }
        self.gateway.state_dir.mkdir(parents=True, exist_ok=True)
        self.door = Control(self.gateway.state_dir / NAME, {"alarms": self._list, **doing}, SystemClock())

    def answer(self, *, every: bool = False) -> dict[str, Any]:
        """Return what a list gets."""
        rows = self.alarms.listing(every)
        return {"alarms": rows, "figures": self.alarms.figures(), "code": {"plant": "red", "lines": {}}}

    def _list(self, request: Request) -> dict[str, Any]:
        return self.answer(every=bool(request.words["all"]))

    def _do(self, work: Callable[[dict[str, Any]], list[Any]]) -> Callable[[Request], dict[str, Any]]:
        def verb(request: Request) -> dict[str, Any]:
            self.asked.append(dict(request.words))
            try:
                return {"done": [draft["alarm"] for draft in work(dict(request.words))]}
            except AlarmRefused as reason:
                raise Unwilling(str(reason)) from None

        return verb

    def weigh(self, alarm: str, *conditions: bool) -> None:
        """Let a condition come and go."""
        for condition in conditions:
            self.alarms.weigh(alarm, condition, 0, "2026-11-22T01:30:00.000Z", dict)

    def run(self, verb: str, *words: str) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error of a verb."""
        application = typer.Typer()
        application.callback()(lambda: None)
        application.command(verb)(getattr(verbs, verb))
        done = CliRunner().invoke(application, [verb, str(self.site), *words])
        return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Return a site with its door open."""
    made = House(tmp_path)
    assert made.door.open()
    thread = Thread(target=made.door.run, daemon=True)
    thread.start()
    yield made
    made.door.stop()
    thread.join(5)


def drawn(answer: dict[str, Any], gateway: Any, width: int = 80) -> str:
    """Return what a terminal of that width shows."""
    out = StringIO()
    Console(file=out, width=width, highlight=False).print(Screen(answer, gateway))
    return out.getvalue()


def test_the_list_says_what_is_wrong_and_since_when(house: House) -> None:
    """State and priority in words, local time; exit 1 while somebody is asked for, 0 when nobody is."""
    quiet = house.run("alarms")
    house.weigh(T1.id, True)
    code, out, _ = house.run("alarms")
    house.alarms.acknowledge("all", WANG, 0)

    assert (quiet[0], "无报警" in quiet[1]) == (0, True)
    assert code == 1
    assert "▲ 未确认" in out
    assert "治污未开: 喷漆线" in out
    assert "rule.T1.paint  自 11-22 09:30:00" in out
    assert "首出" in out
    assert house.run("alarms")[0] == 0


def test_json_is_the_answer_itself(house: House) -> None:
    """With --all also what is normal."""
    house.weigh(T1.id, True)
    said = json.loads(house.run("alarms", "--all", "--json")[1])

    assert [(row["alarm"], row["status"]) for row in said["alarms"]] == [
        ("rule.T1.paint", "unacknowledged"),
        ("rule.T7.paint", "normal"),
    ]
    assert said["figures"]["annunciated"] == 1


@pytest.mark.parametrize(
    ("words", "asked", "status"),
    [
        (("ack", "rule.T1.paint", "--note", "去看"), {"do": "acknowledge", "note": "去看"}, "acknowledged"),
        (("ack", "all"), {"do": "acknowledge", "alarm": "all"}, "acknowledged"),
        (("shelve", "rule.T1.paint", "--for", "90m"), {"do": "shelve", "for_s": 5400.0}, "shelved"),
        (("shelve", "rule.T1.paint", "--once"), {"do": "shelve", "for_s": 3600.0, "once": True}, "shelved"),
        (("shelve", "rule.T1.paint", "--out-of-service"), {"do": "take-out"}, "out-of-service"),
    ],
)
def test_what_people_do_reaches_the_alarm(
    house: House, words: tuple[str, ...], asked: dict[str, Any], status: str
) -> None:
    """The request has exactly what was said, and the answer names the alarm."""
    house.weigh(T1.id, True)
    code, out, _ = house.run(*words)

    assert code == 0
    assert house.asked == [{"alarm": "rule.T1.paint", **asked}]
    assert out.startswith("rule.T1.paint: ")
    assert [row["status"] for row in house.alarms.listing()] == [status]


def test_back_from_the_shelf_into_service_and_reset(house: House) -> None:
    """Every way there has a way back."""
    house.run("shelve", T1.id)
    house.run("shelve", T7.id, "--out-of-service")
    house.weigh(T7.id, True, False)

    assert house.run("unshelve", T1.id)[:2] == (0, "rule.T1.paint: no longer shelved 搁置结束\n")
    assert house.run("unshelve", T7.id, "--in-service")[:2] == (0, "rule.T7.paint: in service 已恢复服务\n")
    assert house.run("reset", "all")[:2] == (0, "rule.T7.paint: reset 已复位\n")
    assert house.run("reset", "all")[:2] == (0, "nothing to do 无可处理的报警\n")
    assert house.alarms.listing() == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("ack", "rule.T1.paint"), 1, "rule.T1.paint: there is nothing to acknowledge"),
        (("ack", "rule.T1.pain"), 1, "did you mean 'rule.T1.paint'?"),
        (("shelve", "rule.T1.paint", "--for", "9h"), 1, "it can be shelved for 8 h at most"),
        (("shelve", "rule.T1.paint", "--for", "soon"), 2, "not a duration"),
        (("shelve", "rule.T1.paint", "--for", "10"), 2, '"10s"'),
    ],
)
def test_what_cannot_be_is_said(house: House, words: tuple[str, ...], code: int, said: str) -> None:
    """A refusal of the agent is exit 1, wrong usage 2."""
    exit_code, _, err = house.run(*words)

    assert exit_code == code
    assert said in " ".join(err.replace("│", " ").split())


def test_without_an_agent_it_says_how_to_start_one(tmp_path: Path) -> None:
    """Nothing is done in its stead."""
    code, _, err = House(tmp_path).run("ack", "all")

    assert code == 1
    assert "the agent does not run" in err


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_fits_a_terminal_and_does_not_speak_by_colour_alone(house: House, language: str) -> None:
    """Eighty cells, every state with a mark and a word of its own, one language."""
    house.weigh(T1.id, True)
    house.alarms.tick(6000 * SECOND, None)
    (row,) = house.alarms.listing()
    rows = [{**row, "status": status.value} for status in Status]
    gateway = type("Gateway", (), {"language": language, "timezone": "Asia/Shanghai"})
    lines = drawn({**house.answer(), "alarms": rows}, gateway).splitlines()

    assert max(map(cell_len, lines)) <= 80
    words = [STATES[status.value][1 if language == "zh" else 2] for status in Status]
    assert len(set(words)) == len(words)
    assert all(any(word in line for line in lines) for word in words)
    assert any(("已升级" if language == "zh" else "ESCALATED") in line for line in lines)
    assert any("1 h 40 min" in line for line in lines)
