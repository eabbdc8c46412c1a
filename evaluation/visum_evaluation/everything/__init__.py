"""All of the paper's experiments over the same runs."""
