# For those who run it in a container, with a PostgreSQL beside it: see compose.yaml.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
WORKDIR /build
COPY requirements.lock requirements-dev.lock ./
# uv in the version and with the hashes of the lock; it installs the rest likewise.
RUN sed -n '/^uv==/,/[^\\]$/p' requirements-dev.lock > uv.lock \
    && pip install --quiet --require-hashes --requirement uv.lock \
    && uv venv /opt/custodiary \
    && uv pip sync --python /opt/custodiary --require-hashes --compile-bytecode requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY domain domain
COPY eventstore eventstore
COPY projections projections
COPY service service
COPY api api
RUN uv pip install --python /opt/custodiary --no-deps --build-constraints requirements-dev.lock --compile-bytecode .

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /var/lib/custodiary custodiary
COPY --from=build /opt/custodiary /opt/custodiary
ENV PATH=/opt/custodiary/bin:$PATH PYTHONUNBUFFERED=1 CUSTODIARY_DATA=/var/lib/custodiary/data
USER custodiary
WORKDIR /var/lib/custodiary
EXPOSE 8000
STOPSIGNAL SIGINT
CMD ["custodiary", "serve", "--host", "0.0.0.0"]
