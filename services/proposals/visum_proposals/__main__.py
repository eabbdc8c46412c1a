"""Starts the proposal server: ``python -m visum_proposals --help``."""

from visum_proposals.server import build
from visum_runtime.server import run
from visum_runtime.settings import ServerSettings

if __name__ == "__main__":
    settings = ServerSettings.parse("visum_proposals")
    run(build(settings), settings)
