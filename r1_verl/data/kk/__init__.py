"""Knights and Knaves: the logic, its words, perturbed puzzles, prompts."""
