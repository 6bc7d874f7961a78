#pragma once

namespace ayb {

// Whether a prepared transaction of this database waits. In a transaction, outside the books.
bool has_prepared_transactions();

} // namespace ayb
