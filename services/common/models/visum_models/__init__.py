"""Trained networks: where their files are, what their cards say, how they are loaded, which layers they have."""

from visum_models.card import Card
from visum_models.classifier import Classifier
from visum_models.repository import ModelRepository

__all__ = ["Card", "Classifier", "ModelRepository"]
