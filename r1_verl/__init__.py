"""r1_verl: the open R1-Zero recipes (rewards, data, runs) as a plugin for veRL."""

from r1_verl.response import after_thinking, last_answer
from r1_verl.reward import compute_score
from r1_verl.score import Score
from r1_verl.scorers import scorer

__version__ = "0.1.0"
__all__ = ["Score", "after_thinking", "compute_score", "last_answer", "scorer"]
