"""Makes our widgets: Gradio components whose value from the server a script of ours draws."""

from typing import Any

import gradio as gr

from ptrapp.core import modules


def widget(
    name: str, value: dict[str, Any] | None = None, *, prose: bool = True, hidden: bool = False
) -> gr.HTML:
    """Returns a component whose value is plain data, which the module `<name>.js` draws.

    Without `prose` Gradio's styles for running text do not reach into it. A `hidden` one takes no
    room before its module shows it. The template does not depend on the value, so the module's own
    nodes stay when it changes.
    """
    return gr.HTML(
        value=value,
        html_template=f'<div class="{name}"{" hidden" if hidden else ""}></div>',
        js_on_load=script(name),
        elem_id=f"thrice-{name}",
        apply_default_css=prose,
    )


def script(name: str) -> str:
    """Returns the script that has a module draw into, or listen to, the component it belongs to."""
    return (
        f'import(new URL("{modules.AT}/{name}.js", document.baseURI).href)'
        ".then((module) => module.mount({ element, props, trigger, watch }));"
    )
