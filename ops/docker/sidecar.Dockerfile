# ayb-jobs: the admin API, the page, /metrics and the command line. The build's context is .ayb/packages/MAJOR:
#   docker build -f ops/docker/sidecar.Dockerfile -t ayb-jobs .ayb/packages/15
ARG BASE=debian:bookworm-slim
FROM ${BASE}
COPY ayb-jobs_*.deb /tmp/
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates /tmp/ayb-jobs_*.deb \
 && rm -rf /var/lib/apt/lists/* /tmp/*.deb \
 && useradd --system --no-create-home ayb-jobs
USER ayb-jobs
EXPOSE 8090
# Its settings come by AYB_JOBS_…; in a container it listens to others than itself.
ENV AYB_JOBS_LISTEN=0.0.0.0:8090
ENTRYPOINT ["ayb-jobs"]
CMD ["serve"]
