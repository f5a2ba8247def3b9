"""From tokens to a tree (see `trees`), by recursive descent, bounded in depth and length; all input is consumed."""

from __future__ import annotations

from functools import reduce

from r1_verl.maths.atoms import STARTS, atom, number
from r1_verl.maths.marks import degrees, derived, join_mixed, mixed, power, subscript
from r1_verl.maths.tokens import Token, Unreadable
from r1_verl.maths.trees import Node

MAX_DEPTH = 32

_END: Token = ("end of text", "")
_RELATIONS = frozenset(("=", "<", ">", "<=", ">=", "!=", "~", "in", "equiv", ":", "mid", "to", "propto"))
_MARKS = frozenset(("^", "!", "'", "%", "deg", "_"))  # what may follow a factor
_TERM_ENDS = frozenset((_END[0], "}", ")", "]", ",", "+", "-", "="))  # the most common ends of a term
_ENDS = frozenset((_END[0], "}", ")", "]", ","))  # and of what they belong to
_ALONE = frozenset(("num", "sym", "const"))
_SIGNS = frozenset(("+", "-", "pm", "mp"))


def parse(tokens: list[Token]) -> Node:
    """The tree of a token list. Raises Unreadable."""
    parser = _Parser(tokens)
    node = parser.items(())
    if parser.kind != _END[0]:
        raise Unreadable(f"stopped at {parser.kind}")
    return node


def _inequality(node: Node) -> bool:
    return node[0] == "rel" and not {"=", "~", "in"} & set(node[1])


class _Parser:
    def __init__(self, tokens: list[Token]):
        self.tokens = [*tokens, _END]
        self.at = 0
        self.depth = 0
        self.bars = False  # inside |...|, where the next bar closes
        self.sets = 0  # inside \{...\}, where a bar says "such that"
        self.kind, self.value = self.tokens[0]

    def advance(self) -> None:
        """To the next token; nobody goes on behind the end of the text."""
        self.at += 1
        self.kind, self.value = self.tokens[self.at]

    def expect(self, kind: str) -> None:
        if self.kind != kind:
            raise Unreadable(f"{kind} expected, {self.kind} found")
        self.advance()

    def items(self, stops: tuple[str, ...]) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")
        parts = []
        joiners = set()
        while self.kind not in stops and self.kind != _END[0]:
            if self.kind == ",":
                joiners.add(self.value)
                self.advance()
                continue
            parts.append(self.alone() or self.relation())
            if self.kind != ",":
                break
        self.depth -= 1
        if not parts:
            raise Unreadable("nothing there")
        if len(parts) == 1:
            return parts[0]
        if len(joiners) == 1 and joiners < {"and", "or"} and all(_inequality(part) for part in parts):
            operator = "cup" if "or" in joiners else "cap"
            return reduce(lambda left, right: ("setop", operator, left, right), parts)
        return ("list", tuple(parts))

    def alone(self) -> Node | None:
        """The number or name at the parser's place if nothing belongs to it: most members of lists, most exponents."""
        kind, value = self.kind, self.value
        if kind not in _ALONE or self.tokens[self.at + 1][0] not in _ENDS:
            return None
        self.advance()
        return number(value) if kind == "num" else (kind, value)

    def relation(self) -> Node:
        if self.kind in ("=", "~"):
            self.advance()
        left = self.setexpr()
        if self.kind in _ENDS:
            return left
        sides, operators = [left], []
        while self.kind in _RELATIONS or (self.kind == "|" and self.sets and not self.bars):
            operators.append("mid" if self.kind == "|" else self.kind)
            self.advance()
            sides.append(self.setexpr())
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
        if operators == [":"] * len(operators) and not self.sets:
            return ("ratio", tuple(sides))
        return ("rel", tuple(operators), tuple(sides))

    def setexpr(self) -> Node:
        left = self.additive()
        while self.kind in ("cup", "cap", "minus"):
            operator = self.kind
            self.advance()
            left = ("setop", operator, left, self.additive())
        return left

    def additive(self) -> Node:
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
                factors.append(self.signed())
            elif kind == "/":
                self.advance()
                factors = [("div", _product(factors), self.signed())]
            elif kind == "mod":
                self.advance()
                factors = [("fn", "mod", (_product(factors), self.signed()))]
            elif kind == "num" and factors[-1][0] == "num":
                mixed(self, factors)
            elif kind == "num" and factors[-1][0] == "unit":
                break
            elif kind in STARTS or (kind == "|" and not self.bars and not self.sets):
                factors.append(self.factor())
                join_mixed(factors)
            else:
                break
        return _product(factors)

    def signed(self) -> Node:
        negative = False
        while self.kind in ("-", "+"):
            negative ^= self.kind == "-"
            self.advance()
        node = self.factor()
        return ("neg", node) if negative else node

    def factor(self) -> Node:
        node = atom(self)
        while True:
            kind = self.kind
            if kind not in _MARKS:
                return node
            if kind == "^":
                self.advance()
                node = power(self, node)
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
                node = derived(node)
            elif kind == "%":
                self.advance()
                node = ("mul", (node, ("unit", "%")))
            elif kind == "deg":
                self.advance()
                node = degrees(self, node)
            elif kind == "_" and node[0] in ("num", "text", "sym"):
                self.advance()
                node = subscript(self, node)
            else:
                return node

    def exponent(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")
        if self.kind in ("-", "+"):
            negative = self.kind == "-"
            self.advance()
            node = self.exponent()
            node = ("neg", node) if negative else node
        else:
            node = atom(self)
            if self.kind == "^":  # 2^3^2
                self.advance()
                node = ("pow", node, self.exponent())
        self.depth -= 1
        return node

    def peek(self, ahead: int) -> str:
        at = self.at + ahead
        return self.tokens[at][0] if at < len(self.tokens) else _END[0]

    def argument(self) -> Node:
        """What \\frac and its like take: a group, or one digit of a number, or one factor without its power."""
        if self.kind == "num" and len(self.value) > 1 and self.value.isdecimal():
            digit, rest = self.value[0], self.value[1:]
            self.tokens[self.at] = ("num", rest)
            self.value = rest
            return number(digit)
        return atom(self)

    def atom(self) -> Node:
        return atom(self)


def _product(factors: list[Node]) -> Node:
    return factors[0] if len(factors) == 1 else ("mul", tuple(factors))
