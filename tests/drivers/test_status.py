"""What an instrument's status does to the quality of its values: tables, and that it only ever takes away."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reading import Quality, Scan, Value
from drivers.spec import StatusSpec
from drivers.status import WORST_FIRST, judged, worse

Whens = tuple[int | bool | str, ...]


def scan(values: tuple[Value, ...], flags: str) -> Scan:
    """Return a scan of an analyzer whose first point is its status."""
    return Scan("cems", 1_700_000_000_000, 5, values, flags)


def status(
    when: Whens, flag: str = "M", decides: tuple[int, ...] = (1, 2), mask: int | None = None, *, void: bool = False
) -> StatusSpec:
    """Return a status on the first point."""
    return StatusSpec(point=0, when=when, flag=flag, decides=decides, mask=mask, void=void)


def test_every_flag_has_its_place_in_the_order() -> None:
    """No letter of HJ 212 is missing, N is the best and B the worst."""
    assert sorted(WORST_FIRST) == sorted(quality.value for quality in Quality)
    assert (WORST_FIRST[0], WORST_FIRST[-1]) == ("B", "N")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("N", "N", "N"),
        ("N", "T", "T"),
        ("S", "T", "S"),
        ("C", "M", "M"),
        ("F", "M", "F"),
        ("D", "F", "D"),
        ("B", "D", "B"),
    ],
)
def test_the_worse_of_two_flags(a: str, b: str, expected: str) -> None:
    """Worst first: B D F M C S T N, whichever comes first."""
    assert worse(a, b) == worse(b, a) == expected


APPLIES: dict[str, tuple[Value, Whens, int | None]] = {
    "a number": (3, (2, 3), None),
    "a whole float": (3.0, (3,), None),
    "a bit": (True, (True,), None),
    "a bit written as a number": (True, (1,), None),
    "a text": ("CAL", ("CAL", "ZERO"), None),
    "a bit of a word": (0b1010, (0b1000,), 0b1000),
    "a bit of a whole float": (10.0, (8,), 8),
    "the highest bit of a signed word": (-1, (0x8000,), 0x8000),
    "no bit of a word": (0b0101, (0,), 0b1010),
}
DOES_NOT: dict[str, tuple[Value, Whens, int | None]] = {
    "another number": (4, (2, 3), None),
    "a broken number": (3.5, (3,), None),
    "another bit": (False, (True,), None),
    "another text": ("cal", ("CAL",), None),
    "a text that looks like a number": ("3", (3,), None),
    "another bit of a word": (0b0101, (0b1000,), 0b1000),
}


@pytest.mark.parametrize(("value", "when", "mask"), APPLIES.values(), ids=APPLIES)
def test_a_status_that_applies_flags_what_it_decides_about(value: Value, when: Whens, mask: int | None) -> None:
    """The values stay, with the flag; everything else on the scan stays too."""
    before = scan((value, 1.5, 2.5, 3.5), "NNNN")

    after = judged(before, (status(when, mask=mask),))

    assert after == scan((value, 1.5, 2.5, 3.5), "NMMN")


@pytest.mark.parametrize(("value", "when", "mask"), DOES_NOT.values(), ids=DOES_NOT)
def test_a_status_that_does_not_apply_leaves_the_scan_alone(value: Value, when: Whens, mask: int | None) -> None:
    """Nothing is copied when there is nothing to do."""
    before = scan((value, 1.5, 2.5, 3.5), "NNNN")

    assert judged(before, (status(when, mask=mask),)) is before
    assert judged(before, ()) is before


def test_a_worse_flag_stays() -> None:
    """Maintenance does not make a broken channel a merely maintained one."""
    assert judged(scan((1, None, 2.0), "NDT"), (status((1,)),)) == scan((1, None, 2.0), "NDM")


def test_void_takes_the_value_away() -> None:
    """A device that sends 0 while it does not measure has not measured 0."""
    assert judged(scan((1, 0, 0), "NNN"), (status((1,), "F", void=True),)) == scan((1, None, None), "NFF")


@pytest.mark.parametrize("flag", ["B", "D", "C"])
def test_while_the_status_is_not_known_neither_is_what_it_decides_about(flag: str) -> None:
    """Those values are unknown with the status's own flag, and keep a worse one."""
    after = judged(scan((None, 1.0, None, 3.0), f"{flag}NBN"), (status((1,)),))

    assert after == scan((None, None, None, 3.0), f"{flag}{flag}BN")


@pytest.mark.parametrize("value", ["fault", 3.5])
def test_a_status_whose_bits_cannot_be_told_is_not_known(value: Value) -> None:
    """Neither a text nor a broken number has bits to look at: what it decides about is unknown, flag D."""
    after = judged(scan((value, 1.0, 2.0), "NNN"), (status((0,), mask=1),))

    assert after == scan((value, None, None), "NDD")


def test_several_statuses_add_up() -> None:
    """The worst flag wins and void stays void, in whatever order they are written."""
    both = status((1,), "C", (1,), void=True), status((1,), "D", (1, 2))

    for order in (both, both[::-1]):
        assert judged(scan((1, 7.0, 8.0), "NNN"), order) == scan((1, None, 8.0), "NDD")


def test_a_status_is_judged_as_it_was_read() -> None:
    """What one status says of another's point does not change what that one says."""
    general = StatusSpec(point=0, when=(1,), flag="D", decides=(1, 2), void=True)
    of_one = StatusSpec(point=1, when=(9,), flag="C", decides=(3,))

    assert judged(scan((1, 9, 5.0, 6.0), "NNNN"), (general, of_one)) == scan((1, None, None, 6.0), "NDDC")


readings = st.lists(
    st.tuples(st.one_of(st.integers(-2, 5), st.floats(-9, 9), st.booleans(), st.just("OK")), st.sampled_from("NTSCMF"))
    | st.tuples(st.none(), st.sampled_from("BDFMCST")),
    min_size=4,
    max_size=4,
)
rules = st.lists(
    st.builds(
        StatusSpec,
        point=st.integers(0, 3),
        when=st.lists(st.integers(0, 3), max_size=3).map(tuple),
        flag=st.sampled_from(WORST_FIRST),
        decides=st.lists(st.integers(0, 3), max_size=4).map(tuple),
        mask=st.none() | st.integers(0, 7),
        void=st.booleans(),
    ),
    max_size=4,
).map(tuple)


@settings(deadline=None)
@given(before=readings, statuses=rules)
def test_a_judgement_only_takes_away(before: list[tuple[Value, str]], statuses: tuple[StatusSpec, ...]) -> None:
    """No flag becomes better, no value becomes another, none is unknown without a reason, order does not matter."""
    whole = scan(tuple(value for value, _ in before), "".join(flag for _, flag in before))

    after = judged(whole, statuses)

    for (value, flag), new_value, new_flag in zip(before, after.values, after.flags, strict=True):
        assert worse(flag, new_flag) == new_flag
        assert new_value is None or new_value is value
        assert new_value is not None or new_flag != "N"
    assert (after.device, after.wall_ms, after.mono_ns, after.fault) == ("cems", whole.wall_ms, 5, None)
    assert judged(whole, statuses[::-1]) == after
    assert (after is whole) == (after == whole)
