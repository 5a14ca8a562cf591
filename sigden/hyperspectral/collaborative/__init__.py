"""Collaborative filter of eigen-images."""
