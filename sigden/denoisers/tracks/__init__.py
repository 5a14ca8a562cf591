"""Chirp tracks: a hidden Markov model over local chirps of several lengths."""

from sigden.denoisers.tracks.denoiser import ChirpTracks
from sigden.denoisers.tracks.error import standard_error
from sigden.denoisers.tracks.estimate import TrackEstimate, TrackModel, add_tracks, estimate_tracks

__all__ = ["ChirpTracks", "TrackEstimate", "TrackModel", "add_tracks", "estimate_tracks", "standard_error"]
