"""SM4 as HJ 212-2025 uses it, against the printed examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.hj212.packet import Packet, Rejected, Splitter, Wrong
from drivers.hj212.sealed import BLOCK, Sm4Key, content_span, is_clear
from tests.drivers.hj212.frames import PRINTED_KEY, Frame, entry, framed, named

EXAMPLES = [
    pytest.param(named("CN 2051 plaintext"), named("SM4 wire bytes"), id="incomplete last block"),
    pytest.param(named("1 2025 upload CN 2051 plaintext"), named("42 2025 upload CN 2051 SM4"), id="whole blocks"),
]


def test_the_block_cipher_is_the_published_one() -> None:
    """The single block of GB/T 32907 comes out."""
    key, plain, cipher = (bytes.fromhex(part.partition("=")[2]) for part in entry("SM4").split())

    assert Sm4Key(key).sealed(plain) == cipher
    assert Sm4Key(key).opened(cipher) == plain


@pytest.mark.parametrize(("plain", "sealed"), EXAMPLES)
def test_the_printed_examples_are_reproduced(plain: Frame, sealed: Frame) -> None:
    """Both printed examples come out byte for byte, in either direction."""
    assert PRINTED_KEY.sealed_data(plain.data) == sealed.data
    assert PRINTED_KEY.opened_data(sealed.data) == plain.data
    assert plain.wire[-6:] == sealed.wire[-6:], "the CRC is that of the plaintext"


@pytest.mark.parametrize(("plain", "sealed"), EXAMPLES)
def test_with_the_key_a_sealed_packet_is_read(plain: Frame, sealed: Frame) -> None:
    """The splitter gives the plaintext, and says that the packet was encrypted."""
    (packet,) = Splitter(PRINTED_KEY).feed(sealed.wire)

    assert packet == Packet(plain.data, len(sealed.wire), sealed=True)


@pytest.mark.parametrize(
    ("key", "reason"),
    [(None, "encrypted: give its key"), (Sm4Key(b"1" * 16), "encrypted: the key given does not open it")],
    ids=["no key", "another key"],
)
@pytest.mark.parametrize(("plain", "sealed"), EXAMPLES)
def test_without_its_key_a_sealed_packet_is_refused_in_words(
    plain: Frame, sealed: Frame, key: Sm4Key | None, reason: str
) -> None:
    """An encrypted packet without its key is not taken for noise."""
    first, *_ = Splitter(key).feed(sealed.wire)

    assert first == Rejected(Wrong.SEALED, reason)


@given(st.binary(max_size=200), st.binary(min_size=16, max_size=16))
def test_sealing_keeps_the_length_and_opens_again(content: bytes, key: bytes) -> None:
    """Whatever the content is, it comes back; the last incomplete block stays in the clear."""
    sealed = Sm4Key(key).sealed(content)
    tail = len(content) // BLOCK * BLOCK

    assert len(sealed) == len(content)
    assert sealed[tail:] == content[tail:]
    assert Sm4Key(key).opened(sealed) == content


def test_a_ciphertext_whose_crc_happens_to_fit_is_not_taken_for_plaintext() -> None:
    """One ciphertext in 256 carries the CRC of its plaintext; it is opened all the same, or refused."""
    for number in range(3000):
        plain = b"QN=20240520210700000;ST=31;CN=2011;MN=1;Flag=9;CP=&&DataTime=20240520%06d;a01011-Rtd=1.35&&" % number
        wire = framed(PRINTED_KEY.sealed_data(plain))
        if framed(plain)[-6:] == wire[-6:]:
            break
    else:
        pytest.fail("no such ciphertext among 3000")

    assert Splitter(PRINTED_KEY).feed(wire) == [Packet(plain, len(wire), sealed=True)]
    assert Splitter().feed(wire)[0] == Rejected(Wrong.SEALED, "encrypted: give its key")


@pytest.mark.parametrize("delimiter", [b"\r\n", b"&&"], ids=["CR LF", "&&"])
def test_delimiters_inside_a_ciphertext_do_not_cut_it(delimiter: bytes) -> None:
    """Any bytes may occur in what is encrypted: the length alone says where a packet ends."""
    for number in range(100_000):
        content = b"DataTime=%014d;a01011-Rtd=1.35" % number
        sealed = PRINTED_KEY.sealed(content)
        if delimiter in sealed:
            break
    else:
        pytest.fail("no such ciphertext among 100000")
    plain, wire = (framed(b"ST=31;CN=2011;MN=1;Flag=9;CP=&&%b&&" % part) for part in (content, sealed))
    (packet,) = Splitter(PRINTED_KEY).feed(wire[:-6] + plain[-6:])

    assert packet == Packet(plain[6:-6], len(wire), sealed=True)


def test_a_key_of_another_length_is_refused() -> None:
    """SM4 takes sixteen bytes."""
    with pytest.raises(ValueError, match="16 bytes, not 15"):
        Sm4Key(bytes(15))


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"ST=31;CP=&&a=1&&", b"a=1"),
        (b"ST=31;CP=&&a=1", b"a=1"),
        (b"ST=31;CP=&&&&", b""),
        (b"ST=31;CP=&&", b""),
        (b"ST=31;CP=&&&", b"&"),
        (b"ST=31", b""),
        (b"", b""),
    ],
)
def test_where_the_content_is(data: bytes, content: bytes) -> None:
    """The content of CP lies between && and the && at the end, if there are any."""
    start, end = content_span(data)

    assert data[start:end] == content
    assert is_clear(data)
