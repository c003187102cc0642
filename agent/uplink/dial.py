"""From a host name to a socket that MQTT can be spoken on, without ever blocking.

Names are resolved by a thread of their own (the C library's resolver cannot be interrupted), with the last good
answer kept for when it fails. Addresses are tried side by side, a quarter of a second apart, so that a broken IPv6
costs nothing noticeable (RFC 8305). The TLS handshake runs on the non-blocking socket. All waiting is done by the
caller's `Waiter`, which also hears a request to stop.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
from collections import deque
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from agent.uplink.endings import Cause, EndedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config.site import MqttUplink
    from drivers.reading import Clock

_NEXT_ADDRESS_S = 0.25
_USER_TIMEOUT_MS = 20_000
_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME; Python's ssl module has no name for it."""


class Waiter(Protocol):
    """How the dialler waits. Raises `EndedError` when the program wants to stop."""

    def __call__(self, interest: Mapping[int, int], timeout_s: float) -> Mapping[int, int]:
        """Wait until a descriptor is ready for its `select.poll` mask, something woke us, or the time is over."""


class Address(NamedTuple):
    """What `socket` needs to connect."""

    family: int
    sockaddr: Any


class Deadline:
    """A moment on the monotonic clock."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        """Set it `seconds` from now."""
        self._clock = clock
        self._at_ns = clock.mono_ns() + int(seconds * 1e9)

    def left_s(self) -> float:
        """Return the seconds left, 0 when over."""
        return max(0.0, (self._at_ns - self._clock.mono_ns()) / 1e9)


class Resolver:
    """Host names to addresses. One question at a time; a slow answer is used when it comes."""

    def __init__(self, host: str, port: int, *, wake: Callable[[], None]) -> None:
        """`wake` is called from the resolving thread when an answer is there."""
        self._host = host
        self._port = port
        self._wake = wake
        self._thread: Thread | None = None
        self._answers: deque[list[Address] | str] = deque(maxlen=1)
        self._known: list[Address] = []

    def addresses(self, wait: Waiter, deadline: Deadline) -> list[Address]:
        """Return the addresses; the last known ones when the resolver fails or is too slow."""
        if numeric := _look_up(self._host, self._port, socket.AI_NUMERICHOST):
            return numeric
        if self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._ask, name="resolver", daemon=True)
            self._thread.start()
        while not self._answers and deadline.left_s() > 0:
            wait({}, deadline.left_s())
        answer = self._answers.pop() if self._answers else "no answer from the name server"
        if isinstance(answer, list):
            self._known = answer
        elif not self._known:
            raise EndedError(Cause.UNREACHABLE, f"cannot resolve {self._host}: {answer}")
        return self._known

    def _ask(self) -> None:
        try:
            self._answers.append(_resolved(self._host, self._port, 0))
        except (OSError, UnicodeError) as error:
            self._answers.append(in_words(error))
        self._wake()


def _look_up(host: str, port: int, flags: int) -> list[Address]:
    with suppress(OSError, UnicodeError):
        return _resolved(host, port, flags)
    return []


def _resolved(host: str, port: int, flags: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [Address(family, sockaddr) for family, _, _, _, sockaddr in found]


def connect(addresses: list[Address], name: str, wait: Waiter, deadline: Deadline) -> socket.socket:
    """Return a connected non-blocking socket to the first address that answers."""
    race = _Race()
    try:
        return race.run(addresses, name, wait, deadline)
    finally:
        race.close()


class _Race:
    """Several connection attempts side by side; the losers are closed."""

    def __init__(self) -> None:
        self._running: dict[int, socket.socket] = {}
        self._error = "no address"

    def run(self, addresses: list[Address], name: str, wait: Waiter, deadline: Deadline) -> socket.socket:
        todo = deque(addresses)
        while deadline.left_s() > 0 and (todo or self._running):
            if todo:
                self._start(todo.popleft())
            patience_s = min(deadline.left_s(), _NEXT_ADDRESS_S) if todo else deadline.left_s()
            if self._running and (
                winner := self._first(wait(dict.fromkeys(self._running, select.POLLOUT), patience_s))
            ):
                _tune(winner)
                return winner
        words = "no answer" if self._running else self._error
        raise EndedError(Cause.UNREACHABLE, f"cannot reach {name}: {words}")

    def close(self) -> None:
        for sock in self._running.values():
            sock.close()

    def _start(self, address: Address) -> None:
        try:
            sock = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            self._error = in_words(error)
            return
        self._running[sock.fileno()] = sock
        try:
            sock.connect(address.sockaddr)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(sock, error)

    def _first(self, ready: Mapping[int, int]) -> socket.socket | None:
        for fd in ready:
            sock = self._running.get(fd)
            if sock is None:
                continue
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                return self._running.pop(fd)
            self._lose(sock, OSError(code, os.strerror(code)))
        return None

    def _lose(self, sock: socket.socket, error: OSError) -> None:
        self._error = in_words(error)
        del self._running[sock.fileno()]
        sock.close()


def _tune(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)


def tls_context(uplink: MqttUplink, *, clock_known: bool) -> ssl.SSLContext:
    """Return the context for one connection: TLS 1.2 or newer, host name checked, only the pinned CA trusted.

    The flags are set so that Python 3.11 and 3.13 accept the same certificates. While the box does not know the time
    every certificate looks "not yet valid"; then, and only with a pinned CA, the dates are not checked.
    """
    try:
        context = ssl.create_default_context(cafile=_text(uplink.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if uplink.cert_file is not None:
            context.load_cert_chain(uplink.cert_file, uplink.key_file, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        raise EndedError(Cause.LOCAL, _file_trouble(uplink, error)) from error
    if not clock_known and uplink.ca_file is not None:
        context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


def _text(path: os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)


def _file_trouble(uplink: MqttUplink, error: OSError) -> str:
    files = ", ".join(str(path) for path in (uplink.ca_file, uplink.cert_file, uplink.key_file) if path is not None)
    return f"cannot use the TLS files ({files}): {in_words(error)}"


def secure(sock: socket.socket, context: ssl.SSLContext, host: str, wait: Waiter, deadline: Deadline) -> ssl.SSLSocket:
    """Return `sock` with TLS on it; the certificate must be for `host`."""
    tls = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    try:
        _shake_hands(tls, wait, deadline)
    except ssl.SSLCertVerificationError as error:
        tls.close()
        raise EndedError(Cause.UNTRUSTED, f"certificate of {host} refused: {error.verify_message}") from error
    except (OSError, ValueError) as error:
        tls.close()
        cause = Cause.UNTRUSTED if "alert" in str(error) else Cause.DROPPED
        raise EndedError(cause, f"TLS with {host} failed: {in_words(error)}") from error
    except EndedError:
        tls.close()
        raise
    return tls


def _shake_hands(tls: ssl.SSLSocket, wait: Waiter, deadline: Deadline) -> None:
    while deadline.left_s() > 0:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            wait({tls.fileno(): select.POLLIN}, deadline.left_s())
        except ssl.SSLWantWriteError:
            wait({tls.fileno(): select.POLLOUT}, deadline.left_s())
        else:
            return
    raise TimeoutError("no answer")


def in_words(error: Exception) -> str:
    """Return what the operating system or OpenSSL said, for people."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
