"""CycleGAN: Zhu, Park, Isola and Efros, Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks, ICCV 2017.

Two generators, there and back, and two discriminators that see one image each. Source and target of a batch are
of different places, so nothing here compares a synthetic image with the target of its own source.
"""  # noqa: D205

from transmodal.translators.cyclegan.translator import Config, CycleGAN, build

__all__ = ["Config", "CycleGAN", "build"]
