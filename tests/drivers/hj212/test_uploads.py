"""Which upload brings which field."""

from __future__ import annotations

import pytest

from drivers.hj212.uploads import MixedUploads, Upload, parted, upload_of


@pytest.mark.parametrize(
    ("fields", "upload"),
    [
        (["Rtd", "ZsRtd", "EFlag"], Upload.REAL_TIME),
        (["Min", "Avg", "Max", "Cou", "ZsMin", "ZsAvg", "ZsMax", "Flag"], Upload.MINUTE),
        (["minute:Avg", "Max"], Upload.MINUTE),
        (["hour:Avg", "hour:Cou"], Upload.HOUR),
        (["day:Avg"], Upload.DAY),
        (["RS"], Upload.STATE),
        (["RT"], Upload.RUN_HOURS),
        (["Flag"], Upload.REAL_TIME),
        (["SampleTime", "day:Flag"], Upload.DAY),
        ([], Upload.REAL_TIME),
    ],
)
def test_the_fields_tell_the_upload(fields: list[str], upload: Upload) -> None:
    """Real-time values come with 2011, states with 2021, means with minute data unless hour or day is said."""
    assert upload_of(fields) == upload


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (["Rtd", "Avg"], "Rtd with CN 2011, Avg with CN 2051"),
        (["Avg", "hour:Avg"], "Avg with CN 2051, hour:Avg with CN 2061"),
        (["Rtd", "RS"], "Rtd with CN 2011, RS with CN 2021"),
    ],
)
def test_one_device_has_one_kind_of_upload(fields: list[str], told: str) -> None:
    """Otherwise every scan would hold unknowns; the words say what to do."""
    with pytest.raises(MixedUploads) as raised:
        upload_of(fields)

    assert str(raised.value) == (
        f"one device takes one kind of upload ({told}): declare a device for each, with the same MN"
    )


@pytest.mark.parametrize("field", ["week:Avg", ":Avg", "2061:Avg"])
def test_another_prefix_is_refused(field: str) -> None:
    """There are four kinds."""
    with pytest.raises(ValueError, match="is none of real, minute, hour, day"):
        parted(field)
