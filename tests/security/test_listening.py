"""A server listens beyond the loopback only where it knows its callers, or was told that it need not."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from visum_clustering.server import ClusteringSettings
from visum_mask.server import MaskServerSettings
from visum_runtime.settings import ServerSettings
from visum_specializer.server import SpecializerSettings

SETTINGS = [ServerSettings, MaskServerSettings, ClusteringSettings, SpecializerSettings]
"""Those of the four servers."""
TLS = ["--tls-certificate", "server.crt", "--tls-key", "server.key"]
ANYBODY = "--insecure-listen-without-authentication"


@pytest.mark.parametrize("kind", SETTINGS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "192.168.0.1", "::ffff:10.0.0.1", "169.254.1.1"])
def test_other_addresses_need_authentication_or_a_flag_that_says_what_it_means(kind, host, capsys):
    for flags in ([], TLS):
        with pytest.raises(SystemExit) as caught:
            kind.parse("test", ["--host", host, *flags], {})
        assert caught.value.code == 2
        assert f"setting host is {host}, which others can reach" in capsys.readouterr().err
    for flags in ([*TLS, "--token-file", "tokens"], [*TLS, "--tls-client-ca", "ca.crt"], [ANYBODY]):
        assert kind.parse("test", ["--host", host, *flags], {}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_the_loopback_needs_none(host):
    assert ServerSettings.parse("test", ["--host", host], {}).host == host


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--tls-certificate", "a"], "tls_key"),
        (["--tls-key", "a"], "tls_key"),
        (["--tls-client-ca", "a"], "tls_client_ca"),
        (["--token-file", "a"], "token_file"),
        (["--max-calls-per-caller", "-1"], "max_calls_per_caller"),
    ],
)
def test_settings_that_would_not_protect_are_refused(flags, named, capsys):
    with pytest.raises(SystemExit):
        ServerSettings.parse("test", flags, {})
    assert f"setting {named} " in capsys.readouterr().err


def test_a_server_process_refuses_and_the_flag_admits():
    command = [sys.executable, "-m", "tests.support.replica", "--host=0.0.0.0", "--port=0"]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "callers must be known" in refused.stderr
    assert "Traceback" not in refused.stderr
    with subprocess.Popen([*command, ANYBODY], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        announced = json.loads(server.stdout.readline())
        server.kill()
    assert (announced["host"], announced["port"] > 0) == ("0.0.0.0", True)
