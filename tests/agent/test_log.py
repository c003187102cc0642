"""Log lines: one per entry, limited in rate, without secrets, without waiting."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.log import (
    BURST,
    LONGEST_KEPT,
    MOST_KEPT,
    MOST_KEYS,
    Limiter,
    Lines,
    configure,
    get,
    is_journal,
    recent,
    render,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECOND = 1_000_000_000


class Hands:
    """A clock the test turns."""

    ns = 0

    def __call__(self) -> int:
        """Return the time."""
        return self.ns


@pytest.fixture
def hands() -> Hands:
    """Return a clock at 0."""
    return Hands()


@pytest.fixture
def stream() -> io.StringIO:
    """Return where the lines go."""
    return io.StringIO()


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    for handler in list(root.handlers):
        if isinstance(handler, Lines):
            root.removeHandler(handler)
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def undated(text: str) -> list[str]:
    """Return the lines without their dates."""
    return [line.split(" ", 1)[1] for line in text.splitlines()]


def test_an_entry_is_a_line_of_members(stream: io.StringIO, hands: Hands) -> None:
    """Date, level, module, words, then the members in the order they were given."""
    configure(hands, stream=stream, threaded=False)
    get("agent.poller").warning("device lost", device="press-1", reason="no answer in 500 ms", failures=2, again=None)

    (line,) = stream.getvalue().splitlines()
    date, rest = line.split(" ", 1)
    assert (len(date), date[:3], date[-1]) == (len("ts=2026-11-22T12:00:00.000Z"), "ts=", "Z")
    assert rest == (
        'level=warning name=agent.poller event="device lost" device=press-1 '
        'reason="no answer in 500 ms" failures=2 again=-'
    )


def test_json_lines(stream: io.StringIO, hands: Hands) -> None:
    """The same members as one JSON object."""
    configure(hands, style="json", stream=stream, threaded=False)
    get("agent.x").info("started", devices=3, ok=True, site="一号车间")

    entry = json.loads(stream.getvalue())
    del entry["ts"]
    assert entry == {
        "level": "info",
        "name": "agent.x",
        "event": "started",
        "devices": 3,
        "ok": True,
        "site": "一号车间",
    }


def test_into_the_journal_go_json_and_priorities(tmp_path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    """When stderr is the journal's own stream: JSON with <priority> in front, and no date of ours."""
    with (tmp_path / "journal").open("w+", encoding="utf-8") as journal:
        found = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        configure(hands, stream=journal, threaded=False)
        log = get("agent.x")
        log.error("store failed")
        log.info("store recovered")
        journal.seek(0)
        lines = journal.read().splitlines()

    assert lines == [
        '<3>{"level":"error","name":"agent.x","event":"store failed"}',
        '<6>{"level":"info","name":"agent.x","event":"store recovered"}',
    ]


def test_a_stream_that_is_not_the_journals_is_not_taken_for_it(tmp_path: Path, stream: io.StringIO) -> None:
    """JOURNAL_STREAM is inherited by children whose stderr goes elsewhere: device and inode decide."""
    with (tmp_path / "file").open("w", encoding="utf-8") as file:
        assert not is_journal(file, {"JOURNAL_STREAM": "1:1"})
        assert not is_journal(file, {})
    assert not is_journal(stream, {"JOURNAL_STREAM": "1:1"})


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=20)))
def test_whatever_is_in_an_entry_it_is_one_line(members: dict[str, str]) -> None:
    """Line breaks, escapes, separators and lone surrogates cannot forge a second entry or break the encoding."""
    for as_json in (False, True):
        line = render(members, as_json=as_json)

        assert len(line.splitlines()) <= 1
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in line)
        line.encode()
    assert json.loads(render(members, as_json=True)) == members


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "a=plain"),
        ("", 'a=""'),
        ("two words", 'a="two words"'),
        ("a=b", 'a="a=b"'),
        ('say "x"', 'a="say \\"x\\""'),
        ("x\nlevel=error", 'a="x\\nlevel=error"'),
        ("\x1b[31mred", 'a="\\u001b[31mred"'),
        ("锅炉", "a=锅炉"),
        (True, "a=true"),
        (1.5, "a=1.5"),
    ],
)
def test_values_are_quoted_when_they_must_be(value: object, expected: str) -> None:
    """A reader can always tell where a value ends."""
    assert render({"a": value}, as_json=False) == expected


@pytest.mark.parametrize("name", ["password", "mqtt_password", "secret", "access_token", "private_key", "api_key"])
def test_members_named_like_secrets_are_masked(name: str, stream: io.StringIO, hands: Hands) -> None:
    """X5: a secret handed to the log by mistake does not reach it."""
    configure(hands, stream=stream, threaded=False)
    get("agent.x").info("connecting", **{name: "hunter2"})

    assert undated(stream.getvalue()) == [f"level=info name=agent.x event=connecting {name}=***"]


def test_passwords_in_urls_are_masked(stream: io.StringIO, hands: Hands) -> None:
    """Also inside longer texts, tracebacks and the entries of libraries."""
    configure(hands, stream=stream, threaded=False)
    url = "mqtts://jn:hunter2@broker:8883"
    get("agent.x").info("connecting", url=url)
    get("agent.x").error("failed", exc_info=ValueError(f"cannot reach {url}"))
    logging.getLogger("paho").warning("no route to %s", url)

    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("mqtts://***@broker:8883") == 3


def test_an_exception_is_part_of_its_line(stream: io.StringIO, hands: Hands) -> None:
    """The traceback stays on the line of its entry."""
    configure(hands, style="json", stream=stream, threaded=False)
    try:
        raise KeyError("missing")  # noqa: TRY301
    except KeyError as error:
        get("agent.x").error("thread died", thread="pipeline", exc_info=error)

    (line,) = stream.getvalue().splitlines()
    assert "KeyError: 'missing'" in json.loads(line)["traceback"]


def test_the_same_message_is_limited(stream: io.StringIO, hands: Hands) -> None:
    """R5: an error every 10 ms for five minutes is ten lines, and what was left out is counted."""
    configure(hands, stream=stream, threaded=False)
    log = get("agent.poller")
    for _ in range(30_000):
        log.warning("visit failed", device="press-1")
        hands.ns += SECOND // 100

    lines = undated(stream.getvalue())
    assert len(lines) == BURST + 4
    assert lines[BURST].endswith(" device=press-1 suppressed=5995")
    written = len(lines) + sum(int(line.rsplit("=", 1)[1]) for line in lines if "suppressed" in line)
    assert 30_000 - written < 6000


def test_other_devices_and_other_words_have_their_own_limit(stream: io.StringIO, hands: Hands) -> None:
    """A flood about one device does not hide the first line about another."""
    configure(hands, stream=stream, threaded=False)
    for _ in range(100):
        get("agent.poller").warning("visit failed", device="press-1", spent_ms=_)
    get("agent.poller").warning("visit failed", device="press-2")
    get("agent.poller").warning("link down", bus="dcs")

    assert len(stream.getvalue().splitlines()) == BURST + 2


def test_quiet_time_restores_the_burst(hands: Hands) -> None:
    """After as many minutes as were used up everything is as at first."""
    limiter = Limiter(hands)
    first = [limiter.admit("x") for _ in range(BURST + 2)]
    hands.ns += (BURST + 1) * 60 * SECOND
    second = [limiter.admit("x") for _ in range(BURST + 1)]

    assert first == [0] * BURST + [None, None]
    assert second == [2] + [0] * (BURST - 1) + [None]


def test_the_limiter_does_not_grow_for_ever(hands: Hands) -> None:
    """The least recently seen messages are forgotten."""
    limiter = Limiter(hands)
    for number in range(3 * MOST_KEYS):
        limiter.admit(number)

    assert len(limiter._buckets) == MOST_KEYS


class Blocked(io.StringIO):
    """A reader that does not read until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        """Wait, then write."""
        self.free.wait(60)
        return super().write(text)


def test_a_slow_reader_holds_nobody_up(hands: Hands) -> None:
    """Threads that log go on while nobody reads; what does not fit is counted and said when the reader is back."""
    stream = Blocked()
    lines = configure(hands, stream=stream)
    for number in range(1500):
        get("agent.x").info(f"message {number}")
    stream.free.set()
    lines.close()

    text = stream.getvalue()
    assert 'event="message 0"' in text
    assert 'event="log lines lost, the reader is too slow" lines=' in text


@pytest.mark.parametrize("broken", [OSError("gone"), ValueError("closed")])
def test_a_reader_that_has_gone_is_survived(hands: Hands, broken: Exception) -> None:
    """A broken pipe under the log ends nothing."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise broken

    configure(hands, stream=Gone(), threaded=False)
    get("agent.x").info("still here")


def test_libraries_are_quieted(stream: io.StringIO, hands: Hands) -> None:
    """pymodbus, paho and amqtt speak from WARNING on; ours from INFO on."""
    configure(hands, stream=stream, threaded=False)
    for name in ("pymodbus.logging", "paho.mqtt", "amqtt.broker", "agent.x"):
        logging.getLogger(name).info("hello")
        logging.getLogger(name).warning("careful %s", 7)

    names = [line.split("name=")[1].split(" ")[0] for line in stream.getvalue().splitlines()]
    assert names == ["pymodbus.logging", "paho.mqtt", "amqtt.broker", "agent.x", "agent.x"]


def test_configuring_again_replaces(hands: Hands) -> None:
    """A second call does not double the lines."""
    first, second = io.StringIO(), io.StringIO()
    configure(hands, stream=first, threaded=False)
    configure(hands, stream=second, threaded=False, level="error")
    get("agent.x").warning("hidden")
    get("agent.x").error("shown")

    assert (first.getvalue(), len(second.getvalue().splitlines())) == ("", 1)


def test_members_cannot_replace_the_entrys_own(stream: io.StringIO, hands: Hands) -> None:
    """A member called `name` or `level` is kept beside them."""
    configure(hands, stream=stream, threaded=False)
    members: dict[str, Any] = {"name": "press", "level": "high"}
    get("agent.x").info("raised", **members)

    assert undated(stream.getvalue()) == ["level=info name=agent.x event=raised name_=press level_=high"]


def test_the_last_entries_stay_in_memory(stream: io.StringIO, hands: Hands) -> None:
    """Whatever the style: as key=value, so many and so long at most, and no more than were written."""
    configure(hands, stream=stream, style="json", threaded=False)
    assert recent() == []
    for number in range(MOST_KEPT + 5):
        get("agent.test").info("asked", device=f"d{number}", said="x" * 3 * LONGEST_KEPT, password="hunter2")
    for _ in range(BURST + 5):
        get("agent.test").info("again")
    found = recent()

    assert len(found) == MOST_KEPT
    assert max(map(len, found)) == LONGEST_KEPT
    assert sum("event=again" in line for line in found) == BURST
    assert " device=d504 " in found[-BURST - 1]
    assert "hunter2" not in "".join(found)
