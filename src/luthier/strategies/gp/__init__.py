"""The parts of Gaussian-process search: encoding, readings, warping, regression and expected improvement."""
