"""Distances between latents, pictures, sets of pictures and solids; knows no model."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL.Image import Image
from scipy.spatial import cKDTree
from torch import Tensor

BINS = 16
STEEPEST = 20  # one place in so many is an edge
WHITE = 235  # a channel darker than this is no white paper; what an autoencoder makes of it is not


def rms(values: Tensor) -> float:
    """Root of the mean square of all values."""
    return values.double().square().mean().sqrt().item()


def relative_distance(latents: Tensor, reference: Tensor) -> float:
    """RMS of the difference over RMS of the reference, equal shapes; 0 where they are equal."""
    return rms(latents.double() - reference.double()) / rms(reference)


def psnr(picture: Image | np.ndarray, reference: Image | np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of pictures, 8 bits a channel; infinite for equal ones."""
    difference = np.asarray(picture, np.float64) - np.asarray(reference, np.float64)
    error = np.square(difference).mean()
    return 10 * math.log10(255**2 / error) if error else math.inf


def sharpness(picture: Image) -> float:
    """Mean slope of lightness, in levels a pixel, at the steepest of all places."""
    slopes = np.hypot(*_slopes(picture)).ravel()
    steepest = max(1, slopes.size // STEEPEST)
    return float(np.partition(slopes, -steepest)[-steepest:].mean())


def edges_kept(picture: Image, original: Image) -> float:
    """Of the slopes across the original's edges, how much the picture has there: 1 is all.

    Noise and ringing, which make a picture steep elsewhere or along other directions, add nothing.
    """
    found, wanted = _slopes(picture), _slopes(original)
    squares = np.square(wanted).sum(0)
    edges = squares >= np.quantile(squares, 1 - 1 / STEEPEST)
    across = (found * wanted).sum(0)[edges] / np.sqrt(squares[edges])
    return float(across.sum() / np.sqrt(squares[edges]).sum())


def _slopes(picture: Image) -> np.ndarray:
    """Those of lightness downwards and to the right, 2×H×W, in levels a pixel."""
    return np.stack(np.gradient(np.asarray(picture.convert("L"), np.float32)))


def seam_ratio(
    pixels: np.ndarray, lines: Sequence[int], period: int = 1, reach: int | None = None
) -> float:
    """Mean step across some lines over that across others; 1 where nothing shows there.

    pixels: H×W×C. lines: the rows, and the columns as well, before which a line runs. period: the
    others are a multiple of so many pixels away, since resizing and decoding leave a pattern of
    steps. reach: and so many at most, since things fill some places of a picture; None: anywhere.
    """
    ratios = []
    for plane in (pixels, pixels.swapaxes(0, 1)):
        steps = np.abs(np.diff(plane, axis=0)).mean((1, 2))  # before rows 1, 2, …
        rows = np.arange(1, len(plane))
        seams = np.isin(rows, lines)
        others = [
            steps[(away % period == 0) & (away <= (reach or len(plane))) & ~seams].mean()
            for away in (np.abs(rows - line) for line in lines)
        ]
        ratios.append(steps[seams].mean() / np.mean(others))
    return float(np.mean(ratios))


def means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each figure over rows that have the same ones; at least one row."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def column_means(columns: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The mean of each figure over its own values, of which each may have another number."""
    return {name: float(np.mean(values)) for name, values in columns.items()}


def iou(mask: np.ndarray, reference: np.ndarray) -> float:
    """Intersection over union of two boolean masks of one shape; 1 where both are empty."""
    either = np.logical_or(mask, reference).sum()
    return float(np.logical_and(mask, reference).sum() / either) if either else 1.0


def drawn(pictures: np.ndarray) -> np.ndarray:
    """Where pictures on white, …×3 uint8, show anything: …, boolean."""
    return pictures.min(-1) < WHITE


def angular_error(normals: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Degrees between normals kept as colours, −1…1 as 0…255: …×3 uint8 → …, of any length."""
    first, second = (pages / np.float32(127.5) - 1 for pages in (normals, reference))
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    cosine = (first * second).sum(-1) / np.maximum(lengths, 1e-6)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def frechet_distance(features: Tensor, reference: Tensor) -> float:
    """Squared Fréchet distance of the Gaussians fitted to two sets of features, (N, D) and (M, D).

    What it means depends on whose features they are; small sets give values that are too high, so
    compare sets of one size only. N, M >= 2. Source: arXiv 1706.08500, equation 6.
    """
    first, second = features.double(), reference.double()
    offset = (first.mean(0) - second.mean(0)).square().sum()
    covariances = [torch.atleast_2d(torch.cov(values.T)) for values in (first, second)]
    root = _root(covariances[0])
    # tr (A B)^½ = tr (A^½ B A^½)^½, and the latter is symmetric.
    cross = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp(min=0).sqrt().sum()
    traces = covariances[0].trace() + covariances[1].trace()
    return max(0.0, (offset + traces - 2 * cross).item())


def look(pictures: list[Image]) -> Tensor:
    """How a set is drawn, whatever it shows: (3, 16) histograms of its pixels, each adding up to 1.

    The rows are lightness, saturation and the slope of lightness (this project's own measure).
    """
    hsv = np.stack([np.asarray(picture.convert("HSV"), np.float64) for picture in pictures]) / 255
    light = np.stack([np.asarray(p.convert("L"), np.float64) for p in pictures]) / 255
    down, across = np.gradient(light, axis=(1, 2))
    rows = (light, hsv[..., 1], np.minimum(4 * np.hypot(down, across), 1))
    counts = [np.histogram(row, BINS, (0, 1))[0] / row.size for row in rows]
    return torch.from_numpy(np.stack(counts))


def look_distance(first: Tensor, second: Tensor) -> float:
    """Mean total variation distance of two looks, 0 (equal) to 1 (nothing in common)."""
    return 0.5 * (first - second).abs().sum(1).mean().item()


def f_score(found: np.ndarray, truth: np.ndarray, reach: float) -> float:
    """Harmonic mean of precision and recall of points on one surface, N×3, for another's, M×3.

    A point is right where the other surface has one within `reach`; 0 where a surface has none.
    Source: arXiv 1905.03678 (Tatarchenko et al. 2019), section 4.
    """
    if not len(found) or not len(truth):
        return 0.0
    precision = np.mean(cKDTree(truth).query(found)[0] <= reach)
    recall = np.mean(cKDTree(found).query(truth)[0] <= reach)
    both = precision + recall
    return float(2 * precision * recall / both) if both else 0.0


def _root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T
