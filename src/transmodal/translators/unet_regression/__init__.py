"""unet_regression: no paper of its own; Ronneberger et al., U-Net, MICCAI 2015, with residual blocks.

A U-Net trained by regression: what every adversarial model has to beat. The light network has the residual blocks of
He et al. (CVPR 2016) and the group normalisation of Wu and He (ECCV 2018); its loss is that of Zhao et al. (IEEE TCI
2017), L1 and SSIM together. The strong one is nnU-Net's residual encoder (Isensee et al., MICCAI 2024), trained as the
regressors that won SynthRAD2025 are: on patches, by the mean absolute error inside the body.
"""

from transmodal.translators.unet_regression.translator import Config, UNetRegression, build

__all__ = ["Config", "UNetRegression", "build"]
