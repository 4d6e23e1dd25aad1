"""`requirements.txt` names what the product imports, all of it and nothing else."""

import ast
import sys
from importlib.metadata import packages_distributions

from dependencies import ROOT, requirements
from packaging.utils import canonicalize_name

OURS = {"db", "ptrapp", "training"}
OF_AN_EXTRA = {  # as they are called where they are not installed, too
    *("inspect-ai", "inspect_ai", "if-verifiable", "if_verifiable", "langdetect"),
}
USED_BY_NAME = {"httptools": "uvicorn takes it by itself where it is installed"}


def imported() -> set[str]:
    """Distributions that modules of the product import; where several share a name, all of them."""
    found: set[str] = set()
    providers = packages_distributions()
    for package in OURS:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                names = (
                    {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
                )
                if isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module)
                tops = {name.partition(".")[0] for name in names} - OURS - sys.stdlib_module_names
                for top in tops:
                    found |= {canonicalize_name(one) for one in providers.get(top, [top])}
    return found


def test_everything_imported_is_required_and_everything_required_is_imported() -> None:
    required = {str(canonicalize_name(one.name)) for one in requirements("requirements.txt")}
    used = imported() - OF_AN_EXTRA
    assert not used - required, "imported, but only there because something else needs it"
    assert required - used == set(USED_BY_NAME)
