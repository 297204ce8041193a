# Courant in a container. Build: docker build -t courant .
# Run with real settings: mount a courant.toml at /etc/courant/courant.toml whose server.listen is
# "0.0.0.0:8480" (a container's loopback is its own) and whose store.path is "/var/lib/courant".

FROM rust:1.92-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Cargo.toml Cargo.lock rust-toolchain.toml ./
COPY crates crates
COPY bench bench
COPY config config
# The image's toolchain, whatever rust-toolchain.toml would fetch.
ENV RUSTUP_TOOLCHAIN=1.92
RUN cargo build --release --locked --bin courant && strip target/release/courant

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/courant courant \
    && install -d -o courant -g courant -m 0700 /var/lib/courant
COPY --from=build /source/target/release/courant /usr/local/bin/courant
USER courant
WORKDIR /var/lib/courant
VOLUME /var/lib/courant
ENV COURANT_CONFIG=/etc/courant/courant.toml
EXPOSE 8480
# Alive, not ready: a container that drains or waits for its disk must not be restarted.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["courant", "health", "--alive"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["courant"]
CMD ["serve"]
