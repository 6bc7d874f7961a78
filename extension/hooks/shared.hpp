#pragma once
// The engine's shared memory as a whole: how it comes to be. extension/README.md has a picture.
namespace ayb {

// Reserves it all; called by _PG_init while shared_preload_libraries are loaded.
void request_shared_memory();

} // namespace ayb
