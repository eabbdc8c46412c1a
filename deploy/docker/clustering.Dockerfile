# syntax=docker/dockerfile:1
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/visum
COPY constraints.txt ./
COPY protos protos
COPY services/common services/common
COPY services/clustering services/clustering
RUN /opt/visum/bin/pip install --constraint constraints.txt \
    ./protos ./services/common/wire ./services/common/runtime ./services/clustering

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="visum-clustering" \
      org.opencontainers.image.description="From match scores to visual summaries: gRPC server" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/visum /opt/visum
ENV PATH="/opt/visum/bin:${PATH}" PYTHONUNBUFFERED=1 HOME=/tmp NUMBA_CACHE_DIR=/tmp/numba \
    VISUM_SERVER_HOST=0.0.0.0 VISUM_SERVER_PORT=50051 VISUM_SERVER_HEALTH_PORT=50052 VISUM_SERVER_METRICS_PORT=50053
USER 65532:65532
EXPOSE 50051 50052 50053
ENTRYPOINT ["python", "-m", "visum_clustering"]
