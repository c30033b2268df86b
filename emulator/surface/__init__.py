"""From class fractions to surface parameters."""
