"""The theme: Gradio's components in our tokens, which `assets/styles/tokens.css` defines."""

import gradio as gr

_TOKENS = {
    "body_background_fill": "bg",
    "body_text_color": "ink",
    "body_text_color_subdued": "soft",
    "background_fill_primary": "surface",
    "background_fill_secondary": "sunk",
    "border_color_primary": "line",
    "border_color_accent": "accent",
    "border_color_accent_subdued": "line-2",
    "color_accent_soft": "accent-soft",
    "link_text_color": "accent",
    "link_text_color_active": "accent-hover",
    "link_text_color_hover": "accent-hover",
    "link_text_color_visited": "accent",
    "code_background_fill": "sunk",
    "block_background_fill": "surface",
    "block_border_color": "line",
    "block_info_text_color": "soft",
    "block_label_background_fill": "surface",
    "block_label_border_color": "line",
    "block_label_text_color": "soft",
    "block_title_text_color": "ink",
    "panel_background_fill": "sunk",
    "panel_border_color": "line",
    "accordion_text_color": "ink",
    "table_text_color": "ink",
    "table_border_color": "line",
    "table_even_background_fill": "surface",
    "table_odd_background_fill": "surface",
    "table_row_focus": "accent-soft",
    "input_background_fill": "surface",
    "input_background_fill_focus": "surface",
    "input_border_color": "line-2",
    "input_border_color_focus": "accent",
    "input_placeholder_color": "faint",
    "checkbox_background_color": "surface",
    "checkbox_background_color_selected": "accent",
    "checkbox_border_color": "line-2",
    "checkbox_border_color_selected": "accent",
    "checkbox_label_background_fill": "surface",
    "checkbox_label_background_fill_selected": "accent-soft",
    "checkbox_label_border_color": "line",
    "checkbox_label_text_color": "ink",
    "checkbox_label_text_color_selected": "ink",
    "error_background_fill": "bad-soft",
    "error_border_color": "bad",
    "error_text_color": "bad",
    "error_icon_color": "bad",
    "loader_color": "accent",
    "slider_color": "accent",
    "button_primary_background_fill": "accent",
    "button_primary_background_fill_hover": "accent-hover",
    "button_primary_border_color": "accent",
    "button_primary_border_color_hover": "accent-hover",
    "button_primary_text_color": "on-accent",
    "button_primary_text_color_hover": "on-accent",
    "button_secondary_background_fill": "surface",
    "button_secondary_background_fill_hover": "surface",
    "button_secondary_border_color": "line",
    "button_secondary_border_color_hover": "line-2",
    "button_secondary_text_color": "ink",
    "button_secondary_text_color_hover": "ink",
    "button_cancel_background_fill": "surface",
    "button_cancel_background_fill_hover": "bad-soft",
    "button_cancel_border_color": "bad",
    "button_cancel_border_color_hover": "bad",
    "button_cancel_text_color": "bad",
    "button_cancel_text_color_hover": "bad",
}
"""Gradio's colours and the token of each; a token has both themes in it."""

_SAME_IN_BOTH = {
    "color_accent": "var(--accent)",
    "body_text_size": "var(--t-m)",
    "block_radius": "var(--r)",
    "container_radius": "var(--r)",
    "table_radius": "var(--r)",
    "block_label_radius": "var(--r-s)",
    "input_radius": "var(--r-s)",
    "button_large_radius": "var(--r-s)",
    "button_medium_radius": "var(--r-s)",
    "button_small_radius": "var(--r-s)",
    "checkbox_border_radius": "var(--1)",
    "button_large_text_weight": "600",
    "button_medium_text_weight": "600",
    "button_small_text_weight": "600",
    "button_border_width": "1px",
    "button_transition": "background-color var(--fast), border-color var(--fast)",
    "block_shadow": "none",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
    "layout_gap": "var(--4)",
}


def _themed() -> gr.themes.Base:
    colours: dict[str, str] = {}
    both = set(vars(gr.themes.Default()))
    for name, token in _TOKENS.items():
        colours[name] = f"var(--{token})"
        if f"{name}_dark" in both:
            colours[f"{name}_dark"] = f"var(--{token})"
    theme = gr.themes.Default(
        primary_hue=gr.themes.colors.indigo,
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    return theme.set(**colours, **_SAME_IN_BOTH)


THEME = _themed()
"""System fonts: nothing is loaded from outside."""
