# Builds the addon and dist/, then an image with nothing but what runs: no compiler, no npm, no setuid programs, a user who is not root,
# nothing that has to be written to. Capturing needs the capability NET_RAW:
#   docker run --network host --read-only --cap-drop ALL --cap-add NET_RAW spantap
ARG NODE_IMAGE=node:24-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends g++ make python3 libpcap-dev \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /spantap
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
COPY demo demo
RUN sh scripts/build-addon.sh && node_modules/.bin/tsc -p tsconfig.build.json

# The shop of `make demo` without the agent, with its stores: something to listen to (compose.yaml).
FROM build AS shop
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server postgresql \
  && rm -rf /var/lib/apt/lists/*
USER nobody
CMD ["node", "dist/demo/shop.js"]

# What runs goes to /out. The optional package cap was not built (the addon is better); declarations, maps and sources run nowhere.
FROM build AS parts
RUN npm prune --omit=dev --ignore-scripts \
  && rm -rf node_modules/.package-lock.json node_modules/cap node_modules/nan \
  && find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' -o -name '*.md' \) -delete \
  && find node_modules -type d -empty -delete \
  && mkdir -p /out/dist /out/src/capture/native/build/Release \
  && cp -r package.json node_modules /out/ \
  && cp -r dist/src /out/dist/ \
  && cp src/capture/native/binding.gyp /out/src/capture/native/ \
  && cp src/capture/native/build/Release/pcap.node /out/src/capture/native/build/Release/ \
  && strip -o /opt/node "$(command -v node)"
COPY bin /out/bin
COPY config/agent.yaml /out/config/agent.yaml
COPY LICENSE NOTICE /out/

FROM ${BASE_IMAGE}
# The capability is on the program, so that a user other than root can capture; the container still has to grant it. Permitted, not
# effective (=p): the program starts without it as well, to read files, and takes it up for the moment in which it opens a capture.
# In one step: another layer that touches the program would hold it a second time.
RUN --mount=type=bind,from=parts,source=/opt/node,target=/mnt/node \
  apt-get update \
  && apt-get install -y --no-install-recommends libpcap0.8 libcap2-bin \
  && install -m 755 /mnt/node /usr/local/bin/node \
  && setcap cap_net_raw=p /usr/local/bin/node \
  && apt-get purge -y --auto-remove libcap2-bin \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf /var/log/apt /var/log/dpkg.log \
  && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
  && ln -s /spantap/bin/spantap /usr/local/bin/spantap
COPY --from=parts /out /spantap
LABEL org.opencontainers.image.title="spantap" \
  org.opencontainers.image.description="Passive tracing from packets: synthetic OpenTelemetry spans and RED metrics for every service pair" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
# Within the container only; SPANTAP_HEALTH_HOST=0.0.0.0 lets others ask.
ENV SPANTAP_HEALTH_PORT=14318
# A number: Kubernetes cannot tell from a name that it is not root.
USER 10001:10001
WORKDIR /
# bash asks by itself: one more Node.js every half minute would cost more than the agent.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${SPANTAP_HEALTH_PORT} && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
# Not bin/spantap: with no_new_privs a shell in between would lose the capability that the runtime left to the first program.
ENTRYPOINT ["node", "--max-semi-space-size=4", "/spantap/dist/src/main.js"]
CMD ["run"]
