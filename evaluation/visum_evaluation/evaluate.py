"""The command `visum evaluate`: one experiment a word."""

from visum_client.commands.command import Command, CommandGroup
from visum_evaluation.flow.command import COMMAND as FLOW

EXPERIMENTS: tuple[Command, ...] = (FLOW,)

GROUP = CommandGroup("evaluate", "measure masks, matching and summaries", EXPERIMENTS)
