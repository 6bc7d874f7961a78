#pragma once
// A transaction of the engine's own, in a background process.
#include <type_traits>

#include "pg/postgres.hpp"

namespace ayb {

inline void as_it_is() {}

// Runs `work` in a transaction, under one snapshot, and gives back what it gives: nothing of that
// may lie in the transaction's memory. `set_up` is called before the snapshot is taken. An error
// leaves by longjmp, and whoever catches it aborts the transaction: as everywhere, nothing with a
// destructor is alive then.
template <typename Work> auto in_transaction(const Work &work, void (*set_up)() = as_it_is) {
    StartTransactionCommand();
    set_up();
    PushActiveSnapshot(GetTransactionSnapshot());
    if constexpr (std::is_void_v<decltype(work())>) {
        work();
        PopActiveSnapshot();
        CommitTransactionCommand();
    } else {
        const auto result = work();
        PopActiveSnapshot();
        CommitTransactionCommand();
        return result;
    }
}

} // namespace ayb
