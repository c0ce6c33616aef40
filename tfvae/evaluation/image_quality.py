"""How near one image is to another: PSNR and SSIM, for each example."""

import numpy as np

LARGEST_PSNR = 100.0  # dB, of images that are the same: infinity would be no value of JSON
WINDOW = 7  # pixels; smaller images have a smaller one
LUMINANCE, CONTRAST = 0.01**2, 0.03**2  # the paper's constants for values in [0, 1]


def squared_error(x, y):
    """Mean squared difference of images [N, H, W, C], per pixel and channel: [N]."""
    difference = np.asarray(x, "float64") - np.asarray(y, "float64")
    return np.mean(difference**2, axis=tuple(range(1, difference.ndim)))


def psnr(x, y):
    """Peak signal-to-noise ratio of images [N, H, W, C] in [0, 1], in dB: [N]; at most 100, which equal images have."""
    return psnr_of(squared_error(x, y))


def psnr_of(error):
    """The PSNR in dB of mean squared errors."""
    return np.minimum(-10 * np.log10(np.maximum(error, 1e-300)), LARGEST_PSNR)


def ssim(x, y):
    """Structural similarity of images [N, H, W, C] in [0, 1]: [N], 1 for equal images.

    Windows are uniform, of 7x7 pixels or as large as a smaller image lets them be, with unbiased variances, as
    scikit-image computes it; the paper weighs 11x11 windows by a Gaussian.

    Reference:
        Wang et al., 2004. Image Quality Assessment: From Error Visibility to Structural Similarity, eq. 13.
        https://doi.org/10.1109/TIP.2003.819861
    """
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    sizes = [min(WINDOW, size - 1 + size % 2) for size in x.shape[1:3]]  # odd
    count = sizes[0] * sizes[1]
    unbiased = count / max(count - 1, 1)
    mean_x, mean_y = _means(x, sizes), _means(y, sizes)
    variance_x, variance_y = ((_means(a * a, sizes) - m * m) * unbiased for a, m in ((x, mean_x), (y, mean_y)))
    covariance = (_means(x * y, sizes) - mean_x * mean_y) * unbiased
    similarity = (2 * mean_x * mean_y + LUMINANCE) * (2 * covariance + CONTRAST)
    similarity /= (mean_x**2 + mean_y**2 + LUMINANCE) * (variance_x + variance_y + CONTRAST)
    return np.mean(similarity, axis=(1, 2, 3))


def _means(images, sizes):
    """Means over all windows that lie inside an image, of odd sizes h and w: [N, H - h + 1, W - w + 1, C]."""
    from scipy.ndimage import uniform_filter

    (top, left), (height, width) = (size // 2 for size in sizes), images.shape[1:3]
    return uniform_filter(images, (1, *sizes, 1))[:, top : height - top, left : width - left]
