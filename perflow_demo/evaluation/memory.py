"""Bytes on the device: one shared copy of everything, against separate pipelines.

Full-size networks are built without their weights, so this takes seconds and next to no memory;
those of Pocket are lent by registries and counted by their status.
"""

from collections.abc import Callable, Iterator

import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from perflow_demo.evaluation.report import Report
from perflow_demo.models import layouts
from perflow_demo.nets import TSR, UNetMV2DConditionModel
from perflow_demo.registry import open_registry
from perflow_demo.settings import Settings

NETWORKS: dict[str, Callable[[], torch.nn.Module]] = {
    "UNet with ΔW": lambda: UNet2DConditionModel.from_config(layouts.SD15_UNET),
    "text encoder": lambda: CLIPTextModel(CLIPTextConfig.from_dict(layouts.SD15_TEXT)),
    "autoencoder": lambda: AutoencoderKL.from_config(layouts.VAE),
    "ControlNet": lambda: ControlNetModel.from_config(layouts.CONTROLNET),
    "multiview UNet with ΔW": lambda: UNetMV2DConditionModel.from_config(layouts.WONDER3D_UNET),
    "multiview autoencoder": lambda: AutoencoderKL.from_config(layouts.VAE),
    "image encoder": lambda: CLIPVisionModelWithProjection(
        CLIPVisionConfig.from_dict(layouts.CLIP_VISION)
    ),
    "3D network": lambda: TSR.from_config(layouts.TRIPOSR),
}
PICTURES = ("UNet with ΔW", "text encoder", "autoencoder")
# What each of the reference's demonstrations loads for itself.
SEPARATE = {
    "text to image": PICTURES,
    "refiner": (*PICTURES, "ControlNet"),
    "multiview": ("multiview UNet with ΔW", "multiview autoencoder", "image encoder"),
    "text to 3D": (*PICTURES, "3D network"),
}


def evaluate(settings: Settings) -> Iterator[Report]:
    """At full size megabytes in half precision: each network once, the separate pipelines, and the
    share; of Pocket those of `pictures_and_views`."""
    sizes = {name: _bytes(name) for name in NETWORKS}
    shared = sum(sizes.values())
    pipelines = {name: sum(sizes[part] for part in parts) for name, parts in SEPARATE.items()}
    separate = sum(pipelines.values())
    resident = {"shared_mb": shared / 1e6, "separate_mb": separate / 1e6}
    yield Report(
        {
            "one copy each": [{"network": n, "mb": size / 1e6} for n, size in sizes.items()],
            "separate pipelines": [{"pipeline": n, "mb": b / 1e6} for n, b in pipelines.items()],
            "resident": [resident | {"share": shared / separate}],
        }
    )
    yield Report({"Pocket's text to image and multiview": pictures_and_views(settings)})


def pictures_and_views(settings: Settings) -> list[dict[str, float | str]]:
    """Resident megabytes of Pocket's text to image and multiview in one registry, against both in
    registries of their own.

    Views of a prompt want its picture first: a separate program for them holds the parts that draw
    pictures, too. The second row is of one that takes pictures only.
    """
    pictures = _resident(settings, pictures=True)
    views = _resident(settings, views=True)
    together = _resident(settings, pictures=True, views=True)
    separate = {"from a prompt": pictures + together, "from a picture": pictures + views}
    return [
        {
            "multiview": name,
            "together_mb": together / 1e6,
            "separate_mb": apart / 1e6,
            "share": together / apart,
        }
        for name, apart in separate.items()
    ]


def _resident(settings: Settings, pictures: bool = False, views: bool = False) -> int:
    """Bytes that a new registry holds once it has lent what draws pictures, or views, or both."""
    registry = open_registry(settings)
    if pictures:
        with registry.lease("pocket", None, 1.0):
            pass
    if views:
        with registry.lease_multiview("pocket", 1.0):
            pass
    return registry.status().bytes


def _bytes(name: str) -> int:
    with torch.device("meta"):
        network = NETWORKS[name]()
    if isinstance(network, TSR):
        network = network.narrow(torch.float16)  # what answers for points stays in float32
    else:
        network = torch.nn.Module.to(network, torch.float16)
    return sum(parameter.nbytes for parameter in network.parameters())
