"""Mathematics: problem sets, prompts, reasoning traces, a cold start."""
