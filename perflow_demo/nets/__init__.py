"""The networks that this project owns."""

from perflow_demo.nets.autoencoder import PocketAutoencoder
from perflow_demo.nets.judge import Judge

__all__ = ["Judge", "PocketAutoencoder"]
