"""Multiview: six views of a thing in two domains, denoised together, from one picture of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image
from torch import Tensor, nn

from perflow_demo.evaluation.metrics import means
from perflow_demo.geometry.views import DOMAINS, VIEWS, camera_rows
from perflow_demo.nets import LatentTokens, PocketAutoencoder, UNetMV2DConditionModel
from perflow_demo.training.objectives.autoencoder import grid, to_tensor
from perflow_demo.training.objectives.teacher import teacher_schedule, timestep_weights
from perflow_demo.training.publish import write_packed
from perflow_demo.training.toyworld.six_views import compare, six_views
from perflow_demo.training.view_latents import ViewLatents


class PictureToViews(nn.Module):
    """The UNet and what reads pictures for its cross-attention."""

    def __init__(self, unet: UNetMV2DConditionModel, image_encoder: LatentTokens) -> None:
        super().__init__()
        self.unet, self.image_encoder = unet, image_encoder

    def forward(
        self, noisy: Tensor, timesteps: Tensor, pictures: Tensor, seen: Tensor, which: Tensor
    ) -> Tensor:
        """The velocity at `noisy`, 2 B V C h w, float32.

        timesteps: B, the same for all rows of a thing. pictures: B C h w, latents. seen: B, 1 or 0
        where the picture is kept from the network. which: B V, the numbers of the views.
        """
        num_views = which.shape[1]
        tokens = self.image_encoder(pictures) * seen.view(-1, 1, 1)
        pictures = pictures * seen.view(-1, 1, 1, 1)
        cameras = torch.from_numpy(camera_rows())[:, which]
        timesteps, pictures, tokens = (
            _rows(things, num_views) for things in (timesteps, pictures, tokens)
        )
        sample = torch.cat([noisy.flatten(0, 2), pictures], 1)
        predicted = self.unet(
            sample.contiguous(memory_format=torch.channels_last),
            timesteps, tokens, cameras.flatten(0, 2), num_views=num_views,
        ).sample  # fmt: skip
        return predicted.float().view_as(noisy)


class MultiviewObjective:
    """Velocity prediction, as the teacher's, for all latents of a thing at one time.

    together: how many of a thing's six views a step sees, drawn anew for every thing: with two,
    three times as many things for the same work.
    The noisiest timesteps are drawn more often than by the teacher: what is new, where in each view
    the picture's thing is, is asked where noise says nothing. How to go on from a little noise the
    teacher knew, but forgets where it is seldom asked: then the views are grainy.
    Every step sees both domains, told apart by the switch in the camera rows: the joint attention
    starts at zero, so that normals and colours are first learnt side by side and tied together as
    that opens, which Wonder3D does in two stages. The picture is dropped from a share of the
    things, for guidance. world: (seed, first index, size) of `held_out` things never trained on.
    """

    def __init__(
        self,
        net: PictureToViews,
        autoencoder: PocketAutoencoder,
        data: ViewLatents,
        world: tuple[int, int, int],
        together: int = len(VIEWS),
        held_out: int = 48,
        dropout: float = 0.1,
    ) -> None:
        seed, first, size = world
        net.unet.set_attn_processor(AttnProcessor())  # see TeacherObjective
        self.net = net
        self.autoencoder = autoencoder.eval().requires_grad_(False)
        self.data, self.together, self.dropout = data, together, dropout
        self.schedule = teacher_schedule()
        self.timestep_weights = timestep_weights(self.schedule, half=1.0)
        self.unseen = [(seed, index, size) for index in range(first, first + held_out)]

    def batch(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Latents of pictures B C h w, of V of their views 2 B V C h w, B: 0 where the picture is
        dropped, and the views' numbers B V."""
        pictures, views = self.data.take(rng.integers(len(self.data), size=count))
        seen = torch.from_numpy((rng.random(count) >= self.dropout).astype(np.float32))
        shuffled = rng.permuted(np.tile(np.arange(len(VIEWS)), (count, 1)), axis=1)
        which = torch.from_numpy(np.sort(shuffled[:, : self.together]))
        views = views[torch.arange(count)[:, None], :, which]  # B V 2 C h w
        return pictures, views.movedim(2, 0), seen, which

    def loss(
        self, net: PictureToViews, batch, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        pictures, views, seen, which = batch
        noise = torch.randn(views.shape, generator=generator)
        timesteps = torch.multinomial(
            self.timestep_weights, len(pictures), replacement=True, generator=generator
        )
        times = timesteps.view(1, -1, 1).expand(views.shape[:3]).flatten()
        rows = views.flatten(0, 2), noise.flatten(0, 2), times
        noisy = self.schedule.add_noise(*rows).view_as(views)
        velocity = self.schedule.get_velocity(*rows).view_as(views)
        predicted = net(noisy, timesteps, pictures, seen, which)
        errors = (predicted - velocity).square().mean((1, 2, 3, 4, 5))
        normals, colours = errors.detach().tolist()
        return errors.mean(), {"normals": normals, "colours": colours}

    @torch.no_grad()
    def sheet(self, net: PictureToViews) -> Image.Image:
        """Pictures of held-out things, each with its normals in one row and colours in the next."""
        pictures = to_tensor(np.stack([six_views(*at).picture for at in self.unseen[:4]]))
        made = torch.from_numpy(self.draw(net, pictures)).permute(1, 0, 2, 5, 3, 4) / 127.5 - 1
        first = pictures.view(-1, 1, 1, *pictures.shape[1:]).expand(
            -1, len(DOMAINS), -1, -1, -1, -1
        )
        return grid(torch.cat([first, made], 2).flatten(0, 2), columns=1 + len(VIEWS))

    @torch.no_grad()
    def draw(self, net: PictureToViews, pictures: Tensor, steps: int = 25, seed: int = 42):
        """Pictures B 3 H W in [−1, 1] → their views by DDIM, 2×B×6×H×W×3 uint8."""
        scheduler = teacher_schedule()
        scheduler.set_timesteps(steps)
        with torch.autocast("cpu", torch.bfloat16):
            given = self.autoencoder.encode(pictures).latents.float()
            shape = (len(DOMAINS), len(given), len(VIEWS), *given.shape[1:])
            latents = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
            seen = torch.ones(len(given))
            which = torch.arange(len(VIEWS)).expand(len(given), -1)
            for t in scheduler.timesteps:
                velocity = net(latents, t.expand(len(given)), given, seen, which)
                latents = scheduler.step(velocity, t, latents).prev_sample
            pixels = self.autoencoder.decode(latents.flatten(0, 2)).sample.float()
        levels = ((pixels.clamp(-1, 1) + 1) * 127.5).round().byte()
        return levels.permute(0, 2, 3, 1).unflatten(0, shape[:3]).numpy()

    def publish(self, net: PictureToViews, folder: Path) -> dict[str, float]:
        """Saves it, the UNet packed; returns the measures of `compare` on held-out things."""
        write_packed(net.unet, folder / "multiview" / "unet")
        found = []
        for start in range(0, len(self.unseen), 4):
            truths = [six_views(*at) for at in self.unseen[start : start + 4]]
            pictures = to_tensor(np.stack([truth.picture for truth in truths]))
            normals, colours = self.draw(net, pictures)
            found += map(compare, normals, colours, truths)
        return means(found)


def picture_to_views(teacher: UNet2DConditionModel, reader: LatentTokens) -> PictureToViews:
    """The teacher grown for views, and what reads pictures for it, which stays as it is."""
    return PictureToViews(grown(teacher), reader.requires_grad_(False))


def grown(teacher: UNet2DConditionModel) -> UNetMV2DConditionModel:
    """The teacher as a multiview UNet: image latents enter too, at first as the noisy ones do.

    So every view begins as a guess at the picture itself, and the thing is the picture's from the
    first; from weights of zero the views showed other things even after four times as long.
    """
    config = {key: value for key, value in teacher.config.items() if not key.startswith("_")}
    config |= {
        "in_channels": 2 * teacher.config.in_channels,
        "class_embed_type": "projection",
        "projection_class_embeddings_input_dim": camera_rows().shape[-1],
    }
    unet = UNetMV2DConditionModel.from_config(config)
    weights = dict(teacher.state_dict())
    entrance = weights["conv_in.weight"]
    weights["conv_in.weight"] = torch.cat([entrance, entrance], 1)
    unknown = unet.load_state_dict(weights, strict=False).unexpected_keys
    if unknown:
        raise ValueError(f"the teacher has weights that a multiview UNet lacks: {unknown[:3]}")
    return unet


def _rows(things: Tensor, num_views: int) -> Tensor:
    """B … → 2·B·num_views …: domain, thing, view, from slow to fast; a thing's are all the same."""
    return torch.cat([things.repeat_interleave(num_views, 0)] * len(DOMAINS))
