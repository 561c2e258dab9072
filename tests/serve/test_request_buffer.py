from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow.request_buffer import HEAD_BYTES, SMALL_BYTES, Arrival, RequestBuffer
from tests.house import working_at_most

HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\n"
WHOLE = {
    "no body": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "form": HEAD + b"Content-Length: 5\r\n\r\nabcde",
    "any case": HEAD + b"CONTENT-LENGTH :5\r\n\r\nabcde",
    "empty": HEAD + b"Content-Length: 0\r\n\r\n",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    "trailers": HEAD + b"transfer-encoding:chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
    "malformed chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 4\r\n\r\nabcd",
}


def arrivals(pieces: list[bytes]) -> list[Arrival]:
    request = RequestBuffer()
    return [request.feed(piece) for piece in pieces]


@pytest.mark.parametrize("name", WHOLE)
def test_a_request_is_whole_with_its_last_byte_and_not_before(name: str) -> None:
    pieces = [bytes([byte]) for byte in WHOLE[name]]

    *before, last = arrivals(pieces)

    assert set(before) == {Arrival.PART}
    assert last is Arrival.WHOLE


@given(st.sampled_from(sorted(WHOLE)), st.lists(st.integers(1, 40), max_size=30))
def test_it_is_the_same_however_it_is_cut(name: str, cuts: list[int]) -> None:
    whole, pieces = WHOLE[name], []
    for cut in cuts:
        pieces.append(whole[:cut])
        whole = whole[cut:]

    assert arrivals([*filter(None, pieces), *([whole] if whole else [])])[-1] is Arrival.WHOLE


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"Content-Length: %d\r\n\r\n" % (SMALL_BYTES + 1),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (SMALL_BYTES + 1),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * (SMALL_BYTES // 5),
    ],
)
def test_a_large_body_is_told_from_its_head(request_bytes: bytes) -> None:
    assert arrivals([request_bytes]) == [Arrival.LARGE]


def test_a_head_without_end_is_not_waited_for() -> None:
    assert arrivals([b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_BYTES]) == [Arrival.ENDLESS]


def test_a_client_that_waits_for_a_word_is_noticed() -> None:
    request = RequestBuffer()
    request.feed(HEAD + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")

    assert request.expects_continue


def test_many_small_chunks_in_many_pieces_take_no_time() -> None:
    request = RequestBuffer()
    request.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")

    with working_at_most(2):
        for _ in range(30_000):
            request.feed(b"1\r\n")
            request.feed(b"a\r\n")


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        (
            "GET /l/abc» HTTP/1.1\r\nX: é\r\n\r\n".encode(),
            "GET /l/abc%C2%BB HTTP/1.1\r\nX: é\r\n\r\n".encode(),
        ),
        (b"GET /l/abc\xbb HTTP/1.1\r\n\r\n", b"GET /l/abc%BB HTTP/1.1\r\n\r\n"),
        (b"GET /l/abc%BB HTTP/1.1\r\n\r\n", b"GET /l/abc%BB HTTP/1.1\r\n\r\n"),
        (WHOLE["chunks"], WHOLE["chunks"]),
        (b"\xff", b"\xff"),
    ],
)
def test_an_address_is_handed_on_in_ascii_and_the_rest_as_it_came(sent: bytes, written: bytes) -> None:
    request = RequestBuffer()
    request.feed(sent)

    assert request.written() == written
