"""Sokoban levels: generated or read from RAGEN's files, each with a shortest solution, and their prompts."""
