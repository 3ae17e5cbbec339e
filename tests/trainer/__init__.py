"""JAX as these tests want it: the variables work only before it is imported, so they are set before any module of this package."""

import os
import tempfile

os.environ["JAX_PLATFORMS"] = "cpu"
# Compiling takes nearly all of the time here: do less of it, and none of it twice.
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "true"
_compiled = tempfile.TemporaryDirectory()
os.environ["JAX_COMPILATION_CACHE_DIR"] = _compiled.name
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
