"""Starts the specializer server: ``python -m visum_specializer --help``."""

from visum_runtime.server import run
from visum_specializer.server import SpecializerSettings, build

if __name__ == "__main__":
    settings = SpecializerSettings.parse("visum_specializer")
    run(build(settings), settings)
