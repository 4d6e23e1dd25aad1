"""What a start waits for: the pages' modules, and none that only some starts or requests need."""

import subprocess
import sys

HEAVY = ("torch", "transformers", "peft", "datasets", "altair", "alembic", "authlib", "openai")


def test_the_pages_come_without_what_only_some_need() -> None:
    code = f"import ptrapp.app, sys; print(*(set({HEAVY}) & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
