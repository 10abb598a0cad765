"""Cameras, surfaces and meshes; knows no network and no task."""
