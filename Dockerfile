# syntax=docker/dockerfile:1
# AURA with the offline embedding weights. Build: docker build -t aura:local .
# On a machine without a GPU, `--build-arg PIP_EXTRA_INDEX_URL=...` can name an index with torch's much smaller CPU build.

FROM node:22-slim AS web
ENV npm_config_cache=/var/cache/npm
WORKDIR /build/src/aura_server/web
COPY src/aura_server/web/package.json src/aura_server/web/package-lock.json ./
RUN --mount=type=cache,target=/var/cache/npm npm ci --no-audit --no-fund --ignore-scripts
COPY docs/openapi.json /build/docs/
COPY src/aura_server/web ./
RUN npm run build

FROM python:3.11-slim AS build
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_CACHE_DIR=/var/cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY pyproject.toml README.md LICENSE constraints.txt hatch_build.py ./
COPY tools/web.py ./tools/
COPY src ./src
COPY --from=web /build/src/aura_server/web/dist ./src/aura_server/web/dist
RUN --mount=type=cache,target=/var/cache/pip \
    pip wheel --no-deps --wheel-dir dist . \
    && python -m venv /opt/aura \
    && /opt/aura/bin/pip install --constraint constraints.txt "$(echo dist/aura-*.whl)[offline,openai,server]"

FROM python:3.11-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/aura aura \
    && install --directory --owner=aura --group=aura --mode=0700 /var/lib/aura
COPY --from=build /opt/aura /opt/aura
ENV PATH=/opt/aura/bin:$PATH AURA_DATA_DIR=/var/lib/aura HF_HOME=/var/lib/aura/huggingface PYTHONUNBUFFERED=1
USER aura
WORKDIR /var/lib/aura
VOLUME /var/lib/aura
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["aura", "serve", "--host", "0.0.0.0", "--port", "8000"]
