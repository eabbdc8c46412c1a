"""What a run found, in plain words; and how numbers are written."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import fmean

from visum_client.records import ImageRecord, Necessity, Summary
from visum_client.report.contents import Contents

_NO_BREAK = "\u00a0"
_MINUS = "\u2212"
MISSING = "\u2013"
# Names may run from right to left; isolated, they do not turn the sentence around them.
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"
_WEAK_DROP = 0.05
_CLASSES_NAMED_MAX = 3
_ALMOST_ALL_PERCENT = 99.0
_HALF_UNIT_OF_ALL = 99.995
_SMALL_PERCENT = 10.0
_REASONS = {
    "too_few_images": "Too few images",
    "singleton": "Matches nothing",
    "ssim": "Its members look too different",
    "duplicate": "Repeats a summary",
    "no_effect": "No effect of its own",
}


def plain_words(contents: Contents) -> list[str]:
    """Tells in a few paragraphs what the network uses; only what the run measured."""
    paragraphs = (
        _findings(contents),
        _strengths(contents),
        _necessities(contents),
        _masks(contents),
        _left_out(contents),
    )
    return [text for text in paragraphs if text]


def percent(fraction: float | None) -> str:
    """Writes a fraction as a percentage; never rounds to 100 what is less. A dash where there is none."""
    if fraction is None:
        return MISSING
    value = 100 * fraction
    if value >= _HALF_UNIT_OF_ALL or fraction == 0:
        digits = 0
    elif value > _ALMOST_ALL_PERCENT:
        digits = 2
    else:
        digits = 1 if abs(value) < _SMALL_PERCENT else 0
    return f"{_signed(value, digits)}{_NO_BREAK}%"


def number(value: float | None) -> str:
    """Writes a number with two decimals; a dash where there is none."""
    return MISSING if value is None else _signed(value, 2)


def seconds(value: float | None) -> str:
    """Writes a duration in seconds or minutes; a dash where there is none."""
    if value is None:
        return MISSING
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}{_NO_BREAK}min {rest}{_NO_BREAK}s" if minutes else f"{value:.1f}{_NO_BREAK}s"


def counted(count: int, noun: str) -> str:
    """Writes `1 image`, `2 images`."""
    return f"{count}{_NO_BREAK}{noun}" + ("" if count == 1 else "s")


def of_summaries(count: int) -> str:
    """Writes `1 summary`, `2 summaries`."""
    return f"{count}{_NO_BREAK}" + ("summary" if count == 1 else "summaries")


def day(iso: str | None) -> str:
    """Writes the day of an ISO 8601 time; empty where it is none."""
    try:
        moment = datetime.fromisoformat(iso or "")
    except ValueError:
        return ""
    return f"{moment.day} {moment:%B %Y}"


def reason(code: str) -> str:
    """Writes why a cluster was discarded."""
    return _REASONS.get(code, code.replace("_", " "))


def necessity_remark(necessity: Necessity) -> str:
    """Says where it is not shown that the network needs the parts; else empty."""
    return "" if necessity.is_shown else "not distinguishable from none"


def title(summary: Summary) -> str:
    """Names a summary."""
    return f"Summary {summary.index + 1}"


def isolated(text: str) -> str:
    """A name that does not turn the sentence around it, whatever its direction of writing."""
    return f"{_ISOLATE}{text}{_END_ISOLATE}"


def is_recognized(contents: Contents, image: ImageRecord) -> bool:
    """Whether the target is the network's best class for an image."""
    target = contents.run["configuration"]["target"]
    best = image.predicted[0] if image.predicted else None
    return best is not None and (best.index, best.name) == (target.get("index", best.index), target["name"])


def _findings(contents: Contents) -> str:
    used, clustering = contents.used.values(), contents.clustering
    model, target = isolated(contents.model), isolated(contents.target)
    if all(is_recognized(contents, image) for image in used):
        where = f"the {counted(len(used), 'image')} that {model} recognizes as {target}"
    else:
        where = f"the {counted(len(used), 'image')} of {target} given to {model}"
    if clustering is None:
        return f"The parts of {where} have not been grouped yet."
    if not clustering.summaries:
        return f"In {where}, what it uses does not fall into recurring parts: no summary was found."
    covered = {member.image for summary in clustering.summaries for member in summary.members}
    recurring = counted(len(clustering.summaries), "recurring part")
    coverage = "every one of them" if len(covered) == len(used) else f"{len(covered)} of them"
    occur = "It occurs" if len(clustering.summaries) == 1 else "Together they occur"
    return f"In {where}, what it uses falls into {recurring}. {occur} in {coverage}."


def _strengths(contents: Contents) -> str:
    summaries = contents.clustering.summaries if contents.clustering else ()
    measured = sorted(((s.drop, s) for s in summaries if s.drop is not None), key=lambda pair: -pair[0])
    if not measured:
        return ""
    drop, strongest = measured[0]
    target = isolated(contents.target)
    text = (
        f"The strongest is {title(strongest)} ({_share(contents, strongest)}): when it alone is blurred, "
        f"the probability of {target} {_change(drop)} on average."
    )
    if len(measured) > 1:
        weakest_drop, weakest = measured[-1]
        text += (
            f" The weakest is {title(weakest)} ({_share(contents, weakest)}): the probability {_change(weakest_drop)}."
        )
    if drop < _WEAK_DROP:
        text += " No part is decisive by itself."
    return text + " Parts can stand in for one another: a small drop does not mean that a part goes unused."


def _necessities(contents: Contents) -> str:
    """Which summaries the network was shown to need; empty where it was not measured."""
    summaries = contents.clustering.summaries if contents.clustering else ()
    measured = [(summary, summary.necessity) for summary in summaries if summary.necessity is not None]
    needed = [title(summary) for summary, necessity in measured if necessity.is_shown]
    unsure = [title(summary) for summary, necessity in measured if not necessity.is_shown]
    sentences = []
    if needed:
        which = f"any of the {len(needed)} summaries" if len(needed) > 1 and not unsure else _listed(needed, "or")
        sentences.append(f"Blurring {which} costs more than blurring the same shapes elsewhere in the same images.")
    if unsure:
        sentences.append(f"Of {_listed(unsure, 'or')} that could not be shown: the effect may be that of any blur.")
    return " ".join(sentences)


def _masks(contents: Contents) -> str:
    masks = [image.mask for image in contents.used.values() if image.mask is not None]
    areas = _known(mask.area for mask in masks)
    drops = _known(mask.drop_binary for mask in masks)
    if not areas or not drops:
        return ""
    return (
        f"When all that the mask marks is blurred, {percent(fmean(areas))} of an image on average, "
        f"the probability {_change(fmean(drops))}."
    )


def _left_out(contents: Contents) -> str:
    others = contents.unrecognized
    if not others:
        return ""
    pronoun = "was left out because it takes it" if len(others) == 1 else "were left out because it takes them"
    text = f"{counted(len(others), 'image')} {pronoun} for something else"
    classes = Counter(image.predicted[0].name for image in others if image.predicted).most_common()
    if classes:
        text += ": " + ", ".join(f"{isolated(name)} ({count})" for name, count in classes[:_CLASSES_NAMED_MAX])
    if len(classes) > _CLASSES_NAMED_MAX:
        text += ", and others"
    return text + "."


def _listed(names: Sequence[str], word: str) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" {word} {names[-1]}"


def _change(drop: float) -> str:
    return f"falls by {percent(drop)}" if drop >= 0 else f"rises by {percent(-drop)}"


def _share(contents: Contents, summary: Summary) -> str:
    return f"{summary.images} of {counted(len(contents.used), 'image')}"


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _signed(value: float, digits: int) -> str:
    written = f"{value:.{digits}f}"
    return written.replace("-", _MINUS) if float(written) else written.lstrip("-")
