"""Concepts found by others' means, in the same pictures by the same network, to hold summaries against."""

from functools import partial

from visum_evaluation.parts.baselines import ace, craft, kmeans

BASELINES = {
    "ace": partial(ace.find_concepts, settings=ace.AceSettings()),
    "craft": partial(craft.find_concepts, settings=craft.CraftSettings()),
    "kmeans": partial(kmeans.find_concepts, settings=kmeans.KmeansSettings()),
}
"""How each finds the concepts of an explained class under a seed, by its name."""
