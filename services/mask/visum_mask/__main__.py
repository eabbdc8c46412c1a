"""Starts the mask server: ``python -m visum_mask --help``."""

from visum_mask.server import MaskServerSettings, build
from visum_runtime.server import run

if __name__ == "__main__":
    settings = MaskServerSettings.parse("visum_mask")
    run(build(settings), settings)
