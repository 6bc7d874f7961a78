#pragma once
// What came of a worker's look for a group.

namespace ayb {

enum class GroupTurn {
    none, // nothing that is due goes grouped
    ran,
    ran_and_leased_due, // and passed over jobs that go by lease
};

} // namespace ayb
