"""What specialized classifiers gain: `visum evaluate specialization`."""
