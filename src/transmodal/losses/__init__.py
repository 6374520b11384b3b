"""Losses that two papers or more share: pure functions of tensors, in float32 whatever the precision.

Comes in: synthetic and target windows, or a discriminator's verdicts. Goes out: one weighted term.
Open first: `conditional_gan.py`; a term of one paper lies in `translators/<paper>/`.
"""
