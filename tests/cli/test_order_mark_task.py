"""``plantgate order``, ``mark`` and ``task`` as a shift leader uses them: through a real door, to a real book."""

from __future__ import annotations

import json
from datetime import datetime
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from agent.cli.main import application
from agent.clock import Stamp, SystemClock, ts
from agent.control import NAME, Control, Unwilling
from agent.intake import Ask
from agent.judgement import Judgement
from agent.local_verbs import user
from agent.office import VERBS, Refused, attend
from config.load import load
from tests.agent.judged_house import ZONE, FakeBox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.caller import Request

SITE = """
[gateway]
id        = "jn-0417"
name      = "Works"
timezone  = "Asia/Shanghai"
language  = "{language}"
state_dir = "state"

[[bus]]
name = "lan"
type = "tcp"
host = "127.0.0.1"
port = 1502

[[device]]
name     = "meters"
bus      = "lan"
protocol = "modbus"
address  = 1
poll     = "1s"
report   = "on-scan"

  [[device.point]]
  name     = "press"
  register = "holding"
  at       = 0
  type     = "bool"

  [[device.point]]
  name     = "fan"
  register = "holding"
  at       = 1
  type     = "bool"

[[facility]]
name    = "press-1"
role    = "production"
running = "meters.press"

[[facility]]
name    = "fan-1"
role    = "treatment"
running = "meters.fan"

[[line]]
name       = "paint"
production = ["press-1"]
treatment  = ["fan-1"]
grade      = "B"

[[line]]
name       = "dry"
production = ["press-1"]
treatment  = ["fan-1"]
grade      = "A"
"""
START = datetime(2026, 11, 22, 9, 30, tzinfo=ZONE)
HOUR_MS = 3_600_000


class House:
    """A site whose agent is a door and its judgement. `drafts` are what the records would tell, `wall_ms` is now."""

    def __init__(self, folder: Path, language: str) -> None:
        self.site = folder / "site.toml"
        self.site.write_text(SITE.format(language=language), encoding="utf-8")
        site = load(self.site)
        self.wall_ms = round(START.timestamp() * 1000)
        self.drafts: list[dict[str, Any]] = []
        self.judgement, _ = Judgement.take_up(site, FakeBox(), lambda _: None, 0, self._stamp())
        site.gateway.state_dir.mkdir(parents=True, exist_ok=True)
        self.door = Control(site.gateway.state_dir / NAME, dict.fromkeys(VERBS, self._attend), SystemClock())

    def _stamp(self) -> Stamp:
        return Stamp(ts(self.wall_ms), {"boot": "a6ebeace", "up": 1.0, "q": "sync"}, self.wall_ms)

    def _attend(self, request: Request) -> dict[str, Any]:
        """Do what the pipeline does with a request."""
        words = {word: value for word, value in request.words.items() if word != "do"}
        ask = Ask(request.words["do"], words, {"who": user(request.uid), "uid": request.uid})
        try:
            done = attend(ask, self.judgement, self._stamp(), 0)
        except Refused as refused:
            raise Unwilling(str(refused)) from None
        self.drafts += done.drafts
        return done.answer

    def run(self, said: str, *words: str, columns: int = 80) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error of a verb; the site file comes third."""
        verb, do = said.split()
        asked = [verb, do, str(self.site), *words]
        done = CliRunner().invoke(application([verb]), asked, env={"COLUMNS": str(columns)})
        return done.exit_code, done.stdout, done.stderr

    def fine(self, said: str, *words: str, columns: int = 80) -> list[str]:
        """Return the lines of a verb that works."""
        code, out, err = self.run(said, *words, columns=columns)
        assert (code, err) == (0, "")
        return [line.rstrip() for line in out.splitlines()]


def opened(folder: Path, language: str = "zh") -> Iterator[House]:
    """Give a house with its door open."""
    made = House(folder, language)
    assert made.door.open()
    thread = Thread(target=made.door.run, daemon=True)
    thread.start()
    yield made
    made.door.stop()
    thread.join(5)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Return a site in Chinese."""
    yield from opened(tmp_path)


@pytest.fixture
def english(tmp_path: Path) -> Iterator[House]:
    """Return a site in English."""
    yield from opened(tmp_path, "en")


# --- orders ------------------------------------------------------------------------------------------------------


def test_an_order_from_beginning_to_end(house: House) -> None:
    """Entered, listed as in force, ended, then listed only with --all; every change is an event with who did it."""
    entered = house.fine("order enter", "--end", "2026-11-22 18:00", "--stop", "--reason", "橙色预警")
    assert entered == [
        "+ o1   paint, dry: 停产                      2026-11-22 09:30 → 2026-11-22 18:00",
        "       应急响应: 橙色预警",
    ]
    assert house.fine("order list")[0].startswith("● o1   paint, dry: 停产")

    house.wall_ms += HOUR_MS
    assert house.fine("order end", "o1", "--reason", "预警解除") == ["o1: ended 已结束"]
    assert house.fine("order list") == ["无指令"]
    assert house.fine("order list", "--all")[0].endswith("2026-11-22 09:30 → 2026-11-22 10:30")
    assert house.fine("order list", "--all")[0].startswith("· o1")
    assert [draft["event"] for draft in house.drafts] == ["order-entered", "order-ended"]
    assert all(draft["by"]["who"] for draft in house.drafts)


def test_an_order_says_all_that_it_asks(english: House) -> None:
    """Reduction, hours, what may stay, who is exempt; what does not fit beside it goes below, on any width."""
    asks = ("--reduce", "30", "--hours", "06:00-22:00", "--minimum", "12", "--exempt", "A", "--staggered")
    english.fine("order enter", "--start", "+2h", "--end", "2027-02-28 12:00", *asks, "--reason", "winter plan")

    assert english.fine("order list", columns=200)[0].startswith(
        "○ o1   paint, dry: reduce by 30 %, only 06:00-22:00, 12 kW may stay, except grade A  "
    )
    assert english.fine("order list")[1:] == [
        "       grade A",
        "       2026-11-22 11:30 → 2027-02-28 12:00",
        "       staggered production: winter plan",
    ]


REFUSED_ORDERS = {
    "ends before it starts": (("--start", "+2h", "--end", "+1h", "--stop"), "before it starts"),
    "no such line": (("--line", "pant", "--end", "+1h", "--stop"), "no line 'pant'; one of: paint, dry"),
    "asks for nothing": (("--end", "+1h"), "says what to do"),
    "stops and reduces": (("--end", "+1h", "--stop", "--reduce", "30"), "not both"),
    "130 percent": (("--end", "+1h", "--reduce", "130"), "from 0 to 100"),
    "no moment": (("--end", "tomorrow", "--stop"), '"2026-11-23 20:00"'),
    "overlaps": (("--start", "+1h", "--end", "+3h", "--stop"), "has order o1"),
    "exempts everybody": (("--line", "dry", "--end", "+1h", "--stop", "--exempt", "A"), "would order nothing"),
}


@pytest.mark.parametrize(("words", "why"), REFUSED_ORDERS.values(), ids=REFUSED_ORDERS)
def test_an_order_is_refused_with_the_reason(english: House, words: tuple[str, ...], why: str) -> None:
    """Exit 1, one line that says why; nothing is recorded."""
    english.fine("order enter", "--line", "paint", "--start", "+90m", "--end", "+8h", "--stop")
    code, out, err = english.run("order enter", *words)

    assert (code, out) == (1, "")
    assert why in err
    assert err.startswith("plantgate: ")
    assert err.count("\n") == 1
    assert len(english.drafts) == 1


# --- marks -------------------------------------------------------------------------------------------------------


def test_a_mark_from_beginning_to_end(house: House) -> None:
    """A mark without an end stays until it is ended."""
    assert house.fine("mark enter", "maintenance", "--of", "fan-1", "--reason", "换皮带") == [
        "+ m1   fan-1: 维护                                     2026-11-22 09:30 → 未结束",
        "       换皮带",
    ]
    assert house.fine("mark list")[0].startswith("● m1")
    house.wall_ms += HOUR_MS
    assert house.fine("mark end", "m1") == ["m1: ended 已结束"]
    assert house.fine("mark list") == ["无标记"]
    assert house.fine("mark list", "--all")[0].endswith("→ 2026-11-22 10:30")


def test_a_mark_of_the_past_and_one_to_come(english: House) -> None:
    """What was declared late is declared all the same; without --of it is the plant's."""
    english.fine("mark enter", "fault", "--start", "2026-11-22 08:00", "--end", "2026-11-22 08:30", "--reason", "fuse")
    english.fine("mark enter", "night-permit", "--start", "2026-11-22 22:00", "--end", "+20h", "--reason", "permit 7")

    assert [line[:30].rstrip() for line in english.fine("mark list")] == [
        "○ m2   plant: permit for night",
        "       permit 7",
    ]
    assert english.fine("mark list", "--all")[0].startswith("· m1   plant: fault")


def test_a_wrong_mark_is_answered_with_the_near_word(english: House) -> None:
    """Kinds and names are few: the nearest is offered."""
    assert "did you mean 'maintenance'?" in english.run("mark enter", "maintenence", "--reason", "x")[2]
    assert "did you mean 'fan-1'?" in english.run("mark enter", "fault", "--of", "fan-2", "--reason", "x")[2]
    assert english.run("mark enter", "fault")[0] == 2, "a mark says why"


# --- tasks -------------------------------------------------------------------------------------------------------

ITEMS = [
    {"id": "flame", "text": "火焰是否正常", "choices": ["正常", "异常"]},
    {"id": "dp", "text": "床层压差", "kind": "number", "low": 800, "high": 1200, "unit": "Pa"},
]


def test_a_task_is_shown_with_how_to_answer_it(house: House, tmp_path: Path) -> None:
    """Each item has its id, its choices or its span and unit."""
    (tmp_path / "items.json").write_text(json.dumps(ITEMS), encoding="utf-8")
    words = ("--place", "RTO-01", "--due", "+2h", "--title", "巡检", "--items", str(tmp_path / "items.json"))

    assert house.fine("task enter", *words, "--item", "有无异味") == [
        "+ t1   RTO-01: 巡检                                        期限 2026-11-22 11:30",
        "       1: 有无异味 (text)",
        "       flame: 火焰是否正常 (正常 | 异常)",
        "       dp: 床层压差 (number 800…1200 Pa)",
    ]


def test_a_task_is_answered_as_a_whole(house: House, tmp_path: Path) -> None:
    """A missing answer and a wrong choice are refused; what lies outside the span is taken as a finding."""
    (tmp_path / "items.json").write_text(json.dumps(ITEMS), encoding="utf-8")
    house.fine("task enter", "--place", "RTO-01", "--due", "+2h", "--items", str(tmp_path / "items.json"))

    assert "no answer to dp" in house.run("task answer", "t1", "flame=正常")[2]
    assert "one of: 正常, 异常" in house.run("task answer", "t1", "flame=好", "dp=900")[2]
    assert house.run("task answer", "t1", "flame")[0] == 2
    assert house.fine("task answer", "t1", "flame=正常", "dp=1300") == ["t1: answered 已完成, out of bounds 异常: dp"]
    assert house.fine("task list") == ["无任务"]
    done = house.fine("task list", "--all")
    assert done[0].startswith("✓ t1")
    assert done[2:] == ["       flame: 火焰是否正常  正常", "       dp: 床层压差  1300 Pa  异常"]


def test_an_overdue_task_says_so_and_is_still_taken(english: House) -> None:
    """Late is late, and the answer counts."""
    english.fine("task enter", "--place", "FAN-01", "--due", "+1h", "--item", "belt")
    english.wall_ms += 2 * HOUR_MS

    assert english.fine("task list")[0].startswith("! t1   FAN-01")
    assert "OVERDUE" in english.fine("task list")[0]
    assert english.fine("task answer", "t1", "1=worn") == ["t1: answered 已完成, late 逾期完成"]


def test_a_task_can_be_withdrawn(english: House) -> None:
    """With the reason, once."""
    english.fine("task enter", "--place", "FAN-01", "--due", "+1h", "--item", "belt")

    assert english.fine("task withdraw", "t1", "--reason", "fan is out") == ["t1: withdrawn 已撤销"]
    assert english.fine("task list", "--all")[0].startswith("· t1")
    assert "not open any more" in english.run("task withdraw", "t1", "--reason", "again")[2]


def test_a_file_of_items_that_cannot_be_read_is_named(house: House, tmp_path: Path) -> None:
    """Exit 2, and which file."""
    code, _, err = house.run("task enter", "--place", "A", "--due", "+1h", "--items", str(tmp_path / "none.json"))

    assert code == 2
    assert "none.json" in err


# --- all three ---------------------------------------------------------------------------------------------------

ENTERED = {
    "order": (("order enter", "--end", "+9h", "--reduce", "30", "--hours", "06:00-22:00", "--reason", "预警" * 30)),
    "mark": ("mark enter", "maintenance", "--of", "press-1", "--reason", "a long reason in words " * 8),
    "task": ("task enter", "--place", "RTO-01", "--due", "+2h", "--title", "巡检" * 9, "--item", "床层压差" * 20),
}


@pytest.mark.parametrize("columns", [40, 60, 80, 160])
@pytest.mark.parametrize("words", ENTERED.values(), ids=ENTERED)
def test_lists_fit_and_leave_nothing_out(house: House, words: tuple[str, ...], columns: int) -> None:
    """However narrow the terminal: no line is wider, and every word is there. Chinese takes two columns."""
    house.fine(*words)
    lines = house.fine(f"{words[0].split()[0]} list", columns=columns)
    shown = "".join("".join(lines).split())

    assert max(map(cell_len, lines)) <= columns
    assert "".join(words[-1].split()) in shown


@pytest.mark.parametrize("verb", ["order", "mark", "task"])
def test_json_is_what_the_door_says(house: House, verb: str) -> None:
    """For other programs: a list of entries, times in UTC."""
    house.fine(*ENTERED[verb])
    (entry,) = json.loads("\n".join(house.fine(f"{verb} list", "--json")))

    assert entry["id"] == f"{verb[0]}1"
    assert all(entry[name].endswith("Z") for name in ("start", "due") if name in entry)


@pytest.mark.parametrize("verb", ["order", "mark", "task"])
def test_without_a_running_agent_they_say_what_to_do(house: House, verb: str) -> None:
    """Exit 1 and the command that starts it."""
    house.door.stop()
    code, out, err = house.run(f"{verb} list")

    assert (code, out) == (1, "")
    assert "plantgate run site.toml" in err
