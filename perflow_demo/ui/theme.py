"""The look: gradio's own variables pointed at the page's palette, and the page's head."""

from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).parent / "assets"
FONT = ["Inter", "ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONO = ["ui-monospace", "SF Mono", "Cascadia Mono", "Menlo", "monospace"]

# The right-hand sides are defined for light and dark in assets/page.css.
VARIABLES = {
    "body_text_color": "var(--ink)",
    "body_text_color_subdued": "var(--ink-soft)",
    "background_fill_primary": "var(--surface)",
    "background_fill_secondary": "var(--sunken)",
    "border_color_primary": "var(--line)",
    "border_color_accent": "var(--accent)",
    "color_accent_soft": "var(--accent-soft)",
    "link_text_color": "var(--accent)",
    "block_background_fill": "transparent",
    "block_border_width": "0px",
    "block_label_background_fill": "transparent",
    "block_label_text_color": "var(--ink-soft)",
    "block_title_text_color": "var(--ink)",
    "block_info_text_color": "var(--ink-soft)",
    "input_background_fill": "var(--surface)",
    "input_background_fill_focus": "var(--surface)",
    "input_border_color": "var(--field)",
    "input_border_color_focus": "var(--accent)",
    "input_border_color_hover": "var(--ink-soft)",
    "input_border_width": "1px",
    "input_placeholder_color": "var(--ink-faint)",
    "slider_color": "var(--accent)",
    "button_primary_background_fill": "var(--accent)",
    "button_primary_background_fill_hover": "var(--accent-strong)",
    "button_primary_border_color": "var(--accent)",
    "button_primary_border_color_hover": "var(--accent-strong)",
    "button_primary_text_color": "var(--on-accent)",
    "button_primary_text_color_hover": "var(--on-accent)",
    "button_secondary_background_fill": "var(--surface)",
    "button_secondary_background_fill_hover": "var(--sunken)",
    "button_secondary_text_color": "var(--ink)",
    "button_secondary_text_color_hover": "var(--ink)",
    "button_secondary_border_color": "var(--edge)",
    "button_border_width": "1px",
    "checkbox_background_color_selected": "var(--accent)",
    "checkbox_border_color": "var(--field)",
    "checkbox_label_background_fill": "var(--surface)",
    "checkbox_label_background_fill_hover": "var(--sunken)",
    "checkbox_label_background_fill_selected": "var(--accent-soft)",
    "checkbox_label_border_color_selected": "var(--accent)",
    "error_background_fill": "var(--surface)",
    "error_text_color": "var(--danger)",
    "error_icon_color": "var(--danger)",
    "error_border_color": "var(--danger)",
}

DARK = {f"{name}_dark": value for name, value in VARIABLES.items()}

THEME = gr.themes.Base(font=FONT, font_mono=MONO, radius_size="lg").set(
    # In plain figures, since gradio paints them before it adds the page's own style.
    body_background_fill="#faf9f7",
    body_background_fill_dark="#131312",
    color_accent="var(--accent)",
    shadow_drop="none",
    block_padding="0px",
    **VARIABLES,
    **DARK,
)


def head() -> str:
    """The page's own style and script; nothing in them comes from outside."""
    css = (ASSETS / "page.css").read_text(encoding="utf-8")
    script = (ASSETS / "page.js").read_text(encoding="utf-8")
    return f"<style>{css}</style><script>{script}</script>"
