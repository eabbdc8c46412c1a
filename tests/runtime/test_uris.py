"""URIs are read strictly, and an address is admitted by what it means, not by how it is written."""

from pathlib import Path

import pytest

from visum_runtime.addresses import is_admitted
from visum_runtime.settings import ServerSettings
from visum_runtime.uris import Uri, parse_prefixes

PREFIXES = parse_prefixes("file:///data/images, https://allowed.example:8443/public/")

ALLOWED = [
    "file:///data/images/a.png",
    "FILE:///data/images/a.png",
    "file://localhost/data/images/inner/a.png",
    "file:///data/images/50%25.png",
    "file:///data/images/%C3%A4%20b.png",
    "https://allowed.example:8443/public/a.png",
    "https://ALLOWED.example:8443/public/a.png?X-Signature=a%2Fb",
]
ELSEWHERE = [
    "file:///data/images-secret/a.png",
    "file:///data/image",
    "file:///etc/passwd",
    "https://allowed.example/public/a.png",
    "https://allowed.example:8443/publicity/a.png",
    "https://allowed.example:8443/",
    "https://allowed.example.evil:8443/public/a.png",
    "https://allowed.example.:8443/public/a.png",
    "https://evil:8443/public/a.png?https://allowed.example:8443/public/",
    "https://169.254.169.254:8443/public/a.png",
    "https://2852039166:8443/public/a.png",
    "https://0xa9fea9fe:8443/public/a.png",
    "https://0251.0376.0251.0376:8443/public/a.png",
    "https://[::ffff:169.254.169.254]:8443/public/a.png",
]
REFUSED = [
    "/data/images/a.png",
    "data/images/a.png",
    "file:data/images/a.png",
    "file:///data/images/../secret",
    "file:///data/images/%2e%2e/secret",
    "file:///data/images/.%2E/secret",
    "file:///data/images/..%2fsecret",
    "file:///data/images/%252e%252e/secret",
    "file:///data/images/..;/secret",
    "file:///data/images/..\\secret",
    "file:///data/images/..%5csecret",
    "file:////data/images/a.png",
    "file:///data//images/a.png",
    "file:///data/./images/a.png",
    "file:///data/images/a.png%00.jpg",
    "file:///data/images/a.png\n",
    "file:///data/images/a%",
    "file:///data/images/a.png#x",
    "file:///data/images/a.png?x",
    "file://evil/data/images/a.png",
    "file:///data/images/ä.png",
    "https://allowed.example:8443@evil/public/a.png",
    "https://user:pass@allowed.example:8443/public/a.png",
    "https://allowed.example:8443\\@evil/public/a.png",
    "https://allowed.example:8443#@evil/public/a.png",
    "https://allowed.example:8443/public/../private",
    "https://allowed.example:8443/public/%2e%2e/private",
    "https://allowed.example:8443/public/%2E./private",
    "https://allowed.example:8443/public%2fa.png",
    "https://allowed.example:8443//public/a.png",
    "https://allowed.example:8443/public/\r\nHost: evil",
    "https://allowed.example:x/public/a.png",
    "https://allowed.example:84430000/public/a.png",
    "https://[::1/public/a.png",
    "https:///public/a.png",
    "https://\uff41llowed.example:8443/public/a.png",
    "http://allowed.example:8443/public/a.png",
    "simplecache::file:///data/images/a.png",
    "s3://bucket/a.png",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascript:alert(1)",
    "",
    "\x00",
    "https://allowed.example:8443/public/" + "a" * 5000,
]


@pytest.mark.parametrize("text", ALLOWED)
def test_what_lies_beneath_a_prefix_is_allowed(text):
    assert any(prefix.holds(Uri.parse(text)) for prefix in PREFIXES)


@pytest.mark.parametrize("text", ELSEWHERE)
def test_what_only_looks_like_it_is_not(text):
    assert not any(prefix.holds(Uri.parse(text)) for prefix in PREFIXES)


@pytest.mark.parametrize("text", REFUSED)
def test_what_could_mean_two_things_is_no_uri(text):
    with pytest.raises(ValueError, match=r"^(is|has|names) "):
        Uri.parse(text)


def test_a_path_of_the_disk_is_the_path_of_its_uri():
    path = Path("/data/images/50% ä(1) #2.png")
    assert Path("/").joinpath(*Uri.parse(path.as_uri()).parts) == path


@pytest.mark.parametrize(
    "text", ["/data", "file:///", "ftp://host/", "https://host/?a=b", "file:///data/..", "https://"]
)
def test_a_wrong_prefix_is_refused_before_a_server_listens(text):
    with pytest.raises(ValueError, match="setting allowed_uri_prefixes"):
        ServerSettings(allowed_uri_prefixes=text)


def test_prefixes_and_authorities_must_be_there(tmp_path):
    with pytest.raises(ValueError, match="which is not a folder"):
        ServerSettings(allowed_uri_prefixes=(tmp_path / "none").as_uri())
    with pytest.raises(ValueError, match="is not a file of certificates"):
        ServerSettings(uri_ca=str(tmp_path / "none.pem"))


NEVER = [
    "169.254.169.254",
    "169.254.1.1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "::169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "fec0::1",
]
PRIVATE = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.20.0.1", "192.168.1.1", "100.64.0.1"]
PRIVATE += ["fd12::1", "64:ff9b::a00:1", "2002:c0a8:101::1", "::10.0.0.1"]


@pytest.mark.parametrize("address", NEVER)
def test_addresses_of_clouds_and_links_are_never_admitted(address):
    assert not is_admitted(address, allow_private=True)
    assert not is_admitted(address, allow_private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_admitted_where_that_is_allowed(address):
    assert is_admitted(address, allow_private=True)
    assert not is_admitted(address, allow_private=False)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14"])
def test_public_addresses_are_admitted(address):
    assert is_admitted(address, allow_private=False)
