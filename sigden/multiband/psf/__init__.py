"""PSF images and their transfer functions."""
