"""Trained networks: where their files are, what their cards say, how they are loaded, which layers they have."""

from visum_models.card import Card, Preprocessing
from visum_models.classifier import Classifier
from visum_models.export import export_network
from visum_models.repository import ModelRepository

__all__ = ["Card", "Classifier", "ModelRepository", "Preprocessing", "export_network"]
