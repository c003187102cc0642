"""The fuzz targets themselves work, so that nobody fuzzes nothing."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.fuzz_codecs import CORPUS, TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_the_corpus_whole_and_damaged(name: str) -> None:
    """Each seed as it is, behind each other one, and with bytes changed (always the same ones)."""
    chance = random.Random(name)
    for seed in CORPUS:
        for other in CORPUS:
            TARGETS[name]((other + seed)[:600])
        for _ in range(20):
            damaged = bytearray(seed)
            for _ in range(min(3, len(damaged))):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            TARGETS[name](bytes(damaged))
