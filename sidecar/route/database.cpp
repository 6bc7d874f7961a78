#include "route/database.hpp"

namespace ayb::api {

namespace {

// For the rest of the transaction. That the session's role may is asked of it, whoever it is now.
const std::string &become_sql() {
    static const std::string sql = "SELECT set_config('role', $1, true)";
    return sql;
}

// One alone needs no pipeline.
std::vector<db::Result> run_plainly(db::Connection &session,
                                    const std::vector<db::Statement> &statements) {
    if (statements.size() > 1)
        return session.query_all(statements);
    const auto &[sql, parameters] = statements.front();
    std::vector<db::Result> results;
    results.push_back(session.query(sql, parameters));
    return results;
}

std::optional<std::string> text_of(const db::Result &result) {
    if (result.rows() == 0)
        throw Failure(503, kNotEnabled);
    return result.at(0, 0);
}

} // namespace

Database::Database(db::Pool &pool, const login::Identity &caller, std::string traceparent)
    : pool_(pool), role_(caller.right == login::Right::work
                             ? caller.role
                             : std::string("ayb_jobs_") + login::word_of(caller.right)),
      actor_(caller.name), traceparent_(std::move(traceparent)), right_(caller.right) {}

std::optional<std::string> Database::ask(const std::string &sql,
                                         const db::Parameters &parameters) const {
    return text_of(run({{sql, parameters}}).front());
}

std::optional<std::string> Database::make(const std::string &sql,
                                          const db::Parameters &parameters) const {
    return text_of(make_and_run({sql, parameters}, {}).front());
}

bool Database::has_extension() const {
    const db::Pool::Lease session = pool_.lease();
    return session->query("SELECT FROM pg_extension WHERE extname = 'ayb_jobs'").rows() > 0;
}

std::vector<db::Result> Database::run(const std::vector<db::Statement> &statements) const {
    const db::Pool::Lease session = pool_.lease();
    return run(session.session(), statements);
}

// For the rest of the transaction: whose it is, and what it belongs to.
const std::string &Database::settings() const {
    static const std::string become = "SELECT set_config('role', $1, true)";
    static const std::string read = become + ", set_config('transaction_read_only', 'on', true)";
    static const std::string act = become + ", set_config('ayb_jobs.actor', $2, true)";
    // What the session's role has set for all of its jobs stays.
    static const std::string trace =
        act + ", set_config('ayb_jobs.meta', (coalesce(nullif("
              "current_setting('ayb_jobs.meta', true), ''), '{}')::jsonb"
              " || jsonb_build_object('traceparent', $3::text))::text, true)";
    if (right_ == login::Right::read)
        return read;
    return traceparent_.empty() ? act : trace;
}

db::Parameters Database::values() const {
    if (right_ == login::Right::read)
        return {role_};
    if (traceparent_.empty())
        return {role_, actor_};
    return {role_, actor_, traceparent_};
}

std::vector<db::Result> Database::run(db::Connection &session,
                                      const std::vector<db::Statement> &statements) const {
    if (role_ == "none")
        return run_plainly(session, statements);
    const db::Parameters who = values();
    std::vector<db::Statement> all = {{settings(), who}};
    for (const db::Statement &statement : statements)
        all.push_back(statement);
    try {
        std::vector<db::Result> results = session.query_all(all);
        results.erase(results.begin());
        return results;
    } catch (db::Error &error) {
        explain(error);
        throw;
    }
}

std::vector<db::Result> Database::make_and_run(const db::Statement &making,
                                               const std::vector<db::Statement> &statements) const {
    const db::Parameters itself = {"none"};
    const db::Parameters caller = {role_};
    std::vector<db::Statement> all = {{become_sql(), itself}, making, {become_sql(), caller}};
    for (const db::Statement &statement : statements)
        all.push_back(statement);
    std::vector<db::Result> results = run(all);
    results.erase(results.begin() + 2);
    results.erase(results.begin());
    return results;
}

// That the session's role may not become ours, which is the first statement, says nothing of rights
// by itself.
void Database::explain(db::Error &error) const {
    if (!right_ || error.sqlstate != "42501" || error.statement != 0)
        return;
    error.detail = std::string("it takes the right ") + login::word_of(*right_);
    error.hint = "GRANT " + role_ + " to the role that the sidecar logs in as.";
}

// The condition names nothing of the row: PostgreSQL looks at it first, and once.
std::string guarded(const std::string &sql) {
    return "SELECT answer.json FROM (" + sql +
           ") AS answer (json)"
           " WHERE current_setting('ayb_jobs.enabled', true) IS DISTINCT FROM 'off'";
}

std::string object(const std::vector<Field> &fields) {
    std::string out = "'{' || concat_ws(','";
    for (const Field &field : fields)
        out +=
            std::string(", '\"") + field.name + "\":' || to_json(" + field.expression + ")::text";
    return out + ") || '}'";
}

std::string list(const std::string &item, const std::string &from, const std::string &order) {
    return "SELECT '{\"items\":[' || coalesce(string_agg(" + item + ", ',' ORDER BY " + order +
           "), '') || '],\"count\":' || count(*) || '}' FROM " + from;
}

} // namespace ayb::api
