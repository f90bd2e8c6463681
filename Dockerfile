# docker build -t ssm .                      both services: docker run ssm sender|receiver|replay ...
# docker build -t ssm-sender --target sender .       one of them: docker run ssm-sender ...
# docker build -t ssm-tools --target tools .         openssl and fetch-crl, for the stack of docker-compose.yml
ARG NODE_IMAGE=node:24-bookworm-slim
ARG DEBIAN_IMAGE=debian:bookworm-slim

# JavaScript is the same on every platform: it is built once, on the builder's own.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.npm \
    npm ci \
 && npx tsc -b services/sender services/receiver services/cli \
 && node scripts/text.mjs \
 && npm ci --omit=dev -w services/sender -w services/receiver \
 && node scripts/assemble.mjs /out

FROM ${NODE_IMAGE} AS node

FROM ${DEBIAN_IMAGE} AS base
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log

FROM base AS tools
RUN apt-get update \
 && apt-get install -y --no-install-recommends openssl fetch-crl \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
ENTRYPOINT ["/usr/bin/tini", "-s", "--"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="ssm-tools" \
      org.opencontainers.image.description="openssl and fetch-crl, for what surrounds SSM" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"

# The node binary alone: no npm, corepack or headers, not even in a layer below.
FROM base AS runtime
RUN apt-get update \
 && apt-get install -y --no-install-recommends libstdc++6 libatomic1 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
 && groupadd --gid 1000 ssm \
 && useradd --uid 1000 --gid 1000 --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin ssm
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=build /out/node_modules /opt/ssm/node_modules
COPY --from=build /out/app /opt/ssm
COPY --chmod=755 deploy/image/ssm-entrypoint deploy/image/ssm-health deploy/image/ssm-service /usr/local/bin/
RUN ln -s /opt/ssm/services/cli/dist/src/ssm.js /usr/local/bin/ssm \
 && for command in ssmsend ssmreceive; do ln -s ssm-service /usr/local/bin/$command; done \
 && for command in ssm ssmsend ssmreceive; do $command --version || exit; done
# /var/spool/apel is not made: a volume that was not mounted must be an error, never a folder that is gone with the container.
ENV NODE_ENV=production SSM_OPS_HOST=::
USER 1000:1000
WORKDIR /opt/ssm
EXPOSE 9101 9102
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["ssm-health", "live"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="ssm" \
      org.opencontainers.image.description="SSM, the Secure STOMP Messenger: sender and receiver" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"

FROM runtime AS sender
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "ssm-entrypoint", "sender"]

FROM runtime AS receiver
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "ssm-entrypoint", "receiver"]

# The commands ssmsend, ssmreceive and ssm are on the PATH: ssm-entrypoint runs any command.
FROM runtime AS ssm
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "ssm-entrypoint"]
