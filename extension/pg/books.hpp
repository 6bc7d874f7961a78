#pragma once
// Keeping the books: SQL on the engine's own tables, as the extension's owner.
//
// Between open_books() and close_books() the process is the extension's owner with a search_path of
// pg_catalog alone, and SPI is connected. Nothing of a user's may run in between; what does all the
// same (a trigger that a superuser put on our tables) is in a security-restricted operation: it can
// neither become another role nor leave a deferred trigger for the commit. On an error the
// transaction's (or subtransaction's) abort undoes all of it. A commit must never come in between:
// it would fire the user's deferred triggers as the owner.
#include "pg/transaction.hpp"

namespace ayb {

struct Books {
    Oid user;
    int context;
    int guc_level;
};

// Raises what require_extension() raises.
Books open_books();

// For the install script, which runs whatever release it installs: `owner` as by extension_owner().
Books open_books_as(Oid owner);
void close_books(const Books &books);
void connect_spi();

// Whether this is planned inside the books: told from what they set, as an error closes them.
bool books_are_open();

// Sets a parameter until the books are closed, without an access check: the role may be anyone.
void set_locally(const char *name, const char *value);

// Closes the books after `work`, and gives back what that gives.
template <typename Work> auto keep_books(const Books &books, const Work &work) {
    if constexpr (std::is_void_v<decltype(work())>) {
        work();
        close_books(books);
    } else {
        const auto result = work();
        close_books(books);
        return result;
    }
}

// Runs `work` with the books open, and gives back what it gives. An error leaves by longjmp, and
// the abort closes the books: as everywhere, nothing with a destructor is alive then.
template <typename Work> auto in_books(const Work &work) { return keep_books(open_books(), work); }

// For what a person calls on rows and tables that any open transaction may hold: each wait for a
// lock ends after two seconds, with 55P03, or sooner by the session's own lock_timeout.
Books open_bounded_books();
template <typename Work> auto in_bounded_books(const Work &work) {
    return keep_books(open_bounded_books(), work);
}

template <typename Work> auto in_books_as(Oid owner, const Work &work) {
    return keep_books(open_books_as(owner), work);
}

// The same in a transaction of its own.
template <typename Work> auto in_own_books(const Work &work) {
    return in_transaction([&work] { return in_books(work); });
}

// Runs `work` with SPI connected, but as whoever calls, with their rights and settings.
template <typename Work> void as_caller(const Work &work) {
    connect_spi();
    work();
    SPI_finish();
}

} // namespace ayb
