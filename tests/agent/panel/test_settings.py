"""What the panel takes out of a site file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.panel.settings import NoPanel, Settings, read_settings, settings_of
from config.load import load_front
from config.problem import SiteProblems
from config.site import Annunciator

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = '[gateway]\nid = "jn-0417"\nlanguage = "en"\n'
UNREADABLE = """
[uplink.mqtt]
url = "mqtt://broker.example"
username = "x"
password_file = "of-another-user"
[[device]]
name = 7
"""


def written(folder: Path, text: str) -> Path:
    """Return a site file."""
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_defaults_are_safe(tmp_path: Path) -> None:
    """Nobody looks without logging in; beyond this machine there is TLS."""
    found = read_settings(written(tmp_path, GATEWAY + '[panel]\nlisten = "0.0.0.0:8443"\n'))
    table = found.panel

    assert (found.gateway, found.name["en"], found.language) == ("jn-0417", "jn-0417", "en")
    assert (table.host, table.port, table.open, table.tls, table.idle_s) == ("0.0.0.0", 8443, False, True, 1800.0)


def loaded(folder: Path, text: str) -> Settings:
    """Return the settings, read in this process."""
    return settings_of(load_front(written(folder, text)))


LISTEN = {"127.0.0.1:8080": False, "localhost:80": False, "[::1]:8080": False, "[::]:8080": True, "10.0.0.5:80": True}


@pytest.mark.parametrize("listen", LISTEN)
def test_tls_is_left_out_on_this_machine_only(tmp_path: Path, listen: str) -> None:
    """Unless the site says so."""
    for written_tls, tls in (("", LISTEN[listen]), ("tls = true\n", True), ("tls = false\n", False)):
        text = f'{GATEWAY}[panel]\nlisten = "{listen}"\n{written_tls}'
        assert loaded(tmp_path, text).panel.tls is tls


def test_light_and_horn_come_with_it(tmp_path: Path) -> None:
    """The table [annunciator], where there is one, with its defaults."""
    panel = GATEWAY + '[panel]\nlisten = "127.0.0.1:8080"\n'
    table = '[annunciator]\nlight = "GPIO17"\ncommand = ["/bin/beacon", "2"]\n'

    assert loaded(tmp_path, panel).annunciator is None
    assert read_settings(written(tmp_path, panel + table)).annunciator == Annunciator(
        light="GPIO17", horn=None, silence=None, active_low=False, command=("/bin/beacon", "2"), horn_from="high"
    )


def test_mistakes_of_light_and_horn_are_told_to_the_panel_too(tmp_path: Path) -> None:
    """It must not start with a horn that stays quiet."""
    text = GATEWAY + '[panel]\nlisten = "127.0.0.1:8080"\n[annunciator]\nhorn = "GPIO17"\nlight = "GPIO17"\n'

    with pytest.raises(SiteProblems, match="has this pin already"):
        loaded(tmp_path, text)


def test_the_rest_of_the_file_is_not_its_business(tmp_path: Path) -> None:
    """Neither mistakes elsewhere nor files it may not read keep the panel from starting."""
    found = loaded(tmp_path, GATEWAY + '[panel]\nlisten = "127.0.0.1:8080"\n' + UNREADABLE)

    assert found.panel.port == 8080


def test_mistakes_in_its_own_tables_are_all_told(tmp_path: Path) -> None:
    """As `plantgate check` tells them."""
    text = '[gateway]\nid = "UP"\n[panel]\nlisten = "8080"\nidle = "1s"\nhost = "x"\ncert_file = "a.pem"\n'

    with pytest.raises(SiteProblems) as found:
        read_settings(written(tmp_path, text))

    assert len(found.value.problems) == 5


def test_without_a_panel_there_is_nothing_to_serve(tmp_path: Path) -> None:
    """And it says what to write."""
    with pytest.raises(NoPanel, match=r"\[panel\]"):
        loaded(tmp_path, GATEWAY)


def test_paths_count_from_the_files_folder(tmp_path: Path) -> None:
    """As everywhere in a site file."""
    text = (
        GATEWAY
        + '[panel]\nlisten = "0.0.0.0:8443"\ncert_file = "a.pem"\nkey_file = "/k/a.key"\nhosts = ["Works.EXAMPLE"]\n'
    )
    table = loaded(tmp_path, text).panel

    assert (str(table.cert_file), str(table.key_file)) == (f"{tmp_path}/a.pem", "/k/a.key")
    assert table.hosts == ("works.example",)
