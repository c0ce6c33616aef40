"""Projections of codes to a plane: PCA, t-SNE and UMAP, each the same for the same seed."""

import warnings

import numpy as np

PERPLEXITY = 30
NUM_NEIGHBOURS = 15  # the defaults of both methods
FEWEST = 5  # points: with fewer there is nothing to arrange


def pca(codes, seed=0):
    """The plane in which the codes vary most: [N, L] -> [N, 2], zeros where there is no second dimension.

    Reference:
        Hotelling, 1933. Analysis of a complex of statistical variables into principal components.
        https://doi.org/10.1037/h0071325
    """
    from sklearn.decomposition import PCA

    size = min(2, *codes.shape)
    with np.errstate(invalid="ignore"):  # shares of no variance, which it computes beside
        points = PCA(size, random_state=seed).fit_transform(np.asarray(codes, "float64"))
    return np.pad(points, [(0, 0), (0, 2 - size)])


def t_sne(codes, seed=0):
    """t-distributed stochastic neighbour embedding, begun from the plane of PCA: [N, L] -> [N, 2].

    Reference:
        Van der Maaten and Hinton, 2008. Visualizing Data using t-SNE. https://jmlr.org/papers/v9/vandermaaten08a.html
        The beginning: Kobak and Linderman, 2021. https://doi.org/10.1038/s41587-020-00809-z
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    start = pca(codes, seed)
    start = (start * 1e-4 / max(start[:, 0].std(), np.finfo("float32").tiny)).astype("float32")
    perplexity = min(PERPLEXITY, (len(codes) - 1) / 3)
    with threadpool_limits(1):  # with more, its threads wait for one another: minutes where another job is running
        return TSNE(perplexity=perplexity, init=start, random_state=seed).fit_transform(codes)


def umap(codes, seed=0):
    """Uniform manifold approximation and projection: [N, L] -> [N, 2].

    Reference:
        McInnes et al., 2018. UMAP. https://arxiv.org/abs/1802.03426
    """
    from umap import UMAP  # here: it takes seconds to import

    with warnings.catch_warnings():  # of one thread, which is what makes it the same every time
        warnings.simplefilter("ignore")
        method = UMAP(n_neighbors=min(NUM_NEIGHBOURS, len(codes) - 1), random_state=seed, n_jobs=1)
        return method.fit_transform(codes)


PROJECTIONS = {"PCA": pca, "t-SNE": t_sne, "UMAP": umap}
