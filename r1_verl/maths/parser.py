"""From tokens to a tree (see `trees`): one recursive-descent parser, its methods in the order of the grammar.

    items     relation , relation , ...
    relation  union = union < union ...      or a congruence
    union     sum \\cup sum \\cap sum ...
    sum       term + term - term ...
    term      factor factor * factor / factor ...
    factor    atom with its suffixes: powers, !, ', %, degrees, subscripts
    atom      a number, name, bracket, set, function, matrix or backslash command

Depth and length are bounded and every token must be consumed. Longer than the other files: a grammar is one idea.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from itertools import pairwise

from r1_verl.maths import tables as T
from r1_verl.maths.evidence import is_lead, nouns
from r1_verl.maths.spelling import read_exact
from r1_verl.maths.tokens import Token, Unreadable
from r1_verl.maths.trees import Node, rename
from r1_verl.maths.units import UNITS

MAX_DEPTH = 32
_DERIVATIVE_TOKENS = 40  # a numerator or denominator of more tokens is not read as part of a derivative

_IN_DERIVED = frozenset(("sym", "const", "cmd", "fn", "(", ")", "{", "}", "_", "num", "text"))

_END: Token = ("end of text", "")
_RELATIONS = frozenset(("=", "<", ">", "<=", ">=", "!=", "~", "in", "equiv", ":", "mid", "to", "propto"))
_OVERS = ("over", "choose")
_SUCH_THAT = frozenset((":", "mid", "|"))
_SIGNS = frozenset(("+", "-", "pm", "mp"))
_SUFFIXES = frozenset(("^", "!", "'", "%", "deg", "_", "base"))
_ITEM_ENDS = frozenset((_END[0], "}", ")", "]", ","))
_LEAD_ENDS = _ITEM_ENDS | {"=", "~", "text"}
_TERM_ENDS = _ITEM_ENDS | {"+", "-", "="}  # the most common ends, asked first
_SINGLE = frozenset(("num", "sym", "const"))  # tokens that can be a whole item
# Tokens that can begin a factor of a product written without a sign.
_FACTOR_STARTS = frozenset(
    (
        "num", "sym", "const", "fn", "unit", "text", "set", "cmd", "begin", "(", "[", "{", "{.", "[_", "[^", "<.", "$",
        "£", "€", "¥", "...",
    )
)  # fmt: skip
_OF_SEVERAL = frozenset(("max", "min", "gcd", "lcm"))
_ARGUMENT_STARTS = _FACTOR_STARTS - {"fn", "text"}
_CURRENCIES = ("$", "£", "€", "¥")
_COLUMNS = frozenset(("aligned", "align", "gathered", "split", "array*"))
_OPENING, _CLOSING = frozenset(("(", "[", "{", "{.")), frozenset((")", "]", "}", ".}"))
_OF_INTEGRAL = "variable of an integral"
_IF = frozenset(("if", "for", "when", "where", "if "))
_MATRICES = frozenset(("matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "smallmatrix", "array"))
_APPLIED = frozenset("fghFGH")  # letters that mean a function before a bracket
_INVERSE = {name: "arc" + name for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")}
_BASE_DIGITS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.")


def parse(tokens: list[Token]) -> Node:
    """The tree of a token list. Raises Unreadable."""
    parser = Parser(tokens)
    node = parser.items(())
    if parser.kind in _OVERS:
        node = parser.over(node, ())
    if parser.kind != _END[0]:
        raise Unreadable(f"stopped at {parser.kind}")
    return node


class Parser:
    """Reads a token list from left to right. `kind` and `value` are the current token, `at` its index."""

    def __init__(self, tokens: list[Token]):
        self.tokens = [*tokens, _END]
        self.at = 0
        self.depth = 0
        self.in_bars = False  # inside |...|, where the next bar closes
        self.in_set = False  # inside \{...\}, where a bar means "such that"
        self.kind, self.value = self.tokens[0]

    # --- tokens -------------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Go to the next token. No caller advances past the end of the text."""
        self.at += 1
        self.kind, self.value = self.tokens[self.at]

    def expect(self, kind: str) -> None:
        if self.kind != kind:
            raise Unreadable(f"{kind} expected, {self.kind} found")
        self.advance()

    def peek(self, ahead: int) -> str:
        """The kind of a later token."""
        at = self.at + ahead
        return self.tokens[at][0] if at < len(self.tokens) else _END[0]

    def descend(self) -> None:
        """Count one level of nesting; the caller takes it back when it returns."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")

    # --- items --------------------------------------------------------------------------------------------------------

    def items(self, stops: tuple[str, ...], first: Node | None = None) -> Node:
        """One relation, or a list of several. Inequalities joined by one "and" or "or" are a set.

        first: the first of them, if it was already read.
        """
        self.descend()
        parts = [] if first is None else [first]
        joiners = set()
        joiner = ""
        if first is not None and self.kind not in stops and self.kind != ",":
            raise Unreadable(f"{self.kind} in a set")
        while self.kind not in stops and self.kind != _END[0]:
            if self.kind == ",":
                joiner = self.value
                joiners.add(joiner)
                self.advance()
                continue
            joiner = ""
            parts.append(self.single_token() or self.relation())
            if self.kind != ",":
                break
        self.depth -= 1
        if joiner:
            raise Unreadable("nothing behind a joiner")
        while len(parts) > 1 and parts[-1][0] == "text" and nouns(parts[-1][1]) == ():
            parts.pop()  # 72 clips, altogether
        if not parts:
            raise Unreadable("an expression is missing")
        if len(parts) == 1:
            return parts[0]
        if joiners != {""}:
            node = _joined(joiners, parts)
            if node:
                return node
        return ("list", tuple(parts))

    def single_token(self) -> Node | None:
        """The current number or name if it is a whole item, as most members of lists and most exponents are."""
        kind, value = self.kind, self.value
        if kind not in _SINGLE or self.tokens[self.at + 1][0] not in _ITEM_ENDS:
            return None
        self.advance()
        return number_node(value) if kind == "num" else (kind, value)

    def inside(self, stops: tuple[str, ...]) -> Node:
        """The items of a bracket. Inside it, a bar opens a new absolute value."""
        in_bars, in_set = self.in_bars, self.in_set
        self.in_bars, self.in_set = False, False
        node = self.items(stops)
        self.in_bars, self.in_set = in_bars, in_set
        return node

    # --- relations and unions -----------------------------------------------------------------------------------------

    def relation(self) -> Node:
        if self.kind in ("=", "~", "implies"):
            self.advance()
        while self.kind == "text" and is_lead(self.value) and self.peek(1) not in _LEAD_ENDS:
            self.advance()  # the answer is 5
            if self.kind == ":":
                self.advance()
        named = self.kind == "sym" and self.tokens[self.at + 1][0] == "(" and self.named_value()
        left = named or self.union()
        if self.kind in _ITEM_ENDS:
            return left
        sides, operators = [left], []
        while self.kind in _RELATIONS or (self.kind == "|" and self.in_set and not self.in_bars):
            operators.append("mid" if self.kind == "|" else self.kind)
            self.advance()
            sides.append(self.union())
        if self.kind == "pmod":
            self.advance()
            modulus = self.argument()
            if operators == ["equiv"]:
                return ("cong", sides[0], sides[1], modulus)
            if operators == []:
                return ("cong", ("sym", ""), sides[0], modulus)
            raise Unreadable("pmod")
        if not operators:
            return sides[0]
        if operators == ["equiv"] and sides[0][0] == "fn" and sides[0][1][0] == "?":
            operators = ["="]  # the function f(x) \\equiv 0
        if operators == ["equiv"] and sides[1][0] == "fn" and sides[1][1] == "mod":
            return ("cong", sides[0], *sides[1][2])
        if operators == [":"] * len(operators) and not self.in_set:
            return ("ratio", tuple(sides))
        return ("rel", tuple(operators), tuple(sides))

    def named_value(self) -> Node | None:
        """`T(10)` in front of an equality sign: a value of a function, no product."""
        if not self.value.isupper() or (self.peek(2), self.peek(3), self.peek(4)) != ("num", ")", "="):
            return None
        node = ("fn", f"?{self.value}", (number_node(self.tokens[self.at + 2][1]),))
        for _ in range(4):
            self.advance()
        return node

    def union(self) -> Node:
        """Sums joined by the operations on sets."""
        left = self.sum()
        while self.kind in ("cup", "cap", "minus"):
            operator = self.kind
            self.advance()
            left = ("setop", operator, left, self.sum())
        return left

    # --- sums, terms and factors --------------------------------------------------------------------------------------

    def sum(self) -> Node:
        terms = []
        while True:
            sign = "+"
            while self.kind in _SIGNS:
                if self.kind == "-":
                    sign = {"+": "-", "-": "+", "pm": "mp", "mp": "pm"}[sign]
                elif self.kind != "+":
                    sign = self.kind
                self.advance()
            term = self.term()
            terms.append(term if sign == "+" else ({"-": "neg"}.get(sign, sign), term))
            # 1 hour 30 minutes is a sum
            if self.kind not in _SIGNS and not (self.kind == "num" and term[0] == "mul" and term[1][-1][0] == "unit"):
                break
        return terms[0] if len(terms) == 1 else ("add", tuple(terms))

    def term(self) -> Node:
        first = self.factor()
        if self.kind in _TERM_ENDS:
            return first
        factors = [first]
        while True:
            kind = self.kind
            if kind in _TERM_ENDS:
                break
            if kind == "*":
                self.advance()
                factors.append(self.signed_factor())
            elif kind == "/":
                self.advance()
                factors = [("div", _product(factors), self.signed_factor())]
            elif kind == "cross":
                self.advance()
                factors = [("fn", "?cross", (_product(factors), self.signed_factor()))]
            elif kind == "mod":
                self.advance()
                factors = [("fn", "mod", (_product(factors), self.signed_factor()))]
            elif kind == "num" and factors[-1][0] == "num":
                self.mixed_number(factors)
            elif kind == "num" and factors[-1][0] == "unit":
                break
            elif kind == "num" and factors[-1][0] == "text" and len(factors) > 1:  # 17 R 2
                factors = [("fn", f"?{factors[-1][1]}", (_product(factors[:-1]), self.factor()))]
            elif kind in _FACTOR_STARTS or (kind == "|" and not self.in_bars and not self.in_set):
                factors.append(self.factor())
                if kind == "cmd":
                    _join_mixed(factors)
            else:
                break
        return _product(factors)

    def mixed_number(self, factors: list[Node]) -> None:
        """`2 1/2` as typed: the fraction after a whole number. Any other two numbers in a row are unreadable."""
        top = number_node(self.value)
        self.advance()
        if self.kind != "/":
            raise Unreadable("two numbers")
        self.advance()
        if self.kind != "num":
            raise Unreadable("two numbers")
        factors.append(("div", top, number_node(self.value)))
        self.advance()
        if not _join_mixed(factors):
            raise Unreadable("two numbers")
        if self.kind == "%":
            self.advance()
            factors.append(("unit", "%"))

    def signed_factor(self) -> Node:
        negative = False
        while self.kind in ("-", "+"):
            negative ^= self.kind == "-"
            self.advance()
        node = self.factor()
        return ("neg", node) if negative else node

    def factor(self) -> Node:
        """An atom and its suffixes."""
        node = self.atom()
        while True:
            kind = self.kind
            if kind not in _SUFFIXES:
                return node
            if kind == "^":
                self.advance()
                node = self.power(node)
            elif kind == "!":
                marks = 0
                while self.kind == "!":
                    marks += 1
                    self.advance()
                if marks > 2:
                    raise Unreadable("factorials")
                node = ("fn", "fact" if marks == 1 else "fact2", (node,))
            elif kind == "'":
                self.advance()
                node = _derived(node)
            elif kind == "%":
                self.advance()
                node = ("mul", (node, ("unit", "%")))
            elif kind == "deg":
                self.advance()
                node = self.degrees(node)
            elif kind in ("_", "base") and node[0] in ("num", "text", "sym"):
                self.advance()
                node = self.subscript(node)
            else:
                return node

    # --- suffixes -----------------------------------------------------------------------------------------------------

    def power(self, base: Node) -> Node:
        """What `^` makes of `base`; the current token is the one after `^`."""
        kind = self.kind
        if kind == "deg" or (kind == "{" and self.peek(1) == "deg" and self.peek(2) == "}"):
            for _ in range(1 if kind == "deg" else 3):
                self.advance()
            return self.degrees(base)
        if kind == "*" or (kind == "sym" and self.value in ("prime", "dagger", "star")):
            prime = self.value == "prime"
            self.advance()
            return _derived(base) if prime else ("sym", f"{_name(base)}^*")
        if kind == "{" and self.peek(1) == "sym" and self.tokens[self.at + 1][1] == "prime":
            self.advance()
            while self.kind == "sym" and self.value == "prime":
                base = _derived(base)
                self.advance()
            self.expect("}")
            return base
        exponent = self.exponent()
        if exponent[0] == "text" and exponent[1] in T.ORDINALS:
            return base
        if base == ("const", "e"):
            return ("fn", "exp", (exponent,))
        return ("pow", base, exponent)

    def exponent(self) -> Node:
        self.descend()
        if self.kind in ("-", "+"):
            negative = self.kind == "-"
            self.advance()
            node = self.exponent()
            node = ("neg", node) if negative else node
        else:
            node = self.atom()
            if self.kind == "^":  # 2^3^2
                self.advance()
                node = ("pow", node, self.exponent())
        self.depth -= 1
        return node

    def degrees(self, node: Node) -> Node:
        """Degrees of an angle, or of Celsius or Fahrenheit if the next token is their letter."""
        name = "deg"
        if self.kind in ("unit", "sym", "text") and self.value in ("C", "F", "c", "f"):
            name += self.value.upper()
            self.advance()
        return ("mul", (node, ("unit", name)))

    def subscript(self, node: Node) -> Node:
        """A number written in a base, or a longer name; the current token is the one after `_`."""
        before = self.at - 2
        while before and self.tokens[before][0] in (")", "}"):
            before -= 1
        digits = self.tokens[before][1].upper()
        index = self.flat_name()
        if node[0] == "num" or (node[0] == "text" and digits.isalnum()):
            base = index.removeprefix("base").strip(" ()")
            if not base.isdecimal() or not 2 <= int(base[:3]) <= 36 or not set(digits) <= _BASE_DIGITS:
                raise Unreadable("base")
            return ("base", digits.lstrip("0") or "0", int(base))
        if node[0] == "sym":
            return ("sym", f"{node[1]}_{index}")
        raise Unreadable("subscript")

    # --- atoms --------------------------------------------------------------------------------------------------------

    def atom(self) -> Node:
        """The smallest factor, without its suffixes."""
        kind, value = self.kind, self.value
        if kind == "num":
            self.advance()
            return number_node(value)
        if kind == "sym":
            self.advance()
            return self.symbol(value)
        if kind == "cmd":
            self.advance()
            return self.command(value)
        if kind in ("const", "unit", "set", "text", "..."):
            self.advance()
            return (kind, value)
        if kind == "fn":
            self.advance()
            return self.function(value)
        if kind in ("(", "["):
            return self.bracket(kind)
        if kind == "{":
            return self.braces()
        if kind == "{.":
            return self.set_in_braces()
        if kind == "<.":
            self.advance()
            node = self.inside((".>",))
            self.expect(".>")
            return ("group", "(", ")", node[1]) if node[0] == "list" else node
        if kind in ("[_", "[^"):
            self.advance()
            node = self.inside(("_]", "^]"))
            self.expect("_]" if kind == "[_" else "^]")
            return ("fn", "floor" if kind == "[_" else "ceil", (node,))
        if kind == "|":
            self.advance()
            outside, self.in_bars = self.in_bars, True
            node = self.sum()
            self.in_bars = outside
            self.expect("|")
            return ("fn", "det" if node[0] == "mat" else "abs", (node,))
        if kind == "||":
            self.advance()
            node = self.sum()
            self.expect("||")
            return ("fn", "?norm", (node,))
        if kind in _CURRENCIES:
            self.advance()
            if self.kind in ("num", "-", "+", "cmd"):
                return ("mul", (self.signed_factor(), ("unit", kind)))
            return ("unit", kind)
        if kind == "begin":
            return self.environment()
        if kind == "neg":
            self.advance()
            return ("fn", "?not", (self.factor(),))
        raise Unreadable(f"no factor begins with {kind}")

    def argument(self) -> Node:
        r"""The argument of a command such as \frac: a group, one digit of a number, or one atom."""
        if self.kind == "num" and len(self.value) > 1 and self.value.isdecimal():
            digit, rest = self.value[0], self.value[1:]
            self.tokens[self.at] = ("num", rest)
            self.value = rest
            return number_node(digit)
        return self.atom()

    def symbol(self, name: str) -> Node:
        """A name with its subscript, or a named function applied to the bracket after it."""
        if self.kind == "_":
            self.advance()
            name = f"{name}_{self.flat_name()}"
        if self.kind == "(" and name in _APPLIED:
            node = self.bracket("(")
            return ("fn", f"?{name}", node[3] if node[0] == "group" else (node,))
        return ("sym", name)

    def flat_name(self) -> str:
        """The next token, or the tokens of the next group, as one name."""
        if self.kind != "{":
            text = self.value or self.kind
            if self.kind == _END[0] or self.kind in ("}", ")", "]"):
                raise Unreadable("a name is missing")
            self.advance()
            return text
        parts, level = [], 0
        while True:
            if self.kind == _END[0]:
                raise Unreadable("unclosed")
            level += (self.kind == "{") - (self.kind == "}")
            if self.kind not in ("{", "}"):
                parts.append(self.value or self.kind)
            self.advance()
            if level == 0:
                return "".join(parts)

    # --- brackets -----------------------------------------------------------------------------------------------------

    def bracket(self, opened: str) -> Node:
        self.advance()
        node = self.inside((")", "]"))
        closed = self.kind
        if closed not in (")", "]"):
            raise Unreadable("unclosed bracket")
        self.advance()
        if node[0] == "list":
            return ("group", opened, closed, node[1])
        if (opened, closed) not in (("(", ")"), ("[", "]")):
            raise Unreadable("brackets")
        return node

    def braces(self) -> Node:
        """A group of LaTeX; a list in it was probably meant as a set."""
        self.advance()
        if self.peek(1) == "}" and (node := self.single_token()):
            self.advance()
            return node
        node = self.inside(("}",))
        if self.kind in _OVERS:
            node = self.over(node, ("}",))
        self.expect("}")
        return ("braces", node[1]) if node[0] == "list" else node

    def over(self, top: Node, stops: tuple[str, ...]) -> Node:
        r"""`top` itself, or the fraction or binomial that a \\over or \\choose behind it makes."""
        if self.kind not in ("choose", "over"):
            return top
        kind = self.kind
        self.advance()
        bottom = self.inside(stops)
        return ("fn", "binom", (top, bottom)) if kind == "choose" else ("div", top, bottom)

    def set_in_braces(self) -> Node:
        r"""A set by its members, or set-builder notation: \{x : x > 0\}."""
        self.advance()
        if self.kind == ".}":
            self.advance()
            return ("set", "empty")
        in_bars, in_set = self.in_bars, self.in_set
        self.in_bars, self.in_set = False, True
        sides, operators = [self.union()], []
        while self.kind in _RELATIONS and self.kind not in _SUCH_THAT:
            operators.append(self.kind)
            self.advance()
            sides.append(self.union())
        element = ("rel", tuple(operators), tuple(sides)) if operators else sides[0]
        builds = self.kind in _SUCH_THAT
        self.in_set = False
        if builds:
            self.advance()
        node = self.items((".}",), None if builds else element)
        self.in_bars, self.in_set = in_bars, in_set
        self.expect(".}")
        items = node[1] if node[0] == "list" else (node,)
        return ("builder", element, items) if builds else ("braces", items)

    # --- functions ----------------------------------------------------------------------------------------------------

    def function(self, name: str) -> Node:
        """A known function, with a power or base between its name and its argument: \\sin^2 x, \\log_2 8."""
        if name == "sqrt":
            return self.root()
        base = power = None
        while self.kind in ("^", "_"):
            mark = self.kind
            self.advance()
            if mark == "^":
                power = self.exponent()
            else:
                base = self.atom()
        arguments = self.function_arguments()
        if base is not None:
            if name != "log":
                raise Unreadable("subscript")
            arguments = (*arguments, base)
        if power == ("neg", ("num", 1, 0)) and name in _INVERSE:
            return ("fn", _INVERSE[name], arguments)
        if len(arguments) == 1 and name in _OF_SEVERAL:
            name = f"?{name}"  # \\max f
        node = ("fn", name, arguments)
        return node if power is None else ("pow", node, power)

    def root(self) -> Node:
        order = None
        if self.kind == "[":
            self.advance()
            order = self.inside(("]",))
            self.expect("]")
        radicand = self.atom()
        return ("fn", "sqrt", (radicand,) if order is None else (radicand, order))

    def function_arguments(self) -> tuple[Node, ...]:
        """The members of a bracket; without one, the factors up to the next function or bracket."""
        if self.kind in ("(", "[", "{", "{.", "|"):
            node = self.atom()
            if node[0] == "group":
                return node[3]
            return node[1] if node[0] == "braces" else (node,)
        negative = self.kind == "-"
        if negative:
            self.advance()
        factors: list[Node] = []
        plain = True  # only numbers and constants so far, as in \sin \pi/3: then a fraction belongs to the argument
        while self.kind in _ARGUMENT_STARTS and not (factors and self.kind in ("(", "[", "{.")):
            plain = plain and (self.kind in ("num", "const") or (self.kind == "cmd" and self.value == "frac"))
            factors.append(self.factor())
            if plain and self.kind == "/" and self.peek(1) == "num":
                self.advance()
                factors = [("div", _product(factors), self.factor())]
        if not factors:
            if self.kind != "fn":
                raise Unreadable("a function without an argument")
            factors = [self.factor()]
        node = _product(factors)
        return (("neg", node) if negative else node,)

    # --- backslash commands -------------------------------------------------------------------------------------------

    def command(self, name: str) -> Node:
        if name == "frac":
            derivative = self.peek(1) in ("sym", "cmd") and self.derivative()
            return derivative or ("div", self.argument(), self.argument())
        if name in ("binom", "dbinom", "tbinom"):
            return ("fn", "binom", (self.argument(), self.argument()))
        if name in ("sum", "prod"):
            return self.series(name)
        if name == "int":
            return self.integral()
        if name in ("dot", "ddot"):
            return ("sym", f"D{len(name) - 2}({self.flat_name()})")
        if name in T.DECORATION:
            return self.symbol(f"{T.SAME_DECORATION.get(name, name)} {self.flat_name()}")
        if name in T.GEOMETRY:
            letters = [self.flat_name()] if self.kind == "{" else []
            while self.kind == "sym" and (not letters or self.value[0].isupper()):
                letters.append(self.flat_name())
                if self.kind == "_":
                    self.advance()
                    letters.append("_" + self.flat_name())
            return ("sym", f"{name} {''.join(letters)}")
        raise Unreadable(name)

    def derivative(self) -> Node | None:
        r"""\frac{dv}{dt} as the name "D1(v)|t", of a partial one "partial1(u)|x"; None for a fraction."""
        tokens = self.tokens
        top = _braced(tokens, self.at)
        bottom = _braced(tokens, self.at + len(top) + 2)
        mark = top[0] if top[:1] == [("cmd", "partial")] else ("sym", "d")
        variables = _variables(bottom, mark)
        if not variables or top[:1] != [mark]:
            return None
        inner, order = top[1:], 1
        if inner[:1] == [("^", "")]:
            power = _braced(inner, 1) or inner[1:2]
            if len(power) != 1 or not power[0][1].isdecimal():
                return None
            order = int(power[0][1][:2])
            inner = inner[4:] if inner[1][0] == "{" else inner[2:]
        if order != len(variables):
            return None
        if not inner:
            raise Unreadable("the derivative of what follows")
        if any(kind not in _IN_DERIVED for kind, _ in inner):
            return None
        names = [value or kind for kind, value in inner if kind not in ("{", "}")]
        if names[-3:-2] == ["("] and names[-1:] == [")"]:
            names = names[:-3]  # dx(t)/dt
        if not names:
            return None
        for _ in range(len(top) + len(bottom) + 4):
            self.advance()
        sign = "D" if mark[0] == "sym" else "partial"
        return ("sym", f"{sign}{order}({''.join(names)})|{' '.join(sorted(variables))}")

    def series(self, name: str) -> Node:
        r"""\sum or \prod with both limits."""
        low = high = None
        while self.kind in ("_", "^"):
            mark = self.kind
            self.advance()
            if mark == "_":
                low = self.inside(()) if self.kind != "{" else self.atom()
            else:
                high = self.argument()
        if low is None or high is None or low[0] != "rel" or low[1] != ("=",) or low[2][0][0] not in ("sym", "const"):
            raise Unreadable(name)
        return (name, low[2][0][1], low[2][1], high, self.term())

    def integral(self) -> Node:
        r"""\int with its limits, up to the first `dx`. It is not evaluated; its variable gets a name of its own."""
        limits: dict[str, Node] = {}
        while self.kind in ("_", "^"):
            mark = self.kind
            self.advance()
            limits[mark] = self.argument()
        level = 0
        for end in range(self.at, len(self.tokens) - 1):
            kind = self.tokens[end][0]
            level += (kind in _OPENING) - (kind in _CLOSING)
            if level == 0 and self.tokens[end] == ("sym", "d") and self.tokens[end + 1][0] == "sym":
                break
        else:
            raise Unreadable("an integral without its variable")
        self.descend()
        inner = Parser(self.tokens[self.at : end])
        inner.depth = self.depth
        body = inner.items(())
        if inner.kind != _END[0]:
            raise Unreadable("integral")
        self.depth -= 1
        self.at = end + 1
        variable = self.tokens[self.at][1]
        self.advance()
        return ("int", limits.get("_", ()), limits.get("^", ()), rename(body, {variable: _OF_INTEGRAL}))

    def environment(self) -> Node:
        r"""A matrix, \\begin{pmatrix} ... \\end{pmatrix}, formulas one below the other, or the cases of a function."""
        name = self.value
        self.advance()
        if name == "cases":
            return self.cases()
        if name in _COLUMNS:
            return self.column(name)
        if name not in _MATRICES:
            raise Unreadable(name)
        if name == "array" and self.kind == "{":
            self.flat_name()
        rows: list[tuple[Node, ...]] = []
        row: list[Node] = []
        while True:
            row.append(self.inside(("&", "row", "end")))
            if self.kind == "&":
                self.advance()
                continue
            rows.append(tuple(row))
            row = []
            while self.kind == "row":
                self.advance()
            if self.kind == "end":
                break
        if self.value != name or len({len(each) for each in rows}) != 1:
            raise Unreadable("matrix")
        self.advance()
        node = ("mat", tuple(rows))
        return ("fn", "det", (node,)) if name == "vmatrix" else node

    def column(self, name: str) -> Node:
        """Formulas one below the other, as a list. What is aligned does not matter."""
        end = next((n for n in range(self.at, len(self.tokens)) if self.tokens[n] == ("end", name)), None)
        if end is None:
            raise Unreadable(name)
        self.tokens[self.at : end] = [token for token in self.tokens[self.at : end] if token[0] != "&"]
        self.kind, self.value = self.tokens[self.at]
        return self.rows(name)

    def rows(self, name: str) -> Node:
        items: list[Node] = []
        while True:
            items.append(self.inside(("row", "end")))
            while self.kind == "row":
                self.advance()
            if self.kind == "end":
                break
        if self.value != name:
            raise Unreadable(name)
        self.advance()
        return items[0] if len(items) == 1 else ("list", tuple(items))

    def cases(self) -> Node:
        """The values of a function, each with its condition; without conditions, a list."""
        rows: list[tuple[Node, Node]] = []
        alone: list[Node] = []
        while True:
            value = self.inside(("&", "row", "end"))
            if self.kind == "&":
                self.advance()
                if self.kind == "text" and self.value in _IF:
                    self.advance()
                rows.append((value, self.inside(("row", "end"))))
            else:
                alone.append(value)
            while self.kind == "row":
                self.advance()
            if self.kind == "end":
                break
        if self.value != "cases" or (rows and alone):
            raise Unreadable("cases")
        self.advance()
        return ("cases", tuple(rows)) if rows else alone[0] if len(alone) == 1 else ("list", tuple(alone))


def number_node(text: str) -> Node:
    """The node of a number token. The digits in the bracket of `0.1(6)` repeat for ever."""
    if len(text) < 20 and text.isdecimal():
        return ("num", int(text), 0)
    if "(" in text:
        head, _, tail = text.partition("(")
        tail = tail[:-1]
        decimals = len(head) - head.index(".") - 1
        fixed, nines = read_exact(head + "0"), 10 ** len(tail) - 1
        if fixed is None:
            raise Unreadable("number")
        return ("num", fixed + Fraction(int(tail), nines * 10**decimals), 0)
    value = read_exact(text)
    if value is None:
        raise Unreadable("number")
    mantissa = text.lower().partition("e")[0]
    digits = len(mantissa.replace(".", "").lstrip("0")) if len(mantissa) < len(text) or "." in text else 0
    return ("num", value, digits)


def _joined(joiners: set[str], parts: list[Node]) -> Node | None:
    """What "and" and "or" make of the parts between them; None for a list."""
    if joiners & {"land", "lor"}:
        if len(joiners) > 1:
            raise Unreadable("and beside or")
        if any(part[0] != "rel" for part in parts):
            return ("logic", joiners.pop(), tuple(parts))
        joiners = {"and" if joiners == {"land"} else "or"}
    if joiners == {"and"} and _is_compound(parts):
        return ("add", tuple(parts))
    if len(joiners) == 1 and joiners < {"and", "or"} and all(_is_inequality(part) for part in parts):
        operator = "cup" if "or" in joiners else "cap"
        return reduce(lambda left, right: ("setop", operator, left, right), parts)
    return None


def _is_compound(parts: list[Node]) -> bool:
    """Whether quantities joined by "and" are one, each with a smaller unit: 2 hours and 30 minutes."""
    if not all(part[0] == "mul" and part[1][-1][0] == "unit" and part[1][-1][1] in UNITS for part in parts):
        return False
    units = [UNITS[part[1][-1][1]] for part in parts]
    return all(x[1] == y[1] and x[0] > y[0] for x, y in pairwise(units))


def _is_inequality(node: Node) -> bool:
    return node[0] == "rel" and not {"=", "~", "in"} & set(node[1])


def _product(factors: list[Node]) -> Node:
    return factors[0] if len(factors) == 1 else ("mul", tuple(factors))


def _join_mixed(factors: list[Node]) -> bool:
    """Make one number of the last two factors if they are a whole number and a proper fraction. Whether they were."""
    whole, part = factors[-2:]
    if part[0] == "mul" and len(part[1]) == 2 and part[1][1][0] == "unit":  # 12\\frac12\\%
        factors[-1:] = part[1][:1]
        joined = _join_mixed(factors)
        factors[-1:] = (factors[-1], part[1][1]) if joined else (part,)
        return joined
    if whole[0] == "num" and not whole[2] and part[0] == "div" and part[1][0] == "num" == part[2][0]:
        top, bottom = part[1], part[2]
        if not top[2] and not bottom[2] and 0 < top[1] < bottom[1]:
            factors[-2:] = [("num", whole[1] + Fraction(top[1], bottom[1]), 0)]
            return True
    return False


def _name(node: Node) -> str:
    if node[0] != "sym":
        raise Unreadable("name")
    return node[1]


def _derived(node: Node) -> Node:
    """The derivative of a named function, as a name: v' is D1(v), v'' is D2(v)."""
    name = _name(node)
    order, _, rest = name[1:].partition("(")
    if name[0] == "D" and rest and order.isdecimal():
        return ("sym", f"D{int(order) + 1}({rest}")
    return ("sym", f"D1({name})")


def _variables(bottom: list[Token], mark: Token) -> list[str]:
    """The variables of a derivative, each as often as it is taken, from the tokens under the bar; [] for others."""
    found: list[str] = []
    at = 0
    while at < len(bottom):
        if bottom[at] != mark or at + 1 >= len(bottom) or bottom[at + 1][0] != "sym":
            return []
        name, times = bottom[at + 1][1], 1
        at += 2
        if bottom[at : at + 1] == [("^", "")]:
            power = _braced(bottom, at + 1) or bottom[at + 1 : at + 2]
            if len(power) != 1 or not power[0][1].isdecimal() or len(power[0][1]) > 1:
                return []
            times = int(power[0][1])
            at += 4 if bottom[at + 1][0] == "{" else 2
        found += [name] * times
    return found


def _braced(tokens: list[Token], at: int) -> list[Token]:
    """The tokens of the group that opens at `at`; [] if none opens there or it is long."""
    if at >= len(tokens) or tokens[at][0] != "{":
        return []
    level = 0
    for end in range(at, min(len(tokens), at + _DERIVATIVE_TOKENS)):
        level += (tokens[end][0] == "{") - (tokens[end][0] == "}")
        if level == 0:
            return tokens[at + 1 : end]
    return []
