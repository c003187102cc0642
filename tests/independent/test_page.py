"""The page says what the code does: its example, names and words are checked."""

from __future__ import annotations

import json
import re
from pathlib import Path

from agent.record import KINDS, TYPE
from agent.verify.verdict import Verdict
from tests.independent.make_vectors import KEY, written

PAGE = (Path(__file__).parents[2] / "docs" / "wire-format.md").read_text(encoding="utf-8")


def test_the_example_is_a_real_record() -> None:
    """The record shown in section 1 is record 2 of the vectors, shortened in its signature only."""
    shown = re.sub(r"\s*\n\s*", "", PAGE[PAGE.index("    {") : PAGE.index("(shown on several lines")])
    real = written(2).lines[1].decode()

    body, _, sig = real.partition(',"sig":"')
    header, _, signature = sig.partition("..")
    assert shown.strip() == f'{body},"sig":"{header[:10]}…..{signature[:4]}…"}}'


def test_every_word_and_kind_is_explained() -> None:
    """No verdict word and no kind of record is without a line."""
    assert all(f"`{word.value}`" in PAGE for word in Verdict)
    assert all(f"**{kind}**" in PAGE for kind in KINDS)
    assert TYPE in PAGE


def test_the_key_of_the_vectors_is_the_one_named() -> None:
    """Whoever makes the vectors again can check the key first."""
    assert KEY.public.jwk["x"] in PAGE
    assert KEY.kid in PAGE
    assert json.dumps(KEY.public.jwk, separators=(",", ":"))[:8] == '{"crv":"'
