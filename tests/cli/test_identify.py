"""``plantgate identify``: directly, and through the running agent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from agent.cli.main import application
from agent.control import Unwilling
from agent.control_client import NoAnswer, Visit
from agent.looks import MOST_POINTS, looked, packed, unpacked
from drivers.library import find, names
from drivers.sim.__main__ import HostClock
from drivers.sim.instruments import Instrument, press_meter
from drivers.sim.modbus_server import ModbusServer
from drivers.sim.plant import Plant
from drivers.spec import ItemSpec
from tests.e2e.harness import Scene, Site, bus, device, point

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METER, OTHER, DEAD = "eastron-sdm630", "acrel-adl400", "janitza-umg604"


@pytest.fixture
def port() -> Iterator[int]:
    """Serve an SDM630 as unit 3 and nobody else."""
    with ModbusServer(HostClock()) as server:
        plant = Plant()
        yield server.listen("line", {3: Instrument(plant, lambda state: press_meter(state.press))})


def devices(**models: str) -> list[dict[str, Any]]:
    """Return a device of each model by name: "dead" is at an address where nobody answers."""
    return [
        device(name, 9 if name == "dead" else 3, points=[], bus=f"to-{name}", model=model, poll="1s")
        for name, model in models.items()
    ]


def buses(port: int, made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a bus for each device: two of them have one unit id."""
    return [bus(port, one["bus"]) for one in made]


def identified(*words: str) -> tuple[int, dict[str, Any], str]:
    """Return exit code, the JSON told and standard error."""
    result = CliRunner().invoke(application(["identify"]), ["identify", *words, "--json"])
    return result.exit_code, json.loads(result.stdout) if result.stdout else {}, result.stderr


def test_what_fits_agrees(tmp_path: Path, port: int) -> None:
    """The identity register holds, and what it reads is told."""
    made = devices(right=METER)
    site = Site(buses=buses(port, made), devices=made).write(tmp_path)

    code, said, err = identified(str(site))

    assert code == 0
    assert "asking the devices directly" in err
    assert said["right"] == {
        "model": METER,
        "seems": METER,
        "by": "identity",
        "also": [],
        "marks": [3.0],
        "reads": said["right"]["reads"],
        "verdict": "agrees",
        "error": None,
    }
    assert 200 < said["right"]["reads"]["voltage_a"] < 260


def test_another_model_contradicts_and_silence_is_told(tmp_path: Path, port: int) -> None:
    """Exit code 1, what it seems to be, and why there is nothing to say."""
    made = devices(wrong=OTHER, dead=DEAD)
    site = Site(buses=buses(port, made), devices=made).write(tmp_path)

    code, said, _ = identified(str(site))
    only, _, _ = identified(str(site), "nobody")
    table = CliRunner().invoke(application(["identify"]), ["identify", str(site)])

    assert code == 1
    assert (said["wrong"]["verdict"], said["wrong"]["seems"]) == ("contradicts", METER)
    assert (said["dead"]["verdict"], said["dead"]["seems"]) == ("silent", None)
    assert "unit 9" in said["dead"]["error"]
    assert only == 2
    assert f'! wrong: what it says does not fit {OTHER}; write model = "{METER}"' in table.stderr


def test_a_device_without_a_model_is_named(tmp_path: Path, port: int) -> None:
    """Points of one's own contradict nothing; what it seems to be is told all the same."""
    made = [device("own", 3, points=[point("v", 0, "float32", register="input")])]
    site = Site(buses=[bus(port)], devices=made).write(tmp_path)

    code, said, _ = identified(str(site))

    assert code == 0
    assert (said["own"]["verdict"], said["own"]["seems"]) == ("unknown", METER)


def test_through_the_running_agent(tmp_path: Path, port: int) -> None:
    """The agent looks, on its own connections, between its own visits."""
    made = devices(right=METER, wrong=OTHER, dead=DEAD)
    with Scene(tmp_path, port=1) as scene:
        scene.run(uplink=None, buses=buses(port, made), devices=made)
        code, said, err = identified(str(scene.agent.site))
        with Visit(scene.state) as visit:
            status = visit.ask({"do": "status"})
            scan = looked(visit, "right", [find(METER).points[0].spec] * (MOST_POINTS + 1))
            refusals = [
                refusal(visit, {"do": "look", "device": "nobody", "points": [{}]}),
                refusal(visit, {"do": "look", "device": "right", "points": []}),
                refusal(visit, {"do": "look", "device": "right", "points": [{"table": "holding", "speed": 1}]}),
                refusal(visit, {"do": "look", "device": "right", "points": [7]}),
            ]

    assert code == 1
    assert "through the running agent" in err
    assert [said[name]["verdict"] for name in ("right", "wrong", "dead")] == ["agrees", "contradicts", "silent"]
    assert all(one["connects"] == 1 for one in status["health"]["buses"].values())
    assert len(scan.values) == MOST_POINTS + 1
    assert all(200 < value < 260 for value in scan.values if isinstance(value, float))
    assert ["no device" in refusals[0], "1 to 32" in refusals[1], "not a point" in refusals[2]] == [True] * 3
    assert '"points" is a list' in refusals[3]


def refusal(visit: Visit, words: dict[str, Any]) -> str:
    """Return why the agent does not do that."""
    with pytest.raises(NoAnswer) as told:
        visit.ask(words)
    return str(told.value)


@pytest.mark.parametrize("name", names())
def test_every_point_of_the_library_travels(name: str) -> None:
    """What is packed comes out the same, also after JSON."""
    for one in find(name).points:
        assert unpacked(json.loads(json.dumps(packed(one.spec)))) == one.spec


@pytest.mark.parametrize(
    "words",
    [None, [], {}, {"name": "x"}, {"name": 7, "table": "holding"}, {"name": "x", "table": "nowhere", "at": 0}],
)
def test_what_is_no_point_is_refused(words: object) -> None:
    """Whoever asks gets a reason, and the agent goes on."""
    with pytest.raises(Unwilling):
        unpacked(words)


def test_a_packed_point_is_short() -> None:
    """Only what differs from the usual travels: a request is one line of limited length."""
    assert packed(ItemSpec(name="v", item="02010100", unit="V")) == {"name": "v", "item": "02010100", "unit": "V"}
