#pragma once
// What must be known of other people's statements:
//   DROP/ALTER DATABASE, CREATE DATABASE … TEMPLATE, DROP/ALTER EXTENSION ayb_jobs: our processes
//   leave
//     that database first, if who asks has the right to it, and come back when the transaction is
//     over;
//   COMMIT PREPARED: what it committed isn't known, so everything is looked at;
//   REFRESH MATERIALIZED VIEW: what reads the view has another source now;
//   CREATE EXTENSION: whether it comes from pg_dump's script.

namespace ayb {

void install_utility_hook();

// Inside CREATE EXTENSION: whether a dump is being restored. pg_dump's scripts begin with settings
// that an installation by hand doesn't have.
bool restoring();

// Inside a row trigger: whether the row comes by COPY, from pg_dump's script or by replication.
bool rows_are_brought();

} // namespace ayb
