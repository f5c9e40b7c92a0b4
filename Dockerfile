# ChiliView: the console, the binary that serves it, and an image with nothing but that binary.
#
# No BuildKit syntax: the classic builder takes it too. Dependencies are layers of their own, so that a change of the
# sources builds the sources only. For a quick look, `--build-arg PROFILE=dev`.

FROM node:22-bookworm-slim AS console
WORKDIR /build/services/console
COPY services/console/package.json services/console/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY openapi/chiliview.json /build/openapi/chiliview.json
COPY services/console ./
RUN npm run build

FROM rust:1.95-bookworm AS tools
RUN cargo install --locked cargo-chef cargo-auditable

# What the dependencies are, without the sources: the next stage is built anew only when this changes.
FROM tools AS recipe
WORKDIR /build
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM tools AS binary
ARG PROFILE=release
WORKDIR /build
COPY .cargo .cargo
COPY --from=recipe /build/recipe.json recipe.json
RUN cargo chef cook --locked --profile "$PROFILE" --package chiliview --recipe-path recipe.json
COPY . .
COPY --from=console /build/services/console/dist services/console/dist
# With the list of what it was built from inside: `cargo audit bin` reads it.
RUN cargo auditable build --locked --profile "$PROFILE" --package chiliview \
 && if [ "$PROFILE" = dev ]; then directory=debug; else directory="$PROFILE"; fi \
 && install -D "target/$directory/chiliview" /image/bin/chiliview \
 && install -d -m 0700 /image/volume/data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=binary /image/bin/ /usr/local/bin/
# A volume that is new takes its owner from here.
COPY --from=binary --chown=65532:65532 /image/volume/ /
ENV CHILIVIEW_DATA_DIR=/data CHILIVIEW_LISTEN=0.0.0.0:8000 CHILIVIEW_LOG_FORMAT=json
WORKDIR /data
VOLUME /data
EXPOSE 8000
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["/usr/local/bin/chiliview", "health"]
ENTRYPOINT ["/usr/local/bin/chiliview"]
CMD ["serve"]
