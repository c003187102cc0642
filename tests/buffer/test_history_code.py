"""Rows as few bytes: what comes out equals what went in."""

from __future__ import annotations

import math
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buffer.history_code import Packed, pack
from buffer.history_row import Level, Row
from tests.buffer.history_rows import minutes, row

short = st.builds(lambda whole, places: whole / 10**places, st.integers(-(10**7), 10**7), st.integers(0, 4))
single = st.floats(width=32, allow_nan=False, allow_infinity=False)
double = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(st.none(), short, single, double)


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Rows of up to three points, with columns of any kind of number."""
    width, count = draw(st.integers(0, 3)), draw(st.integers(1, 12))
    kinds = [draw(st.sampled_from([short, single, double, numbers])) for _ in range(width)]

    def columns() -> tuple[float | None, ...]:
        return tuple(draw(kind) for kind in kinds)

    return [
        row(
            draw(st.integers(-(10**12), 10**13)),
            names=tuple(f"p{place}" for place in range(width)),
            span_ms=draw(st.sampled_from([60_000, 3_600_000, 90_000_000])),
            cut=draw(st.sampled_from([None, None, "period cut short: 时钟"])),
            expected=draw(st.integers(1, 10**6)),
            avg=columns(),
            least=columns(),
            most=columns(),
            n=tuple(draw(st.integers(0, 10**6)) for _ in range(width)),
            valid=tuple(draw(st.booleans()) for _ in range(width)),
            flag="".join(draw(st.sampled_from("NBD")) for _ in range(width)),
            total=columns(),
            turn="".join(draw(st.sampled_from(" GR")) for _ in range(width)),
        )
        for _ in range(count)
    ]


def bits(values: list[float | None]) -> list[tuple[float | None, float]]:
    """Return numbers so that minus zero differs from zero."""
    return [(value, 0.0 if value is None else math.copysign(1, value)) for value in values]


@settings(max_examples=60, deadline=None)
@given(tables())
def test_nothing_is_lost_or_rounded(rows: list[Row]) -> None:
    """Every column of every point, whatever mixture of numbers and holes it has."""
    packed = Packed(pack(rows, [one.start_ms or 0 for one in rows]))

    assert packed.starts == [one.start_ms for one in rows]
    assert packed.spans == [one.span_ms for one in rows]
    assert packed.expected == [one.expected for one in rows]
    assert packed.cuts == {at: one.cut for at, one in enumerate(rows) if one.cut}
    for place, part in enumerate(packed.parts()):
        assert bits(part.avg) == bits([one.avg[place] for one in rows])
        assert bits(part.least) == bits([one.least[place] for one in rows])
        assert bits(part.most) == bits([one.most[place] for one in rows])
        assert bits(part.total) == bits([one.total[place] for one in rows])
        assert part.n == [one.n[place] for one in rows]
        assert part.valid == [one.valid[place] for one in rows]
        assert part.flag == "".join(one.flag[place] for one in rows)
        assert part.turn == "".join(one.turn[place] for one in rows)


def test_numbers_of_few_decimals_take_few_bytes() -> None:
    """An hour of a noisy load with one decimal: under four bytes a minute for all its columns."""
    rows = [
        replace(
            one,
            **{name: getattr(one, name)[:1] for name in ("names", "avg", "least", "most", "n", "valid", "total")},
            flag="N",
            turn=" ",
        )
        for one in minutes(0, 60)
    ]

    assert len(pack(rows, [one.start_ms or 0 for one in rows])) < 4 * 60


@pytest.mark.parametrize(
    "blob",
    [b"", b"rubbish", zlib.compress(b""), zlib.compress(b"\x05\x00\x01\x00"), zlib.compress(bytes(range(256)) * 4)],
)
def test_rubbish_is_refused(blob: bytes) -> None:
    """One error for whatever is not packed rows."""
    with pytest.raises(ValueError, match="not packed rows"):
        Packed(blob).parts()


@settings(deadline=None)
@given(st.data())
def test_a_cut_or_changed_part_is_refused_or_read_never_worse(data: st.DataObject) -> None:
    """Damage behind the compression's own checksum still ends in an answer or in a ValueError."""
    raw = bytearray(zlib.decompress(pack(minutes(0, 5, level=Level.HOUR), [0, 1, 2, 3, 4])))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    try:
        parts = Packed(zlib.compress(bytes(raw[:cut]))).parts()
    except ValueError:
        return
    assert all(len(part.avg) == len(part.flag) for part in parts)
