import numpy as np
import torch
from scipy import ndimage

from tests.support.networks import DetailInWindow, SmallNetwork, classifier_of
from tests.support.pictures import chessboard, noise
from visum_mask.modes import extract_masks, threshold_to_area
from visum_mask.options import MaskOptions, Mode, Preset
from visum_mask.scores import perturbed_scores


def masks_of(network, options, classes=2, pictures=None, target=1):
    classifier = classifier_of(network, classes)
    pixels = torch.stack([classifier.to_pixels(picture) for picture in pictures or [chessboard(32)]])
    return extract_masks(classifier, pixels, torch.full((len(pixels),), target), options)


def test_the_thresholded_mask_has_the_area_of_the_crisp_one_and_the_order_of_the_smooth_one():
    pictures = [noise(32, 32, seed) for seed in range(2)]
    thresholded, smooth, crisp = (
        masks_of(SmallNetwork(), MaskOptions(mode=mode, iterations=30, grid=16), 4, pictures, 0)
        for mode in (Mode.IEBB_THRESH, Mode.IEBB, Mode.CRISP)
    )
    for ours, raw, binary in zip(thresholded, smooth, crisp, strict=True):
        assert ours.binary.sum() == binary.binary.sum()
        assert torch.equal(ours.raw, ours.binary.float())
        if ours.binary.any() and not ours.binary.all():
            assert raw.raw[ours.binary].min() >= raw.raw[~ours.binary].max()
        assert ours.iterations == raw.iterations + binary.iterations


def test_of_equally_salient_pixels_the_first_are_taken():
    saliency = torch.tensor([[0.5, 0.9], [0.5, 0.5]])
    assert threshold_to_area(saliency, 2).tolist() == [[True, True], [False, False]]
    assert not threshold_to_area(saliency, 0).any()
    assert threshold_to_area(saliency, 4).all()


SQUARE = np.ones((3, 3), bool)
"""By which a mask of a view of 32 pixels is grown in preset evidence."""


def test_an_evidence_mask_is_grown_and_covers_the_window():
    options = MaskOptions(preset=Preset.EVIDENCE, grid=16)
    (mask,) = masks_of(DetailInWindow((8, 8, 16, 16)), options)
    framed = np.pad(mask.binary.numpy(), 1, mode="edge")
    np.testing.assert_array_equal(ndimage.binary_opening(framed, SQUARE)[1:-1, 1:-1], mask.binary)
    assert mask.binary[8:16, 8:16].float().mean() > 0.8
    assert ((mask.raw > 0.5) == mask.binary).all()


def test_an_evidence_mask_reaches_the_target_and_so_does_what_it_was_grown_from():
    classifier = classifier_of(DetailInWindow((8, 8, 24, 24)), 2)
    pixels = classifier.to_pixels(chessboard(32))
    options = MaskOptions(preset=Preset.EVIDENCE, grid=16)
    (mask,) = extract_masks(classifier, pixels[None], torch.tensor([1]), options)
    shrunk = torch.from_numpy(ndimage.binary_erosion(mask.binary.numpy(), SQUARE, border_value=1))
    maps = torch.stack([torch.zeros(32, 32), mask.binary.float(), shrunk.float()])
    before, *after = perturbed_scores(classifier, pixels, 1, maps).probabilities
    assert shrunk.sum() < mask.binary.sum()
    assert min(1 - score / before for score in after) >= mask.required_drop


def test_evidence_asks_for_a_coarser_grid_and_another_drop_unless_they_are_given():
    evidence, drop = MaskOptions(preset=Preset.EVIDENCE), MaskOptions()
    assert evidence.cells(224) == 20
    assert drop.cells(224) == 28
    assert evidence.required_drop < drop.required_drop == 0.99994
    assert MaskOptions(preset=Preset.EVIDENCE, grid=20, target_drop=0.5).cells(224) == 20
    assert MaskOptions(preset=Preset.EVIDENCE, target_drop=0.5).required_drop == 0.5
    assert MaskOptions(preset=Preset.EVIDENCE).share_of_whole == 0.995
    assert MaskOptions(preset=Preset.EVIDENCE, reach=0.5).share_of_whole == 0.5
    assert MaskOptions().share_of_whole is None
