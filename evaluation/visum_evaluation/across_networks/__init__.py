"""Do better networks have more summaries? The paper's table 3 and figure 5."""
