# Nothing but the extension, for PostgreSQL 18 and later, which finds one beside its own files: mounted at /extensions/ayb_jobs it
# takes extension_control_path = '/extensions/ayb_jobs/share:$system' and dynamic_library_path =
# '/extensions/ayb_jobs/lib:$libdir'. So CloudNativePG takes extensions. The build's context is what
# make install-extension PG_CONFIG=/usr/lib/postgresql/18/bin/pg_config DESTDIR=DIRECTORY
# puts into a directory.
FROM scratch
ARG MAJOR=18
COPY usr/lib/postgresql/${MAJOR}/lib/ayb_jobs.so /lib/
COPY usr/share/postgresql/${MAJOR}/extension/ayb_jobs* /share/extension/
