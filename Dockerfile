# Builds the addon and dist/, then an image with nothing but what runs. Capturing needs the capability NET_RAW:
#   docker run --network host --cap-drop ALL --cap-add NET_RAW spantap run
FROM node:24-bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ make python3 libpcap-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /spantap
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY scripts scripts
COPY config config
COPY src src
COPY demo demo
RUN sh scripts/build-addon.sh && node_modules/.bin/tsc -p tsconfig.build.json && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libpcap0.8 libcap2-bin && rm -rf /var/lib/apt/lists/* \
  # the capability is on the program, so that a user other than root can capture; the container still has to grant it
  && setcap cap_net_raw=eip "$(readlink -f "$(command -v node)")"
WORKDIR /spantap
COPY --from=build /spantap/package.json ./
COPY --from=build /spantap/node_modules node_modules
COPY --from=build /spantap/bin bin
COPY --from=build /spantap/config config
COPY --from=build /spantap/dist dist
COPY --from=build /spantap/src/capture/native src/capture/native
COPY LICENSE NOTICE ./
RUN ln -s /spantap/bin/spantap /usr/local/bin/spantap
USER node
ENTRYPOINT ["spantap"]
CMD ["run"]
