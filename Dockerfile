# make build && docker build -t rayburst .
FROM scratch
COPY bin/rayburst bin/rayburst-nats bin/rayburst-pod bin/rayburst-scaler /
USER 65532:65532
ENTRYPOINT ["/rayburst"]
