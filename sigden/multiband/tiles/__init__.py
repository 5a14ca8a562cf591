"""Fields too large for one solve: mosaics, tiles with a halo, stamps."""
