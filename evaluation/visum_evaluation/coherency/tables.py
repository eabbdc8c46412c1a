"""The figures of coherency as tables for people: the paper's table 1 and figure 4."""

from typing import Any


def show(result: dict[str, Any]) -> str:
    """Of people the paper's table 1, then what it rests on, a table a class; of a tagger one line a class."""
    if "fusing" in result:
        return _distances(result)
    return "\n\n".join([_table_1(result["classes"]), *(_agreement(coherency) for coherency in result["classes"])])


def _table_1(classes: list[dict[str, Any]]) -> str:
    lines = [f"{'class':<24}{'mu_U':>6}   most proposed tag of each summary"]
    for coherency in classes:
        tags = ", ".join(row["most_proposed"] for row in coherency["summaries"])
        lines.append(f"{coherency['target']:<24}{_number(coherency['mu_u']):>6}   {tags}")
    return "\n".join(lines)


def _distances(result: dict[str, Any]) -> str:
    lines = [f"{'class':<24}{'mu_S':>8}{'mu_R':>8}  {'95 % of random sets':<20}{'p':>8}"]
    lines += [_row(found["target"], found) for found in result["classes"]]
    if result["mean"] is not None:
        lines.append(_row("mean", result["mean"]))
    return "\n".join(lines)


def _row(name: str, found: dict[str, Any]) -> str:
    if "mu_s" not in found:
        return f"{name:<24}  nothing to compare: too few summaries or tags"
    interval = f"{found['mu_r_low']:.3f}..{found['mu_r_high']:.3f}"
    return f"{name:<24}{found['mu_s']:>8.3f}{found['mu_r']:>8.3f}  {interval:<20}{found['p_value']:>8.3f}"


def _agreement(coherency: dict[str, Any]) -> str:
    people = "1 person" if coherency["raters"] == 1 else f"{coherency['raters']} people"
    heading = f"{coherency['target']} ({coherency['model']}), {people}"
    agreement = (
        f"mu_U {_number(coherency['mu_u'])}: mean distance between people who tag the same summary "
        f"(different summaries: {_number(coherency['across'])})"
    )
    lines = [f"{'summary':<9}{'people':>6}{'distance':>10}   most proposed tag"]
    lines += [
        f"{row['summary']:<9}{row['raters']:>6}{_number(row['distance']):>10}   "
        f"{row['most_proposed']} ({row['proposed_by']} of {row['raters']})"
        for row in coherency["summaries"]
    ]
    return "\n".join([heading, agreement, *lines])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
