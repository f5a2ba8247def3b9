r"""Are two mathematical answers equal? `judge.judge` decides, in five steps:

1. text: both spellings made canonical (`spelling`); equal texts, plain numbers and words (`words`) are decided here
2. tokens: commands, names, numbers, units and phrases recognised (`tokens`, `phrases`, `chinese`, `tables`, `units`)
3. tree: one recursive-descent parser (`parser`, nodes in `trees`), behind which `qualifiers` are taken off
4. value: exact arithmetic (`exact_values`), else ball arithmetic at chosen points (`evaluate`, on `balls`)
5. same?: `structures` takes lists, tuples and equations apart, for `numbers`, `intervals` and `quantities` to compare

No text is evaluated by Python or sympy, every pair has a budget, and no process is started.

Accepted: every form of the same value or function; a list in any order, a tuple, interval or matrix in its own;
`x = 5`, `f(t)=2t` for `f(x)=2x`, equations that are multiples or solved for one of their names, `k \in \mathbb{Z}`
behind a formula; a unit, a currency or a noun of at most three words behind a number (5 cm, 5 red marbles, 5个),
`the answer is` before it; words with a meaning of their own (5 dozen, two thirds, 2 hours and 30 minutes, base 8); a
choice with its text, (E) 12.
Not accepted: any other word (`evidence` has those that count, negate, compare, join, condition, approximate): 5 or
more, about 5, half of 5, not x = 5; a hedge (5 or 6, 100 \approx 101: `phrases` makes a list of what a joiner joins);
more or fewer items; an interval for a list;
another sign, name, bracket or operator, between letters too; an equation still to be solved, |x| = 5; an integral or a
limit for its value. What cannot be read is unreadable, never right. Matters of taste are fields of `policy.Policy`:

| field | default | what it says |
| --- | --- | --- |
| `percent` | True | `25\%` equals 25 as well as 0.25; `0.5\%` never equals 0.5 |
| `units` | True | a unit, a degree or a currency sign may be left out |
| `unordered` | True | lists without brackets have no order |
| `assignment` | True | `x=5` equals 5 |
| `rounding` | 6 | significant digits with which a decimal answers an exact gold; 0: never |
| `gold_rounding` | 3 | significant digits of a decimal gold that an exact answer may meet; 0: never |
| `tolerance` | 0.0 | relative tolerance between two numbers |
| `unevaluated` | False | `\ln x=5`, `\sqrt{x}=5` and `|x|=5` equal 5 |
| `notations` | False | `C(10,3)`, `C_{10}^{3}`, `{}_{10}C_3` and `\mathbf{i}-2\mathbf{j}` are read |
| `no_solution` | True | "no solution" equals the empty set |
"""
