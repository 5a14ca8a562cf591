"""Observations, grids and what ties them: the data model."""
