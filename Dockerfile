# Two images. `docker build --target train -t tfvae .` has the package, for batch jobs on a GPU or a CPU;
# `docker build --target serve -t my-models .` has TensorFlow Serving with what lies in saved_models/.
ARG PYTHON_TAG=3.11-slim-bookworm
ARG SERVING_TAG=2.20.0-gpu

FROM python:${PYTHON_TAG} AS train
RUN useradd --create-home tfvae
WORKDIR /home/tfvae
COPY setup.py pyproject.toml constraints.txt README.md ./
COPY tfvae tfvae
RUN pip install --no-cache-dir --constraint constraints.txt ".[serving,gpu]"
COPY --chown=tfvae:tfvae pipelines pipelines
USER tfvae
ENTRYPOINT ["tfvae"]
CMD ["--help"]

FROM tensorflow/serving:${SERVING_TAG} AS serve
COPY saved_models /models
ENV MODEL_NAME=digits
