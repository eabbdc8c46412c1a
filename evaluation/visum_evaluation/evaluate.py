"""The command `visum evaluate`: one experiment a word."""

from visum_client.commands.command import Command, CommandGroup
from visum_evaluation.flow.command import COMMAND as FLOW
from visum_evaluation.masks.command import MASKS
from visum_evaluation.parts.command import PARTS

EXPERIMENTS: tuple[Command, ...] = (MASKS, FLOW, PARTS)

GROUP = CommandGroup("evaluate", "measure masks, matching and summaries", EXPERIMENTS)
