"""Text to picture in four PeRFlow steps; the README shows the tree of this package."""
