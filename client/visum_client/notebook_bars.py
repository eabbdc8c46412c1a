"""Progress bars in a notebook: one block of HTML that the kernel redraws, without any extension of the notebook."""

import importlib
import sys
import time
from html import escape
from typing import Any

_LEAST_PAUSE_SECONDS = 0.2


def in_notebook() -> bool:
    """True in the kernel of a notebook. IPython is loaded there already; elsewhere it is not asked for."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


class NotebookBars:
    """A row a stage, in the cell that is running."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, int, str]] = {}
        self._drawn = 0.0
        self._handle: Any = None

    def draw(self, name: str, done: int, total: int, note: str) -> None:
        """Shows how far a stage is; a few times a second at most."""
        is_new = name not in self._rows
        self._rows[name] = (done, total, note)
        if is_new or done >= total or time.monotonic() - self._drawn >= _LEAST_PAUSE_SECONDS:
            self._show()

    def close(self, name: str) -> None:
        """Shows a stage as it ended."""
        self._show()

    def _show(self) -> None:
        display = importlib.import_module("IPython.display")
        content = display.HTML(bars_html(self._rows))
        self._drawn = time.monotonic()
        if self._handle is None:
            self._handle = display.display(content, display_id=True)
        else:
            self._handle.update(content)


def bars_html(rows: dict[str, tuple[int, int, str]]) -> str:
    """A table of stages: name, bar, done and total, note."""
    lines = (
        f'<tr><td style="text-align:left">{escape(name)}</td>'
        f'<td><progress value="{done}" max="{max(total, 1)}" aria-label="{escape(name)}"></progress></td>'
        f'<td style="text-align:right">{done} of {total}</td><td style="text-align:left">{escape(note)}</td></tr>'
        for name, (done, total, note) in rows.items()
    )
    return f"<table>{''.join(lines)}</table>"
