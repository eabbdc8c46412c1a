"""Files of tags come from anybody: what is read is what was typed, and everything else is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from visum_client import InvalidInputError
from visum_client.records import Part, Summary
from visum_client.tags import (
    MAX_FILE_BYTES,
    SummaryTags,
    display_name,
    normalized_tag,
    read_files,
    read_tags,
    read_tags_of,
    summaries_digest,
    tag_counts,
)

DIGEST = "ab" * 32


def summary(number: int, *boxes: tuple[int, int, int, int], drop: float = 0.5) -> Summary:
    members = tuple(Part(f"{n:064x}", f"{n}.jpg", n, box, 1, 1.0) for n, box in enumerate(boxes))
    return Summary(number - 1, f"S{number}", len(members), None, drop, 1.0, members)


def content(**changes: Any) -> dict[str, Any]:
    entry = {"id": "S1", "name": "Head", "tags": ["head", "Beak"]}
    whole = {"kind": "visum tags", "format": 1, "run": DIGEST, "rater": "Anna", "summaries": [entry]}
    return whole | {"model": "tinynet", "target": "bird", "created": "2026-01-01T00:00:00Z"} | changes


def written(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps(content(**changes)), encoding="utf-8")
    return path


def test_what_was_typed_is_read(tmp_path):
    tags = read_tags(written(tmp_path / "a.json"))
    assert (tags.run, tags.rater, tags.model, tags.target) == (DIGEST, "Anna", "tinynet", "bird")
    assert tags.summaries == {"S1": SummaryTags("Head", ("head", "Beak"))}


def test_summaries_without_name_and_tags_and_blank_tags_are_left_out(tmp_path):
    entries = [{"id": "S1", "name": " ", "tags": ["  "]}, {"id": "S2", "tags": [" wing ", ""]}, {"id": "S3"}]
    assert read_tags(written(tmp_path / "a.json", summaries=entries)).summaries == {"S2": SummaryTags("", ("wing",))}


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '"x"', "[" * 100_000, '{"kind": ' + "9" * 5000 + "}", "\ufeff{}"]
)
def test_what_is_no_file_of_tags_is_refused(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"a\.json"):
        read_tags(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "tags"},
        {"format": 2},
        {"format": "1"},
        {"run": "../../etc/passwd"},
        {"run": "AB" * 32},
        {"run": None},
        {"rater": 7},
        {"rater": "a" * 81},
        {"rater": "\x1b[31mred"},
        {"rater": "\u202egnirts"},
        {"rater": "\ud800"},
        {"model": "line\nbreak"},
        {"target": ["bird"]},
        {"summaries": None},
        {"summaries": {"S1": []}},
        {"summaries": ["S1"]},
        {"summaries": [{"id": 1}]},
        {"summaries": [{"id": "S0"}]},
        {"summaries": [{"id": "__proto__"}]},
        {"summaries": [{"id": "S1"}, {"id": "S1"}]},
        {"summaries": [{"id": "S1", "tags": "head"}]},
        {"summaries": [{"id": "S1", "tags": [1]}]},
        {"summaries": [{"id": "S1", "tags": ["a" * 61]}]},
        {"summaries": [{"id": "S1", "tags": ["a"] * 51}]},
        {"summaries": [{"id": "S1", "tags": ["be\x00ak"]}]},
        {"summaries": [{"id": "S1", "name": None}]},
        {"summaries": [{"id": f"S{number}"} for number in range(1, 1002)]},
    ],
)
def test_what_a_page_would_not_write_is_refused(tmp_path, changes):
    with pytest.raises(InvalidInputError, match=r"a\.json"):
        read_tags(written(tmp_path / "a.json", **changes))


def test_other_files_are_refused_before_they_are_read_whole(tmp_path):
    huge, binary = tmp_path / "huge.json", tmp_path / "binary.json"
    huge.write_bytes(b" " * (MAX_FILE_BYTES + 1))
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (huge, binary, tmp_path, tmp_path / "missing.json"):
        with pytest.raises(InvalidInputError):
            read_tags(path)


def test_the_same_file_counts_once_but_people_may_agree(tmp_path):
    first, second = written(tmp_path / "a.json"), written(tmp_path / "b.json", created="2026-01-02T00:00:00Z")
    assert len(read_files([first, second])) == 2
    with pytest.raises(InvalidInputError, match="same file"):
        read_files([first, second, first])


def test_tags_of_other_summaries_are_refused(tmp_path):
    ours = [summary(1, (0, 0, 4, 4), (1, 1, 5, 5))]
    path = written(tmp_path / "a.json", run=summaries_digest(ours))
    assert len(read_tags_of(ours, [path])) == 1
    with pytest.raises(InvalidInputError, match="other summaries"):
        read_tags_of([summary(1, (0, 0, 4, 4), (1, 1, 5, 6))], [path])


def test_the_digest_is_of_the_members_and_not_of_their_figures():
    boxes = ((0, 0, 4, 4), (1, 1, 5, 5))
    assert summaries_digest([summary(1, *boxes)]) == summaries_digest([summary(1, *boxes, drop=0.1)])
    assert summaries_digest([summary(1, *boxes)]) != summaries_digest([summary(2, *boxes)])
    assert summaries_digest([summary(1, *boxes)]) != summaries_digest([summary(1, *reversed(boxes))])


def test_a_name_wins_over_tags_and_the_most_proposed_over_others(tmp_path):
    def person(name: str, given: str, *tags: str) -> Path:
        entry = {"id": "S1", "name": given, "tags": list(tags)}
        return written(tmp_path / name, summaries=[entry], rater=name)

    files = read_files(
        [person("a", "", "Beak", "eye"), person("b", "", "beak ", "bill"), person("c", "", "bill", "beak")]
    )
    assert tag_counts(files, "S1") == [("beak", 3), ("bill", 2), ("eye", 1)]
    assert display_name(files, "S1") == "beak"
    assert display_name([*files, *read_files([person("d", "Nose")])], "S1") == "Nose"
    assert display_name(files, "S2") == ""


def test_tags_are_compared_without_regard_to_case_and_forms():
    assert normalized_tag("  Front\u00a0 GRILLE ") == normalized_tag("front grille")
    assert normalized_tag("caf\u0065\u0301") == normalized_tag("CAF\u00c9")
