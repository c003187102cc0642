"""Which regular expressions a model file may use, and that the others are those that take for ever."""

from __future__ import annotations

import pytest

from drivers.ascii.pattern import BadPattern, compiled

SOUND = {
    "columns": r"\s*(?P<so2>[-+]?\d+\.\d+)\s+(?P<nox>[-+]?\d+\.\d+)\s+(?P<o2>[-+]?\d+\.\d+)\s*",
    "commas": r"(?P<a>[^,]*),(?P<b>[^,]*),(?P<c>[^,]*),(?P<d>[^,]*),(?P<e>[^,]*)",
    "words between": r".*SO2=(?P<so2>[\d.]+) .*NO=(?P<no>[\d.]+) .*",
    "options": r"(?P<v>\d+(?:\.\d+)?)(?: (?P<unit>mg|ppm))?",
    "counts": r"(?P<id>[0-9A-F]{4})(?: \d{2}){3},?(?P<v>\d{1,5})",
    "options behind words": r".*: (?P<v>\d+) (?P<unit>mg|ug)(?P<state> OK)?",
    "another script": r"(?P<t>\d+)°C",
}
REFUSED = {
    "no regular expression": ("(", "missing"),
    "no field": (r"\d+", "no named group"),
    "too long": ("(?P<v>" + "a" * 500 + ")", "500 at most"),
    "a repetition repeated": (r"(?P<v>(?:\d+)+)", "may take for ever"),
    "a choice repeated": (r"(?P<v>(?:a|a)*)", "may take for ever"),
    "an option repeated": (r"(?P<v>(?:aa?)*)", "may take for ever"),
    "in a bounded count": (r"(?P<v>(?:a*){9})", "may take for ever"),
    "the same digits again and again": (r"(?P<v>\d*\d*\d*\d*\d*)", "write [^,]*"),
    "words behind numbers": (r".*SO2=(?P<so2>[\d.]+).*NO=(?P<no>[\d.]+).*", "write [^,]*"),
    "anything, often": (r".*,.*,.*,.*,(?P<v>.*),", "write [^,]*"),
    "through an option": (r"(?P<v>\d+(?:\.\d+)?\d+(?:\.)?\d+\d+\d+)", "write [^,]*"),
    "not ASCII either": (r"(?P<v>.*)°.*°.*°.*°", "write [^,]*"),
    "choices without end": ("(?P<v>" + "(?:a|a)" * 40 + ")b", "options and alternatives"),
    "options without end": ("(?P<v>" + "a?" * 40 + ")b", "options and alternatives"),
    "options behind one repetition": (r"(?P<v>.*)" + "a?" * 16 + "[xy]", "12 at most beside 1 repetitions"),
    "options behind three": (r"(?P<v>.*).*.*a?[xy]", "0 at most beside 3 repetitions"),
    "looking ahead": (r"(?P<v>(?=a)a)", "only (?P<name>"),
    "looking back": (r"(?P<v>a(?<=a))", "only (?P<name>"),
    "flags": (r"(?i)(?P<v>a)", "only (?P<name>"),
    "a reference": (r"(?P<v>a)(?P=v)", "only (?P<name>"),
    "a reference by number": (r"(?P<v>a)\1", "another group held"),
}


@pytest.mark.parametrize("pattern", SOUND.values(), ids=SOUND)
def test_what_instruments_need_is_allowed(pattern: str) -> None:
    """Columns, commas, words before a number, options."""
    assert compiled(pattern).groupindex


@pytest.mark.parametrize(("pattern", "words"), REFUSED.values(), ids=REFUSED)
def test_what_may_take_for_ever_is_refused(pattern: str, words: str) -> None:
    """Python cannot stop a search it has begun, so it is never begun."""
    with pytest.raises(BadPattern) as refused:
        compiled(pattern)

    assert words in str(refused.value)


@pytest.mark.parametrize("pattern", SOUND.values(), ids=SOUND)
@pytest.mark.parametrize("text", ["1", " ", ",", "SO2=", "NO=1.", "1.1 ", "A0 "])
def test_allowed_patterns_end_soon_on_hostile_lines(pattern: str, text: str) -> None:
    """The longest line, made of what the pattern likes best, ends within this suite's patience."""
    assert compiled(pattern).fullmatch((text * 512)[:512] + "\0") is None
