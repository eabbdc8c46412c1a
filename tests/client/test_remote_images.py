"""Images in an object store, held against a real server of the S3 protocol on the loopback.

What Google Cloud Storage is asked for over gs:// are requests of its XML interface, which are those of S3 but for the
signature: the same server answers them for objects that everybody may read.
"""

import json
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.client.conftest import IMAGES, OPTIONS
from tests.conftest import ROOT, required
from visum_client import Client, InvalidInputError, NotBuiltError
from visum_client.class_folders import class_folders
from visum_client.commands.run import parse_options
from visum_client.images import find_images

_PYTHON = ROOT / ".venv-s3" / "bin" / "python"
_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def store(pictures):
    """Address of a server with the pictures in s3://photos/striped/."""
    if not _PYTHON.is_file():
        assert not required("s3"), "make test prepares .venv-s3"
        pytest.skip("no server of the S3 protocol: make .venv-s3/ready")
    server = subprocess.Popen([_PYTHON, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        address = f"http://127.0.0.1:{int(server.stdout.readline())}"
        put(address, "/photos")
        for picture in pictures.iterdir():
            put(address, f"/photos/striped/{picture.name}", picture.read_bytes())
        put(address, "/photos/striped/notes.txt", b"no image")
        put(address, "/photos/plain/deep/none.png", b"in a folder of a folder")
        yield address
    finally:
        server.communicate()


def put(address: str, path: str, data: bytes = b"") -> None:
    signed = "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request"
    headers = {"Content-Type": "application/octet-stream", "Authorization": signed, "x-amz-acl": "public-read"}
    urllib.request.urlopen(urllib.request.Request(address + path, data, headers, method="PUT")).close()


@pytest.fixture
def credentials(store, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", store)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")


@pytest.fixture
def google(store, monkeypatch, tmp_path):
    """Makes gs:// URIs those of the same store, for a caller without an account."""
    account = {
        "gcs_base_url": store,
        "disable_oauth": True,
        "client_email": "",
        "private_key": "",
        "private_key_id": "",
    }
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_PATH", str(tmp_path / "account.json"))


@pytest.fixture
def found(credentials, tmp_path):
    """Finds images, with copies of remote ones in a folder of this test."""
    return lambda source, limit=None: find_images(source, limit, lambda: tmp_path / "copies")


@pytest.mark.parametrize("uri", ["s3://photos/striped/", "s3://photos/striped", "s3://photos/striped/*.png"])
def test_a_folder_or_a_glob_of_an_object_store_is_read(found, pictures, uri):
    remote, local = found(uri), find_images(pictures)
    assert [image.digest for image in remote] == [image.digest for image in local]
    assert [image.label.rsplit("/", 1)[1] for image in remote] == [f"{number}.png" for number in range(IMAGES)]


@pytest.mark.usefixtures("google")
@pytest.mark.parametrize("uri", ["gs://photos/striped/", "gs://photos/striped/*.png"])
def test_a_folder_or_a_glob_of_the_other_store_is_read(found, pictures, uri):
    remote, local = found(uri), find_images(pictures)
    assert [image.digest for image in remote] == [image.digest for image in local]
    assert remote[0].label.rsplit("/", 1)[1] == "0.png"


@pytest.mark.usefixtures("google")
def test_single_objects_and_folders_of_classes_of_the_other_store_are_read(found, pictures):
    (one,) = found("gs://photos/striped/3.png")
    assert one.path.read_bytes() == (pictures / "3.png").read_bytes()
    names = [folder.name for folder in class_folders("gs://photos/", ["plain", "striped", "changing"])]
    assert "striped" in names
    with pytest.raises(InvalidInputError, match="gs://photos/striped/none.png does not exist"):
        found("gs://photos/striped/none.png")


def test_single_objects_and_lists_with_uris_are_read(found, pictures, tmp_path):
    (one,) = found("s3://photos/striped/3.png")
    assert one.label == "s3://photos/striped/3.png"
    assert one.path.read_bytes() == (pictures / "3.png").read_bytes()
    (tmp_path / "list.txt").write_text(f"s3://photos/striped/1.png\n# no more\n{pictures / '2.png'}\n")
    listed = find_images(pictures)
    assert {image.digest for image in found(tmp_path / "list.txt")} == {listed[1].digest, listed[2].digest}
    assert len(found(["s3://photos/striped/1.png", str(pictures / "2.png")])) == 2


def test_a_copy_is_fetched_once_until_the_object_changes(found, store, tmp_path):
    put(store, "/photos/changing/a.png", b"first")
    found("s3://photos/changing/")
    (copy,) = (tmp_path / "copies").iterdir()
    copy.write_bytes(b"kept")
    (image,) = found("s3://photos/changing/")
    assert image.path.read_bytes() == b"kept"
    put(store, "/photos/changing/a.png", b"second")
    (image,) = found("s3://photos/changing/")
    assert image.path.read_bytes() == b"second"


def test_folders_of_classes_are_found_in_an_object_store(credentials):
    folders = class_folders("s3://photos/", ["plain", "striped", "changing"])
    assert ("striped", "s3://photos/striped/", 1) in [(one.name, one.images, one.target) for one in folders]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3://photos/striped/none.png", "s3://photos/striped/none.png does not exist"),
        ("s3://nowhere/striped/", "s3://nowhere/striped/ does not exist"),
        ("s3://photos/empty/", "s3://photos/empty/ does not exist"),
        ("ftp9://photos/", "there is no kind of store ftp9://"),
    ],
)
def test_what_is_not_there_is_an_error_that_names_it(found, uri, message):
    with pytest.raises(InvalidInputError, match=message):
        found(uri)


def test_uris_are_refused_where_files_are_needed(credentials):
    with pytest.raises(InvalidInputError, match="is a URI; files of this machine are needed here"):
        find_images(["s3://photos/striped/1.png"])


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NotBuiltError, match=r"pip install 'visum-client\[cloud\]'"):
        find_images("gs://photos/striped/")


def test_a_run_on_images_of_an_object_store(credentials, services, network, pictures, tmp_path):
    options = parse_options(list(OPTIONS))
    with Client.connect(services.addresses) as client:
        common = {"model": network, "target": "striped", "progress": False, **options}
        run = client.summarize(images="s3://photos/striped/", out=tmp_path / "run", cache=tmp_path / "cache", **common)
    assert [image.path for image in run.images] == [f"striped/{number}.png" for number in range(IMAGES)]
    assert {image.status for image in run.images} == {"used"}
    assert len(list((tmp_path / "cache" / "images").iterdir())) == IMAGES


def test_folders_are_classes_by_name_index_number_or_order(tmp_path):
    for name in ("n02099601_golden_retriever", "1", "tabby cat"):
        (tmp_path / "named" / name).mkdir(parents=True)
    classes = ["tabby cat", "beagle", "golden retriever", "egg"]
    found = {folder.name: folder.target for folder in class_folders(tmp_path / "named", classes)}
    assert found == {"1": 1, "n02099601_golden_retriever": 2, "tabby cat": 0}
    for name in ("n01", "n02"):
        (tmp_path / "ordered" / name).mkdir(parents=True)
    assert [folder.target for folder in class_folders(tmp_path / "ordered", ["cat", "dog"])] == [0, 1]
    (tmp_path / "named" / "beegle").mkdir()
    with pytest.raises(InvalidInputError, match="folder 'beegle' .*did you mean 'beagle'"):
        class_folders(tmp_path / "named", classes)
    with pytest.raises(InvalidInputError, match="has no folders"):
        class_folders(Path(tmp_path / "ordered" / "n01"), classes)
