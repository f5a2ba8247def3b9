"""Equality of mathematical answers: one judge behind every mathematics scorer."""
