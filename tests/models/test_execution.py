import pytest
import torch

from tests.support.networks import SmallNetwork, classifier_of
from visum_models import execution as execution_module
from visum_models.classifier import Classifier
from visum_models.execution import (
    CANDIDATES,
    Execution,
    Precision,
    choose_execution,
    fastest,
    fastest_execution,
    probe_seconds,
)

CPU = torch.device("cpu")
PLAIN, CONTIGUOUS, BF16 = CANDIDATES
ALL = dict.fromkeys(CANDIDATES, 1.0)


def test_the_usual_way_is_kept_unless_another_is_clearly_faster():
    assert fastest({PLAIN: 1.0, CONTIGUOUS: 0.75, BF16: 2.0}) == PLAIN
    assert fastest({PLAIN: 1.0, CONTIGUOUS: 0.5, BF16: 0.6}) == CONTIGUOUS
    assert fastest({PLAIN: 1.0, CONTIGUOUS: 0.9, BF16: 0.4}) == BF16


@pytest.mark.parametrize(("precision", "bf16"), [(Precision.FP32, False), (Precision.BF16, True)])
def test_a_precision_that_is_asked_for_is_taken(precision, bf16):
    assert choose_execution(precision, CPU) == Execution(bf16=bf16)


def test_a_measurement_chooses_one_of_the_candidates_and_leaves_the_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    assert set(probe_seconds(CPU)) == set(CANDIDATES)
    assert choose_execution(Precision.AUTO, CPU) in CANDIDATES
    assert torch.equal(torch.rand(1), expected)


def test_the_choice_is_measured_on_one_thread_and_leaves_their_number_as_it_was(monkeypatch):
    measured_with = []

    def probe(_):
        measured_with.append(torch.get_num_threads())
        return ALL

    monkeypatch.setattr(execution_module, "probe_seconds", probe)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        fastest_execution.__wrapped__(CPU)
        assert (measured_with, torch.get_num_threads()) == ([1], 3)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("execution", CANDIDATES)
def test_logits_that_are_reported_are_fp32_however_the_loop_runs(execution):
    plain = classifier_of(SmallNetwork(), 4)
    ours = Classifier(plain.network, plain.card, execution=execution)
    pixels = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(ours.logits(pixels), plain.logits(pixels), atol=1e-6, rtol=1e-5)
    fast = ours.fast_logits(ours.normalize(pixels))
    assert fast.dtype == torch.float32
    torch.testing.assert_close(fast, plain.logits(pixels), atol=0.05, rtol=0.05)
