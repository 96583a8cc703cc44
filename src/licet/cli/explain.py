"""`licet explain CODE`: the page of a diagnostic's code."""

from __future__ import annotations

import argparse
import re
from importlib.resources import files
from importlib.resources.abc import Traversable

from .failures import Exit, Failed
from .terminal import Styled, printable
from .verb import Streams, Verb


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Print one page, or the list of all codes."""
    pages = code_pages()
    if options.code is None:
        for code, page in pages.items():
            streams.out.say(Styled(code, "bold cyan"), "  ", title(page))
        return Exit.fine
    code = _normal(options.code)
    if code not in pages:
        raise Failed(_unknown(options.code, code, tuple(pages)))
    text = pages[code].read_text(encoding="utf-8")
    if not streams.out.coloured:
        streams.out.write(text if text.endswith("\n") else text + "\n")
        return Exit.fine
    from rich.markdown import Markdown

    shown = "\n".join(printable(line) for line in text.splitlines())
    streams.out.render(Markdown(shown, code_theme="ansi_dark", hyperlinks=False))
    return Exit.fine


def code_pages() -> dict[str, Traversable]:
    """Every code that has a page, in the order of codes."""
    folder = files("licet.policy_lang") / "codes"
    found = {
        page.name.removesuffix(".md"): page
        for page in folder.iterdir()
        if re.fullmatch(r"LIC\d{3}\.md", page.name)
    }
    return dict(sorted(found.items()))


def title(page: Traversable) -> str:
    """The name of a code: `# LIC010 bad-number` without the code."""
    with page.open("r", encoding="utf-8") as lines:
        return next(lines, "").removeprefix("#").strip().partition(" ")[2]


def _normal(code: str) -> str:
    """`lic10`, `10` and `LIC010` are one code."""
    match = re.fullmatch(r"(?:LIC)?0*(\d{1,3})", code.strip(), re.IGNORECASE | re.ASCII)
    return f"LIC{int(match[1]):03d}" if match else code.strip().upper()


def _unknown(given: str, code: str, known: tuple[str, ...]) -> str:
    if re.fullmatch(r"LIC\d{3}", code):
        number = int(code[3:])
        near = sorted(sorted(known, key=lambda k: (abs(int(k[3:]) - number), k))[:3])
    else:
        from difflib import get_close_matches

        near = get_close_matches(code, known, n=3)
    hint = f"the nearest are {', '.join(near)}" if near else "licet explain lists them all"
    return f"there is no code `{given}`; {hint}"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "code", metavar="CODE", nargs="?", help="such as LIC010; without it, all codes"
    )


VERB = Verb(
    "explain",
    "what a message's code means, with a wrong and a right example",
    _arguments,
    run,
    examples=(
        ("licet explain LIC010", "one page"),
        ("licet explain", "all codes"),
    ),
)
