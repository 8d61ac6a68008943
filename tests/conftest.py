"""How much hypothesis tries: little by default, so that the whole suite stays quick; more when asked to.

``pytest --hypothesis-profile=thorough`` looks for new counterexamples instead of the same ones each time.
"""

from hypothesis import settings

settings.register_profile("quick", max_examples=60, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile("quick")
