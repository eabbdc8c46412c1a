"""Starts the specializer server: ``python -m visum_specializer --help``."""

from visum_models.settings import ModelServerSettings
from visum_runtime.server import run
from visum_specializer.server import build

if __name__ == "__main__":
    settings = ModelServerSettings.parse("visum_specializer")
    run(build(settings), settings)
