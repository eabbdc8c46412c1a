"""Write the tables of figures into the documentation: ``python -m visum_demo.tables docs/parts-world.md``."""

import argparse
import re
from pathlib import Path

from .shipped import CausalFigure, load_accuracy, load_causal_figures
from .worlds import WorldName, load_world


def accuracy_table() -> str:
    """Accuracy of both networks, in Markdown."""
    lines = ["| world | fresh pictures | whole | parts missing (p = .15 each) |", "|---|---|---|---|"]
    for name in ("dev", "test"):
        found = load_accuracy(name)
        lines.append(f"| `{name}` | {found.images} | {found.whole:.1%} | {found.parts_missing:.1%} |")
    return "\n".join(lines)


def class_table(name: WorldName) -> str:
    """Families, classes and designed parts of a world, in Markdown."""
    world = load_world(name)
    lines = ["| family | class | designed parts | shared parts |", "|---|---|---|---|"]
    for class_name, blueprint in world.blueprints.items():
        designed = [part.name for part in blueprint.designed]
        if class_name == world.shortcut_class:
            designed.append(f"*{world.tag.name}* (shortcut)")
        shared = ", ".join(part.name for part in blueprint.family.shared)
        lines.append(f"| {blueprint.family.name} | {class_name} | {', '.join(designed)} | {shared} |")
    return "\n".join(lines)


def causal_table(name: WorldName) -> str:
    """Causal figures of a world, in Markdown: mean Shapley value and standard error of every part of every class."""
    lines = ["| class | designed | shared | decoy |", "|---|---|---|---|"]
    for class_name, rows in load_causal_figures(name).items():
        columns = (
            [row for row in rows if row.designed],
            [row for row in rows if row.kind == "shared"],
            [row for row in rows if row.kind == "decoy"],
        )
        cells = (", ".join(map(_cell, column)) for column in columns)
        lines.append(f"| {class_name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def filled(text: str) -> str:
    """The text with every block between ``<!-- table: NAME -->`` and ``<!-- end -->`` written anew.

    Raises KeyError for a table of an unknown name.
    """
    tables = {
        "accuracy": accuracy_table(),
        "classes dev": class_table("dev"),
        "classes test": class_table("test"),
        "causal dev": causal_table("dev"),
        "causal test": causal_table("test"),
    }
    block = re.compile(r"<!-- table: ([a-z ]+) -->\n.*?<!-- end -->", re.DOTALL)
    return block.sub(lambda found: f"<!-- table: {found[1]} -->\n{tables[found[1]]}\n<!-- end -->", text)


def main() -> None:
    """Rewrite the file that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args().file
    file.write_text(filled(file.read_text()))


def _cell(row: CausalFigure) -> str:
    return f"{row.part} {row.shapley:.2f} ± {row.standard_error:.2f}".replace("0.", ".").replace("-.00", ".00")


if __name__ == "__main__":
    main()
