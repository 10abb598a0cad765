"""TSR: one picture of an object → a triplane from which density and colour are read anywhere.

The network of TripoSR (Tochilkin et al. 2024, "TripoSR: fast 3D object reconstruction from a single
image", after LRM, Hong et al. 2023). Its world: +Z up, the object faces +X (the input view is
azimuth 0), inside a box of ±radius.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.modeling_utils import ModelMixin
from PIL import Image
from torch import Tensor, nn

from perflow_demo.geometry.isosurface import extract_surface
from perflow_demo.geometry.mesh import Mesh
from perflow_demo.nets.tsr_input import FOREGROUND_RATIO, frame_object, on_grey
from perflow_demo.nets.tsr_tokens import ImageTokenizer, TriplaneTokens
from perflow_demo.nets.tsr_views import orbit_rays, sample_rays, shade

# The configuration of DINO ViT-B/16 (Caron et al. 2021), whose architecture the published weights
# were trained with.
DINO_VIT_B16 = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "image_size": 224,
    "patch_size": 16,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "qkv_bias": True,
}
PARTS = ("tokenizer", "backbone", "post_processor", "decoder", "renderer")
# What the published configuration may name, and the only thing this network does there.
ONLY = {
    ("decoder", "activation"): "silu",
    ("renderer", "feature_reduction"): "concat",
    ("renderer", "density_activation"): "exp",
}
PLANES = ((0, 1), (0, 2), (1, 2))  # the axes of each plane; the first runs along its columns
LOWEST_DENSITY = 1e-3  # below it, how empty the emptiness is says nothing about the surface
MAX_EXPONENT = 80.0  # keeps exp finite in float32


class TSR(ModelMixin, ConfigMixin):
    """Image tokens → triplane tokens → triplane; a small MLP reads points of it.

    Made by `from_config`. Weights as published load as they are.
    """

    @register_to_config
    def __init__(self, architecture: dict, image_encoder: dict) -> None:
        super().__init__()
        tokenizer, backbone, upsampler, decoder, renderer = (architecture[p] for p in PARTS)
        self.image_size = architecture["cond_image_size"]
        self.radius = renderer["radius"]
        self.density_bias = renderer["density_bias"]
        self.samples_per_ray = renderer["num_samples_per_ray"]
        self.image_tokenizer = ImageTokenizer(image_encoder)
        self.tokenizer = TriplaneTokens(tokenizer["num_channels"], tokenizer["plane_size"])
        self.backbone = Backbone(**backbone)
        self.post_processor = Upsampler(**upsampler)
        self.decoder = Decoder(
            decoder["in_channels"], decoder["n_neurons"], decoder["n_hidden_layers"]
        )

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        image_encoder_config: Mapping[str, Any] | None = None,
        **unused: Any,
    ) -> TSR:
        """A network with random weights.

        config: the public `config.yaml` of TripoSR as a mapping, or what `save_pretrained` wrote.
        image_encoder_config: transformers' ViTConfig as a mapping; None: DINO ViT-B/16's.
        Raises ValueError for a configuration that lacks a part or names what is not offered.
        """
        if "architecture" in config:
            return cls(dict(config["architecture"]), dict(config["image_encoder"]))
        missing = [part for part in ("cond_image_size", *PARTS) if part not in config]
        if missing:
            raise ValueError(f"the TSR configuration lacks {', '.join(missing)}")
        for (part, key), value in ONLY.items():
            if config[part].get(key, value) != value:
                raise ValueError(f"{part}.{key} {config[part][key]!r} is not offered, only {value}")
        architecture = {part: dict(config[part]) for part in PARTS}
        architecture["cond_image_size"] = config["cond_image_size"]
        return cls(architecture, dict(image_encoder_config or DINO_VIT_B16))

    def narrow(self, dtype: torch.dtype) -> TSR:
        """This network with all that sees the picture in `dtype`; what answers for points stays.

        Nearly all weights see the picture, while points need more digits than half precision has.
        """
        for part in (self.image_tokenizer, self.tokenizer, self.backbone):
            nn.Module.to(part, dtype)
        return self

    def prepare(self, cutout: np.ndarray, ratio: float = FOREGROUND_RATIO) -> Tensor:
        """A cut-out H×W×4 uint8 as `scene_codes` takes it: centred on grey, 1 S S 3 in [0, 1].

        ratio: share of the side that the object's longer side takes. Raises ValueError where there
        is nothing to see.
        """
        picture = torch.from_numpy(on_grey(frame_object(cutout, ratio)))
        return self.resize(picture[None].to(self.device).float() / 255)

    def framed(self, cutout: np.ndarray, ratio: float = FOREGROUND_RATIO) -> np.ndarray:
        """A cut-out H×W×4 uint8 framed as by `prepare` and of the same size, S×S×4 uint8, still cut
        out."""
        size = (self.image_size, self.image_size)
        return np.asarray(Image.fromarray(frame_object(cutout, ratio)).resize(size))

    def resize(self, images: Tensor) -> Tensor:
        """Images B H W 3 at the network's input size, antialiased."""
        size = (self.image_size, self.image_size)
        resized = F.interpolate(
            images.movedim(-1, 1), size, mode="bilinear", align_corners=False, antialias=True
        )
        return resized.movedim(1, -1)

    def scene_codes(self, images: Tensor) -> Tensor:
        """Triplanes B 3 C H W of images B H W 3 in [0, 1], on grey and of the input size."""
        seen = images.movedim(-1, 1).to(self.tokenizer.embeddings.dtype)
        tokens = self.backbone(self.tokenizer(len(images)), self.image_tokenizer(seen))
        planes = self.tokenizer.as_planes(tokens)
        return self.post_processor(planes.to(self.post_processor.upsample.weight.dtype))

    forward = scene_codes

    def query(self, scene_code: Tensor, points: Tensor) -> dict[str, Tensor]:
        """What a triplane 3 C H W says of points … 3 in world units.

        Returns density, density_act = exp(density + bias) (… 1), features and color = sigmoid of
        them (… 3, sRGB in [0, 1]). Planes are zero outside the box.
        """
        places = points.reshape(-1, 3).to(scene_code) / self.radius
        grids = torch.stack([places[:, axes] for axes in PLANES])[:, None]  # 3 1 N 2
        sampled = F.grid_sample(scene_code, grids, align_corners=False)  # 3 C 1 N
        answers = self.decoder(sampled[:, :, 0].permute(2, 0, 1).flatten(1))
        answers = answers.float().reshape(*points.shape[:-1], 4)
        density, features = answers[..., :1], answers[..., 1:]
        return {
            "density": density,
            "density_act": (density + self.density_bias).clamp(max=MAX_EXPONENT).exp(),
            "features": features,
            "color": features.sigmoid(),
        }

    def render(
        self,
        scene_code: Tensor,
        n_views: int = 1,
        elevation_deg: float = 0.0,
        camera_distance: float = 1.9,
        fovy_deg: float = 40.0,
        height: int = 256,
        width: int = 256,
    ) -> Tensor:
        """Views V H W 3 on white, by ray marching; view i stands at azimuth 360·i/V, 0 on +X."""
        origins, directions = orbit_rays(
            n_views, elevation_deg, camera_distance, fovy_deg, height, width
        )
        origins = origins[:, None].expand(-1, height * width, -1)
        pictures = [
            self.render_rays(scene_code, origin.to(scene_code), rays.flatten(0, 1).to(scene_code))
            for origin, rays in zip(origins, directions, strict=True)
        ]
        return torch.stack(pictures).reshape(n_views, height, width, 3)

    def render_rays(
        self, scene_code: Tensor, origins: Tensor, directions: Tensor, chunk: int = 2048
    ) -> Tensor:
        """Colours N 3 on white along rays: origins and unit directions N 3, in world units."""
        parts = zip(origins.split(chunk), directions.split(chunk), strict=True)
        return torch.cat([self._render_chunk(scene_code, *part) for part in parts])

    def _render_chunk(self, scene_code: Tensor, origins: Tensor, directions: Tensor) -> Tensor:
        points, hits = sample_rays(origins, directions, self.radius, self.samples_per_ray)
        colours = origins.new_ones(len(origins), 3, dtype=torch.float32)
        if hits.any():
            answers = self.query(scene_code, points[hits])
            colours[hits] = shade(answers["density_act"][..., 0], answers["color"])
        return colours

    @torch.no_grad()
    def extract_mesh(
        self,
        scene_code: Tensor,
        resolution: int = 256,
        threshold: float = 25.0,
        closed: bool = False,
        smooth: bool = False,
        colors: bool = True,
        progress: Callable[[float], None] | None = None,
    ) -> Mesh:
        """The surface where density_act is `threshold`, and the colours of its vertices.

        resolution: samples an axis of the box ±radius. closed, smooth, progress: as in
        `extract_surface`. colors: whether the vertices get any; where few of them will be left,
        `colors_at` those is sooner done. World units and axes of this network; empty where nothing
        is that dense.
        """
        bounds = np.array([[-self.radius] * 3, [self.radius] * 3])
        vertices, faces = extract_surface(
            lambda points: self._ask(scene_code, points, "density_act")[:, 0],
            threshold,
            resolution,
            bounds,
            rising=lambda density: np.log(np.maximum(density, LOWEST_DENSITY)),
            closed=closed,
            smooth=smooth,
            progress=progress,
        )
        return Mesh(vertices, faces, self.colors_at(scene_code, vertices) if colors else None)

    @torch.no_grad()
    def colors_at(self, scene_code: Tensor, points: np.ndarray, chunk: int = 2**13) -> np.ndarray:
        """sRGB colours N×3 in [0, 1] at world points N×3."""
        colors = np.empty((len(points), 3), np.float32)
        for start in range(0, len(points), chunk):
            part = slice(start, start + chunk)
            colors[part] = self._ask(scene_code, points[part], "color")
        return colors

    def _ask(self, scene_code: Tensor, points: np.ndarray, answer: str) -> np.ndarray:
        places = torch.from_numpy(np.asarray(points, np.float32)).to(scene_code.device)
        return self.query(scene_code, places)[answer].cpu().numpy()


class Backbone(nn.Module):
    """A transformer over triplane tokens B C N that attends to image tokens B M D."""

    def __init__(
        self,
        in_channels: int,
        num_attention_heads: int,
        attention_head_dim: int,
        num_layers: int,
        cross_attention_dim: int,
    ) -> None:
        super().__init__()
        width = num_attention_heads * attention_head_dim
        self.norm = nn.GroupNorm(32, in_channels, eps=1e-6)
        self.proj_in = nn.Linear(in_channels, width)
        self.transformer_blocks = nn.ModuleList(
            BasicTransformerBlock(
                width,
                num_attention_heads,
                attention_head_dim,
                cross_attention_dim=cross_attention_dim,
            )
            for _ in range(num_layers)
        )
        self.proj_out = nn.Linear(width, in_channels)

    def forward(self, tokens: Tensor, image_tokens: Tensor) -> Tensor:
        hidden = self.proj_in(self.norm(tokens).movedim(1, 2))
        for block in self.transformer_blocks:
            hidden = block(hidden, encoder_hidden_states=image_tokens)
        return tokens + self.proj_out(hidden).movedim(2, 1)


class Upsampler(nn.Module):
    """Planes B 3 C H W → B 3 C' 2H 2W.

    smoothing: blurred at last by a Gaussian of so many of their cells; 0, as published: not.
    Between cells a triplane is read along straight lines, and few of them leave ripples there.
    """

    def __init__(self, in_channels: int, out_channels: int, smoothing: float = 0.0) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
        self.smoothing = smoothing

    def forward(self, planes: Tensor) -> Tensor:
        larger = self.upsample(planes.flatten(0, 1)).unflatten(0, planes.shape[:2])
        if not self.smoothing:
            return larger
        places = torch.arange(larger.shape[-1], device=larger.device)
        weights = torch.exp(-0.5 * ((places[:, None] - places) / self.smoothing) ** 2)
        blur = (weights / weights.sum(1, keepdim=True)).to(larger.dtype)
        return blur @ larger @ blur.T


class Decoder(nn.Module):
    """Features of a point N F → density and three colour features N 4."""

    def __init__(self, in_channels: int, n_neurons: int, n_hidden_layers: int) -> None:
        super().__init__()
        widths = [in_channels] + [n_neurons] * n_hidden_layers
        layers: list[nn.Module] = []
        for before, after in zip(widths, widths[1:], strict=False):
            layers += [nn.Linear(before, after), nn.SiLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 4))

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)
