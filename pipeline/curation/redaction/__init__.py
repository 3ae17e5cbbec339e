"""What the step `redact` finds and how it replaces it: kernels over bytes, each in time linear in the text."""
