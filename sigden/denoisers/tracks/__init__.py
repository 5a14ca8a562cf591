"""Chirp tracks: a hidden Markov model over local chirps of several lengths."""

from sigden.denoisers.tracks.denoiser import ChirpTracks
from sigden.denoisers.tracks.error import standard_error
from sigden.denoisers.tracks.estimate import TrackEstimate, TrackModel, estimate_tracks

__all__ = ["ChirpTracks", "TrackEstimate", "TrackModel", "estimate_tracks", "standard_error"]
