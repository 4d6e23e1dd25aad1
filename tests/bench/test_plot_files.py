"""What a page weighs without its plots is counted by what comes only with a plot."""

import json
from pathlib import Path

import pytest

from bench.pages import plot_files


def test_what_a_plot_alone_imports_is_a_plot_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "index.js": 'import{a as b}from"./shared.js";',
        "AltairPlot.js": 'import{a}from"./shared.js";import"./scales.js";import{c}from"./never.js"',
        "scales.js": 'import{d}from"./colours.js";',
        "shared.js": "",
        "colours.js": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(plot_files, "_FOLDER", tmp_path)
    plot_files._imported.cache_clear()

    alone = plot_files.only_for_plots(files)
    plot_files._imported.cache_clear()

    assert alone == {"AltairPlot.js", "scales.js", "colours.js"}
    assert plot_files.only_for_plots(["bar.js"]) == set()


def test_what_is_drawn_is_a_plot_s_too() -> None:
    plot = {"visible": True, "value": {"type": "altair", "plot": '{"mark":"κ"}'}}
    told = [
        {"msg": "estimation"},
        {"msg": "process_completed", "output": {"data": [plot, {"choices": []}, "text", None]}},
        {"msg": "close_stream"},
    ]
    events = "".join(f"data: {json.dumps(one)}\n\n" for one in told)
    assert plot_files.plots_in(events) == len('{"mark":"κ"}'.encode())
