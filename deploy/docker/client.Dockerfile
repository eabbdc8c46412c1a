# syntax=docker/dockerfile:1
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/visum
COPY constraints.txt ./
COPY protos protos
COPY services/common services/common
COPY client client
RUN /opt/visum/bin/pip install --constraint constraints.txt \
    ./protos ./services/common/wire './client[kubernetes,cloud]'

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="visum-client" \
      org.opencontainers.image.description="Class runs inside the cluster: command line and client" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/visum /opt/visum
ENV PATH="/opt/visum/bin:${PATH}" PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["visum"]
