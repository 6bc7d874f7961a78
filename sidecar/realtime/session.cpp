#include "realtime/session.hpp"

namespace ayb::realtime {

namespace {

constexpr std::chrono::minutes kLongestSession{10};

// What a session's role has to be: nobody to whom policies don't apply, and nobody who could be
// more than a subscriber if a policy of somebody else's found out how to be itself.
const std::string &role_sql() {
    static const std::string sql = R"sql(
        SELECT CASE
            WHEN r.rolsuper OR r.rolbypassrls THEN 'may pass row-level security by'
            WHEN r.rolinherit THEN 'has to be NOINHERIT'
            WHEN to_regrole('ayb_jobs_realtime') IS NULL
                OR NOT pg_has_role(r.oid, to_regrole('ayb_jobs_realtime')::oid, 'MEMBER')
                THEN 'has to be a member of ayb_jobs_realtime'
            WHEN pg_has_role(r.oid, to_regrole('ayb_jobs_admin')::oid, 'MEMBER')
                THEN 'must not be a member of ayb_jobs_admin'
            WHEN to_regrole(quote_ident($1)) IS NULL
                OR NOT pg_has_role(r.oid, to_regrole(quote_ident($1))::oid, 'MEMBER')
                THEN 'has to be a member of the role that realtime-role names'
            END, r.rolname
        FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user)sql";
    return sql;
}

// "{1,2}"
std::vector<std::string> split_array(const std::string &array) {
    std::vector<std::string> all;
    for (std::size_t begin = 1; begin < array.size() && array[begin] != '}';) {
        const std::size_t end = array.find_first_of(",}", begin);
        all.push_back(array.substr(begin, end - begin));
        begin = end + 1;
    }
    return all;
}

} // namespace

Session::Session(const SessionSettings &settings, std::chrono::milliseconds timeout)
    : subscriber_(settings.subscriber), connection_({settings.dsn, timeout}),
      opened_(Clock::now()) {
    check();
}

void Session::check() {
    static const std::string become = "SELECT set_config('role', 'ayb_jobs_realtime', false)";
    const db::Result role = connection_.query(role_sql(), {subscriber_});
    if (const auto wrong = role.at(0, 0))
        throw WrongRole("the role of realtime-dsn, " + role.at(0, 1).value_or("") + ", " + *wrong);
    connection_.query(become);
}

Changes Session::changes(const db::Parameter &since, const std::string &identity,
                         const std::string &tables) {
    static const std::string sql =
        "SELECT c.action, c.relation::oid, c.record::text, c.reason, c.id"
        " FROM ayb_jobs.realtime_changes($1::text, $2::name, $3::jsonb, $4::oid[]::regclass[],"
        " 250) AS c"; // fewer than a client's buffer has room for
    const db::Result rows = connection_.query(sql, {since, subscriber_, identity, tables});
    Changes changes;
    for (int row = 0; row < rows.rows(); row++) {
        const auto text = [&](int column) { return rows.at(row, column).value_or(""); };
        if (text(0) == "position") {
            changes.position = text(4);
            changes.more = text(3) == "more";
        } else {
            changes.all.push_back({text(0), text(1), text(2), text(3), text(4)});
        }
    }
    return changes;
}

Session::Woken Session::wait(const std::string &tables, const db::Parameter &seen) {
    static const std::string sql = "CALL ayb_jobs_internal.wait_for_realtime("
                                   "$1::oid[]::regclass[], '25 s', $2::bigint, NULL)";
    const db::Result row = connection_.call(sql, {tables, seen});
    return {row.at(0, 0).value_or(""), split_array(row.at(0, 1).value_or("{}"))};
}

bool Session::good() { return Clock::now() - opened_ < kLongestSession && connection_.usable(); }

Session &SessionSlot::get() {
    if (session_ && session_->good())
        return *session_;
    drop();
    auto session = std::make_unique<Session>(settings_, timeout_);
    const std::lock_guard lock(mutex_);
    session_ = std::move(session);
    return *session_;
}

void SessionSlot::drop() {
    const std::lock_guard lock(mutex_);
    session_.reset();
}

void SessionSlot::interrupt() {
    const std::lock_guard lock(mutex_);
    if (session_)
        session_->interrupt();
}

} // namespace ayb::realtime
