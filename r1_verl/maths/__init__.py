"""Are two mathematical answers equal? `judge.judge` decides, in five steps:

1. text: both spellings made canonical (`spelling`); equal texts, plain numbers and words (`words`) are decided here
2. tokens: commands, names, numbers and units recognised (`tokens`, by the `tables` and `units`)
3. tree: one recursive-descent parser (`parser`, nodes in `trees`)
4. value: exact arithmetic (`exact_values`), else ball arithmetic at chosen points (`evaluate`, on `balls`)
5. same?: `structures` takes lists, tuples and equations apart, for `numbers`, `intervals` and `quantities` to compare

No text is evaluated by Python or sympy, every pair has a budget, and no process is started.
"""
