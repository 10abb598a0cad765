"""The networks that this project owns."""

from perflow_demo.nets.autoencoder import PocketAutoencoder
from perflow_demo.nets.foreground import ForegroundNet
from perflow_demo.nets.judge import Judge
from perflow_demo.nets.latent_tokens import LatentTokens
from perflow_demo.nets.multiview import UNetMV2DConditionModel
from perflow_demo.nets.tsr import TSR

__all__ = [
    "TSR",
    "ForegroundNet",
    "Judge",
    "LatentTokens",
    "PocketAutoencoder",
    "UNetMV2DConditionModel",
]
