"""A month of the demo's plant, running as it does day and night: nothing is flagged, and nobody is bothered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.months.demo import PERMIT, demo_site, visits
from tests.months.house import House
from tests.months.normal import FALSIFICATION, outside_targets

if TYPE_CHECKING:
    from config.site import Site

DAYS = 30

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The demo's site as a plant would have it."""
    return demo_site(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def month(site: Site) -> House:
    """The box after the month."""
    return House(site).run(visits(site, DAYS), [PERMIT])


def test_the_demo_has_what_there_is_to_falsify(month: House) -> None:
    """Most falsification rules find their inputs there, none of them waits for history any more, and none fails."""
    rows = {row["rule"]: row for row in month.judgement.rules() if row["rule"] in FALSIFICATION}
    active = {rule for rule, row in rows.items() if row["active"]}

    assert len(active) > len(FALSIFICATION) / 2
    assert {rule for rule in active if rows[rule]["not_ready"]} == set()
    assert month.failures == 0


def test_no_rule_flags_cheating(month: House) -> None:
    """None of the falsification rules fires once in 30 days, not even suppressed."""
    fired = {one.alarm for one in month.happenings if one.what in ("raised", "suppressed")}

    assert {alarm for alarm in fired if alarm.split(".")[1] in FALSIFICATION} == set()


def test_the_alarm_load_is_inside_its_targets(month: House) -> None:
    """Annunciated alarms, floods, peaks, stale and chattering ones: as the standard practice wants them."""
    figures = month.judgement.alarms.figures()

    assert figures["observed_h"] == pytest.approx(24 * DAYS, abs=0.1)
    assert outside_targets(figures) == {}
