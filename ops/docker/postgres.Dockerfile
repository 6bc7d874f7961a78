# PostgreSQL with ayb_jobs: of an image that has PostgreSQL in Debian's places, as Docker's own has, and the package that
# `make packages` has made for its major and its release of Debian. The build's context is .ayb/packages/MAJOR:
#   docker build -f ops/docker/postgres.Dockerfile -t ayb-jobs-postgres .ayb/packages/15
ARG BASE=postgres:15-bookworm
FROM ${BASE}
ARG MAJOR=15
COPY postgresql-${MAJOR}-ayb-jobs_*.deb /tmp/
# Of a package's dependencies the server is there already, whoever has packed it. Clusters that are made from now on preload the
# library; an older one takes `-c shared_preload_libraries=ayb_jobs`.
RUN apt-get update \
 && apt-get install -y --no-install-recommends /tmp/postgresql-${MAJOR}-ayb-jobs_*.deb \
 && rm -rf /var/lib/apt/lists/* /tmp/*.deb \
 && echo "shared_preload_libraries = 'ayb_jobs'" >>/usr/share/postgresql/${MAJOR}/postgresql.conf.sample \
 && echo "max_worker_processes = 16" >>/usr/share/postgresql/${MAJOR}/postgresql.conf.sample \
 && mkdir -p /docker-entrypoint-initdb.d \
 && echo "CREATE EXTENSION ayb_jobs;" >/docker-entrypoint-initdb.d/10-ayb-jobs.sql
