"""OpenCLIP's networks tag pictures; the weights are random and come from a file."""

import numpy as np
import pytest
import torch

from visum_client.errors import InvalidInputError
from visum_evaluation.coherency.clip_tagger import ClipTagger, OpenClip
from visum_evaluation.coherency.taggers import Picture

pytestmark = pytest.mark.long
ARCHITECTURE = "ViT-S-32-alt"


def test_a_network_of_open_clip_reads_its_weights_and_tags_pictures(open_clip, tmp_path):
    torch.manual_seed(0)
    network = open_clip.create_model(ARCHITECTURE)
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    encoder = OpenClip.read(ARCHITECTURE, tmp_path / "weights.pt")
    tokens = open_clip.get_tokenizer(ARCHITECTURE)(["a dog"])
    with torch.no_grad():
        assert torch.allclose(encoder.texts(["a dog"]), network.eval().encode_text(tokens), atol=1e-5)
    nouns = [f"thing {number}" for number in range(20)]
    tagger = ClipTagger.of(encoder, nouns, None)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    tags = tagger.tags(Picture("a.png", pixels))
    assert len(tags) == 8
    assert tags <= set(nouns)


def test_what_cannot_be_read_is_named(open_clip, tmp_path):
    weights = tmp_path / "weights.pt"
    with pytest.raises(InvalidInputError, match="is not a file"):
        OpenClip.read(ARCHITECTURE, weights)
    weights.write_bytes(b"nothing")
    with pytest.raises(InvalidInputError, match="cannot be read as weights"):
        OpenClip.read(ARCHITECTURE, weights)
    with pytest.raises(InvalidInputError, match="no network 'ViT-Nothing'"):
        OpenClip.read("ViT-Nothing", weights)
