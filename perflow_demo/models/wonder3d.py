"""Weights published as pickles, turned into safetensors once and without running code."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from perflow_demo.errors import MissingFile
from perflow_demo.models.sources import Source, State
from perflow_demo.models.spec import MultiviewFamily

# The names the catalogue knows, and those of the pickles that may stand in for them.
PICKLES = {
    "unet/diffusion_pytorch_model.safetensors": "unet/diffusion_pytorch_model.bin",
    "vae/diffusion_pytorch_model.safetensors": "vae/diffusion_pytorch_model.bin",
    "text_encoder/model.safetensors": "text_encoder/pytorch_model.bin",
    "safety_checker/model.safetensors": "safety_checker/pytorch_model.bin",
    "image_encoder/model.safetensors": "image_encoder/pytorch_model.bin",
    # Of repositories that hold a single network.
    "diffusion_pytorch_model.safetensors": "diffusion_pytorch_model.bin",
    "model.safetensors": "pytorch_model.bin",
}


@dataclass(frozen=True)
class Converted:
    """A source whose pickled weights are read as safetensors, converted when needed.

    pickles: names of safetensors files, and those of the pickles that may stand in for them.
    """

    source: Source
    pickles: Mapping[str, str] = field(default_factory=lambda: PICKLES)

    def has(self, name: str) -> bool:
        return self.source.has(name) or self.source.has(self.pickles.get(name, name))

    def state(self, name: str) -> State | None:
        return self.source.state(name) or self.source.state(self.pickles.get(name, name))

    def file(self, name: str) -> Path:
        """As in `Source`; raises LoadError for a pickle that holds more than named tensors."""
        pickle = self.pickles.get(name)
        try:
            return self.source.file(name)
        except MissingFile:
            if pickle is None:
                raise
            with suppress(MissingFile):
                # It imports torch, which a look at what is there does without.
                from perflow_demo.models.triposr import convert_checkpoint

                return convert_checkpoint(self.source.file(pickle))
            raise


def is_complete(family: MultiviewFamily, source: Source) -> bool:
    """Whether all files of the family are there, pickled or not; opens none."""
    source = Converted(source)
    names = (name for part in family.components for name in (part.config, part.weights))
    return all(source.has(name) for name in names if name)
