#pragma once

namespace ayb {

// Registers the launcher, one a cluster, to be started by the postmaster once recovery is over.
void register_launcher();

} // namespace ayb
