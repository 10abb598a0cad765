"""Tables of figures and rows of pictures: what an evaluation hands over."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Row = dict[str, str | int | float | None]

THUMBNAIL, MARGIN, LABELS, CAPTIONS = 144, 6, 190, 34
INK, PAPER = "#222", "white"


@dataclass(frozen=True)
class Strips:
    """Rows of pictures of the same prompts: captions over the columns, a label before each row."""

    captions: list[str]
    rows: list[tuple[str, list[Image.Image]]]


@dataclass
class Report:
    """Named tables, and pictures to go with them."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    strips: list[Strips] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Take over another report's tables, which have other names, and pictures."""
        self.tables |= other.tables
        self.strips += other.strips

    def text(self) -> str:
        """All tables, aligned for a terminal."""
        return "\n\n".join(f"{name}\n{_table(rows)}" for name, rows in self.tables.items())

    def write_json(self, path: Path) -> None:
        """All tables as {name: [row, …]}, each row by column."""
        path.write_text(json.dumps(self.tables, indent=2, ensure_ascii=False) + "\n", "utf-8")

    def write_grid(self, path: Path) -> None:
        """All pictures on one sheet, in the format of the file's suffix."""
        sheets = [_sheet(strips) for strips in self.strips]
        size = max(sheet.width for sheet in sheets), sum(sheet.height for sheet in sheets)
        grid = Image.new("RGB", size, PAPER)
        top = 0
        for sheet in sheets:
            grid.paste(sheet, (0, top))
            top += sheet.height
        grid.save(path)


def _table(rows: list[Row]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [columns, *([_cell(row.get(name)) for name in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _sheet(strips: Strips) -> Image.Image:
    step = THUMBNAIL + MARGIN
    size = LABELS + step * len(strips.captions), CAPTIONS + step * len(strips.rows) + MARGIN
    sheet = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for column, caption in enumerate(strips.captions):
        pen.multiline_text((LABELS + step * column, MARGIN), _folded(caption), INK, font, spacing=1)
    for row, (label, pictures) in enumerate(strips.rows):
        top = CAPTIONS + step * row
        pen.text((MARGIN, top + THUMBNAIL // 2), label, INK, font)
        for column, picture in enumerate(pictures):
            thumbnail = picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
            sheet.paste(thumbnail, (LABELS + step * column, top))
    return sheet


def _folded(caption: str, width: int = 24) -> str:
    """A caption on at most two lines of the font above, cut where it is longer."""
    if len(caption) <= width:
        return caption
    fold = caption.rfind(" ", 0, width + 1)
    fold = fold if fold > 0 else width
    return f"{caption[:fold]}\n{caption[fold:].strip()[:width]}"
