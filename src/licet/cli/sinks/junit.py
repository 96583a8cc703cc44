"""Results as JUnit XML, which every CI server shows.

Text is escaped by the XML library; characters that XML cannot hold are shown as `�`.
"""

from __future__ import annotations

from collections.abc import Iterable

from licet.policy_lang.rendering import visible

from ..failures import Failed
from .places import file_of
from .results import Result


def junit_xml(results: Iterable[Result], suite: str, folder: str = "") -> str:
    """A document with one suite. A failure is a `failure`, no answer an `error`.

    Raises Failed where the library that writes it is not installed.
    """
    try:
        from junitparser import Attr, Error, Failure, JUnitXml, TestCase, TestSuite
    except ImportError:
        raise Failed("JUnit output needs a library: pip install 'licet[junit]'") from None

    class Placed(TestCase):
        file = Attr()
        line = Attr()

    cases = TestSuite(_text(suite) or "policy")
    for result in results:
        case = Placed(_text(result.name), classname=f"{_text(suite) or 'policy'}.{result.kind}")
        case.time = round(result.seconds, 3)
        if result.span is not None:
            case.file = _text(file_of(result.span, folder))
            case.line = str(result.span.source.position(result.span.start)[0])
        if result.state != "passed":
            kind = Failure if result.state == "failed" else Error
            told = kind(_text(result.summary), type_=result.state)
            told.text = "\n".join(_text(line) for line in (result.summary, *result.detail))
            case.result = [told]
        cases.add_testcase(case)
    cases.update_statistics()  # type: ignore[no-untyped-call]
    document = JUnitXml("licet")
    document.add_testsuite(cases)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return written.decode("utf-8")


def _text(text: str) -> str:
    return "".join("�" if "\ufffe" <= char <= "\uffff" else char for char in visible(text))
