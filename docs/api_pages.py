"""The API reference as pages of text, for readers of the repository.

``python docs/api_pages.py`` writes ``docs/api/*.md``. A page has the signatures and the
docstrings of the names that ``docs/api.rst.in`` lists for a module, as `help` shows
them. The built documentation has the same reference with links and formulas.
"""

import inspect
import re
from importlib import import_module
from pathlib import Path
from pprint import pformat

import reference

FOLDER = Path(__file__).parent / "api"
NOTE = (
    "<!-- Written by docs/api_pages.py: change the docstrings, and run it again. -->\n"
)
ENTRIES = re.compile(
    r"^\.\. currentmodule:: (?P<module>\S+)$"
    r"|^\.\. autodata:: (?P<data>\S+)$"
    r"|^\.\. autosummary::\n(?: +:.*\n)*\n(?P<names>(?: +\w+\n)+)",
    re.MULTILINE,
)
# The methods of scikit-learn for metadata routing are made when a class is.
NOT_OURS = re.compile(r"set_\w+_request|get_metadata_routing")


def entries():
    """Yield the module and the name of everything that the reference lists."""
    module = "skfcnet"
    for match in ENTRIES.finditer(reference.page() + "\n"):
        if match["module"]:
            module = match["module"]
        for name in (match["names"] or "").split():
            yield module, name
        if match["data"]:
            named, _, name = match["data"].rpartition(".")
            yield named or module, name


def block(language, text):
    """Return a block of code in Markdown, without addresses of objects in it."""
    text = re.sub(r"<function (\w+) at 0x\w+>", r"\1", text.rstrip())
    text = re.sub(r"<([\w.]+) object at 0x\w+>", r"<\1>", text)
    return f"```{language}\n{text}\n```\n\n"


def methods_of(cls):
    """Yield the names of the public methods and properties that the package defines."""
    for name in sorted(dir(cls)):
        member = inspect.getattr_static(cls, name)
        function = getattr(member, "fget", getattr(member, "__func__", member))
        ours = inspect.isfunction(function) and "skfcnet" in function.__module__
        if ours and not name.startswith("_") and not NOT_OURS.fullmatch(name):
            yield name


def signature_of(name, obj):
    """Return the signature of a function or class, on several lines if it is long."""
    if inspect.isclass(obj) and issubclass(obj, Exception):
        return name
    parameters = [
        str(p.replace(annotation=p.empty))
        for p in inspect.signature(obj).parameters.values()
    ]
    line = f"{name}({', '.join(parameters)})"
    if len(line) <= 88:
        return line
    return f"{name}(\n" + "".join(f"    {p},\n" for p in parameters) + ")"


def described(level, name, obj):
    """Return the heading, the signature and the docstring of an object."""
    text = f"{'#' * level} {name}\n\n"
    if callable(obj):
        text += block("python", signature_of(name, obj))
    elif isinstance(obj, dict):
        return text + block("python", pformat(obj, sort_dicts=False))
    elif not isinstance(obj, property):
        return text  # a list that depends on the versions: its module describes it
    return text + block("text", inspect.getdoc(obj))


def page_of(module, names):
    """Return the page of a module."""
    text = f"{NOTE}\n# {module}\n\n" + block(
        "text", inspect.getdoc(import_module(module))
    )
    for name in names:
        obj = getattr(import_module(module), name)
        text += described(2, name, obj)
        if inspect.isclass(obj):
            for method in methods_of(obj):
                text += described(3, f"{name}.{method}", getattr(obj, method))
    return text.rstrip() + "\n"


def pages():
    """Return the texts of all pages by the names of their files."""
    listed = {}
    for module, name in entries():
        listed.setdefault(module, []).append(name)
    texts = {f"{module}.md": page_of(module, names) for module, names in listed.items()}
    rows = []
    for module, names in listed.items():
        summary, _, _ = inspect.getdoc(import_module(module)).partition("\n")
        functions = ", ".join(f"`{name}`" for name in names)
        rows.append(f"* [{module}]({module}.md): {summary}\n  {functions}.")
    texts["README.md"] = f"{NOTE}\n# API reference\n\n" + "\n".join(rows) + "\n"
    return texts


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.md"):
        old.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
