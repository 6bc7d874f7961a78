#pragma once
// How a worker begins and ends to serve its role.
#include "memory/slots.hpp"

namespace ayb {

// The worker moves in: from now on the slot is `serving`, and at its exit it turns `gone` if it was
// in a job, free otherwise. False if the slot isn't this worker's any more.
bool attach_slot(int index, Oid database, Oid role);

} // namespace ayb
