"""The simulation against plans whose end is known."""

from dataclasses import replace

import pytest

from benchmarks.queueing import Plan, Rates, lots, simulate

FREE = Rates(mask=1.0, describe=0.0, match=0.0, cluster=0.0, client=0.0)
ONE_CLASS = Plan(60, 1, images_per_class=60, classes_at_once=1, rates=FREE)


def test_one_worker_does_all_one_after_another():
    outcome = simulate(ONE_CLASS)
    assert outcome.seconds == pytest.approx(60)
    assert outcome.busy["mask"] == pytest.approx(1)
    assert outcome.bottleneck == "mask"


@pytest.mark.parametrize(("workers", "seconds"), [(2, 30), (7, 9), (60, 1), (1000, 1)])
def test_more_workers_help_as_long_as_there_is_an_image_for_each(workers, seconds):
    assert simulate(replace(ONE_CLASS, mask_workers=workers)).seconds == pytest.approx(seconds)


def test_stages_follow_one_another():
    rates = Rates(mask=1.0, describe=2.0, match=0.5, cluster=3.0, client=0.0)
    plan = Plan(3, 3, proposal_workers=3, images_per_class=3, classes_at_once=1, rates=rates)
    assert simulate(plan).seconds == pytest.approx(1 + 2 + 0.5 + 3 * 3)


def test_the_bottleneck_is_where_work_is_slow_and_moves_when_workers_are_added():
    rates = Rates(mask=4.0, describe=1.0, match=0.0, cluster=0.0, client=0.0)
    plan = Plan(2000, 2, proposal_workers=4, images_per_class=100, classes_at_once=10, rates=rates)
    assert simulate(plan).bottleneck == "mask"
    assert simulate(replace(plan, mask_workers=40)).bottleneck == "proposals"
    assert simulate(replace(plan, mask_workers=400, proposal_workers=400, classes_at_once=1)).bottleneck == "class runs"


def test_a_client_that_is_slow_holds_its_class_run_up():
    plan = replace(ONE_CLASS, mask_workers=60, rates=replace(FREE, client=0.5))
    outcome = simulate(plan)
    assert outcome.seconds == pytest.approx(31)
    assert outcome.bottleneck == "client"


def test_all_work_is_done_once_whatever_the_lots():
    rates = Rates()
    plan = Plan(10**6, 100, rates=rates)
    outcome = simulate(plan)
    pairs = plan.classes * plan.class_size * (plan.class_size - 1) / 2
    expected = {
        "mask": 10**6 * rates.mask / plan.mask_workers,
        "proposals": (10**6 * rates.describe + pairs * rates.match) / plan.proposal_workers,
        "clustering": 10**6 * rates.cluster / plan.clustering_workers,
    }
    assert lots(plan) < plan.class_size
    for name, seconds in expected.items():
        assert outcome.busy[name] * outcome.seconds == pytest.approx(seconds)


def test_a_plan_without_workers_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Plan(100, 0)
