"""Why a visit gave nothing. Each leaf is named by who must act.

Drivers raise these; above the poller there are no exceptions, only scans with a `fault`.
"""

from __future__ import annotations


class DriverError(Exception):
    """A visit that gave nothing. ``str(error)`` is the reason in words, fit for plant staff."""


class LinkDown(DriverError):
    """The bus itself is down (host unreachable, connection refused or reset, port unplugged), and all devices on it."""


class NoAnswer(DriverError):
    """The device did not answer in time."""


class BadFrame(DriverError):
    """Something answered, but not with a frame that matches the request in every field."""


class Refused(DriverError):
    """The device answered with a Modbus exception (MODBUS Application Protocol V1.1b3, section 7)."""

    def __init__(self, code: int, reason: str) -> None:
        """Keep the exception `code` (1..255) beside the `reason` in words."""
        super().__init__(reason)
        self.code = code


class BadRequest(DriverError):
    """We were asked for something that cannot be sent; the site file or the program is wrong."""
