# qtisync as an image: docs/docker.md says how to run it. Docker, podman and buildah build this file.

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE config.example.yaml ./
COPY qtisync qtisync
COPY systemd systemd
RUN pip wheel --no-cache-dir --disable-pip-version-check --no-deps --wheel-dir /dist .

FROM python:3.13-slim-bookworm

# Not pinned: Debian keeps only the newest version of a package, and that is the one with the security fixes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git openssh-client \
    && rm -rf /var/lib/apt/lists/*

# A user with an entry in /etc/passwd, which ssh insists on. A new volume takes over the owner of its folder.
RUN groupadd --system --gid 980 qtisync \
    && useradd --system --uid 980 --gid 980 --home-dir /var/lib/qtisync --shell /usr/sbin/nologin qtisync \
    && install -d -o qtisync -g qtisync -m 0750 /var/lib/qtisync \
    && install -d -m 0755 /etc/qtisync

# Copied, not mounted: podman's cache would not notice another wheel in a mount.
COPY --from=build /dist /dist
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore /dist/*.whl

# Nobody outside the container reaches its loopback address. Without a token only health, metrics and signed webhooks answer.
ENV QTISYNC_STATE=/var/lib/qtisync \
    QTISYNC_DAEMON__LISTEN=0.0.0.0:8766 \
    PYTHONFAULTHANDLER=1
USER 980:980
WORKDIR /var/lib/qtisync
VOLUME /var/lib/qtisync
EXPOSE 8766
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=2m --retries=3 \
  CMD ["python3", "-c", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ['QTISYNC_DAEMON__LISTEN'].rpartition(':')[2]), timeout=5); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
LABEL org.opencontainers.image.title="qtisync" \
      org.opencontainers.image.description="Keeps a QTI API equal to a git commit" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
ENTRYPOINT ["qtisync"]
CMD ["run"]
