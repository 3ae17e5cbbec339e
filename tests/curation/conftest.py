from hypothesis import settings

# The first call of a kernel may compile it, which no deadline for one example allows.
settings.register_profile("kernels", deadline=None)
settings.load_profile("kernels")
