# syntax=docker/dockerfile:1
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/visum
COPY constraints.txt ./
# cuda: the ordinary wheels, which bring CUDA along and need nothing of the node but its driver. cpu: wheels without it.
ARG DEVICE=cuda
ARG CPU_WHEELS=https://download.pytorch.org/whl/cpu
RUN if [ "$DEVICE" = cpu ]; then export PIP_INDEX_URL="$CPU_WHEELS"; fi \
 && /opt/visum/bin/pip install --constraint constraints.txt torch torchvision
COPY protos protos
COPY services/common services/common
COPY services/mask services/mask
RUN /opt/visum/bin/pip install --constraint constraints.txt \
    ./protos ./services/common/wire ./services/common/runtime ./services/common/models ./services/mask

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="visum-mask" \
      org.opencontainers.image.description="Crisp saliency masks: gRPC server" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/visum /opt/visum
ENV PATH="/opt/visum/bin:${PATH}" PYTHONUNBUFFERED=1 HOME=/tmp NUMBA_CACHE_DIR=/tmp/numba \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    VISUM_SERVER_HOST=0.0.0.0 VISUM_SERVER_PORT=50051 VISUM_SERVER_HEALTH_PORT=50052 VISUM_SERVER_METRICS_PORT=50053
USER 65532:65532
EXPOSE 50051 50052 50053
ENTRYPOINT ["python", "-m", "visum_mask"]
