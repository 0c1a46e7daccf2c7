"""The shared suites that every variant passes, ours and other packages': plain functions for any test runner."""
