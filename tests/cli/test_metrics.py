"""``plantgate metrics``: the text by an independent parser, the file, the port, and their limits."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from agent.caller import Repeated
from agent.cli.main import application
from agent.cli.metrics import MOST_AT_ONCE, Server, Source, parsed
from agent.clock import SystemClock
from agent.control import NAME, Control
from agent.metrics import CONTENT_TYPE, FAMILIES, Answers, escaped, exposition
from config.load import load
from tests.e2e.harness import Site, bus, device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.control import Verb

ROOT = Path(__file__).parents[2]
STATUS: dict[str, Any] = {
    "software": "plantgate 0.1.0",
    "clock": "hold",
    "code": {"plant": "red", "lines": {"paint": "green", "odd": "violet"}},
    "health": {
        "outbox": {"bytes": 10, "limit": 100, "waiting": 3, "waiting_share": 0.03, "head": 9, "squeezed": False},
        "uplink": {"connected": True, "published": 5, "rtt_s": None},
        "process": {"rss": 1 << 20, "cpu_s": 1.5},
    },
}
WATCH: dict[str, Any] = {
    "buses": {"line": {"busy": 0.5, "line": None, "connects": 2, "absent": ["dead"]}},
    "devices": {
        "meter": {
            "bus": "line",
            "requests": 8,
            "age_s": 0.2,
            "exceptions": {"2": 4},
            "values": {"count": 7, "bad": 8.5, "text": "on", "none": None},
            "flags": {"bad": "D"},
        },
        "dead": {"bus": "line", "age_s": None},
    },
}
ALARMS = {"alarms": [{"priority": "high", "active": True, "status": "unacknowledged", "escalated": True}]}
ANSWERS = Answers(status=STATUS, watch=WATCH, alarms=ALARMS)

# --- an independent reader of the format (prometheus.io/docs/instrumenting/exposition_formats, 0.0.4) ----------------

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_]\w*=\"(?:[^\"\\\n]|\\[\\\"n])*\",?)*)\} (\S+)")
LABEL = re.compile(r"([a-zA-Z_]\w*)=\"((?:[^\"\\\n]|\\[\\\"n])*)\"")
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Samples:
    """Return the samples of a text; it is refused unless every rule of the format is kept."""
    assert text.endswith("\n")
    types: dict[str, str] = {}
    samples: Samples = {}
    current = ""
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            current = line.split(" ")[2]
            assert current not in types, "a family is told once"
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert (name, kind in ("counter", "gauge")) == (current, True)
            types[name] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match is not None, line
            assert match[1] == current
            assert match[1].startswith("plantgate_")
            labels = [(n, re.sub(r"\\.", lambda m: UNESCAPED[m[0]], v)) for n, v in LABEL.findall(match[2])]
            assert len(dict(labels)) == len(labels)
            key = (match[1], frozenset(labels))
            assert key not in samples, "a sample is told once"
            samples[key] = float(match[3])
    return samples


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """Return one sample, ``None`` where it is left out."""
    return samples.get((f"plantgate_{name}", frozenset({"gateway": "jn", **labels}.items())))


# --- the text --------------------------------------------------------------------------------------------------------


def test_every_figure_is_told_by_its_name_and_labels() -> None:
    """Codes as numbers, counters and gauges of bus, device, store, link, alarms."""
    samples = read(exposition(ANSWERS, "jn", {("meter", "count"): "kW"}))

    assert value(samples, "up") == 1
    assert value(samples, "health_code", line="") == 2
    assert value(samples, "health_code", line="paint") == 0
    assert [value(samples, "clock_quality", quality=one) for one in ("sync", "hold", "unsync")] == [0, 1, 0]
    assert value(samples, "bus_busy_ratio", bus="line") == 0.5
    assert value(samples, "device_absent", bus="line", device="dead") == 1
    assert value(samples, "device_exceptions_total", bus="line", device="meter", code="2") == 4
    assert value(samples, "backlog_ratio") == 0.03
    assert value(samples, "uplink_connected") == 1
    assert value(samples, "alarms_active", priority="high") == 1
    assert value(samples, "alarms_escalated") == 1
    assert value(samples, "point_value", bus="line", device="meter", point="count", unit="kW") == 7


def test_what_is_not_known_is_left_out() -> None:
    """Never zero: no share yet, no answer yet, a colour nobody knows, a value that is bad, a text, alarms refused."""
    answers = Answers(status=STATUS, watch=WATCH, alarms={})
    text = exposition(answers, "jn", {})

    for absent in ('line="odd"', "bus_line_ratio", 'point="bad"', 'point="text"', 'point="none"', "alarms_", "trip"):
        assert absent not in text
    assert value(read(text), "device_age_seconds", bus="line", device="dead") is None
    assert "point_value" not in exposition(ANSWERS, "jn")


def test_an_agent_away_is_up_0_and_nothing_else() -> None:
    """So that an alert can be made of it."""
    assert read(exposition(None, "jn")) == {("plantgate_up", frozenset({("gateway", "jn")})): 0.0}


@pytest.mark.parametrize(
    "told", [{}, {"health": 1, "code": []}, {"health": {"outbox": {"bytes": "x", "limit": 1e999}}}]
)
def test_an_answer_of_another_shape_costs_only_what_it_would_have_told(told: dict[str, Any]) -> None:
    """An agent of another version is scraped all the same."""
    assert value(read(exposition(Answers(status=told, watch={}, alarms={}), "jn")), "up") == 1


@given(st.text(max_size=40))
def test_labels_come_back_as_they_were(text: str) -> None:
    """Whatever a device is called: quotes, backslashes, line feeds; other control characters become blanks."""
    [(_, labels)] = list(read(exposition(None, text)))
    printable = "".join(one if one.isprintable() or one == "\n" else " " for one in text)

    assert dict(labels)["gateway"] == printable
    assert "\n" not in escaped(text)


def test_the_page_lists_every_figure_with_its_type_and_help() -> None:
    """docs/metrics.md and the code say the same, so that a name cannot change unseen."""
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `plantgate_(\w+)` \| (\w+) \| (.*) \|$", page, re.MULTILINE)

    assert rows == [(family.name, family.type, family.help) for family in FAMILIES]
    assert all(family.name.endswith("_total") == (family.type == "counter") for family in FAMILIES)


# --- the verb --------------------------------------------------------------------------------------------------------


class House:
    """A site whose agent is a door with canned answers; `asked` counts how often it was asked for its status."""

    def __init__(self, folder: Path) -> None:
        self.path = Site(buses=[bus(1)], devices=[device("meter")]).write(folder)
        self.site = load(self.path)
        self.asked = 0
        self.site.gateway.state_dir.mkdir()
        verbs: dict[str, Verb] = {"status": self._status, "alarms": lambda _: ALARMS}
        verbs["watch"] = lambda _: Repeated(lambda: WATCH)
        self.door = Control(self.site.gateway.state_dir / NAME, verbs, SystemClock())

    def _status(self, _: object) -> dict[str, Any]:
        self.asked += 1
        return STATUS

    def run(self, *words: str) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error."""
        done = CliRunner().invoke(application(["metrics"]), ["metrics", str(self.path), *words])
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


def test_they_are_printed_or_written_whole(house: House, tmp_path: Path) -> None:
    """The file is readable by node_exporter's user, and nothing is left beside it."""
    folder = tmp_path / "collector"
    folder.mkdir()

    printed = house.run("--values")
    written = house.run("--textfile", str(folder / "plantgate.prom"))

    assert printed[0] == written[0] == 0
    assert 'point="count"' in printed[1]
    assert [one.name for one in folder.iterdir()] == ["plantgate.prom"]
    assert (folder / "plantgate.prom").stat().st_mode & 0o777 == 0o644
    assert read((folder / "plantgate.prom").read_text("utf-8"))


def test_an_agent_away_is_told_and_exit_1(tmp_path: Path) -> None:
    """The old file would lie: it is replaced by one that says that the agent is away."""
    away = House(tmp_path)
    target = tmp_path / "x.prom"

    assert away.run("--textfile", str(target))[0] == 1
    assert 'plantgate_up{gateway="jn-0417"} 0' in target.read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--listen", "0.0.0.0:9617"), 2),
        (("--listen", "192.168.1.5:9617"), 2),
        (("--listen", "9617"), 2),
        (("--listen", "127.0.0.1:x"), 2),
        (("--listen", "127.0.0.1:70000"), 2),
        (("--listen", "127.0.0.1:1", "--textfile", "x"), 2),
        (("--textfile", "/nowhere/x.prom"), 1),
    ],
)
def test_wrong_wishes_are_refused_in_words(house: House, words: tuple[str, ...], code: int) -> None:
    """An address others can reach needs --anywhere; no traceback for anything."""
    found, _, said = house.run(*words)

    assert found == code
    assert said.strip()
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("listen", "address"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("localhost:9617", ("127.0.0.1", 9617)), ("[::1]:80", ("::1", 80))],
)
def test_addresses_of_this_machine_are_taken(listen: str, address: tuple[str, int]) -> None:
    """And others once somebody says so."""
    assert parsed(listen, anywhere=False) == address
    assert parsed("0.0.0.0:1", anywhere=True) == ("0.0.0.0", 1)
    with pytest.raises(typer.BadParameter):
        parsed("[::]:1", anywhere=False)


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[], str]], str]]:
    """Return what serves a text and returns the address; it ends with the test."""
    servers: list[Server] = []

    def started(text: Callable[[], str]) -> str:
        server = Server(("127.0.0.1", 0), text)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield started
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_scrape_gets_the_text_and_nothing_else_is_served(serve: Callable[[Callable[[], str]], str]) -> None:
    """Content type of the format; other paths are 404, other methods 501."""
    url = serve(lambda: "plantgate_up 1\n")

    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"plantgate_up 1\n", CONTENT_TYPE)
    for path, method, code in (("/", "GET", 404), ("/../etc/passwd", "GET", 404), ("/metrics", "POST", 501)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(url + path, method=method), timeout=5)
        assert refused.value.code == code


def test_many_callers_at_once_do_not_pile_up(serve: Callable[[Callable[[], str]], str]) -> None:
    """The ninth of those that sit there and say nothing is hung up on; when one leaves, others are served."""
    url = serve(lambda: "x 1\n")
    address = ("127.0.0.1", int(url.rpartition(":")[2]))
    sitting = [socket.create_connection(address, 5) for _ in range(MOST_AT_ONCE)]
    with socket.create_connection(address, 5) as late:
        assert late.recv(10) == b""
    for one in sitting:
        one.close()

    assert any(_served(url) for _ in range(50))


def _served(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
            return bool(answer.read())
    except OSError:
        return False


class Ticking:
    """A clock that tests wind: the agent's own time is of no matter here."""

    def __init__(self, *seconds: float) -> None:
        self._at = iter([round(one * 1e9) for one in seconds])

    def mono_ns(self) -> int:
        """Return the next moment."""
        return next(self._at)

    def wall_ms(self) -> int:
        """Return a date."""
        return 0


def test_the_agent_is_not_asked_more_than_once_a_second(house: House) -> None:
    """Ten scrapes in a second are one question; the next second is another."""
    clock = Ticking(*(one / 10 for one in range(12)), 1.2, 1.2)
    source = Source(house.site, clock, values=False)

    texts = [source.text() for _ in range(10)]
    after = [source.text() for _ in range(2)]

    assert house.asked == 2
    assert all(read(text) for text in texts + after)
