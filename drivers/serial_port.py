"""A serial port as a stream of bytes with a deadline (see `drivers.stream`). The only place that knows pyserial.

Promises:
- The port is ours alone while it is open: a lock that other well-behaved programs see (flock), and TIOCEXCL, which
  makes the kernel refuse them.
- No call blocks past its deadline, `close` included: what the adapter has not sent by then is dropped.
- An adapter that is pulled out is let go of at once. While somebody holds its dead descriptor, it comes back under
  another name. `open` follows a stable name (``/dev/serial/by-path/…``) anew each time.
- A byte with a parity or framing error is read as NUL, so that no check sum of one byte takes it for good.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import struct
import termios
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import serial
from serial.rs485 import RS485Settings

from drivers.errors import BadRequest, LinkDown
from drivers.tcp_link import LinkClosed

if TYPE_CHECKING:
    from drivers.reading import Clock
    from drivers.spec import LineSettings

CHUNK: Final = 512
TIOCGICOUNT: Final = 0x545D
"""Linux: the driver's counts of interrupts and line errors (asm-generic/ioctls.h); `termios` does not name it."""
ICOUNTER: Final = struct.Struct("11i 9i")
"""struct serial_icounter_struct: cts dsr rng dcd rx tx frame overrun parity brk buf_overrun, reserved."""
ANY_ERROR: Final = (OSError, ValueError, termios.error)
"""What pyserial and termios raise: SerialException is an OSError; a setting the driver will not take, ValueError."""

BYTESIZES: Final = {5: termios.CS5, 6: termios.CS6, 7: termios.CS7, 8: termios.CS8}
PARITIES: Final = {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}

NOT_THERE: Final = "it is not there: adapter unplugged? `ls -l /dev/serial/by-path` shows those that are"
NO_PERMISSION: Final = "no permission: add the user to group dialout (`sudo usermod -aG dialout USER`) and start again"
HELD: Final = "held by another process: `sudo fuser -v {port}` says which; stop it"
NO_PORT: Final = "it is no serial port"
REMEDIES: Final = {
    errno.ENOENT: NOT_THERE,
    errno.ENODEV: NOT_THERE,
    errno.ENXIO: NOT_THERE,
    errno.EACCES: NO_PERMISSION,
    errno.EPERM: NO_PERMISSION,
    errno.EBUSY: HELD,
    errno.EAGAIN: HELD,
    errno.ENOTTY: NO_PORT,
    errno.EISDIR: NO_PORT,
    errno.EIO: "there is no hardware behind it",
}


@dataclass(frozen=True, slots=True)
class LineFaults:
    """What the driver has counted since the machine started, as far as it counts at all."""

    frame: int
    parity: int
    overrun: int
    breaks: int


class SerialPort:
    """One port, open or not. Used by one thread. `settings` are those it has, ``None`` before any were applied."""

    def __init__(self, port: str, clock: Clock, direction: str = "adapter") -> None:
        """Remember where it is; nothing is touched before `open`.

        With `direction` "rts" the driver raises RTS while it sends (Linux, TIOCSRS485); "adapter" sees to it itself.
        """
        self.where = port
        self.connects = 0
        self.settings: LineSettings | None = None
        self._clock = clock
        self._direction = direction
        self._port: serial.Serial | None = None
        self._fd = -1
        self._readable = select.poll()

    @property
    def is_open(self) -> bool:
        """Whether the port is open, as far as we know."""
        return self._port is not None

    def open(self) -> None:
        """Open and lock the port. Raises LinkDown with the remedy."""
        port = serial.Serial(timeout=0, exclusive=True)
        port.port = self.where
        if self._direction == "rts":
            port.rs485_mode = RS485Settings()
        try:
            port.open()
            fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
        except ANY_ERROR as error:
            port.close()
            raise LinkDown(f"cannot open {self.where}: {_remedy(self.where, error)}") from error
        with contextlib.suppress(*ANY_ERROR):  # not every driver has it
            port.set_low_latency_mode(True)
        self._port, self._fd, self.settings = port, port.fileno(), None
        self._readable = select.poll()
        self._readable.register(self._fd, select.POLLIN)
        self.connects += 1

    def apply(self, settings: LineSettings) -> bool:
        """Set the line up unless it is so already; return whether anything changed.

        One call to the driver: a USB adapter takes milliseconds for each. Nothing may be on its way out: it would be
        cut off. Raises LinkClosed when the port is gone, and BadRequest for what it cannot do: that is the matter of
        the device that wants it, not of the whole line.
        """
        assert self._port is not None, "open first"
        if settings == self.settings:
            return False
        self.settings = None
        speed = getattr(termios, f"B{settings.baudrate}", None)
        if not speed:  # B0 would hang up
            raise BadRequest(f"{self.where}: no port does {settings.baudrate} baud: correct `baudrate`")
        try:
            termios.tcsetattr(self._fd, termios.TCSANOW, _attributes(termios.tcgetattr(self._fd), settings, speed))
            done = termios.tcgetattr(self._fd)[5]
        except termios.error as error:
            if error.args[0] == errno.EINVAL:
                raise BadRequest(f"{self.where}: the adapter cannot do {settings}") from error
            raise self._gone(str(error.args[-1])) from error
        if done != speed:  # a driver takes what it can and says so only here
            raise BadRequest(f"{self.where}: the adapter cannot do {settings.baudrate} baud")
        self.settings = settings
        return True

    def send(self, data: bytes) -> None:
        """Hand `data` to the driver. Raises LinkClosed, also when it does not take all of it."""
        assert self._port is not None, "open first"
        try:
            sent = os.write(self._fd, data)
        except OSError as error:
            raise self._gone(_words(error)) from error
        if sent != len(data):
            raise self._gone("it does not take our bytes")

    def receive(self, deadline_ns: int) -> bytes:
        """Return at least one byte, at most `CHUNK`. Raises TimeoutError at the deadline, LinkClosed."""
        left_ns = deadline_ns - self._clock.mono_ns()
        if left_ns <= 0 or not (events := self._readable.poll(left_ns / 1e6)):
            raise TimeoutError
        return self._take(events[0][1])

    def waiting(self) -> bytes:
        """Return what is here without waiting, ``b""`` when nothing is. Raises LinkClosed."""
        assert self._port is not None, "open first"
        events = self._readable.poll(0)
        return self._take(events[0][1]) if events else b""

    def unsent(self) -> int:
        """Return how many bytes the driver still holds (0 where it does not say). Raises LinkClosed."""
        return self._count(termios.TIOCOUTQ)

    def faults(self) -> LineFaults | None:
        """Return the driver's counts of line errors, ``None`` where it does not count."""
        try:
            counts = ICOUNTER.unpack(fcntl.ioctl(self._fd, TIOCGICOUNT, bytes(ICOUNTER.size)))
        except (OSError, ValueError):
            return None
        return LineFaults(frame=counts[6], parity=counts[8], overrun=counts[7], breaks=counts[9])

    def hang_up(self) -> None:
        """Close the port, to `open` it again."""
        self.close()

    def close(self) -> None:
        """Give the port back. Closing twice is fine."""
        port, self._port, fd, self._fd = self._port, None, self._fd, -1
        if port is None:
            return
        self._readable = select.poll()  # the descriptor's number will soon be somebody else's
        with contextlib.suppress(*ANY_ERROR):  # the kernel would wait until all is sent, or half a minute
            termios.tcflush(fd, termios.TCOFLUSH)
        with contextlib.suppress(*ANY_ERROR):  # else it stays while anybody else has the port open
            fcntl.ioctl(fd, termios.TIOCNXCL)
        with contextlib.suppress(*ANY_ERROR):
            port.close()

    def _take(self, event: int) -> bytes:
        if not event & select.POLLIN:
            raise self._gone("unplugged")
        try:
            data = os.read(self._fd, CHUNK)
        except OSError as error:
            raise self._gone(_words(error)) from error
        if not data:  # what `poll` promised is not there
            raise self._gone("unplugged, or another program reads from it")
        return data

    def _count(self, request: int) -> int:
        try:
            return int.from_bytes(fcntl.ioctl(self._fd, request, bytes(4)), "little")
        except OSError as error:
            if error.errno in (errno.EIO, errno.ENODEV):
                raise self._gone(_words(error)) from error
            return 0

    def _gone(self, why: str) -> LinkClosed:
        self.close()
        return LinkClosed(why)


def _attributes(now: list[Any], settings: LineSettings, speed: int) -> list[Any]:
    """Return the attributes `now` (pyserial has made them raw) with `settings` in them (POSIX, termios.h)."""
    iflag, oflag, cflag, lflag, _, _, characters = now
    # INPCK without IGNPAR and PARMRK: bytes with errors read as NUL. No BRKINT: a break must not flush or interrupt.
    iflag = (iflag | termios.INPCK) & ~(termios.IGNPAR | termios.PARMRK | termios.BRKINT | termios.IGNBRK)
    cflag &= ~(termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB)
    cflag |= BYTESIZES[settings.bytesize] | PARITIES[settings.parity] | (settings.stopbits > 1) * termios.CSTOPB
    return [iflag, oflag, cflag, lflag, speed, speed, characters]


def _remedy(port: str, error: Exception) -> str:
    """Return what is wrong and what to do about it."""
    if isinstance(error, ValueError) and "RS485" in str(error):
        return 'its driver cannot switch RS-485 by RTS: write direction = "adapter" or use a port that can'
    words = REMEDIES.get(_errno(error) or 0)
    return words.format(port=port) if words else _words(error)


def _errno(error: BaseException) -> int | None:
    """Return the number of the system's error; pyserial wraps some without it."""
    if isinstance(error, termios.error):
        return int(error.args[0])
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    return _errno(error.__context__) if isinstance(error, OSError) and error.__context__ is not None else None


def _words(error: Exception) -> str:
    number = _errno(error)
    if number == errno.EIO:
        return "unplugged"
    return os.strerror(number).lower() if number else str(error)
