"""The user study's figures: known answers, and that they do not depend on who is asked first."""

import json
from itertools import permutations
from pathlib import Path

import pytest

from visum_client.cli import main
from visum_client.tags import SummaryTags, Tags
from visum_evaluation.coherency.agreement import jaccard_distance, measure_coherency


def person(**tags: str) -> Tags:
    summaries = {name: SummaryTags("", tuple(text.split())) for name, text in tags.items()}
    return Tags(run="ab" * 32, model="tinynet", target="bird", rater="", summaries=summaries)


def test_jaccard_distance_is_one_less_the_common_share():
    assert jaccard_distance(frozenset("ab"), frozenset("bc")) == pytest.approx(2 / 3)
    assert jaccard_distance(frozenset("ab"), frozenset("ab")) == 0
    assert jaccard_distance(frozenset("a"), frozenset("b")) == 1


def test_mu_u_is_the_mean_over_summaries_of_the_mean_over_pairs():
    files = [person(S1="head beak", S2="wing"), person(S1="Head", S2="wing"), person(S1="head eye", S2="wing")]
    coherency = measure_coherency(files)
    assert [summary.distance for summary in coherency.summaries] == [pytest.approx((1 / 2 + 2 / 3 + 1 / 2) / 3), 0]
    assert coherency.mu_u == pytest.approx((1 / 2 + 2 / 3 + 1 / 2) / 6)
    assert coherency.across == 1
    assert [(summary.most_proposed, summary.proposed_by) for summary in coherency.summaries] == [
        ("head", 3),
        ("wing", 3),
    ]


def test_tags_that_do_not_depend_on_the_summary_agree_no_better_within_than_across():
    files = [person(S1="bird", S2="bird"), person(S1="bird thing", S2="bird thing")]
    coherency = measure_coherency(files)
    assert coherency.mu_u == coherency.across == 0.5


def test_who_gave_no_tag_says_nothing():
    files = [person(S1="head"), person(S1="head", S2="wing"), person(S2="")]
    coherency = measure_coherency(files)
    assert coherency.raters == 2
    assert [(summary.summary, summary.raters, summary.distance) for summary in coherency.summaries] == [
        ("S1", 2, 0.0),
        ("S2", 1, None),
    ]
    assert coherency.mu_u == 0


def test_one_person_agrees_with_nobody():
    assert measure_coherency([person(S1="head")]).mu_u is None


def test_the_order_of_people_and_equal_tags_do_not_matter():
    files = [person(S1="b a"), person(S1="a c"), person(S1="b")]
    answers = {measure_coherency(order) for order in permutations(files)}
    assert len(answers) == 1
    assert answers.pop().summaries[0].most_proposed == "a"


def test_files_of_different_summaries_are_not_mixed(tmp_path, capsys):
    paths = [tmp_path / f"{number}.json" for number in range(3)]
    for number, path in enumerate(paths):
        write(path, run=("ab" if number < 2 else "cd") * 32, rater=str(number))
    assert main(["evaluate", "coherency", "--json", "--tags", *map(str, paths)]) == 0
    classes = json.loads(capsys.readouterr().out)["classes"]
    assert [(coherency["raters"], coherency["mu_u"]) for coherency in classes] == [(2, 0.0), (1, None)]
    with pytest.raises(ValueError, match="same summaries"):
        measure_coherency([person(S1="a"), Tags("cd" * 32, "", "", "", {})])


def test_the_table_names_the_most_proposed_tag(tmp_path, capsys):
    path = tmp_path / "a.json"
    write(path, run="ab" * 32, rater="Anna")
    assert main(["evaluate", "coherency", "--tags", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["bird", "-", "head"]
    assert lines[3] == "bird (tinynet), 1 person"
    assert lines[-1].split() == ["S1", "1", "-", "head", "(1", "of", "1)"]


def test_a_damaged_file_is_named_and_nothing_is_printed(tmp_path, capsys):
    path = tmp_path / "a.json"
    path.write_text("{}")
    assert main(["evaluate", "coherency", "--tags", str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert str(path) in printed.err


def write(path: Path, run: str, rater: str) -> None:
    summaries = [{"id": "S1", "name": "", "tags": ["head"]}]
    whole = {"kind": "visum tags", "format": 1, "run": run, "model": "tinynet", "target": "bird", "rater": rater}
    path.write_text(json.dumps(whole | {"summaries": summaries}))
