"""python -m perflow_demo.training.toyworld: contact sheets with captions, shards for training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from perflow_demo.training.toyworld.captions import describe
from perflow_demo.training.toyworld.scene import sample
from perflow_demo.training.toyworld.shards import render_shards


def main(
    sheet: Annotated[Path | None, typer.Option(help="a PNG to draw samples into")] = None,
    shards: Annotated[Path | None, typer.Option(help="a folder to render shards into")] = None,
    count: Annotated[int, typer.Option(min=1)] = 40,
    seed: int = 0,
    size: Annotated[int, typer.Option(min=32)] = 256,
    columns: Annotated[int, typer.Option(min=1)] = 8,
    kinds: Annotated[str, typer.Option(help="only these, with commas (sheet)")] = "",
    captions: bool = True,
) -> None:
    """Draws a contact sheet of Toy World, or renders training shards."""
    if shards:
        render_shards(shards, seed, count, size)
    if sheet:
        only = tuple(filter(None, kinds.split(","))) or None
        _draw(count, seed, size, columns, only, captions).save(sheet)


def _draw(
    count: int, seed: int, size: int, columns: int, kinds: tuple[str, ...] | None, captions: bool
) -> Image.Image:
    line = 36 if captions else 0
    page = Image.new("RGB", (columns * size, -(-count // columns) * (size + line)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for index in range(count):
        scene = sample(seed, index, kinds)
        x, y = index % columns * size, index // columns * (size + line)
        page.paste(Image.fromarray(scene.render(size).colour), (x, y))
        if captions:
            text = describe(scene.words, np.random.default_rng([seed, index, 1]))
            draw.multiline_text(
                (x + 4, y + size + 2), _wrap(text, size // 6), "black", font, spacing=0
            )
    return page


def _wrap(text: str, width: int) -> str:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += word + " "
    return "\n".join(lines[:3])


if __name__ == "__main__":
    typer.run(main)
