"""The faults that public bug reports and their kin found, by kind: nothing wrong is paid, what models write is read."""

from __future__ import annotations

import pytest

from r1_verl.maths.judge import judge

# kind -> gold -> answers that are something else
WRONG = {
    "words behind a number": {
        "5": r"""
5\text{ or six}‖5\text{ and a half}‖5\text{ squared}‖5 dozen‖5\text{ or more}‖5\text{ minus one}‖5\text{ hundredths}
5\text{ below zero}‖5\text{ times pi}‖5\text{ if x is odd, otherwise six}‖5\text{ dollars and fifty cents}‖5\text{ pi}
5\text{ hours and ten minutes}‖5\text{万}‖5\text{分之一}‖5\text{或六}‖5\text{不对}‖5\text{ give or take}‖5\text{ at least}
5\text{ possibly}‖5\text{ ou six}‖5\text{ o seis}‖5\text{ fifths}‖5\text{ squared apples}‖5\text{ is wrong}‖5 cubed
5\text{ not six}‖5\text{ mod 7}‖5\text{ ten-thousandths}‖5\text{ fold}‖5\text{ sixty-fold}‖5\text{ to }6‖5 through 9
5\text{ more or less}‖5\text{ nonzero values}‖5\text{ decillion}‖5\text{ feet six inches}‖5\text{ weeks ago}‖5半‖5多个
5\text{ percent}\text{ off}‖\text{half of }5‖\text{not }5‖\text{about }5‖\text{one more than }5‖\text{minus }5‖5个半
\text{No, }5‖\text{the square of }5‖\text{5 plus 1}‖\text{5 or 6}‖\text{the opposite of }5‖\text{roughly 5}‖约5‖不是5‖5以上
5\text{ (or six)}‖5\text{ (not 6)}‖5, \text{or six}‖5\text{ apples or six}‖5\text{ except for one}‖5 or six‖5或6‖5\text{ east}
""",
        "-5": r"\text{minus five hundred}‖5\text{ below}‖5\text{ negative}",
        "5\\text{ m east}": r"5\text{ m west}‖6\text{ m east}‖-5\text{ m east}",
        "\\text{a profit of }5": r"\text{a loss of }5",
        "5\\text{ more}": r"5\text{ fewer}",
    },
    "letters": {
        r"-x\text{ meters}": r"x\text{ meters}‖-y\text{ meters}",
        r"n!\text{ ways}": r"n\text{ ways}‖n!!\text{ ways}",
        r"a-b\text{ dollars}": r"ab\text{ dollars}‖b-a\text{ dollars}",
        r"-\mathrm{AB}": r"\mathrm{AB}",
        "abcd": "ab-cd‖(a-b)cd",
        r"[a,b]\text{ m}": r"(a,b)\text{ m}",
        "选A": "不选A‖选B‖选",
        "Amy": "May‖Mya",
        "no": "on‖n‖n o t",
        "red": "der",
        r"\text{Team A}": r"\text{Team}‖\text{Team B}‖\text{a team}",
        r"\text{vitamin A}": r"\text{vitamin}‖\text{a vitamin}",
        r"\text{José}": r"\text{Jos}‖\text{Josè}",
        "p-q": "pq‖q-p",
    },
    "choices": {
        "E": r"\text{(E) or (D)}‖(E)(D)‖\text{not E}‖E or D‖\text{E maybe}‖2E‖-E‖E'‖E+1‖\text{(E) is wrong}‖\text{F: E}",
        r"\text{(C)}": r"\text{(C) or (B)}‖\text{(B)}‖\text{(B) }C‖C, B‖\text{neither C nor D}",
    },
    "raised characters": {
        "10": "10¹²‖10¹⁰",
        "2": "2¹⁰",
        "60.2": "6.02×10¹⁹",
        "0.001": "10³",
        "2021_{12}": "2021₁‖2021₂",
    },
    "intervals and lists": {
        "[2,5)": "2,5‖x=2, x=5‖(2,5)‖(2,5]‖\\{2,5\\}",
        r"(0,\infty)": r"0,\infty‖\{0,\infty\}‖[0,\infty)",
        "2,5": "[2,5)‖(2,5]‖[2,5]",
        "100, 200": "100200",
        "1200": "1, 200",
    },
    "equations": {
        "|x|+|y|=1": "x+y=1",
        "y=|x+2|": "y=x+2‖y=-x-2‖-y=x+2",
        "f(x)=|x|": "f(x)=x‖f(x)=-x‖f(x)=|x|+1",
        "x=5": r"|x|=5‖\lfloor x\rfloor=5‖\lceil x\rceil=5‖x^2=25‖(x-5)(x-6)=0‖|x-10|=5",
        "xy=1": "-xy=1‖xy=-1",
        "y=2x+1": "x(y-2x-1)=0‖(x-1)(y-2x-1)=0‖y=-2x-1",
        "x=y": "x=-y",
        "f(x)=2x": "f(y)=2x‖f(2)=2x‖f(x)=2y",
        "f(x,y)=xy^2": "f(x,x)=xy^2",
    },
    "derivatives": {
        r"\frac{dy}{dx}": r"\frac{dy}{dt}‖\frac{dx}{dy}‖\frac{d^2y}{dx^2}‖\frac{y}{x}",
        r"\frac{\partial u}{\partial t}=k\frac{\partial^2 u}{\partial x^2}": (
            r"\frac{\partial u}{\partial x}=k\frac{\partial^2 u}{\partial t^2}"
        ),
        r"\frac{def}{de+df+ef}": r"\frac{def}{d+e+f}",
        r"\nabla f": r"\nabla\cdot f‖\nabla\times f",
        r"\lim_{x\to0}f(x)": r"\lim_{x\to1}f(x)‖\lim_{t\to0}f(x)",
    },
    "approximations": {
        "101": r"100\approx 101‖101\approx 102 \approx 103 \approx 100‖100 ≈ 101‖100\simeq101",
        "49.5": r"49\approx49.5",
        "6\\pi": r"6\pi\approx20",
    },
    "names": {
        "5": r"\text{not }x=5‖\text{cannot be}=5‖\text{twice }x=5‖\text{wrong: }x=5‖\text{at least }x=5‖-x=5‖2x=5‖x^2=5",
        "20": r"x\cdot2=20‖2x=20‖x\cdot 2\cdot y=20",
    },
    "others": {
        "0": "0.(3)",
        r"p\land q": r"p\lor q‖p\land r",
        "1:20": "2:40",
        "4:30": "4:31‖3:30‖9:00",
    },
}
RIGHT: dict[str, dict[str, str]] = {
    "equations": {
        "y=2x+1": r"2x-y+1=0‖x=\frac{y-1}{2}‖y-1=2x",
        "xy=1": r"y=\frac1x‖x=\frac{1}{y}",
        "y=|x|": "|x|=y‖f(x)=|x|",
        "f(x)=2x": "f(t)=2t‖y=2x",
        "x^2+y^2=4": r"4-x^2=y^2",
        r"y=\ln|x|": r"y=\ln|x|",
        r"1-\frac{a}{d}": r"\frac{d-a}{d}",
        r"y''+y=0": r"\frac{d^2y}{dx^2}+y=0",
    },
    "raised characters": {
        r"10^{12}": "10¹²", "x^{12}": "x¹⁰x²", r"\frac{1}{1000}": "10⁻³", "2021_{12}": "2021₁₂", "x^{n+1}": "xⁿ⁺¹",
        r"\sqrt[3]{2}": "∛2", "1.23\\times10^{-4}": "1.23 × 10⁻⁴",
    },
    "approximations": {
        r"\sqrt{2}": r"\sqrt2\approx1.41‖x=\sqrt2\approx1.4142",
        "1000": r"1000\approx 1.0\times10^3‖999.7\approx1000",
    },
    "names": {"20": "x+y=20‖xy=20‖S_{10}=20‖T(10)=20‖P = 20‖\\text{the answer is }x=20‖\\text{minimum}=20‖AB\\cdot CD=20"},
    "times": {"4:30": "4:30‖04:30", "3:5": r"6:10‖\frac35", "\\text{4:30 p.m.}": "16:30‖4:30"},
}  # fmt: skip


def cells(table: dict[str, dict[str, str]]) -> list[tuple[str, str, str]]:
    """(kind, gold, answer) of every answer of a table; answers stand between double bars or on lines of their own."""
    return [
        (kind, gold, answer)
        for kind, golds in table.items()
        for gold, answers in golds.items()
        for answer in answers.strip().replace("\n", "‖").split("‖")
    ]


@pytest.mark.parametrize(("kind", "gold", "answer"), cells(WRONG))
def test_something_else_is_not_paid(kind, gold, answer):
    assert not judge(answer, gold).equal
    assert judge(gold, gold).equal


@pytest.mark.parametrize(("kind", "gold", "answer"), cells(RIGHT))
def test_the_same_written_otherwise_is_paid(kind, gold, answer):
    assert judge(answer, gold).equal
