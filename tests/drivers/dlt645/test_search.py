"""The search for addresses: lines with any meters on them, and its limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.dlt645.frame import Edition
from drivers.dlt645.search import AddressSearch, address_question
from drivers.wire import Found
from tests.drivers.dlt645.simulated import SimulatedMeter, digits


def searched(meters: list[SimulatedMeter], search: AddressSearch) -> AddressSearch:
    """Search a line on which meters that answer together garble each other."""
    while question := search.question:
        answers = [answer for meter in meters if (answer := meter.hear(question.frame))]
        taken = question.take(answers[0]) if len(answers) == 1 else None
        if isinstance(taken, Found):
            search = search.answered(taken.answer.address)
        else:
            search = search.garbled() if answers else search.silent()
    return search


def test_one_meter_takes_one_question() -> None:
    """The first question is for anybody; alone on the line, the meter tells its address."""
    search = searched([SimulatedMeter("000000000161")], AddressSearch())

    assert (search.found, search.asked, search.is_complete) == (("000000000161",), 1, True)


def test_nobody_takes_one_question() -> None:
    """Silence ends the search."""
    search = searched([], AddressSearch())

    assert (search.found, search.asked, search.is_complete) == ((), 1, True)


@given(st.sets(st.integers(0, 10**12 - 2), min_size=2, max_size=6))
def test_all_meters_of_a_line_are_found(numbers: set[int]) -> None:
    """Where meters that answer together garble each other, every one of them is found."""
    meters = [SimulatedMeter(f"{number:012}") for number in numbers]
    search = searched(meters, AddressSearch(most=10**6))

    assert sorted(search.found) == sorted(meter.address for meter in meters)
    assert search.is_complete
    assert search.twins == ()


def test_meters_of_1997_are_found_by_a_reading() -> None:
    """1997 has no function for it: the meter number is read of anybody, the frame tells the address."""
    meters = [SimulatedMeter(address, {"C032": digits(address)}) for address in ("000003430163", "138000130754")]
    search = searched(meters, AddressSearch(edition=Edition.OF_1997))

    assert sorted(search.found) == ["000003430163", "138000130754"]
    assert address_question(Edition.OF_1997).frame[12] == 0x01


def test_two_meters_with_one_address_are_told() -> None:
    """When the whole address is given and there is still garbage, two meters share it."""
    search = searched([SimulatedMeter("000000000161"), SimulatedMeter("000000000161")], AddressSearch())

    assert (search.found, search.twins, search.asked) == ((), ("000000000161",), 1 + 6 * 100)


def test_noise_ends_a_search_at_its_bound() -> None:
    """On a line where everything is garbage the search stops, keeps little, and says that it is not complete."""
    search = AddressSearch(most=700)
    while search.question:
        search = search.garbled()

    assert (search.asked, search.is_complete) == (700, False)
    assert len(search.pending) <= 600


def test_an_address_found_twice_is_one_meter() -> None:
    """A meter that takes every wildcard for its own is one meter."""
    search = AddressSearch().garbled().answered("000000000161").answered("000000000161")

    assert search.found == ("000000000161",)
