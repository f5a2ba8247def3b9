"""Countdown: puzzles, their solver, prompts, published sets, a cold start."""
