"""Which addresses a sweep finds, what it asks, and what it makes of what it hears."""

from __future__ import annotations

import itertools

import pytest

from drivers.finding.likely import SETTINGS, Wanted, narrowed, stage_s, sweep_s
from drivers.finding.sweep import Found, Stage, Step, sweep
from drivers.finding.verdict import remarks
from drivers.sim.hj212_station import packet
from drivers.spec import LineSettings
from tests.drivers.finding.lines import TableTap

USUAL, DLT645, FAST = LineSettings(9600), LineSettings(2400, 8, "E"), LineSettings(19200, 8, "E")


def swept(tap: TableTap, **wanted: object) -> tuple[list[Found], list[Stage], list[Step]]:
    """Return what a whole sweep tells, by kind."""
    events = list(sweep(tap, Wanted(**wanted)))  # type: ignore[arg-type]
    return (
        [one for one in events if isinstance(one, Found)],
        [one for one in events if isinstance(one, Stage)],
        [one for one in events if isinstance(one, Step)],
    )


def test_every_unit_is_asked_at_every_setting() -> None:
    """Nothing is left out: 247 unit ids at each setting, the likeliest setting first."""
    tap = TableTap()

    swept(tap)

    assert tap.asked == list(itertools.product(SETTINGS, range(1, 248)))


def test_devices_at_different_settings_are_found() -> None:
    """A line may carry meters with other settings: each is found with its own."""
    tap = TableTap(
        units={(USUAL, 3): "there", (FAST, 247): "there"}, dlt645={DLT645: [("dlt645-2007", "012345678901")]}
    )

    found, _, _ = swept(tap)

    assert {(one.protocol, one.address, str(one.settings)) for one in found} == {
        ("modbus", 3, "9600 8N1"),
        ("modbus", 247, "19200 8E1"),
        ("dlt645-2007", "012345678901", "2400 8E1"),
    }


def test_a_device_is_found_once() -> None:
    """One that answers with one more stop bit or another parity too, is still one device."""
    two_stop_bits, even = LineSettings(9600, 8, "N", 2), LineSettings(9600, 8, "E")
    meter = [("dlt645-2007", "012345678901")]
    tap = TableTap(
        units={(USUAL, 3): "there", (two_stop_bits, 3): "there", (even, 3): "there", (FAST, 3): "there"},
        dlt645={USUAL: meter, FAST: meter},
    )

    found, _, _ = swept(tap, settings=(USUAL, two_stop_bits, even, FAST))

    assert [(one.address, str(one.settings)) for one in found] == [
        ("012345678901", "9600 8N1"),
        (3, "9600 8N1"),
        (3, "19200 8E1"),
    ]


def test_a_device_that_refuses_the_probe_is_there() -> None:
    """An exception is an answer."""
    tap = TableTap(units={(USUAL, 9): "refuses"})

    found, _, _ = swept(tap, settings=(USUAL,))

    assert [one.address for one in found] == [9]


def test_noise_passes_and_a_collision_stays() -> None:
    """One damaged answer is asked for again; an address that never gives a sound frame is shared."""
    tap = TableTap(units={(USUAL, 4): "noisy-once", (USUAL, 5): "garbled"})

    found, stages, _ = swept(tap, settings=(USUAL,))

    assert [one.address for one in found] == [4]
    assert stages[0].shared == [5]
    assert tap.asked.count((USUAL, 5)) == 3


def test_the_estimate_falls_to_nothing() -> None:
    """The seconds left never rise while nobody answers, begin with the estimate and end near zero."""
    wanted = Wanted(settings=SETTINGS[:3])
    steps = [one for one in sweep(TableTap(), wanted) if isinstance(one, Step)]
    left = [step.left_s for step in steps]

    assert left[0] <= sweep_s(wanted)
    assert left[0] > 0.9 * sweep_s(wanted) - 3 * wanted.listen_s
    assert all(after <= before + 0.7 for before, after in itertools.pairwise(left))
    assert left[-1] < 1


def test_slow_lines_take_longer() -> None:
    """The estimate knows how long a character takes."""
    wanted = Wanted()

    assert stage_s(LineSettings(1200), wanted) > 1.5 * stage_s(LineSettings(9600), wanted)


@pytest.mark.parametrize(
    ("baudrates", "parities", "expected"),
    [
        ((9600,), (), ["9600 8N1", "9600 8E1", "9600 8O1", "9600 8N2"]),
        ((), ("O",), ["9600 8O1"]),
        ((2400,), ("E",), ["2400 8E1"]),
        ((7200,), (), ["7200 8N1", "7200 8E1"]),
    ],
    ids=["one baud rate", "one parity", "both", "an unusual rate"],
)
def test_the_installer_may_narrow_the_search(
    baudrates: tuple[int, ...], parities: tuple[str, ...], expected: list[str]
) -> None:
    """Known baud rates or parities leave fewer settings; a rate nobody uses is tried all the same."""
    assert [str(one) for one in narrowed(SETTINGS, baudrates=baudrates, parities=parities)] == expected


VERDICTS = {
    "nothing answers": (TableTap(), {}, "nothing answers"),
    "two devices with one address": (TableTap(units={(USUAL, 5): "garbled"}), {}, "address 5 at 9600 8N1"),
    "garbage everywhere": (
        TableTap(units={(USUAL, unit): "garbled" for unit in range(1, 200)}),
        {},
        "A and B swapped",
    ),
    "noise": (
        TableTap(units={(USUAL, unit): "noisy-once" for unit in range(1, 20)}),
        {},
        "noise at 9600 8N1: 19 of 267 questions brought damaged bytes",
    ),
    "one damaged answer is nothing": (TableTap(units={(USUAL, 4): "noisy-once"}), {}, ""),
    "echo": (TableTap(), {"echoes": 12}, "echo"),
    "somebody talks": (TableTap(unasked={USUAL: b"##0123QN="}), {}, "bytes came unasked at 9600 8N1 — an instrument"),
    "somebody talks at another baud rate": (TableTap(unasked={USUAL: bytes(range(128, 150))}), {}, "none of which"),
    "another master": (
        TableTap(unasked={USUAL: bytes.fromhex("ff 03 03 00 00 00 0a c4 2f 00 ff")}),
        {},
        "another Modbus master asks unit 3",
    ),
    "an adapter that cannot": (TableTap(impossible=(USUAL,)), {}, "not tried: the adapter cannot do 9600 8N1"),
}


@pytest.mark.parametrize(("tap", "facts", "words"), VERDICTS.values(), ids=VERDICTS)
def test_what_is_wrong_with_a_line_is_said(tap: TableTap, facts: dict[str, int], words: str) -> None:
    """Each trouble has its own sentence, in both languages, and a sound line has none."""
    found, stages, _ = swept(tap, settings=(USUAL,))

    said = remarks(stages, found, **facts)

    assert any(words in one.en for one in said) if words else not said
    assert all(one.zh and one.zh != one.en for one in said)


# --- what sends by itself ---------------------------------------------------------------------------------------------

MN = "010000A8900016F000169DC0"
PACKET = packet(f"QN=20261122145352199;ST=31;CN=2011;PW=123456;MN={MN};Flag=4;CP=&&a01012-Rtd=122.6&&")
LINES = b"5\r\nD 4.12 mg/m3 T 131.5 C OK\r\nD 4."


@pytest.mark.parametrize(("heard", "expected"), [(PACKET, ("hj212", MN)), (LINES, ("ascii", 1))])
def test_who_sends_by_itself_has_the_line_to_itself(heard: bytes, expected: tuple[str, int | str]) -> None:
    """An instrument that is understood while we listen is found, and nobody is asked any more."""
    tap = TableTap(unasked={FAST: heard})

    found, stages, _ = swept(tap, settings=(FAST, USUAL))

    assert [(one.protocol, one.address) for one in found] == [expected]
    assert [stage.has_sender for stage in stages] == [True]
    assert tap.asked == []


@pytest.mark.parametrize("when", ["while listening", "while asking"])
def test_bytes_that_nobody_asked_for_are_listened_to(when: str) -> None:
    """At the wrong baud rate or in passing: then every setting is listened to until the instrument is understood."""
    tap = TableTap(unasked={DLT645: PACKET, FAST: b"\xf0\x9c\x00\x17\xff\x80\x81\x99"})
    if when == "while asking":
        tap = TableTap(unasked={DLT645: PACKET, FAST: bytes(range(128, 138))}, said_while_asking=50)

    found, _, steps = swept(tap, settings=(FAST, DLT645, USUAL), units=(1, 2))

    assert [(one.protocol, str(one.settings)) for one in found] == [("hj212", "2400 8E1")]
    assert any("listening longer" in step.what for step in steps)
    assert {settings for settings, _ in tap.asked} == {FAST}


def test_listening_in_vain_ends() -> None:
    """Where nothing more comes, or never anything that makes sense, the sweep goes on."""
    tap = TableTap(unasked={FAST: bytes(range(128, 138)), USUAL: b""})

    found, _, _ = swept(tap, settings=(FAST, USUAL, DLT645), units=(1, 2))

    assert found == []
    assert tap.listened_s < 100
    assert {settings for settings, _ in tap.asked} == {FAST, USUAL, DLT645}


# --- what is special --------------------------------------------------------------------------------------------------


def test_a_slow_device_is_asked_again_patiently() -> None:
    """Its answer comes while another unit is asked: then it is looked for among the last ones."""
    tap = TableTap(units={(USUAL, 7): "late"})

    found, _, _ = swept(tap, settings=(USUAL,))

    assert [one.address for one in found] == [7]
    assert len(tap.asked) < 247 + 10


def test_what_the_adapter_cannot_do_is_skipped() -> None:
    """The other settings are tried all the same."""
    tap = TableTap(units={(USUAL, 3): "there"}, impossible=(FAST,))

    found, stages, _ = swept(tap, settings=(FAST, USUAL))

    assert [one.address for one in found] == [3]
    assert [stage.skipped for stage in stages] == ["the adapter cannot do 19200 8E1", ""]


def test_a_host_that_answers_for_every_unit_is_one_device() -> None:
    """Units 247, 246 and 1 are asked first: all there means that it does not look at the unit id."""
    tap = TableTap(units={(None, unit): "there" for unit in range(256)})

    found, stages, _ = swept(tap, settings=())

    assert [(one.address, one.settings) for one in found] == [(1, None)]
    assert len(tap.asked) == 3
    assert "it is one device" in remarks(stages, found)[0].en
