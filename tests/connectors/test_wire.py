import random

import pytest

from connectors.wire import MAX_HEAD, MalformedError, Reader, TruncatedError

HEAD = b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def read(data: bytes, step: int, *, then_close: bool = False) -> tuple[Reader, bytes]:
    reader = Reader()
    body = b""
    for at in range(0, len(data), step):
        body += reader.feed(data[at : at + step])
    if then_close:
        body += reader.feed(b"")
    return reader, body


@pytest.mark.parametrize("step", [1, 2, 3, 7, 10_000])
@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (HEAD + b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (HEAD + b"Content-Length: 0\r\n\r\n", b""),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (CHUNKED + b"2;x=y\r\nhe\r\n003\r\nllo\r\n0\r\nEtag: x\r\nA: b\r\n\r\n", b"hello"),
        (CHUNKED + b"0\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + HEAD + b"Content-Length: 1\r\n\r\n!", b"!"),
    ],
)
def test_answers_are_read_however_they_are_cut(step: int, answer: bytes, body: bytes) -> None:
    reader, got = read(answer, step)
    assert (got, reader.done, reader.clean) == (body, True, True)


@pytest.mark.parametrize("step", [1, 10_000])
def test_without_length_the_end_of_the_connection_ends_the_body(step: int) -> None:
    reader, body = read(b"HTTP/1.0 200 OK\r\n\r\nall of it", step, then_close=True)
    assert (body, reader.done, reader.clean) == (b"all of it", True, False)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n!",
        HEAD + b"Connection: Close\r\nContent-Length: 1\r\n\r\n!",
        HEAD + b"Content-Length: 1\r\n\r\n!surplus",
        CHUNKED + b"1\r\n!\r\n0\r\n\r\nsurplus",
    ],
)
def test_a_connection_that_cannot_be_reused_is_not_clean(answer: bytes) -> None:
    reader, body = read(answer, len(answer))
    assert (body, reader.done, reader.clean) == (b"!", True, False)


@pytest.mark.parametrize("step", [1, 10_000])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
        (b"\x15\x03\x01\x00\x02\x02", "does not speak HTTP"),
        (b"HTTP/2 200 OK\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "malformed header"),
        (HEAD + b" folded: x\r\n\r\n", "malformed header"),
        (HEAD + b"Name : x\r\n\r\n", "malformed header"),
        (HEAD + b"Content-Length: -1\r\n\r\n", "malformed length"),
        (HEAD + b"Content-Length: " + b"9" * 19 + b"\r\n\r\n", "malformed length"),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "two different lengths"),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "ambiguous"),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "ambiguous"),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\n", "compressed"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "101 unasked"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9, "100 unasked"),
        (CHUNKED + b"zz\r\n", "malformed chunk"),
        (CHUNKED + b"-1\r\n", "malformed chunk"),
        (CHUNKED + b"1" * 16 + b"\r\n", "malformed chunk"),
        (CHUNKED + b"1" * 600, "malformed chunk"),
        (CHUNKED + b"2\r\nabc\r\n", "longer than it says"),
        (HEAD + b"X: y\r\n" * MAX_HEAD, "bytes of headers"),
        (CHUNKED + b"0\r\n" + b"X: y\r\n" * MAX_HEAD, "bytes of trailers"),
    ],
)
def test_rubbish_is_refused(step: int, answer: bytes, said: str) -> None:
    if step == 1 and len(answer) > MAX_HEAD:
        step = 1000
    with pytest.raises(MalformedError, match=said):
        read(answer, step)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 20",
        HEAD,
        HEAD + b"Content-Length: 5\r\n\r\nhell",
        CHUNKED + b"5\r\nhell",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n",
    ],
)
def test_an_end_too_early_is_told(answer: bytes) -> None:
    with pytest.raises(TruncatedError):
        read(answer, 10_000, then_close=True)


def test_a_reader_holds_no_more_than_one_head_or_chunk_line() -> None:
    reader, _ = read(CHUNKED, 10_000)
    for _ in range(1000):
        assert reader.feed(b"1000\r\n" + b"x" * 4096 + b"\r\n") == b"x" * 4096
    assert len(reader._held) < 300


@pytest.mark.parametrize("size", [1, 15])
def test_chunks_that_are_tiny_on_average_are_refused(size: int) -> None:
    tiny = b"%x\r\n%s\r\n" % (size, b"x" * size)
    with pytest.raises(MalformedError, match="too many tiny chunks"):
        read(CHUNKED + tiny * 20_000, 65_536)
    read(CHUNKED + tiny * 1000, 65_536)  # of a few, nothing is said
    big = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    read(CHUNKED + (big + tiny * 100) * 40, 65_536)
    reader = Reader(least_chunk=0)
    reader.feed(CHUNKED)
    assert len(reader.feed(tiny * 20_000)) == size * 20_000


def test_whatever_comes_only_malformed_is_raised() -> None:
    chance = random.Random(7)  # noqa: S311 - the same rubbish in every run
    answers = [
        CHUNKED + b"5\r\nhello\r\nA;x\r\n0123456789\r\n0\r\nE: x\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 5\r\n\r\nhello",
    ]
    refused = 0
    for _ in range(4000):
        data = bytearray(chance.choice(answers))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 2))
        try:
            reader, body = read(bytes(data), chance.choice([1, 7, 1000]), then_close=True)
        except MalformedError as error:
            refused += 1
            assert len(error.sample) <= 64  # noqa: PT017 - most of them are, not all
        else:
            assert reader.done
            assert len(body) <= len(data)
    assert refused > 1000
