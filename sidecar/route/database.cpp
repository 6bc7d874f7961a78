#include "route/database.hpp"

namespace ayb::api {

namespace {

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

} // namespace

std::optional<std::string> Database::ask(const std::string &sql,
                                         const db::Parameters &parameters) const {
    const db::Result result = std::move(run({{sql, parameters}}).front());
    if (result.rows() == 0)
        throw Failure(503, kNotEnabled);
    return result.at(0, 0);
}

bool Database::has_extension() const {
    const db::Pool::Lease session = pool_.lease();
    return session->query("SELECT FROM pg_extension WHERE extname = 'ayb_jobs'").rows() > 0;
}

std::vector<db::Result> Database::run(const std::vector<db::Statement> &statements) const {
    static const std::string set_actor = "SELECT set_config('ayb_jobs.actor', $1, true)";
    static const std::string only_read = "SELECT set_config('transaction_read_only', 'on', true)";
    const bool reads = caller_.right == login::Right::read;
    const db::Parameters parameters = reads ? db::Parameters() : db::Parameters{caller_.name};
    const db::Pool::Lease session = pool_.lease();
    if (!reads && caller_.name.empty())
        return run_plainly(session.session(), statements);
    std::vector<db::Statement> all = {{reads ? only_read : set_actor, parameters}};
    for (const db::Statement &statement : statements)
        all.push_back(statement);
    std::vector<db::Result> results = session->query_all(all);
    results.erase(results.begin());
    return results;
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
