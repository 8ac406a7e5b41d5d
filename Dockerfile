# The bridge as a small image: built with the locked tools, run with the locked runtime dependencies only, not as root.

FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bridge bridge
COPY config config
COPY mappings mappings
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.13-slim
COPY requirements.runtime.lock /tmp/
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.runtime.lock && rm /tmp/requirements.runtime.lock
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels pip install --no-cache-dir --no-deps --no-index /wheels/*.whl
RUN useradd --system --uid 10001 --no-create-home bridge && install -d -o bridge -g bridge /app/var
WORKDIR /app
COPY config config
COPY mappings mappings
USER bridge
ENV PYTHONUNBUFFERED=1
# SQLite's file, when no other database is configured.
VOLUME /app/var
EXPOSE 8137
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8137/health/ready', timeout=2)"]
ENTRYPOINT ["mef-bridge"]
CMD ["serve"]
