"""The API under TLS: who is served with what, what is refused, and a certificate's renewal."""

from __future__ import annotations

import logging
import ssl
from functools import partial
from pathlib import Path

import pytest
import trio

from fleet.cli.api import Api, NotRunningError
from fleet.cli.errors import CommandError
from fleet.cli.reaching import trust
from fleet.cli.settings import fleet_of_broken, url_of
from fleet.edge import FleetEdge
from tests.lab.tls import Authority, TlsFiles
from tests.web.hostile import DEADLINE, HEALTH, Target, eventually, read_all, served
from web.limits.edge import Allowance
from web.server import Limits
from web.tls import CertificateError, CertificateFiles, ServerTls, load

WITH_TLS = {
    "fleet_certificate_expiry_timestamp_seconds",
    "fleet_certificate_last_load_successful",
}
Stream = trio.SSLStream[trio.SocketStream]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def files_of(pair: TlsFiles) -> CertificateFiles:
    return CertificateFiles(pair.cert, pair.key)


def of_odd_version(cert: Path) -> str:
    """The certificate, as if it were of a version that there is not."""
    der = ssl.PEM_cert_to_DER_cert(cert.read_text())
    return ssl.DER_cert_to_PEM_cert(der.replace(b"\xa0\3\2\1\2", b"\xa0\3\2\1\7", 1))


def put(pair: TlsFiles, place: Path) -> CertificateFiles:
    """Have a pair's files under names that stay, as who renews certificates does."""
    for source, name in ((pair.cert, "cert.pem"), (pair.key, "key.pem")):
        fresh = place / f"{name}.new"
        fresh.write_bytes(source.read_bytes())
        fresh.replace(place / name)
    return CertificateFiles(place / "cert.pem", place / "key.pem")


def client(authority: Authority, **changes: object) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.ca))
    context.set_alpn_protocols(["h2", "http/1.1"])
    for name, value in changes.items():
        setattr(context, name, value)
    return context


async def secure(target: Target, context: ssl.SSLContext) -> Stream:
    plain = await target.connect()
    tls = trio.SSLStream(plain, context, server_hostname="127.0.0.1", https_compatible=True)
    try:
        with trio.fail_after(DEADLINE):
            await tls.do_handshake()
    except trio.BrokenResourceError:
        await plain.aclose()
        raise
    return tls


async def ask(stream: Stream) -> bytes:
    with trio.fail_after(DEADLINE):
        await stream.send_all(HEALTH)
        answer = b""
        while not answer.endswith(b"}") and (data := await stream.receive_some()):
            answer += data
        return answer


async def is_answered(target: Target, context: ssl.SSLContext) -> bool:
    stream = await secure(target, context)
    async with stream:
        return (await ask(stream)).startswith(b"HTTP/1.1 200 ")


async def test_it_is_served_with_a_certificate(authority: Authority) -> None:
    tls = await ServerTls.open(files_of(authority.server("127.0.0.1")))
    async with served(tls=tls) as target:
        stream = await secure(target, client(authority))
        assert stream.selected_alpn_protocol() == "http/1.1"
        assert stream.version() == "TLSv1.3"
        for _ in range(2):
            answer = await ask(stream)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"strict-transport-security: max-age=" in answer
        await stream.aclose()
        old = await secure(target, client(authority, maximum_version=ssl.TLSVersion.TLSv1_2))
        assert (await ask(old)).startswith(b"HTTP/1.1 200 ")
        await old.send_all(HEALTH.replace(b"/health", b"/" + b"a" * 20_000))
        assert b" 414 " in await read_all(old)
        await old.aclose()
        assert tls.context.minimum_version is ssl.TLSVersion.TLSv1_2
        await target.until_calm()


async def test_who_speaks_no_tls_is_told_or_cut(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    tls = await ServerTls.open(files_of(authority.server("127.0.0.1")))
    context = client(authority)
    async with served(tls=tls) as target:
        answer = await target.exchange(HEALTH)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"https://" in answer
        for said in (b"", b"\x16", b"\x16\x03\x01\x02\0", b"\x16" + b"\xff" * 5000, b"\0" * 100):
            slow = await target.connect()
            await slow.send_all(said)
            assert await is_answered(target, context)
            assert not (await read_all(slow)).startswith(b"HTTP/1.1 200")
            await slow.aclose()
        held = [target.hold(f"127.0.0.{2 + n}", 20, b"\x16\x03\x01") for n in range(5)]
        assert await is_answered(target, context)
        await eventually(lambda: target.open <= 1, lambda: f"{target.open} open")
        for plain in (each for some in held for each in some):
            plain.close()
        assert target.app.edge.counts.turned["handshake"] > 5
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_who_does_not_read_under_tls_is_cut(authority: Authority) -> None:
    tls = await ServerTls.open(files_of(authority.server("127.0.0.1")))
    async with served(tls=tls, containers=1000) as target:
        deaf = [await secure(target, client(authority)) for _ in range(5)]
        for stream in deaf:
            request = HEALTH.replace(b"/health", b"/api/containers?limit=1000")
            await stream.send_all(request)
        await eventually(lambda: target.open == 0, lambda: f"{target.open} open")
        for stream in deaf:
            await trio.aclose_forcefully(stream)
        await target.until_calm()


async def test_a_certificate_is_renewed_while_it_is_served(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = put(authority.server("127.0.0.1"), tmp_path)
    tls = await ServerTls.open(files)
    async with served(tls=tls, limits=Limits(grace=1)) as target, trio.open_nursery() as nursery:
        nursery.start_soon(tls.run)
        before = await secure(target, client(authority))
        loaded = tls.document().loaded
        files.cert.write_text("-----BEGIN CERTIFICATE-----\nrubbish\n")
        tls.trigger()
        await eventually(lambda: tls.error is not None, lambda: "it was taken")
        assert "holds no certificate" in (tls.document().error or "")
        told = {each.name: each.lines for each in FleetEdge(Allowance(), tls).families()}
        assert set(told) == WITH_TLS  # what alert rules name
        assert told["fleet_certificate_last_load_successful"][0].endswith(" 0\n")
        assert "the old one is served" in caplog.text
        assert await is_answered(target, client(authority))
        other = Authority(tmp_path / "other")
        put(other.server("127.0.0.1"), tmp_path)
        await eventually(lambda: tls.error is None, lambda: f"{tls.error}")  # by itself
        assert tls.document().loaded > loaded
        assert (await ask(before)).startswith(b"HTTP/1.1 200")
        assert await is_answered(target, client(other))
        await before.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await secure(target, client(authority))
        nursery.cancel_scope.cancel()


def test_what_cannot_be_served_is_explained(authority: Authority, tmp_path: Path) -> None:
    one, two = authority.server("127.0.0.1"), authority.server("127.0.0.1")
    locked = authority.client("locked", passphrase="secret")
    (tmp_path / "password").write_text("wrong\n")
    (tmp_path / "right").write_text("secret\n")
    (tmp_path / "both.pem").write_bytes(one.cert.read_bytes() + one.key.read_bytes())
    (tmp_path / "odd.pem").write_text(of_odd_version(one.cert))
    known = partial(CertificateFiles, locked.cert, locked.key)
    for files, words in (
        (CertificateFiles(tmp_path / "none"), "`tls_cert_file` .*none cannot be read"),
        (CertificateFiles(one.cert, tmp_path / "none"), "`tls_key_file` .*none cannot be read"),
        (CertificateFiles(one.key, one.key), "holds no certificate"),
        (CertificateFiles(tmp_path / "odd.pem", one.key), "holds no certificate"),
        (CertificateFiles(one.cert), "holds no private key"),
        (CertificateFiles(one.cert, two.key), "does not belong to the first certificate"),
        (known(), "is encrypted, and no password is set"),
        (known(password_file=tmp_path / "password"), "The password of the key .* is wrong"),
        (known(password_env="NO_SUCH"), "NO_SUCH"),
    ):
        with pytest.raises(CertificateError, match=words):
            load(files, {})
    assert load(known(password_file=tmp_path / "right"), {}).context
    assert load(known(password_env="KEY"), {"KEY": "secret"}).context
    assert load(CertificateFiles(tmp_path / "both.pem"), {}).context


async def test_the_command_line_knows_the_fleet_of_this_machine(
    authority: Authority, tmp_path: Path
) -> None:
    foreign = Authority(tmp_path / "foreign").server("127.0.0.1")
    named = authority.server("fleet.example.com")  # not for the address that is asked
    async with served(tls=await ServerTls.open(files_of(named))) as target:
        url = f"https://{target.address}"

        async def version(ca: Path | None, own: Path | None) -> str:
            api = Api(url, "", trust(url, ca, own))
            return (await trio.to_thread.run_sync(api.fleet)).version

        assert await version(None, named.cert)
        for ca, own in ((authority.ca, None), (None, None), (None, foreign.cert)):
            with pytest.raises(CommandError, match="is not accepted"):
                await version(ca, own)
        with pytest.raises(CommandError, match="no certificate"):
            await version(None, named.key)
        unfit = Api(url, "", trust(url, None, foreign.cert), pinned=True)
        with pytest.raises(CommandError) as refused:
            await trio.to_thread.run_sync(unfit.hosts)
        assert "than that of tls_cert_file" in (refused.value.hint or "")
        plain = Api(f"http://{target.address}")
        with pytest.raises((CommandError, NotRunningError), match="TLS"):
            await trio.to_thread.run_sync(plain.hosts)
    right = authority.server("127.0.0.1")
    async with served(tls=await ServerTls.open(files_of(right))) as target:
        url = f"https://{target.address}"
        api = Api(url, "", trust(url, authority.ca, None))
        assert await trio.to_thread.run_sync(api.hosts)
    assert trust("http://127.0.0.1:1", authority.ca, None) is None


def test_a_broken_file_still_tells_where_the_fleet_is(tmp_path: Path) -> None:
    file = tmp_path / "hosts.toml"
    file.write_text('[fleet]\nlisten = "0.0.0.0:8443"\ntls_cert_file = "tls/cert.pem"\n[hsots]\n')
    found = fleet_of_broken(file)
    assert url_of(found) == "https://127.0.0.1:8443"
    assert found.tls_cert_file == tmp_path / "tls/cert.pem"
    file.write_text("[hsots]\n")
    assert url_of(fleet_of_broken(file)) == "http://127.0.0.1:8080"
