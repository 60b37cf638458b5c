"""Settings of the whole suite."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from hypothesis import HealthCheck, settings

# The same examples at every run, so that a red line is a change of ours; `make test-long` looks for new ones.
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
settings.register_profile("long", deadline=None, max_examples=1000, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
