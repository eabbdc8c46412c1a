"""Nouns of a list, chosen by where pictures and texts lie in one space."""

import json

import numpy as np
import pytest
import torch

from tests.report.drawn_runs import World, write_run_folder
from visum_client.cli import main
from visum_client.errors import InvalidInputError, NotBuiltError
from visum_evaluation.coherency import clip_tagger
from visum_evaluation.coherency.clip_tagger import ClipTagger, OpenClip, read_nouns
from visum_evaluation.coherency.taggers import Picture
from visum_evaluation.coherency.wordnet import WordNet

NOUNS = ("red", "green", "blue")


class Colours:
    """Pictures lie at their mean colour, texts at the colour that they name; all else far away."""

    def picture(self, pixels):
        return torch.from_numpy(pixels.reshape(-1, 3).mean(axis=0))

    def texts(self, texts):
        return torch.tensor([[float(text.endswith(noun)) for noun in NOUNS] for text in texts]) - 0.1


def painted(*colour):
    return Picture("a.png", np.full((4, 4, 3), colour, np.uint8))


def test_the_nearest_eight_nouns_are_the_tags():
    tagger = ClipTagger.of(Colours(), ["a stone", *"bcdefgh", "red", "Green"], None)
    assert tagger.fusing == "lemmas"
    assert "red" in tagger.tags(painted(200, 10, 10))
    assert len(tagger.tags(painted(200, 10, 10))) == 8
    few = ClipTagger.of(Colours(), ["Red", "green"], None)
    assert few.tags(painted(200, 10, 10)) == {"red", "green"}


def test_synonyms_among_the_nouns_are_one_tag():
    wordnet = WordNet({"red": "1", "redness": "1", "blue": "2"}, {})
    tagger = ClipTagger.of(Colours(), ["red", "redness", "blue"], wordnet)
    assert (tagger.fusing, tagger.tags(painted(200, 10, 10))) == ("wordnet", {"1", "2"})


def test_the_command_tags_a_run_by_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(OpenClip, "read", lambda *_: Colours())
    run = write_run_folder(tmp_path / "run", World())
    (tmp_path / "nouns.txt").write_text("red\n\ngreen\nblue\n" + "\n".join("abcdefghijkl"))
    words = ["--runs", run, "--clip", "any", "--clip-weights", "w", "--nouns", tmp_path / "nouns.txt", "--on", "parts"]
    assert main(["evaluate", "coherency", "--json", *map(str, words)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["fusing"], result["on"]) == ("lemmas", "parts")
    assert 0 <= result["classes"][0]["mu_s"] <= 1


def test_what_is_missing_is_named(tmp_path, capsys, monkeypatch):
    assert main(["evaluate", "coherency", "--runs", "x", "--clip", "ViT-B-32"]) == 1
    assert "clip: needs clip_weights and nouns" in capsys.readouterr().err
    (tmp_path / "nouns.txt").write_text("\n")
    with pytest.raises(InvalidInputError, match="has no nouns"):
        read_nouns(tmp_path / "nouns.txt")
    monkeypatch.setattr(clip_tagger.importlib, "import_module", lambda name: __import__("no_such_library"))
    with pytest.raises(NotBuiltError, match=r"visum-evaluation\[clip\]"):
        OpenClip.read("ViT-B-32", tmp_path / "weights.pt")
