"""Hold the Graph (what to compute) and the Program (how), and their ops."""
