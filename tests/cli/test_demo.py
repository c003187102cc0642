"""The demo: what it concludes from what it sees, what it shows, its broker, and the whole of it with the real agent."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from rich.cells import cell_len
from rich.console import Console

from agent.cli import demo_stage, demo_store
from agent.cli.demo_broker import Platform
from agent.cli.demo_screen import Now, Screen, first_lines, status_lines, summary_lines
from agent.cli.demo_story import ENOUGH_S, Ending, Story, Summary
from agent.keys import SigningKey
from agent.record import Position, Sealer
from agent.rules.binding import bound
from agent.rules.listing import listing
from config.load import load
from drivers.sim.modbus_server import Exchange
from drivers.sim.plant import EVENTFUL, FAN_RATED_KW, PRESS_RATED_KW

if TYPE_CHECKING:
    from config.site import Site

ROOT = Path(__file__).parents[2]
KEY = SigningKey.from_seed(b"demo" * 8)
STOPPED = Ending(None, frozenset(), 0)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return the demo's site, with ports that nobody listens on."""
    ports = {
        "mqtt": 1883,
        "line1": 1502,
        "dcs": 1503,
        "stack": 1504,
        "rs485": tmp_path / "dev" / "rs485",
        "panel": 8080,
    }
    path = tmp_path / "site.toml"
    template = Template((ROOT / "agent/cli/demo_site.toml").read_text(encoding="utf-8"))
    path.write_text(template.substitute(ports), encoding="utf-8")
    return load(path)


@dataclass
class Gateway:
    """Seals real records for a story. Moments are seconds since the demo began, at uptime 1000 s."""

    story: Story = field(default_factory=lambda: Story(1000.0, KEY.public))
    position: Position = field(default_factory=lambda: Position("", 0, ""))

    def seal(self, made_s: float, kind: str, **members: Any) -> bytes:
        """Return the next record."""
        clk = {"boot": "a6ebeace", "up": 1000 + made_s, "q": "sync"}
        ts = (datetime(2026, 11, 22) + timedelta(seconds=made_s)).isoformat(timespec="milliseconds") + "Z"
        draft = {"kind": kind, "ts": ts, "clk": clk, "cfg": "c" * 43, **members}
        sealed, self.position = Sealer("demo-1", KEY).seal(self.position, draft)
        return sealed.wire

    def hello(self) -> None:
        """Begin the chain."""
        self.publish(0.5, "hello", site={}, software="plantgate", key=KEY.public.jwk, reason="enrolment")

    def publish(self, made_s: float, kind: str, **members: Any) -> None:
        """Let the story hear the next record at once."""
        self.deliver(made_s, kind, self.seal(made_s, kind, **members))

    def deliver(self, at_s: float, kind: str, wire: bytes) -> None:
        """Let the story hear a record."""
        self.story.hear(f"plantgate/demo/v1/demo-1/{kind}", wire, at_s)

    def reading(self, made_s: float, load: float = 80.0) -> bytes:
        """Seal one reading of the boiler."""
        return self.seal(made_s, "readings", device="boiler-dcs", values={"load": load})

    def alarm(self, made_s: float, state: str) -> None:
        """Publish the boiler's alarm."""
        text = {"zh": "锅炉负荷高", "en": f"Boiler load high {state}"}
        self.publish(
            made_s,
            "alarm",
            alarm="limit.boiler-dcs.load.high",
            state=state,
            level="high",
            value=105.5,
            limit=100,
            unit="%",
            text=text,
        )

    def broken(self, made_s: float, state: str) -> bytes:
        """Seal what happened to the alarm of rule T1."""
        text = {"zh": "1号风机 产污开治污未开", "en": "Fan 1: treatment not on"}
        members = {"alarm": "rule.T1.press.fan-1", "rule": "T1", "object": "press/fan-1", "text": text}
        return self.seal(made_s, "alarm", state=state, priority="high", **members)

    def status(self, at_s: float, plant: str, press: str) -> None:
        """Let the story hear the retained status with a health code."""
        status = {"gw": "demo-1", "online": True, "code": {"plant": plant, "lines": {"press": press, "steam": "green"}}}
        self.deliver(at_s, "status", json.dumps(status).encode())


def whole() -> Gateway:
    """Play a whole demo: the boiler's limit, an outage in which rule T1 is broken, catch-up, escalation, all well."""
    gateway = Gateway()
    gateway.hello()
    gateway.deliver(2.0, "readings", gateway.reading(2.0))
    gateway.alarm(7.5, "raised")
    gateway.alarm(12.5, "cleared")
    gateway.story.broker_down(14.0)
    held = [gateway.reading(at_s) for at_s in (14.5, 15.5)]
    broken = gateway.broken(17.9, "raised")
    gateway.story.broker_up(19.0)
    newer = gateway.reading(19.2)
    gateway.status(19.4, "yellow", "yellow")
    gateway.deliver(19.5, "alarm", broken)
    for wire in (newer, *held):
        gateway.deliver(19.5, "readings", wire)
    gateway.deliver(20.0, "readings", gateway.reading(20.0))
    gateway.deliver(21.9, "alarm", gateway.broken(21.9, "escalated"))
    gateway.deliver(25.5, "alarm", gateway.broken(25.4, "cleared"))
    gateway.status(25.5, "green", "green")
    return gateway


# --- what it concludes ---


def test_a_whole_demo_ends_well() -> None:
    """Alarms raised and cleared, outage caught up, nothing missing: no problem, nothing unreached."""
    summary = whole().story.end(30.0, STOPPED)

    assert summary.ok
    assert summary.problems == summary.unreached == ()
    assert (summary.raised, summary.escalated, summary.cleared) == (2, 1, 2)
    assert (summary.outages, summary.caught_up) == (1, 3)
    assert summary.records == 11


def test_a_short_demo_says_what_it_did_not_reach() -> None:
    """A demo too short for everything ends well, and is honest about it."""
    gateway = Gateway()
    gateway.hello()

    summary = gateway.story.end(5.0, STOPPED)

    assert summary.ok
    assert summary.unreached == (
        "no alarm raised",
        "no alarm cleared",
        "no rule broken and kept again",
        "no outage caught up",
    )


def test_a_long_demo_must_show_everything() -> None:
    """Given the time, what was not seen is a problem."""
    gateway = Gateway()
    gateway.hello()

    summary = gateway.story.end(ENOUGH_S, STOPPED)

    assert not summary.ok
    assert len(summary.problems) == 4


def _silence(_: Gateway) -> None:
    """Nothing was heard at all."""


def _forged(gateway: Gateway) -> None:
    gateway.hello()
    gateway.deliver(3, "readings", gateway.reading(3.0, load=80.0).replace(b'"load":80', b'"load":79'))


def _missing(gateway: Gateway) -> None:
    gateway.hello()
    gateway.reading(3.0)
    gateway.deliver(4, "readings", gateway.reading(4.0))


def _headless(gateway: Gateway) -> None:
    gateway.seal(0.5, "hello", site={}, software="plantgate", key=KEY.public.jwk, reason="enrolment")
    gateway.deliver(3, "readings", gateway.reading(3.0))


def _rubbish(gateway: Gateway) -> None:
    gateway.hello()
    gateway.deliver(3, "readings", b"{half a reco")


BAD = {
    "nothing arrived": (_silence, STOPPED, "no record arrived"),
    "changed on the way": (_forged, STOPPED, "bad-signature"),
    "a number missing": (_missing, STOPPED, "never arrived: 2"),
    "the beginning missing": (_headless, STOPPED, "never arrived: 1"),
    "no record at all": (_rubbish, STOPPED, "malformed"),
    "committed and gone": (Gateway.hello, Ending(3, frozenset(), 0), "2 committed records never arrived: 2, 3"),
    "agent ended badly": (Gateway.hello, Ending(1, frozenset(), 1), "exit code 1"),
}


@pytest.mark.parametrize(("play", "ending", "words"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_a_problem(play: Any, ending: Ending, words: str) -> None:
    """Whatever does not verify decides the exit code, and is said in words."""
    gateway = Gateway()
    play(gateway)

    summary = gateway.story.end(5.0, ending)

    assert not summary.ok
    assert any(words in problem for problem in summary.problems), summary.problems


def test_what_waits_in_the_store_is_not_lost() -> None:
    """Records that the gateway still holds are counted, not missed."""
    gateway = Gateway()
    gateway.hello()

    summary = gateway.story.end(5.0, Ending(3, frozenset((2, 3)), 0))

    assert summary.ok
    assert (summary.waiting, summary.missing) == (2, 0)


def test_an_older_store_may_begin_in_the_middle() -> None:
    """A demo that goes on with an earlier chain does not ask for its beginning."""
    gateway = Gateway(Story(1000.0, KEY.public, first=None))
    gateway.seal(0.1, "hello", site={}, software="plantgate", key=KEY.public.jwk, reason="enrolment")
    gateway.deliver(3, "readings", gateway.reading(3.0))

    assert gateway.story.end(5.0, STOPPED).ok


def test_another_key_is_not_believed() -> None:
    """Only the enrolled key counts, whatever the genesis record says."""
    gateway = Gateway(Story(1000.0, SigningKey.from_seed(b"else" * 8).public))
    gateway.hello()

    assert not gateway.story.end(5.0, STOPPED).ok


def test_status_and_meta_are_no_records() -> None:
    """The two retained topics are left alone."""
    story = Story(0.0, KEY.public)
    story.hear("plantgate/demo/v1/demo-1/status", b'{"state":"online"}', 1.0)
    story.hear("plantgate/demo/v1/demo-1/meta", b"{}", 1.0)

    assert story.report().lines == 0


def test_an_alarm_has_the_gateways_moments_not_those_of_arrival() -> None:
    """What was judged in an outage is shown when it was, and told with how long ago that was."""
    story = whole().story
    alarm = story.alarms[-1]

    assert alarm.rule == "T1"
    assert (alarm.raised_s, alarm.escalated_s, alarm.cleared_s) == pytest.approx((17.9, 21.9, 25.4))
    assert [told.words for told in story.told if "s ago" in told.words] == ["T1 Fan 1: treatment not on · 1.6 s ago"]


def test_the_health_code_is_told_when_it_changes() -> None:
    """Each change once, with every line."""
    gateway = whole()
    gateway.status(26.0, "green", "green")

    told = [(one.what, one.words) for one in gateway.story.told if one.what.startswith("health")]
    assert told == [
        ("health yellow", "plant yellow · press yellow · steam green"),
        ("health green", "plant green · press green · steam green"),
    ]


@pytest.mark.parametrize("how", ["the broker is down", "the gateway is gone"])
def test_the_health_code_is_not_known_without_the_gateway(how: str) -> None:
    """No news is not green: the code of before is forgotten."""
    gateway = whole()
    if how == "the broker is down":
        gateway.story.broker_down(30.0)
    else:
        gateway.deliver(30.0, "status", b'{"gw":"demo-1","online":false,"reason":"gone"}')

    assert gateway.story.code is None


def test_an_outage_is_not_caught_up_while_a_number_is_missing() -> None:
    """Catching up is over only when the sequence has no hole."""
    gateway = Gateway()
    gateway.hello()
    gateway.story.broker_down(14.0)
    held = [gateway.reading(at_s) for at_s in (14.5, 15.5)]
    gateway.story.broker_up(19.0)
    gateway.deliver(19.3, "readings", held[1])
    gateway.deliver(19.4, "readings", gateway.reading(19.2))
    assert gateway.story.outages[0].done_s is None

    gateway.deliver(19.6, "readings", held[0])
    gateway.deliver(19.7, "readings", gateway.reading(19.7))
    assert gateway.story.outages[0].done_s == 19.7


# --- what it shows ---


def now(story: Story, **changes: Any) -> Now:
    """Return a moment to draw."""
    seen = story.readings.get("boiler-dcs")
    moment: dict[str, Any] = {
        "at_s": 21.0,
        "until_s": 30.0,
        "is_up": True,
        "stored": 2,
        "shown": (Exchange(bytes.fromhex("002a00000006010300640011"), bytes(43)), seen) if seen else None,
        "refused_v5": 1,
        "report": story.report(),
        "panel": "http://127.0.0.1:54321/ · to act: set-up code ABCDE-FGHJK-LMNPQ",
    }
    return Now(**{**moment, **changes})


SIZES = [(80, 24), (120, 40), (100, 30), (60, 20), (200, 60)]


@pytest.mark.parametrize(("width", "height"), SIZES, ids=[f"{w}x{h}" for w, h in SIZES])
@pytest.mark.parametrize("played", [False, True], ids=["beginning", "whole"])
def test_screen_fits(site: Site, width: int, height: int, played: bool) -> None:
    """However big the terminal, no line is wider and no screen higher; Chinese characters count two columns."""
    story = whole().story if played else Story(1000.0, KEY.public)
    console = Console(width=width, height=height, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123

    with console:
        console.print(Screen(site, story, now(story)))
    lines = console.export_text().splitlines()
    console.file.close()

    assert len(lines) <= height
    assert max(map(cell_len, lines)) <= width
    assert any("验签" in line for line in lines)


def test_screen_says_what_matters(site: Site) -> None:
    """At 80 columns: the frame, the record, a reading in both languages, the alarm, the catch-up and the verdict."""
    story = whole().story
    console = Console(width=80, height=24, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(Screen(site, story, now(story)))
    text = console.export_text()
    console.file.close()

    for words in ("00 2a 00 00", '"sig":"', "锅炉负荷 Boiler load", "80.0 %", "cleared 恢复", "3 caught up", "无缺失"):
        assert words in text
    assert " panel 面板 http://127.0.0.1:54321/ · to act: set-up code ABCDE-FGHJK-LMNPQ\n" in text
    for words in ("T1 1号风机 产污开治污未开", "escalated 21.9", "Fan 1: treatment not on", "● green 绿", "压制线●"):
        assert words in text


def test_what_is_active_is_shown_first(site: Site) -> None:
    """A small screen has room for one alarm: one that is active goes before one that came later and is over."""
    gateway = whole()
    gateway.alarm(27.0, "raised")
    gateway.deliver(28.0, "alarm", gateway.broken(28.0, "raised"))
    gateway.deliver(29.0, "alarm", gateway.broken(29.0, "cleared"))
    console = Console(width=80, height=24, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(Screen(site, gateway.story, now(gateway.story)))
    text = console.export_text()
    console.file.close()

    assert "raised 27.0 · ACTIVE 报警中" in text
    assert "raised 28.0" not in text


def test_its_site_has_no_mistakes_and_most_rules_at_work(site: Site) -> None:
    """The plant is described so that two thirds of the rules apply to it, T1 to both machines of its treatment."""
    rows = {row["rule"]: row["active"] for row in listing(bound(site))}

    assert len(rows) == 100
    assert sum(bool(active) for active in rows.values()) >= 66
    assert {"press/fan-1", "press/rto-1"} <= set(rows["T1"])


@pytest.mark.parametrize("round_", [0, 1, 7])
def test_its_plant_breaks_a_limit_and_a_rule_once_in_three_minutes(round_: int) -> None:
    """In each: one swing of the boiler over 100 %, and one stop of the fan, in the outage, while the press goes on."""
    moments = [(second / 2, EVENTFUL.at(180 * round_ + second / 2)) for second in range(360)]
    over = [at_s for at_s, plant in moments if plant.boiler.load_percent > 100]
    off = [at_s for at_s, plant in moments if plant.fan.power_kw < 0.08 * FAN_RATED_KW]

    assert (over[0], over[-1]) == pytest.approx((7, 11), abs=1.5)
    assert (off[0], off[-1]) == pytest.approx((15, 22), abs=1.0)
    assert len(over) == 2 * (over[-1] - over[0]) + 1
    assert len(off) == 2 * (off[-1] - off[0]) + 1
    assert all(plant.press.power_kw > 0.15 * PRESS_RATED_KW for _, plant in moments)


def test_lines_for_places_without_a_screen(site: Site) -> None:
    """Readings and verdict fit into lines, a frame and its record come in full; no value is said to be none."""
    gateway = whole()
    gateway.publish(21.0, "readings", device="cems", values={"so2": None}, flags={"so2": "D"})
    story = gateway.story

    assert "锅炉负荷 80.0 %" in "\n".join(status_lines(site, story, now(story)))
    assert "二氧化硫 no value D" in "\n".join(status_lines(site, story, now(story)))
    assert "10 wait in the store" in "\n".join(status_lines(site, story, now(story, is_up=False, stored=10)))
    assert any(line.startswith("record") and '"sig":"' in line for line in first_lines(now(story)))


def test_summary_names_problems() -> None:
    """The last lines say what is wrong, and the verdict."""
    gateway = Gateway()
    lines = list(summary_lines(gateway.story.end(5.0, STOPPED)))

    assert "PROBLEM: no record arrived" in lines
    assert "NOT verified" in lines[-1]


# --- its broker ---


def _mqtt(port: int, *packets: bytes, close: bool = True) -> bytes:
    """Speak MQTT as bytes; return what came until the broker closed or fell silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=1.0) as sock:
        sock.sendall(b"".join(packets))
        if close:
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while data := sock.recv(1000):
                answer += data
        except (TimeoutError, ConnectionResetError):
            pass
        return answer


def _connect(level: int) -> bytes:
    properties = b"\x00" if level == 5 else b""
    body = b"\x00\x04MQTT" + bytes((level, 2, 0, 60)) + properties + b"\x00\x04demo"
    return bytes((0x10, len(body))) + body


def _publish(number: int) -> bytes:
    body = b"\x00\x03d/x" + number.to_bytes(2, "big") + b"payload %d" % number
    return bytes((0x32, len(body))) + body


def test_broker_refuses_mqtt_5() -> None:
    """A CONNECT of level 5 gets the answer of a 3.1.1 broker, at once, so that the gateway falls back."""

    async def play() -> tuple[bytes, int]:
        platform = Platform("d/#", lambda *_: None)
        await platform.start()
        answer = await asyncio.to_thread(_mqtt, platform.port, _connect(5), close=False)
        await platform.stop()
        return answer, platform.refused_v5

    assert asyncio.run(play()) == (b"\x20\x02\x00\x01", 1)


def test_what_was_acknowledged_is_heard() -> None:
    """Everything published before a DISCONNECT, and before the broker goes down, reaches the subscriber."""
    heard: list[bytes] = []

    async def play() -> tuple[bytes, bytes, int, int]:
        platform = Platform("d/#", lambda _, payload: heard.append(payload))
        await platform.start()
        port = platform.port
        first = _connect(4) + b"".join(map(_publish, range(1, 41)))
        one = await asyncio.to_thread(_mqtt, port, first, b"\xe0\x00")
        await platform.stop()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(_mqtt, port, _connect(4))
        await platform.start()
        two = await asyncio.to_thread(_mqtt, platform.port, _connect(4), _publish(41), b"\xe0\x00")
        await platform.stop()
        return one, two, port, platform.port

    one, two, before, after = asyncio.run(play())

    assert before == after
    assert one.count(b"\x40\x02") == 40
    assert two.count(b"\x40\x02") == 1
    assert heard == [b"payload %d" % number for number in range(1, 42)]


def test_a_store_that_is_not_there_is_not_guessed(tmp_path: Path) -> None:
    """Without a store nothing is said about it."""
    assert demo_store.look(tmp_path) is None


# --- all of it ---


def _demo(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "agent.cli.main", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )


def _left_behind(directory: Path) -> list[str]:
    """Return command lines of processes that have to do with `directory`."""
    lines = [
        path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if os.access(path, os.R_OK)
    ]
    return [line for line in lines if str(directory) in line]


def test_the_whole_demo(tmp_path: Path) -> None:
    """The real agent, a limit, a rule broken in an outage, catch-up: everything verifies, exit code 0.

    The real panel, at the address that was said, shows the plant to whoever looks.
    """
    process = _demo("--for", "30", "--json", "--state", str(tmp_path))
    assert process.stdout is not None
    assert process.stderr is not None
    err = page = ""
    for line in process.stderr:
        err += line
        if said := re.search(r"look at it: (http://127\.0\.0\.1:\d+/) · to act: set-up code [0-9A-Z-]{17} ", line):
            page = urlopen(said[1], timeout=20).read().decode()
    out = process.stdout.read()

    assert process.wait(60) == 0, err
    assert "演示车间" in page
    summary = json.loads(out)
    assert summary["ok"]
    assert summary["raised"] >= 1
    assert summary["escalated"] >= 1
    assert summary["cleared"] >= 1
    assert summary["outages"] == 1
    assert summary["caught_up"] >= 5
    assert summary["missing"] == 0
    assert "broker down" in err
    assert "caught up" in err
    assert "T1 Fan 1: treatment not on" in err
    assert "press red" in err
    assert _left_behind(tmp_path) == []


def test_interrupted_it_ends_in_order(tmp_path: Path) -> None:
    """Ctrl-C gives the summary of what was seen, and leaves neither a process nor a directory."""
    process = _demo(env={**os.environ, "TMPDIR": str(tmp_path)})
    assert process.stdout is not None
    for line in process.stdout:
        if "so far" in line or "record " in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, out + err
    assert "everything verified" in out
    assert list(tmp_path.iterdir()) == []
    assert _left_behind(tmp_path) == []


def test_without_the_panels_extra_it_goes_on(tmp_path: Path) -> None:
    """What is missing and how to get it is one line of what happens; the rest is as ever."""
    (tmp_path / "starlette.py").write_text("raise ImportError('not here', name='starlette')")
    process = _demo(env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "record " in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert "panel         not installed (starlette is missing); get it with: pip install 'plantgate[panel]'" in said
    assert process.returncode == 0, out + err


def test_a_panel_that_ends_by_itself_is_told(tmp_path: Path) -> None:
    """With its last words; the rest of the demo does not depend on it."""

    class Nobody:
        def show(self, site: Site, story: Story, now: Now) -> None:
            """Look away."""

    async def play() -> str:
        stage = demo_stage.Stage(tmp_path, 20.0, Nobody())
        (tmp_path / "state" / "panel.sock").touch()
        await stage._present()
        return stage._story.told[-1].words

    assert "the panel ended by itself with exit code 1: " in (words := asyncio.run(play()))
    assert "there is no such file" in words


def test_without_its_broker_it_says_what_to_install(tmp_path: Path) -> None:
    """Where the extra is missing: one line what, one line how, exit code 2."""
    (tmp_path / "amqtt.py").write_text("raise ImportError('not here')")
    process = _demo("--for", "5", env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"})
    _, err = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "pip install 'plantgate[demo]'" in err
    assert "Traceback" not in err


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Where --state points at something that is no directory: what and where, no traceback, exit code 2."""
    (tmp_path / "file").write_text("")
    process = _demo("--for", "5", "--state", str(tmp_path / "file" / "below"))
    _, err = process.communicate(timeout=60)

    assert process.returncode == 2
    assert str(tmp_path / "file") in err
    assert "Traceback" not in err


def test_an_agent_that_cannot_start_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the agent dies the demo ends at once, with its last words."""
    monkeypatch.setattr(sys, "executable", "/bin/false")

    class Nobody:
        def show(self, site: Site, story: Story, now: Now) -> None:
            """Look away."""

    async def play() -> Summary:
        return await demo_stage.Stage(tmp_path, 20.0, Nobody()).perform()

    summary = asyncio.run(play())

    assert not summary.ok
    assert summary.seconds < 15
    assert any("ended by itself with exit code 1" in problem for problem in summary.problems)
