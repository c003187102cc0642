"""Time along a chain: what is going back, and what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from agent.verify.chain import Row
from agent.verify.clocks import _Watch


def row(ts: float | None, up: float, **more: Any) -> Row:
    """Return a record at `ts` and `up` seconds, of the box itself unless `voice` is given."""
    plain = {"boot": 1, "voice": 0, "is_step": False, "is_period": False} | more
    return Row(bytes(32), bytes(32), 1, None if ts is None else round(ts * 1000), round(up * 1000), **plain)


def step(ts: float, up: float) -> Row:
    """Return a signed clock step."""
    return row(ts, up, is_step=True)


def device(ts: float | None, up: float, number: int = 1, **more: Any) -> Row:
    """Return readings of a device."""
    return row(ts, up, voice=number, **more)


HONEST = {
    "going on": [row(1000, 10), row(1010, 20)],
    "standing still": [device(1000, 10), device(1000, 10)],
    "steered by 0.1 %": [row(100_000, 10), row(103_597, 3610)],
    "half a second, below a step": [row(1000, 10), row(1009.5, 20)],
    "a signed step back": [row(5000, 10), step(1010, 20), row(1020, 30)],
    "a signed step back, devices too": [device(5000, 10), step(1010, 20), device(1020, 30)],
    "a step forward without a word": [row(1000, 10), row(9000, 20)],
    "a slower bus": [device(1000, 10, 1), device(999, 9, 2), device(1001, 11, 1)],
    "readings that waited for a stalled disk": [row(1000, 10), row(1300, 310), device(1001, 11)],
    "an event that waited": [row(1300, 310), row(1000, 10)],
    "periods are stamped at their start": [row(1065, 75), device(1000, 75, is_period=True), row(1066, 76)],
    "a period that began before a reboot": [row(1065, 75), device(1020, 9, is_period=True, boot=2)],
    "a period cut by a signed step": [
        device(4940, 10, is_period=True), step(1010, 20),
        device(5000, 21, is_period=True), device(1020, 80, is_period=True),
    ],
    "the first period, cut by a signed step": [
        step(1010, 20), device(5000, 21, is_period=True), device(1020, 80, is_period=True),
    ],
    "a reboot": [row(1000, 500), row(1100, 5, boot=2)],
    "time unknown after a reboot": [
        device(1000, 500), device(None, 5, boot=2), row(1100, 60, boot=2), device(1101, 61, boot=2),
    ],
}  # fmt: skip
GOING_BACK = {
    "against uptime": [row(5000, 10), row(1010, 20), row(1020, 30)],
    "two seconds": [row(1000, 10), row(1008, 20)],
    "one device": [device(1000, 10), device(990, 20)],
    "one device in uptime": [device(None, 20), device(None, 10)],
    "every device, reported once": [device(5000, 10, 1), device(5001, 11, 2), device(1010, 20, 1), device(1011, 21, 2)],
    "across a time that was not known": [device(5000, 10), device(None, 20), device(4000, 30)],
    "over a reboot": [row(5000, 500), row(1000, 5, boot=2), row(1010, 15, boot=2)],
    "over a reboot, after a while without time": [row(5000, 500), row(None, 5, boot=2), row(1000, 65, boot=2)],
    "after a signed step": [row(5000, 10), step(4000, 20), row(3000, 30)],
    "uptime by more than any stall": [row(None, 4000), row(None, 100), row(None, 4010)],
    "periods of one device, one of them undated": [
        device(1000, 60, is_period=True),
        device(1060, 120, is_period=True),
        device(None, 180, is_period=True),
        device(1000, 240, is_period=True),
    ],
    "periods of one device": [
        device(1000, 60, is_period=True),
        device(1060, 120, is_period=True),
        device(1000, 180, is_period=True),
    ],
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_time_is_not_accused(name: str) -> None:
    """Disorder that a working box produces is no finding."""
    watch = _Watch()

    assert [watch.see(one) for one in HONEST[name]] == [None] * len(HONEST[name])


@pytest.mark.parametrize("name", GOING_BACK)
def test_going_back_is_found_once(name: str) -> None:
    """Time that went back without a signed step is said where it happens, and only there."""
    watch = _Watch()
    words = [watch.see(one) for one in GOING_BACK[name]]

    assert len([word for word in words if word]) == 1
    assert words[0] is None
