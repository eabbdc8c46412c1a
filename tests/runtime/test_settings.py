from dataclasses import FrozenInstanceError

import pytest

from visum_mask.server import MaskServerSettings
from visum_runtime.settings import ServerSettings


def test_flags_win_over_the_environment_and_the_environment_over_defaults():
    environ = {
        "VISUM_SERVER_PORT": "1234",
        "VISUM_SERVER_QUEUE_CAPACITY": "7",
        "VISUM_SERVER_UNTIL_STDIN_CLOSES": "true",
    }
    settings = ServerSettings.parse("test", ["--port", "4321"], environ)
    assert (settings.port, settings.queue_capacity, settings.until_stdin_closes) == (4321, 7, True)
    assert settings.max_batch == ServerSettings().max_batch


def test_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        ServerSettings().port = 1


@pytest.mark.parametrize(
    ("argv", "environ", "text"),
    [
        (["--port", "70000"], {}, "port"),
        (["--port", "many"], {}, "--port"),
        (["--queue-capacity", "0"], {}, "queue_capacity"),
        (["--host", "example.org"], {}, "host"),
        (["--log-level", "loud"], {}, "log_level"),
        ([], {"VISUM_SERVER_PORT": "x"}, "VISUM_SERVER_PORT"),
        ([], {"VISUM_SERVER_UNTIL_STDIN_CLOSES": "maybe"}, "VISUM_SERVER_UNTIL_STDIN_CLOSES"),
        (["--model-dir", "/nowhere/at/all"], {}, "model_dir"),
        (["--device", "tpu"], {}, "device"),
        (["--trusted-sha256", "abc"], {}, "trusted_sha256"),
        (["--deterministic", "perhaps"], {}, "deterministic"),
    ],
)
def test_a_wrong_setting_ends_with_code_2_and_names_itself(argv, environ, text, capsys):
    with pytest.raises(SystemExit) as caught:
        MaskServerSettings.parse("test", argv, environ)
    assert caught.value.code == 2
    assert text in capsys.readouterr().err


def test_help_lists_every_setting_with_its_variable(capsys):
    with pytest.raises(SystemExit):
        MaskServerSettings.parse("test", ["--help"], {})
    text = "".join(capsys.readouterr().out.split())
    for name in MaskServerSettings.__dataclass_fields__:
        assert f"VISUM_SERVER_{name.upper()}" in text
