# make build && docker build -t rayburst .
FROM scratch
COPY bin/rayburst /rayburst
USER 65532:65532
ENTRYPOINT ["/rayburst"]
