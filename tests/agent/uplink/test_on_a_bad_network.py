"""The publisher behind a network that breaks: black holes, resets, flapping, slow links, names that do not resolve."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from pathlib import Path
from threading import active_count
from typing import TYPE_CHECKING, Any

from agent.uplink import dial
from agent.uplink.tuning import Ladder, Tuning
from tests.agent.uplink.memory_outbox import MemoryOutbox
from tests.agent.uplink.running import QUICK, Running, uplink_to
from tests.peers.fake_broker import FakeBroker, Script
from tests.peers.mosquitto import eventually, free_port
from tests.peers.toxic_proxy import ToxicProxy

if TYPE_CHECKING:
    import pytest


def arrived(broker: FakeBroker, outbox: MemoryOutbox) -> bool:
    """Say whether nothing waits and everything arrived, whatever came twice being identical."""
    return not outbox.undelivered() and set(broker.records()) == outbox.wires()


def open_files() -> int:
    """Return how many file descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_n2_a_silent_link_is_noticed_by_missing_pubacks() -> None:
    """Bytes are swallowed, TCP still acknowledges: the connection is left in time, nothing counts as delivered."""
    outbox = MemoryOutbox()
    with FakeBroker() as broker, ToxicProxy(broker.port) as proxy, Running(proxy.port, outbox) as running:
        assert running.connected()
        proxy.swallow = True
        begun = time.monotonic()
        outbox.commit(*["readings"] * 30)
        assert eventually(lambda: running.named("uplink-lost"))

        assert time.monotonic() - begun < 4 * QUICK.puback_s
        assert "no PUBACK" in running.named("uplink-lost")[0]["reason"]
        assert len(outbox.undelivered()) == 30
        proxy.swallow = False
        assert eventually(lambda: arrived(broker, outbox))


def test_a_silent_link_is_noticed_while_connecting() -> None:
    """A link that swallows CONNECT is a state in words, and left in time."""
    with FakeBroker() as broker, ToxicProxy(broker.port) as proxy:
        proxy.swallow = True
        with Running(proxy.port, MemoryOutbox()) as running:
            assert eventually(lambda: "no CONNACK" in running.state)


def test_n5_a_reset_in_mid_publish_sends_the_same_bytes_again() -> None:
    """RST while records are on their way, again and again: every record arrives, duplicates are byte-identical."""
    outbox = MemoryOutbox()
    outbox.commit(*["readings"] * 400, size=500)
    tuning = replace(QUICK, normal=Ladder(0.01, 0.02, 0.05))
    script = Script(puback_delay_s=0.005)
    with FakeBroker(script) as broker, ToxicProxy(broker.port) as proxy, Running(proxy.port, outbox, tuning) as running:
        for _ in range(6):
            some_more = len(broker.published) + 10
            eventually(lambda some_more=some_more: len(broker.published) > some_more, 1.0)  # type: ignore[misc]
            proxy.reset()
        assert eventually(lambda: arrived(broker, outbox)), running.publisher.snapshot()


def test_connections_cut_after_some_bytes_still_make_progress() -> None:
    """A middle box that cuts every connection after 20 kB, in small slices: the backlog gets through."""
    outbox = MemoryOutbox()
    outbox.commit(*["readings"] * 150, size=500)
    tuning = replace(QUICK, normal=Ladder(0.01, 0.02, 0.05))
    with FakeBroker() as broker, ToxicProxy(broker.port) as proxy:
        proxy.cut_after, proxy.slice_bytes = 20_000, 700
        with Running(proxy.port, outbox, tuning) as running:
            assert eventually(lambda: arrived(broker, outbox)), running.publisher.snapshot()
            assert running.publisher.snapshot().reconnects >= 3


def test_n12_a_flapping_link_leaks_nothing_and_loses_nothing() -> None:
    """Up and down again for a while: file descriptors and threads stay, every record arrives."""
    outbox = MemoryOutbox()
    tuning = replace(QUICK, normal=Ladder(0.01, 0.02, 0.05))
    with FakeBroker() as broker, ToxicProxy(broker.port) as proxy, Running(proxy.port, outbox, tuning) as running:
        outbox.commit("readings")
        assert eventually(lambda: arrived(broker, outbox))
        descriptors, threads = open_files(), active_count()
        for _ in range(15):
            proxy.refuse()
            outbox.commit("readings", "alarm")
            time.sleep(0.03)
            proxy.accept()
            outbox.commit("readings")
            assert running.connected()
        assert eventually(lambda: arrived(broker, outbox))
        assert eventually(lambda: proxy.open_connections <= 1)

        assert eventually(lambda: open_files() <= descriptors + 2)
        assert eventually(lambda: active_count() <= threads + 2)


def test_first_data_comes_soon_after_a_refused_link_is_back() -> None:
    """With the product's own delays: a refused link is probed often enough that data flows within 3 s of its return."""
    outbox = MemoryOutbox()
    tuning = replace(Tuning(), start_within_s=0.0)
    with FakeBroker() as broker, ToxicProxy(broker.port) as proxy, Running(proxy.port, outbox, tuning) as running:
        assert running.connected()
        proxy.refuse()
        assert eventually(lambda: "connection refused" in running.state)
        time.sleep(4)
        outbox.commit("readings")
        proxy.accept()
        back = time.monotonic()
        assert eventually(broker.records)

        assert time.monotonic() - back < 3.0


def test_n4_a_slow_link_keeps_moving_and_alarms_overtake() -> None:
    """Latency and a narrow link: the window keeps data flowing, an alarm does not wait for the backlog."""
    outbox = MemoryOutbox()
    outbox.commit(*["readings"] * 150, size=1500)
    tuning = replace(QUICK, puback_s=5.0)
    with FakeBroker() as broker, ToxicProxy(broker.port) as proxy:
        proxy.delay_s, proxy.bandwidth = 0.1, 100_000
        with Running(proxy.port, outbox, tuning) as running:
            assert eventually(lambda: len(broker.records()) > 30)
            (alarm,) = outbox.commit("alarm")
            sent = len(broker.records())
            assert eventually(lambda: alarm.wire in broker.records())

            assert len(broker.records()) - sent < 40, "it overtook what was waiting"
            assert eventually(lambda: arrived(broker, outbox))
            assert running.publisher.snapshot().reconnects == 0


def test_a_slow_link_that_still_moves_is_not_stuck() -> None:
    """Records that queue on the link longer than the limit do not end the connection while PUBACKs keep coming."""
    outbox = MemoryOutbox()
    outbox.commit(*["alarm"] * 80, size=1000)
    tuning = replace(QUICK, puback_s=1.5)
    with FakeBroker() as broker, ToxicProxy(broker.port) as proxy:
        proxy.bandwidth = 12_000
        with Running(proxy.port, outbox, tuning) as running:
            assert eventually(lambda: arrived(broker, outbox))

            assert len(broker.connects) == 1
            slow_s = tuning.puback_s / 2
            assert eventually(lambda: (running.publisher.snapshot().rtt_s or 0) > slow_s), "else it was no question"


def test_n1_nobody_there_is_a_state_in_words() -> None:
    """Connection refused: said with host and port, tried again without a busy loop."""
    port = free_port()
    with Running(port, MemoryOutbox()) as running:
        assert eventually(lambda: running.state.startswith("waiting"))
        assert f"cannot reach 127.0.0.1:{port}: connection refused" in running.state
        spent = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - spent < 0.4, "no busy loop"


def test_n7_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DNS failure is a state in words; once known, an address is used while the name server is away."""
    ask = socket.getaddrinfo
    answers: list[Any] = [OSError(-3, "Temporary failure in name resolution")]

    def resolver(host: str, port: int, *arguments: Any, **named: Any) -> Any:
        if host != "broker.example" or named.get("flags"):
            return ask(host, port, *arguments, **named)
        if isinstance(answers[0], Exception):
            raise answers[0]
        return ask("127.0.0.1", port, type=socket.SOCK_STREAM)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    with FakeBroker() as broker, Running(uplink_to(broker.port, host="broker.example"), MemoryOutbox()) as running:
        assert eventually(lambda: "cannot resolve broker.example: temporary failure" in running.state)
        answers[0] = "fine"
        assert running.connected()
        answers[0] = OSError(-3, "Temporary failure in name resolution")
        broker.drop_all()
        assert eventually(lambda: len(broker.connects) == 2)


def test_n7_a_name_server_that_does_not_answer_blocks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver hangs for long; the publisher still turns, and stops at once."""
    ask = socket.getaddrinfo

    def slow(host: str, *arguments: Any, **named: Any) -> Any:
        if named.get("flags"):
            raise OSError(-2, "Name or service not known")
        time.sleep(3)
        return ask(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    running = Running(uplink_to(1, host="broker.example"), MemoryOutbox())
    assert eventually(lambda: "resolving" in running.state)
    seen = running.publisher.progress()
    assert eventually(lambda: running.publisher.progress() > seen, 1.0)

    assert running.stop(0.5)


def test_n10_a_dead_first_address_costs_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPv6 broken, IPv4 fine: the second address is tried a quarter of a second later, not after a time-out."""
    with FakeBroker() as broker:
        unreachable = dial.Address(socket.AF_INET, ("192.0.2.1", broker.port))
        refusing = dial.Address(socket.AF_INET6, ("::1", 1, 0, 0))
        good = dial.Address(socket.AF_INET, ("127.0.0.1", broker.port))
        monkeypatch.setattr(dial, "_look_up", lambda *_: [unreachable, refusing, good])
        with Running(uplink_to(broker.port, host="broker.example"), MemoryOutbox()) as running:
            begun = time.monotonic()
            assert running.connected()

            assert time.monotonic() - begun < 3
