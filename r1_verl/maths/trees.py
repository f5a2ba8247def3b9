"""The nodes of a tree, and functions that walk trees.

A node is a tuple whose first member is its tag:
("num", value, digits)  digits: significant digits of a decimal as written, 0 for an integer
("sym", name) ("const", "pi"|"e"|"i"|"inf") ("unit", name) ("text", words) ("set", name) ("...",)
("add", terms) ("neg", x) ("pm", x) ("mp", x) ("mul", factors) ("div", a, b) ("pow", a, b) ("fn", name, arguments)
("sum"|"prod", name, low, high, body) ("int", low, high, body)
("list", items) ("group", open, close, items) ("braces", items) ("mat", rows) ("builder", element, condition)
("rel", operators, sides) ("logic", operator, items) ("cases", rows) ("setop", operator, a, b) ("ratio", items)
("base", digits, base) ("cong", a, b, modulus)
"""

from __future__ import annotations

from collections.abc import Callable

Node = tuple


def any_node(node: Node, tags: tuple[str, ...], test: Callable[[Node], bool] = bool) -> bool:
    """Whether any node with one of these tags satisfies `test` (by default every node does)."""
    stack = [node]
    while stack:
        node = stack.pop()
        if node[0] in tags and test(node):
            return True
        for child in node:
            if type(child) is tuple and child:
                stack.append(child)
    return False


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with `change` applied to each of its children."""

    def each(child):
        if not isinstance(child, tuple) or not child:
            return child
        if isinstance(child[0], str):
            return change(child)
        return tuple(map(each, child))

    return (node[0], *map(each, node[1:]))


def names(node: Node) -> set[str]:
    """The free names of a tree: variables, words, unknown functions such as f."""
    found: set[str] = set()
    stack = [node]
    while stack:
        node = stack.pop()
        tag = node[0]
        if tag == "sym" or tag == "text":
            found.add(node[1])
        elif tag == "sum" or tag == "prod":
            found |= (names(node[4]) - {node[1]}) | names(node[2]) | names(node[3])
        else:
            if tag == "fn" and node[1][0] == "?":
                found.add(node[1])
            for child in node:
                if type(child) is tuple and child:
                    stack.append(child)
    return found


def scalar_names(node: Node) -> set[str] | None:
    """The free names of a tree without units, words, plus-minus signs and structures; None for other trees.

    Two trees with names are compared by their values alone.
    """
    found: set[str] = set()
    stack = [node]
    while stack:
        node = stack.pop()
        tag = node[0]
        if tag == "num" or tag == "const":
            continue
        if tag == "sym":
            found.add(node[1])
        elif tag == "mul" or tag == "add":
            stack += node[1]
        elif tag == "div" or tag == "pow":
            stack += node[1:]
        elif tag == "neg":
            stack.append(node[1])
        elif tag == "fn":
            if node[1][0] == "?":
                found.add(node[1])
            stack += node[2]
        else:
            return None
    return found


def rename(node: Node, new: dict[str, str]) -> Node:
    """The tree with names replaced."""
    if not new:
        return node
    if node[0] == "sym" or node[0] == "text":
        return (node[0], new.get(node[1], node[1]))
    changed = rebuild(node, lambda child: rename(child, new))
    return ("fn", new.get(node[1], node[1]), changed[2]) if node[0] == "fn" else changed
