"""What LaTeX commands and plain words mean, as tables."""

from __future__ import annotations


def word_set(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


GREEK = word_set(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho varrho sigma "
    "varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega hbar ell "
    "nabla mho aleph odot oplus otimes dagger star Box bullet Re Im wp imath jmath prime"
)
CONSTANTS = {"pi": "pi", "infty": "inf", "infinity": "inf", "inf": "inf", "oo": "inf"}
# LaTeX or plain name -> the evaluator's name of the function.
FUNCTIONS = {
    name: name
    for name in word_set(
        "sin cos tan cot sec csc sinh cosh tanh coth sech csch arcsin arccos arctan arccot arcsec arccsc arcsinh",
        "arccosh arctanh exp log lg max min gcd lcm abs sqrt cbrt floor ceil sgn",
    )
} | {
    "surd": "sqrt", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "arsinh": "arcsinh", "arcosh": "arccosh",
    "artanh": "arctanh", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "ln": "log", "tg": "tan",
    "det": "?det", "dim": "?dim", "ker": "?ker",
    "ctg": "cot", "cosec": "csc", "sign": "sgn", "arctg": "arctan", "ceiling": "ceil",
}  # fmt: skip
OPERATORS = {
    "cdot": "*", "cross": "cross", "times": "*", "ast": "*",
    "div": "/", "pm": "pm", "mp": "mp", "le": "<=", "leq": "<=",
    "leqslant": "<=", "leqq": "<=", "lt": "<", "ge": ">=", "geq": ">=", "geqslant": ">=", "geqq": ">=", "gt": ">",
    "ne": "!=", "neq": "!=", "approx": "~", "simeq": "~", "approxeq": "~", "doteq": "~", "equiv": "equiv", "in": "in",
    "cup": "cup", "cap": "cap", "setminus": "minus", "backslash": "minus", "mid": "mid", "vert": "|", "lvert": "|",
    "rvert": "|", "colon": ":", "lbrace": "{.", "rbrace": ".}", "{": "{.", "}": ".}", "langle": "<.", "rangle": ".>",
    "%": "%", "lfloor": "[_", "rfloor": "_]", "lceil": "[^", "rceil": "^]", "lbrack": "[", "rbrack": "]", "|": "||",
    "lVert": "||", "rVert": "||", "Vert": "||", "circ": "deg", "degree": "deg", "$": "$", "&": "&", "\\": "row",
    "pounds": "£", "euro": "€", "ldots": "...", "cdots": "...", "dots": "...", "dotsc": "...", "land": ",",
    "wedge": ",", "lor": ",", "vee": ",", "bmod": "mod", "mod": "mod", "pmod": "pmod", "to": "to", "rightarrow": "to",
    "implies": "implies", "Rightarrow": "implies", "propto": "propto", "iff": "implies", "choose": "choose",
    "over": "over", "cr": "row", "lnot": "neg", "neg": "neg",
}  # fmt: skip
LOGIC = {"land": "land", "wedge": "land", "lor": "lor", "vee": "lor"}
SETS = {"emptyset": "empty", "varnothing": "empty", "R": "reals", "Z": "integers", "N": "naturals", "Q": "rationals"}
# Commands whose braces hold words or upright letters, and commands that only change the font.
TEXT = word_set("text textbf textit textrm textsf texttt textnormal mbox hbox mathrm operatorname textup emph")
FONT = word_set("mathbf bold underline boldsymbol bm mathit mathsf mathnormal pmb symbf mathtt")
DECORATION = word_set("overline bar vec hat widehat tilde widetilde mathcal mathscr mathfrak overrightarrow underline")
SAME_DECORATION = {"bar": "overline", "vec": "overrightarrow", "hat": "widehat", "tilde": "widetilde"}
GEOMETRY = word_set("angle measuredangle triangle square odot overparen arc widearc")
STRUCTURE = word_set("frac sqrt binom dbinom tbinom begin end sum prod dot ddot partial")
# Commands that make a text unreadable. Without their names, `\int` would be cut into `\in t`.
UNEVALUATED = word_set("int iint oint lim limsup liminf")
COMMANDS = (
    GREEK | set(CONSTANTS) | set(FUNCTIONS) | {k for k in OPERATORS if k.isalpha()} | set(SETS) - set("RZNQ")
    | TEXT | FONT | DECORATION | GEOMETRY | STRUCTURE | UNEVALUATED | {"mathbb", "pi"}
)  # fmt: skip
ALIASES = {"varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta", "varrho": "rho", "varsigma": "sigma"}
# The contents of a \\text that only joins two answers.
JOINERS = word_set("and or und et as&well also the & , ;")
ORDINALS = word_set("st nd rd th")
