"""The panel's door of a real agent: a narrow table of verbs, answered while everything runs."""

from __future__ import annotations

import json
import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import pytest

from agent.control import MODE, MOST_CALLERS, PANEL_NAME, near
from agent.control_client import NoAnswer, Visit
from tests.e2e.harness import Scene, device, point
from tests.independent.test_schemas import complaints
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Answer = dict[str, Any]

WHO = "li.wei"
HIGH = "limit.meter.power.high"
PLANT = """
[[facility]]
name = "press"
label = { zh = "压机", en = "Press" }
role = "production"
power = "meter.power"
rated = 100.0
on_hold = "1s"
off_hold = "1s"

[[facility]]
name = "fan"
role = "treatment"
power = "other.power"
rated = 50.0

[[line]]
name = "paint"
production = ["press"]
treatment = ["fan"]

[[derived]]
name = "sum.power"
formula = "meter.power + other.power"
"""
POINTS = [point(), point("power", 1, unit="kW", scale=0.1)]
GENEROUS_S = 30.0


class Caller:
    """A connection to the panel's door, which is in the runtime directory."""

    def __init__(self, scene: Scene) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(GENEROUS_S)
        with near(scene.directory / "run" / PANEL_NAME) as address:
            self._socket.connect(address)
        self._input = self._socket.makefile("rb")

    def send(self, line: bytes) -> Answer:
        """Return what comes for a line, whatever it is."""
        self._socket.sendall(line + b"\n")
        return self.next()

    def next(self) -> Answer:
        """Return the next line."""
        answer: Answer = json.loads(self._input.readline())
        return answer

    def ask(self, do: str, **words: Any) -> Answer:
        """Return the answer to a request."""
        return self.send(json.dumps({"do": do, **words}).encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._input.close()
        self._socket.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return a running agent whose limit is violated, started as a service manager does."""
    directory: Path = tmp_path_factory.mktemp("door")
    with Scene(directory, port=1) as made:
        made.meters.set(1, 700)
        made.meters.set(1, 30, unit=2)
        runtime = directory / "run"
        runtime.mkdir()
        made.write(
            uplink=None,
            devices=[device("meter", points=POINTS), device("other", 2, points=POINTS)],
            limits=[{"point": "meter.power", "high": 60.0, "priority": "high"}],
            packs=["plan"],
            plant=PLANT,
        )
        made.agent.start(environment={"RUNTIME_DIRECTORY": f"{runtime}:/elsewhere"})
        yield made
        assert made.agent.terminate() == 0


@pytest.fixture
def panel(scene: Scene) -> Iterator[Caller]:
    """Return a connection to the panel's door."""
    with Caller(scene) as caller:
        yield caller


def board(scene: Scene, holds: Callable[[Answer], object]) -> Answer:
    """Follow until a line of which something holds."""
    with Caller(scene) as caller:
        line = caller.ask("follow")
        assert eventually(lambda: holds(line) or (line.update(caller.next()), False)[1], GENEROUS_S), line
    return line


def test_the_site_is_told_with_labels_in_both_languages(panel: Caller) -> None:
    """Whoever asks knows what there is without having seen the site file."""
    site = panel.ask("site")

    assert site["gateway"] == "jn-0417"
    assert [one["name"] for one in site["facilities"]] == ["press", "fan"]
    assert site["facilities"][0]["label"] == {"zh": "压机", "en": "Press"}
    assert site["facilities"][1]["label"] == {"zh": "fan", "en": "fan"}
    assert [(one["name"], one["derived"]) for one in site["devices"]] == [
        ("meter", False),
        ("other", False),
        ("sum", True),
    ]
    assert site["limits"] == [{"point": "meter.power", "high_high": None, "high": 60.0, "low": None, "low_low": None}]


def test_one_line_a_second_has_everything_that_moves(scene: Scene, panel: Caller) -> None:
    """Values, derived ones too; states of facilities and lines; alarms; the box itself."""
    line = board(scene, lambda line: line["facilities"]["press"]["state"] == "run" and line["alarms"]["rows"])

    assert line["devices"]["meter"]["values"]["power"] == 70.0
    assert line["devices"]["sum"]["values"]["power"] == 73.0
    assert line["lines"]["paint"]["production"] == "run"
    assert line["facilities"]["press"]["since_ms"] > 1_700_000_000_000
    assert [row["alarm"] for row in line["alarms"]["rows"]] == [HIGH]
    assert (line["alarms"]["active"], line["uplink"], line["tasks_overdue"]) == (1, None, 0)
    assert line["cfg"] == panel.ask("site")["cfg"]
    assert line["disk"]["free"] > 0
    assert line["process"]["rss"] > 0


def test_what_a_person_does_is_recorded_with_account_and_door(scene: Scene, panel: Caller) -> None:
    """The alarm's record names the account, the number of the panel's user, and the door; the journal has it."""
    before = board(scene, lambda line: line["alarms"]["rows"])["alarms"]["version"]
    assert panel.ask("acknowledge", alarm=HIGH, user=WHO, note="belt") == {"done": [HIGH]}
    record = panel.ask("journal", kinds=["alarm"], alarm=HIGH, limit=1)["records"][0]

    assert record["state"] == "acknowledged"
    assert record["by"] == {"who": WHO, "uid": os.getuid(), "door": "panel", "note": "belt"}
    assert complaints(record) == []
    assert board(scene, lambda line: line["alarms"]["version"] != before)["alarms"]["unacknowledged"] == 0


def test_an_order_is_shown_while_it_is_in_force(scene: Scene, panel: Caller) -> None:
    """With whether it is kept: within the time of grace nobody has broken it."""
    order = panel.ask("order", stop=True, lines=["paint"], end="+2h", user=WHO)["order"]
    line = board(scene, lambda line: line["orders"])

    assert [(one["id"], one["line"], one["stop"]) for one in line["orders"]] == [(order["id"], "paint", True)]
    assert line["orders"][0]["complies"] is not False
    panel.ask("end-order", id=order["id"], user=WHO)
    assert board(scene, lambda line: not line["orders"])["orders"] == []


def test_events_of_the_panel_become_records(panel: Caller) -> None:
    """Of the published form, newest first, and found by their names."""
    assert panel.ask("audit", event="login", user=WHO, address="192.168.10.77") == {}
    assert panel.ask("audit", event="logout", user=WHO) == {}
    records = panel.ask("journal", kinds=["event"], event=["login", "logout"])["records"]

    assert [one["event"] for one in records] == ["logout", "login"]
    assert records[1]["address"] == "192.168.10.77"
    assert records[1]["by"] == {"who": WHO, "uid": os.getuid(), "door": "panel"}
    assert [complaints(one) for one in records] == [[], []]


def test_the_journal_goes_on_where_the_page_ended(panel: Caller) -> None:
    """Every record once, down to the first of the chain."""
    seen: list[int] = []
    page = panel.ask("journal", kinds=["event", "config", "hello", "clock"], limit=2)
    while page["records"]:
        seen += [record["seq"] for record in page["records"]]
        page = panel.ask("journal", kinds=["event", "config", "hello", "clock"], limit=2, before=page["next"])

    assert seen == sorted(set(seen), reverse=True)
    assert seen[-1] == 1


def test_statistics_come_at_the_level_that_fits(panel: Caller) -> None:
    """The agent chooses it where none is named; derived points have statistics, too."""
    stretch = {"from_ms": 1_700_000_000_000, "to_ms": 2_000_000_000_000}
    day = panel.ask("trend", points=["meter.power", "sum.power"], **stretch)
    refused = panel.ask("trend", points=["meter.power"], level="minute", **stretch)

    assert (day["level"], sorted(day["series"])) == ("day", ["meter.power", "sum.power"])
    assert {len(column) for column in day["series"]["meter.power"].values()} == {len(day["series"]["sum.power"]["avg"])}
    assert "rows are more than" in refused["error"]


def test_support_has_no_secrets_and_says_how_it_is(panel: Caller) -> None:
    """A handful of texts."""
    files = panel.ask("support")["files"]

    assert json.loads(files["status.json"])["gateway"] == "jn-0417"
    assert "[gateway]" in files["site.toml"]
    assert "PRIVATE" not in "".join(files.values())
    assert files["log.txt"]


NOT_HERE = ("read", "look", "status", "watch", "commissioned", "exported")


@pytest.mark.parametrize("do", NOT_HERE)
def test_the_panel_cannot_touch_a_line_or_speak_for_the_box(panel: Caller, do: str) -> None:
    """These verbs do not exist at its door."""
    assert panel.ask(do, user=WHO)["error"].startswith('"do" must be one of ')


def test_the_other_door_has_every_verb_but_takes_no_names(scene: Scene) -> None:
    """Who asks there is known by number; the hash of a document becomes a signed record, which is the answer."""
    with Visit(scene.state) as visit:
        with pytest.raises(NoAnswer, match='"user" means nothing here'):
            visit.ask({"do": "acknowledge", "alarm": "all", "user": WHO})
        assert visit.ask({"do": "site"})["gateway"] == "jn-0417"
        said = {"installer": "王工", "sha256": "ab" * 32, "summary": {"devices": 2}}
        answer = visit.ask({"do": "commissioned", **said})
        record = json.loads(answer["wire"])

    assert (record["seq"], record["event"]) == (answer["seq"], "commissioned")
    assert {name: record[name] for name in said} == said
    assert complaints(record) == []


def test_callers_that_use_up_one_door_leave_the_other_alone(scene: Scene) -> None:
    """Each has callers of its own."""
    with ExitStack() as stack:
        crowd = [stack.enter_context(Caller(scene)) for _ in range(MOST_CALLERS + 1)]
        assert "callers are here already" in crowd[-1].next()["error"]
        with Visit(scene.state) as visit:
            assert visit.ask({"do": "status"})["gateway"] == "jn-0417"


def test_the_door_is_for_user_and_group_and_goes_with_the_agent(scene: Scene) -> None:
    """Mode 0660, in the first of the runtime directories."""
    path = scene.directory / "run" / PANEL_NAME

    assert path.stat().st_mode & 0o777 == MODE
    assert not (scene.state / PANEL_NAME).exists()
