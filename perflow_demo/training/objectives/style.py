"""Style: a short fine-tune of the teacher on scenes drawn otherwise, kept in low rank."""

from __future__ import annotations

from pathlib import Path

from perflow_demo.flow import extract_delta, factorise_delta
from perflow_demo.training.objectives.teacher import TeacherObjective, TextToImage
from perflow_demo.training.publish import write_tensors

RANK = 32


class StyleObjective(TeacherObjective):
    """The teacher's own loss on drawn pictures."""

    def __init__(self, teacher: TeacherObjective, name: str) -> None:
        self.__dict__.update(vars(teacher))
        self.name = name
        self.base = {key: value.clone() for key, value in self.net.unet.state_dict().items()}

    def publish(self, net: TextToImage, folder: Path) -> dict[str, float]:
        """Saves style − base in factors of rank RANK."""
        delta = extract_delta(net.unet.state_dict(), self.base)
        factors = factorise_delta(delta, rank=RANK)
        halves = {key: factor.half() for key, factor in factors.items()}
        write_tensors(halves, folder / "styles" / self.name / "delta.safetensors")
        return {"rank": RANK}
