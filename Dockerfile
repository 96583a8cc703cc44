# The service, as `licet serve` on port 8000: docs/operations.md.
# Policies (with licet.toml) are mounted at /policies; without a database of its own it remembers in
# /var/lib/licet, which is then a volume. Every package is pinned by its hash.
ARG PYTHON=3.13-slim

FROM python:${PYTHON} AS build
WORKDIR /build
COPY requirements-core.lock requirements-service.lock ./
RUN python -m venv tools \
    && tools/bin/pip install --no-cache-dir --require-hashes -r requirements-core.lock \
    && python -m venv /opt/licet \
    && /opt/licet/bin/pip install --no-cache-dir --require-hashes -r requirements-service.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN tools/bin/python -m hatchling build -t wheel -d wheels \
    && /opt/licet/bin/pip install --no-cache-dir --no-deps --no-index wheels/*.whl \
    && /opt/licet/bin/pip uninstall --yes pip

FROM python:${PYTHON}
RUN groupadd --gid 10001 licet \
    && useradd --uid 10001 --gid licet --no-create-home --home-dir /var/lib/licet --shell /usr/sbin/nologin licet \
    && install -d -o licet -g licet -m 0700 /var/lib/licet
COPY --from=build /opt/licet /opt/licet
ENV PATH=/opt/licet/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/licet
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["licet"]
CMD ["serve", "/policies", "--host", "0.0.0.0"]
