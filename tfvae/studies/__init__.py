"""Studies: the classical experiments on autoencoders, one file each."""

STUDIES = {
    "reconstruction": "originals beside reconstructions, the best and the worst, the error of each class",
    "generation": "samples from the prior and from a fitted one, how blurred they are, whether they are copies",
    "interpolation": "straight and spherical walks between examples, and through the means of the classes",
    "traversal": "what each latent dimension does, a sheet and an animation",
    "latent-space": "PCA, t-SNE and UMAP of the codes, with and without the KL term, autoencoder against VAE",
    "kl-weight": "a sweep over beta: rate, distortion, samples, reconstructions",
    "multi-rate": "one training for every beta, beside a training for each: both curves, and the cost of each",
    "disentanglement": "a sweep over beta and total correlation: MIG, DCI and the rest",
    "denoising": "noisy, denoised, clean: denoising autoencoder against denoising VAE against plain ones",
    "compression": "bits per dimension over the latent size beside PNG and JPEG, and a lossless code by bits-back",
    "collapse": "posterior collapse, and what warm-up, free bits and GECO do to it",
}
