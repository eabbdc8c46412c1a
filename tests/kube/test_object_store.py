import os
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT, required
from visum_client.errors import InvalidInputError, VisumError
from visum_client.kube.object_store import download_folder, download_images, upload_folder

PYTHON = ROOT / ".venv-s3" / "bin" / "python"
SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def contents(folder) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture(params=["file", "memory", "s3"])
def uri(request, tmp_path) -> str:
    if request.param == "s3":
        return f"s3://{request.getfixturevalue('bucket')}/{tmp_path.name}/run"
    return f"file://{tmp_path}/store/run" if request.param == "file" else f"memory://{tmp_path}/run"


@pytest.fixture
def bucket(monkeypatch) -> Iterator[str]:
    """A bucket of a real server of the S3 protocol."""
    if not PYTHON.is_file():
        assert not required("s3")
        pytest.skip("no server of the S3 protocol in .venv-s3")
    server = subprocess.Popen(
        [PYTHON, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        address = f"http://127.0.0.1:{int(server.stdout.readline())}"
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request"}
        urllib.request.urlopen(urllib.request.Request(f"{address}/runs", b"", signed, method="PUT")).close()
        variables = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true"}
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            variables[name] = "testing"
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield "runs"
    finally:
        server.communicate()


def test_a_folder_comes_back_as_it_was_and_what_is_gone_is_removed_there(uri, tmp_path):
    folder, back = tmp_path / "run", tmp_path / "back"
    write(folder, run_json="1", masks__a_png="mask", work__x_pb="work", run_lock="")
    upload_folder(folder, uri)
    (folder / "work" / "x.pb").unlink()
    write(folder, run_json="2")
    upload_folder(folder, uri)
    assert download_folder(uri, back) == 2
    assert contents(back) == {"masks/a.png": "mask", "run.json": "2"}


def test_the_record_is_written_last(tmp_path):
    folder = tmp_path / "run"
    write(folder, run_json="complete", zebra_txt="z", a_txt="a")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "zebra.txt").mkdir()  # cannot be written there
    with pytest.raises(VisumError, match="store"):
        upload_folder(folder, f"file://{tmp_path}/store")
    assert not (tmp_path / "store" / "run.json").exists()
    assert (tmp_path / "store" / "a.txt").exists()


def test_a_folder_that_is_not_there_has_no_files(uri, tmp_path):
    assert download_folder(uri, tmp_path / "back") == 0


def test_images_of_a_folder_and_of_a_glob(uri, tmp_path):
    folder = tmp_path / "photos"
    write(folder, a_jpg="a", b_jpg="b", c_txt="c", more__a_jpg="other")
    upload_folder(folder, uri)
    assert download_images(uri, tmp_path / "all") == 3
    assert download_images(f"{uri}/*.jpg", tmp_path / "some") == 2
    assert sorted(contents(tmp_path / "some")) == ["a.jpg", "b.jpg"]
    assert download_images(f"{uri}/**/*.jpg", tmp_path / "deep") == 3
    assert sorted(contents(tmp_path / "deep").values()) == ["a", "b", "other"]
    assert download_images(f"{uri}/nothing", tmp_path / "none") == 0


def test_an_unknown_store_is_an_error():
    with pytest.raises(InvalidInputError, match="is of no known object store"):
        download_folder("nowhere://bucket", ".")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_store_that_refuses_is_an_error(tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir(mode=0)
    with pytest.raises(VisumError, match="secret"):
        upload_folder(tmp_path, f"file://{secret}/run")
