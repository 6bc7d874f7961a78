#pragma once
// Opening a session, as libpq's PQconnectdb does it, but without being held up by a host that
// answers nothing.
//
// libpq walks through the hosts of the string, and the addresses of a host, and waits for each as
// long as connect_timeout says: two seconds at least. So it does here, and as long as somebody
// answers nothing else happens. Where a walk takes longer than a moment, each address is asked by
// itself as well, all at the same time, and one that says no is asked again a moment later, as it
// may just be promoted. The first that is what target_session_attrs asks for is taken, the walk
// being one of them. All of it ends connect_timeout after it began, or when the walk has heard no
// from everybody.
//
// What a string means (services, environment, password files, TLS) is libpq's affair: it is asked
// what it made of it. Under prefer-standby, who is asked by itself has to be a standby at first,
// and may be anybody a moment later.
#include <string>

struct pg_conn;

namespace ayb::db {

// A session that is open, which the caller closes by PQfinish. "" takes the PG* environment. Throws
// Unavailable, with what each host said. A resolver that takes its time is waited for.
pg_conn *open(const std::string &dsn);

// What libpq said last.
std::string last_error(const pg_conn *connection);

} // namespace ayb::db
