"""Synonyms by the nouns of a WordNet database (Fellbaum 1998), as Debian's package wordnet-base installs it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from visum_client.errors import InvalidInputError

_ENDINGS = (
    *(("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch")),
    *(("shes", "sh"), ("men", "man"), ("ies", "y"), ("s", "")),
)
"""Plurals and their singulars, as WordNet's own morphology lists them."""


@dataclass(frozen=True)
class WordNet:
    """The first, that is the most frequent, sense of each noun."""

    senses: dict[str, str]
    """Synset of each noun in lower case, words joined by underscores."""
    irregular: dict[str, str]
    """Singulars of irregular plurals."""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Reads `index.noun` and `noun.exc` of a database.

        Raises:
            InvalidInputError: The folder has no readable `index.noun`.
        """
        index = folder / "index.noun"
        try:
            senses = dict(_senses(index))
            exceptions = (folder / "noun.exc").read_text(encoding="utf-8") if (folder / "noun.exc").exists() else ""
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise InvalidInputError(f"{index} cannot be read as WordNet's index of nouns", "wordnet") from error
        irregular = [line.split() for line in exceptions.splitlines() if line.strip()]
        return cls(senses, {forms[0]: forms[1] for forms in irregular})

    def fused(self, tag: str) -> str:
        """The synset of a tag, so that synonyms are one; a tag that is no noun of WordNet stays as it is."""
        return next((self.senses[noun] for noun in self._nouns(tag) if noun in self.senses), tag)

    def _nouns(self, tag: str) -> Iterator[str]:
        """What the tag may be the form of, itself first."""
        noun = tag.lower().replace(" ", "_")
        yield noun
        if noun in self.irregular:
            yield self.irregular[noun]
        yield from (noun.removesuffix(plural) + singular for plural, singular in _ENDINGS if noun.endswith(plural))


def _senses(index: Path) -> Iterator[tuple[str, str]]:
    """Lines are: lemma, n, number of synsets, number of pointers, pointers, two counts, offsets of the synsets."""
    for line in index.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):  # the licence
            continue
        fields = line.split()
        yield fields[0], fields[-int(fields[2])]
