# Two images. `docker build --target train -t tfvae:0.1.0 .` has the package, for batch jobs on a GPU or a CPU;
# `docker build --target serve -t tfvae-serving:0.1.0 .` has TensorFlow Serving with what lies in saved_models/.
ARG PYTHON_TAG=3.11-slim-bookworm
ARG SERVING_TAG=2.20.0-gpu

FROM python:${PYTHON_TAG} AS train
# CUDA comes with TensorFlow's wheels; of the host it takes the driver alone.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility PYTHONUNBUFFERED=1
RUN useradd --create-home --uid 1000 tfvae
WORKDIR /home/tfvae
COPY setup.py pyproject.toml constraints.txt README.md ./
COPY tfvae tfvae
RUN pip install --no-cache-dir --constraint constraints.txt ".[serving,gpu]"
COPY pipelines pipelines
# By number: Kubernetes cannot tell whether a name is root.
USER 1000:1000
ENTRYPOINT ["tfvae"]
CMD ["--help"]

FROM tensorflow/serving:${SERVING_TAG} AS serve
ARG MODEL_NAME=digits
COPY saved_models /models
ENV MODEL_NAME=${MODEL_NAME} TF_FORCE_GPU_ALLOW_GROWTH=true
