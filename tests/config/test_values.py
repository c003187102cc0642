"""Durations, sizes, addresses and texts: what is read, and that nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import values
from config.problem import Mistake, instead, shown
from config.site import Text
from config.values import Broker

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("5s", 5), ("1.5s", 1.5), ("10m", 600), ("2h", 7200), ("400d", 34560000), ("0s", 0)],
)
def test_durations(text: str, seconds: float) -> None:
    """A number and one of ms, s, m, h, d."""
    assert values.seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (5, 'write "5s"'),
        (0.5, 'write "0.5s"'),
        ("5", 'write "5s"'),
        ("5 s", 'write "5s"'),
        ("10 min", 'write "10m"'),
        ("2 Hours", 'write "2h"'),
        ("", "durations are written"),
        ("-5s", "durations are written"),
        ("5e3s", "durations are written"),
        ("٥s", "durations are written"),
        (True, "durations are written"),
        (None, "durations are written"),
        (["5s"], "durations are written"),
        ("9" * 400 + "s", "durations are written"),
    ],
)
def test_what_is_no_duration_gets_a_hint(wrong: Any, hint: str) -> None:
    """A bare number, a space, a spelt-out unit: the hint is what was meant, when that can be known."""
    with pytest.raises(Mistake) as mistake:
        values.seconds_of(wrong)

    assert hint in mistake.value.hint


@pytest.mark.parametrize(
    ("text", "count"), [("4GiB", 2**32), ("512MiB", 2**29), ("1.5KiB", 1536), ("7B", 7), ("1TiB", 2**40)]
)
def test_sizes(text: str, count: int) -> None:
    """A number and a binary unit."""
    assert values.bytes_of(text) == count


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("4GB", 'write "4GiB"'), ("4 GiB", "sizes are"), ("4", "sizes are"), (4, "sizes are"), ("4x", "sizes are")],
)
def test_what_is_no_size_gets_a_hint(wrong: Any, hint: str) -> None:
    """Decimal units are not guessed at."""
    with pytest.raises(Mistake) as mistake:
        values.bytes_of(wrong)

    assert hint in mistake.value.hint


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://h", Broker("h", 1883, tls=False)),
        ("mqtts://broker.example", Broker("broker.example", 8883, tls=True)),
        ("mqtts://10.0.0.1:443/", Broker("10.0.0.1", 443, tls=True)),
        ("mqtt://[fe80::1]:1884", Broker("fe80::1", 1884, tls=False)),
    ],
)
def test_broker_addresses(url: str, broker: Broker) -> None:
    """Scheme, host, port; the usual ports may be left out."""
    assert values.broker(url) == broker


@pytest.mark.parametrize(
    "wrong",
    ["", "broker", "mqtt://", "http://h", "mqtt://h:0", "mqtt://h:x", "mqtt://[::1", "mqtt://h?x=1", "mqtt://a b", 5],
)
def test_what_is_no_broker_address(wrong: Any) -> None:
    """Anything else is refused."""
    with pytest.raises(Mistake):
        values.broker(wrong)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", Text("x", "x")),
        ({"zh": "锅炉"}, Text("锅炉", "锅炉")),
        ({"en": "boiler"}, Text("boiler", "boiler")),
        ({"zh": "锅炉", "en": "boiler"}, Text("锅炉", "boiler")),
    ],
)
def test_texts_in_two_languages(value: Any, text: Text) -> None:
    """A missing language falls back to the other."""
    assert values.text(value) == text


READERS = [
    values.seconds_of,
    values.bytes_of,
    values.text,
    values.broker,
    values.pair,
    values.report_when,
    values.device_address,
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def refused(read: Callable[[Any], Any], value: Any) -> Mistake | None:
    """Return the mistake that a reader finds in a value, if it finds one."""
    try:
        read(value)
    except Mistake as mistake:
        return mistake
    return None


@given(ANYTHING)
def test_readers_take_anything_and_raise_mistakes_only(value: Any) -> None:
    """Whatever TOML may give, a reader returns or raises `Mistake` with words and a hint."""
    mistakes = [mistake for read in READERS if (mistake := refused(read, value))]

    assert all(str(mistake) and mistake.hint for mistake in mistakes)
    assert "\n" not in shown(value)


@given(st.text())
def test_text_readers_take_any_text(value: str) -> None:
    """The same for those that only ever get texts."""
    readers = (values.host, values.topic_prefix, values.listen_address, values.timezone, values.name("a-z0-9_-", 64))
    for read in readers:
        mistake = refused(read, value)

        assert (str(mistake) and mistake.hint) if mistake else read(value) == value


@pytest.mark.parametrize(
    ("value", "key", "text"),
    [
        ("x" * 100, "", '"' + "x" * 59 + '…"'),
        ("a\nb", "", '"a·b"'),
        (True, "", "true"),
        (10**400, "", "a very large number"),
        ([1, "a", 2.5, 3, 4], "", '[1, "a", 2.5, 3, …]'),
        ([[1]], "", "[…]"),
        ({"a": 1}, "", "{…}"),
        ("hunter2", "my_password", "not shown"),
        ("mqtt.password", "password_file", '"mqtt.password"'),
        ("mqtt://me:hunter2@h", "url", '"mqtt://…@h"'),
    ],
)
def test_values_are_shown_short_and_without_secrets(value: Any, key: str, text: str) -> None:
    """A message is one line for a log; what could be a secret is not in it."""
    assert shown(value, key) == text


def test_hints_name_the_neighbour_or_the_choices() -> None:
    """The nearest word; else all words; else nothing."""
    assert instead("pol", ["poll", "report"]) == 'did you mean "poll"?'
    assert instead("zzz", ["poll", "report"]) == "one of: poll, report"
    assert instead("zzz", [str(number) for number in range(100)]).endswith("and 76 more")
    assert instead("zzz", []) == ""
