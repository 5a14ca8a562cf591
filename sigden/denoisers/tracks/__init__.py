"""Chirp tracks: a hidden Markov model over local chirps of several lengths."""

from sigden.denoisers.tracks.denoiser import ChirpTracks
from sigden.denoisers.tracks.estimate import TrackEstimate, TrackModel, estimate_tracks

__all__ = ["ChirpTracks", "TrackEstimate", "TrackModel", "estimate_tracks"]
