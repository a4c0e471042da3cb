"""Show a Graph to people: readable mathematics, LaTeX and pictures."""
