"""Starts the clustering server: ``python -m visum_clustering --help``."""

from visum_clustering.server import ClusteringSettings, build
from visum_runtime.server import run

if __name__ == "__main__":
    settings = ClusteringSettings.parse("visum_clustering")
    run(build(settings), settings)
