"""Whether people see the same thing in a summary (paper, section 4.2): `visum evaluate coherency`."""
