"""The words of a setup: both languages, nothing missing, nothing left over, nothing that a device could smuggle in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.setup.words import Words, printable, table

ROOT = Path(__file__).parents[3]
SOURCES = [*(ROOT / "agent" / "setup").glob("*.py"), *(ROOT / "agent" / "cli").glob("init*.py")]
CODE = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)


@pytest.mark.parametrize("key", table())
def test_every_text_is_in_both_languages(key: str) -> None:
    """With the same names to fill in; a question that is explained in one language is explained in the other."""
    said = table()[key]

    assert set(said) in ({"zh", "en"}, {"zh", "en", "zh_why", "en_why"})
    assert all(said.values())
    if key not in ("lines.remark", "broker.failed"):
        assert _fields(said["zh"]) == _fields(said["en"])


def _fields(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def test_every_question_and_message_has_words_and_every_text_is_used() -> None:
    """What the code names is there; what is there is named."""
    rooms = "talk|step|gateway|broker|lines|devices|facilities|plant_lines|outlets|rules|panel|end|fleet"
    used = set(re.findall(rf"[\"']((?:{rooms})\.[a-z0-9_.]+)[\"']", CODE))
    asked = set(re.findall(r'Ask\(\s*key="([a-z0-9_.]+)"', CODE))

    assert used <= set(table())
    assert all("zh_why" in table()[key] for key in asked)
    unused = {key for key in table() if key not in used and not key.startswith(("file.", "end.next.", "plant_lines."))}
    assert unused == set()


def test_a_device_cannot_write_on_the_terminal() -> None:
    """Control characters of what instruments say are shown as dots."""
    said = Words("en").text("lines.stranger", {"line": "\x1b[2J pH 7"})

    assert "\x1b" not in said
    assert "·[2J pH 7" in said
    assert printable("a\nb") == "a\nb"
