"""What the long suite tried, how often, and what came out: kept between its runs, and shown in docs/reliability.md."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- written by make test-long -->", "<!-- end -->"


class Ledger:
    """Rows by name. A row that was begun at this commit goes on; of another commit, it is begun anew.

    Args:
        path: Where it is kept between runs, as JSON.
        page: The page that shows it.
        commit: The commit that is tried.
    """

    def __init__(self, path: Path, page: Path, commit: str) -> None:
        self._path = path
        self._page = page
        self._commit = commit

    def repetitions(self, name: str, times: int) -> Iterator[int]:
        """Numbers of the repetitions that are still to be done; each that comes back to ask for the next has held."""
        row = self._rows().get(name, {})
        held = row["held"] if row.get("commit") == self._commit else 0
        for number in range(held, times):
            done = False
            try:
                yield number
                done = True
            finally:
                self._note(name, {"held": number + done, "wanted": times, "failed": not done})

    def _note(self, name: str, counts: dict[str, int]) -> None:
        when = datetime.now(UTC).strftime("%Y-%m-%d")
        rows = self._rows() | {name: counts | {"commit": self._commit, "when": when}}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
        self._show(rows)

    def _rows(self) -> dict[str, dict]:
        return json.loads(self._path.read_text(encoding="utf-8")) if self._path.is_file() else {}

    def _show(self, rows: dict[str, dict]) -> None:
        """Rows of the page that were tried elsewhere stay."""
        before, _, rest = self._page.read_text(encoding="utf-8").partition(BEGIN)
        table, _, after = rest.partition(END)
        lines = {line.split(" | ")[0]: line for line in table.strip().splitlines()[2:]}
        for name, row in rows.items():
            outcome = f"did not get past number {row['held'] + 1}" if row["failed"] else f"{row['held']} held"
            cells = [f"| {name}", f"{row['held']} of {row['wanted']}", outcome, row["when"], f"{row['commit']} |"]
            lines[cells[0]] = " | ".join(cells)
        head = ["| what was tried | how often | what came out | when | commit |", "|---|---|---|---|---|"]
        text = "\n".join([*head, *(lines[key] for key in sorted(lines))])
        self._page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def current_commit() -> str:
    """The commit of the tree, with a + where files differ from it, but for the page that is written."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/reliability.md")
    return _git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
