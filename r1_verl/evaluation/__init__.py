"""Asking checkpoints the questions of suites; scoring responses, new ones and those that are there already."""
