"""How like the members of a summary another part is, to the network that the summary explains."""
