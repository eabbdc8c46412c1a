"""The long suite goes on where it was interrupted, and its page shows what came out."""

import pytest

from tests.support.ledger import BEGIN, END, Ledger


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    return path


def test_a_row_goes_on_where_it_was_interrupted_and_begins_anew_at_another_commit(tmp_path, page):
    ledger = Ledger(tmp_path / "ledger.json", page, "abc")
    for number in ledger.repetitions("row", 5):
        if number == 2:
            break
    # Whether the third held is not known: it is done again.
    assert "| row | 2 of 5 | did not get past number 3 |" in page.read_text()
    assert list(Ledger(tmp_path / "ledger.json", page, "abc").repetitions("other", 2)) == [0, 1]
    assert list(Ledger(tmp_path / "ledger.json", page, "abc").repetitions("row", 5)) == [2, 3, 4]
    assert list(Ledger(tmp_path / "ledger.json", page, "abc").repetitions("row", 5)) == []
    assert "| row | 5 of 5 | 5 held |" in page.read_text()
    assert list(Ledger(tmp_path / "ledger.json", page, "def").repetitions("row", 1)) == [0]
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert text.count("| row |") == 1
    assert text.count("| other |") == 1


def test_a_repetition_that_fails_is_shown(tmp_path, page):
    def fail() -> None:
        for number in Ledger(tmp_path / "ledger.json", page, "abc").repetitions("row", 3):
            assert number == 0

    with pytest.raises(AssertionError):
        fail()
    assert "| row | 1 of 3 | did not get past number 2 |" in page.read_text()
