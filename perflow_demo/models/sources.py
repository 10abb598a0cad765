"""Where a family's files come from."""

from pathlib import Path
from typing import Protocol

from perflow_demo.errors import MissingFile
from perflow_demo.models.spec import Family, ForegroundModel, MultiviewFamily, Refiner, SolidModel
from perflow_demo.settings import Settings


class Source(Protocol):
    """Turns the name of a file inside one family into a file on this machine.

    A source may have to fetch the file first, so ask for files one by one and only when needed.
    """

    def has(self, name: str) -> bool:
        """Whether the family has this file; fetches nothing."""

    def file(self, name: str) -> Path:
        """Path of the file on this machine; raises MissingFile where the family has none."""


class Folder:
    """A family that lies complete in a folder of this machine, such as `assets/pocket`."""

    def __init__(self, root: Path):
        self.root = root

    def has(self, name: str) -> bool:
        return (self.root / name).is_file()

    def file(self, name: str) -> Path:
        path = self.root / name
        if not path.is_file():
            raise MissingFile(
                f"{self.root.name}/{name} is missing; restore it from the project's repository, or "
                "point PERFLOW_ASSETS to a complete copy of the assets folder."
            )
        return path


def source_of(
    family: Family | ForegroundModel | MultiviewFamily | Refiner | SolidModel, settings: Settings
) -> Source:
    """Where this family's files come from."""
    return Folder(settings.assets / family.folder)
