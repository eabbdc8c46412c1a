"""The command `visum evaluate`: one experiment a word."""

from visum_client.commands.command import Command, CommandGroup
from visum_evaluation.across_networks.command import NETWORKS
from visum_evaluation.coherency.command import COHERENCY
from visum_evaluation.comparison.command import COMPARISON
from visum_evaluation.everything.command import ALL
from visum_evaluation.flow.command import COMMAND as FLOW
from visum_evaluation.masks.command import MASKS
from visum_evaluation.parts.command import PARTS
from visum_evaluation.specialization.command import COMMAND as SPECIALIZATION

EXPERIMENTS: tuple[Command, ...] = (MASKS, FLOW, PARTS, SPECIALIZATION, COHERENCY, NETWORKS, COMPARISON, ALL)

GROUP = CommandGroup(
    "evaluate", "measure masks, matching, summaries, specialized classifiers and what people say", EXPERIMENTS
)
