"""Contamination: which of a suite's questions a model has seen in training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from r1_verl.data import overlap
from r1_verl.data.example import DataError
from r1_verl.evaluation.questions import Suite


class Contamination:
    """Which share of a suite's questions is in training files. Each file, and each pair of both, is looked at once.

    failed: gets a line for a file that cannot be read.
    """

    def __init__(self, failed: list[str]) -> None:
        self._failed = failed
        self._items: dict[Path, list[overlap.Item]] = {}
        self._found: dict[Any, dict[str, Any] | None] = {}

    def of(self, files: tuple[Path, ...], suite: Suite) -> dict[str, Any] | None:
        """The share that is there as the same text, LaTeX decoration apart, or with a run of 13 words in common; and
        each way of looking by itself. None without files, or if they cannot be read."""
        if not files:
            return None
        key = files, suite.revision, len(suite.questions)
        if key not in self._found:
            try:
                self._found[key] = self._look(files, suite)
            except DataError as error:
                self._found[key] = None
                self._failed.append(f"no contamination is known of {suite.name}: {error}")
        return self._found[key]

    def _look(self, files: tuple[Path, ...], suite: Suite) -> dict[str, Any]:
        for path in files:
            if path not in self._items:
                self._items[path] = overlap.read(path)
        items = [item for path in files for item in self._items[path]]
        questions = [overlap.Item(question.text, "") for question in suite.questions]
        grams = f"{overlap.N}-gram"
        hit = {how: overlap.exact(items, questions, how)[1] for how in overlap.NORMALISERS}
        hit[grams] = overlap.by_grams(items, {suite.name: questions})[suite.name][1]
        share = {how: len(found) / len(questions) for how, found in hit.items()}
        files_read = [path.name for path in files]
        return {"share": len(hit["latex"] | hit[grams]) / len(questions), "by": share, "against": files_read}
