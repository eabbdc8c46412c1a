"""Images by URI from hosts that the operator allows: real HTTPS servers, names that are looked up in the test."""

import hashlib
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from visum.v1 import common_pb2

from tests.support.authorities import Authority
from tests.support.pictures import encoded, noise
from visum_runtime.errors import InvalidInput
from visum_runtime.request_images import RequestImages
from visum_runtime.settings import ServerSettings
from visum_runtime.views import View

PICTURE = encoded(noise(20, 20))
NAME, OTHER = "images.example", "other.example"
MOST_BYTES = 100_000
FILES = {"/public/a.png": PICTURE, "/public/huge.png": bytes(MOST_BYTES + 1), "/public/cut.png": PICTURE}


class QuietServer(http.server.ThreadingHTTPServer):
    """Expects connections to be cut."""

    def handle_error(self, *_about: object) -> None:
        pass


class Host:
    """An HTTPS server of the loopback."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.asked: list[str] = []
        """Host and path of each request."""
        self.redirects: dict[str, str] = {}
        self.dripping = threading.Event()
        files = authority.issue("host", NAME)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        self.server = QuietServer(("127.0.0.1", 0), partial(Handler, self))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def uri(self, path: str, name: str = NAME) -> str:
        return f"https://{name}:{self.port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers for a host."""

    def __init__(self, host: Host, *about: Any) -> None:
        self.host = host
        super().__init__(*about)

    def do_GET(self) -> None:
        self.host.asked.append(f"{self.headers['Host']}{self.path}")
        if self.path in self.host.redirects:
            self.send_response(302)
            self.send_header("Location", self.host.redirects[self.path])
            self.end_headers()
        elif self.path == "/public/drip.png":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            while not self.host.dripping.wait(0.01):
                self.wfile.write(b"x")
        else:
            self.answer(FILES.get(self.path.partition("?")[0]))

    def answer(self, content: bytes | None) -> None:
        self.send_response(404 if content is None else 200)
        if self.path == "/public/cut.png":
            self.send_header("Content-Length", str(len(PICTURE) + 1))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Host]:
    host = Host(Authority(tmp_path_factory.mktemp("host")))
    yield host
    host.dripping.set()
    host.server.shutdown()
    host.server.server_close()


@pytest.fixture
def host(served) -> Host:
    served.asked.clear()
    served.redirects.clear()
    return served


async def read(host: Host, uri: str, *addresses: str, **options) -> View:
    """Reads from a server whose names are of the next of these addresses each time that they are looked up."""
    answers = iter(addresses or ["127.0.0.1"] * 9)

    def resolve(_name: str, port: int, **_options: object) -> list[tuple]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (next(answers), port))]

    usual = {
        "allowed_uri_prefixes": host.uri("/public"),
        "allow_private_uri_addresses": True,
        "max_image_bytes": MOST_BYTES,
        "uri_ca": str(host.authority.path),
    }
    settings = ServerSettings(**usual | options)
    image = common_pb2.Image(uri=uri, sha256=hashlib.sha256(PICTURE).hexdigest())
    return await RequestImages(settings, resolve).view(image, common_pb2.Preprocessing(resize=16, crop=16))


async def refusal(*arguments, **options) -> str:
    with pytest.raises(InvalidInput) as caught:
        await read(*arguments, **options)
    assert caught.value.field == "image.uri"
    return caught.value.message


async def test_an_image_of_an_allowed_host_is_read(host):
    for path in ("/public/a.png", "/public/a.png?signature=a%2Fb"):
        assert (await read(host, host.uri(path))).side == 16
    assert host.asked[0] == f"{NAME}:{host.port}/public/a.png"


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::ffff:169.254.169.254", "10.0.0.1", "0.0.0.0"])
async def test_a_name_whose_address_is_not_public_is_not_asked(host, address):
    said = await refusal(host, host.uri("/public/a.png"), address, allow_private_uri_addresses=False)
    assert said == "is of a host whose address is not allowed"
    assert host.asked == []


async def test_the_address_that_was_checked_is_the_one_that_is_asked(host):
    """The name is looked up once a hop: it would answer another address the second time."""
    assert (await read(host, host.uri("/public/a.png"), "127.0.0.1", "169.254.169.254")).side == 16
    host.redirects["/public/again.png"] = host.uri("/public/a.png")
    said = await refusal(host, host.uri("/public/again.png"), "127.0.0.1", "169.254.169.254")
    assert said == "is of a host whose address is not allowed"


async def test_redirects_are_followed_beneath_the_prefix(host):
    host.redirects |= {"/public/one": "/public/two", "/public/two": host.uri("/public/a.png")}
    assert (await read(host, host.uri("/public/one"))).side == 16
    host.redirects["/public/circle"] = "/public/circle"
    assert await refusal(host, host.uri("/public/circle")) == "leads on more than 3 times"


@pytest.mark.parametrize(
    "target",
    [
        "https://169.254.169.254/latest/meta-data/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "//evil.example/public/a.png",
        "../private/a.png",
        "/private/a.png",
        "/public/../private/a.png",
        "/public/%2e%2e/private/a.png",
        f"https://{NAME}/public/a.png",
        "https://images.example@evil.example/public/a.png",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_",
        "",
    ],
)
async def test_redirects_lead_nowhere_else(host, target):
    host.redirects["/public/away"] = target
    await refusal(host, host.uri("/public/away"))
    assert {place.partition("/")[2] for place in host.asked} == {"public/away"}


async def test_a_host_must_be_the_one_of_its_certificate(host, tmp_path):
    assert await refusal(host, host.uri("/public/a.png"), uri_ca=str(Authority(tmp_path).path)) == "cannot be read"
    prefix = host.uri("/public", OTHER)
    assert await refusal(host, host.uri("/public/a.png", OTHER), allowed_uri_prefixes=prefix) == "cannot be read"
    assert host.asked == []


async def test_sizes_times_and_answers_are_limited(host):
    assert await refusal(host, host.uri("/public/huge.png")) == f"has more than {MOST_BYTES} bytes"
    assert await refusal(host, host.uri("/public/none.png")) == "was answered with status 404"
    assert await refusal(host, host.uri("/public/cut.png")) == "cannot be read"
    assert await refusal(host, host.uri("/public/drip.png"), uri_seconds=0.3) == "was not read in time"


def test_nothing_reads_hosts_where_only_folders_are_allowed(tmp_path: Path):
    assert not hasattr(RequestImages(ServerSettings(allowed_uri_prefixes=tmp_path.as_uri())), "_https")
