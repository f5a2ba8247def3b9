"""Scoring responses that are there already."""
