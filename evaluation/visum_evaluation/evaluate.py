"""The command `visum evaluate`: one experiment a word."""

from visum_client.commands.command import Command, CommandGroup

EXPERIMENTS: tuple[Command, ...] = ()

GROUP = CommandGroup("evaluate", "measure masks, matching and summaries", EXPERIMENTS)
