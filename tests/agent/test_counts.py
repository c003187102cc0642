"""Counters of a device are those of all its visits."""

from __future__ import annotations

from dataclasses import replace

from agent.counts import by_device
from agent.health import draft
from agent.poller import PollerStatus
from buffer.space import Usage
from drivers.bus import BusCounters, Counters

ONE = Counters(
    requests=100,
    answers=98,
    timeouts=2,
    bad_frames=1,
    strays=0,
    exceptions={2: 1},
    last_answer_ns=5_000_000_000,
    latency_s=0.01,
    latency_max_s=0.05,
    busy_s=1.5,
    sent_bytes=800,
    received_bytes=4000,
)
SLOW = replace(ONE, requests=10, answers=10, timeouts=0, exceptions={2: 1, 3: 4}, last_answer_ns=4_000_000_000)


def bus(**devices: Counters) -> BusCounters:
    """Return a bus with devices; an underscore stands for the mark of a visit."""
    named = {name.replace("_", "/"): counters for name, counters in devices.items()}
    return BusCounters(bus="line", at_ns=0, connects=1, link_failures=0, busy_s=3.0, devices=named)


def test_two_visits_are_counted_together() -> None:
    """Sums; the latest answer, with the latency of whoever gave it; the longest latency."""
    slow = replace(SLOW, last_answer_ns=6_000_000_000, latency_s=0.02, latency_max_s=0.04)

    found = by_device(bus(m1=ONE, m1_slow=slow, m2=ONE))

    assert list(found) == ["m1", "m2"]
    assert found["m2"] is ONE
    assert (found["m1"].requests, found["m1"].answers, found["m1"].timeouts) == (110, 108, 2)
    assert (found["m1"].exceptions, found["m1"].busy_s, found["m1"].received_bytes) == ({2: 2, 3: 4}, 3.0, 8000)
    assert (found["m1"].last_answer_ns, found["m1"].latency_s, found["m1"].latency_max_s) == (6_000_000_000, 0.02, 0.05)


def test_a_visit_that_was_never_answered_says_nothing_of_latency() -> None:
    """Then the other's is the device's; where neither was, there is none."""
    silent = replace(SLOW, last_answer_ns=None, latency_s=0.0)

    assert by_device(bus(m1=ONE, m1_slow=silent))["m1"].latency_s == ONE.latency_s
    assert by_device(bus(m1=silent, m1_slow=silent))["m1"].last_answer_ns is None


def test_health_has_one_entry_a_device() -> None:
    """A platform never hears of visits."""
    counted = bus(m1=ONE, m1_slow=SLOW)
    usage = Usage(
        bytes=1,
        limit=2,
        share=0.5,
        head=0,
        waiting=0,
        oldest_waiting=None,
        waiting_share=0.0,
        level=0,
        squeezed=False,
    )

    code = {"plant": "green", "lines": {}}
    told = draft([(PollerStatus("line", 0, ()), counted)], usage, None, 7_000_000_000, code)

    assert told["code"] == code

    assert {name: counts["requests"] for name, counts in told["devices"].items()} == {"m1": 110}
    assert told["devices"]["m1"]["last_answer_ago_s"] == 2.0
