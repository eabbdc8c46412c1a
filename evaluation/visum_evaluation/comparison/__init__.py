"""Crisp masks beside attribution methods of Captum."""
