#include "api/database.hpp"

namespace ayb::api {

std::optional<std::string> Database::ask(const std::string &sql, const db::Parameters &parameters,
                                         std::initializer_list<Case> cases, Keep keep) {
    try {
        const db::Pool::Lease session = pool_.lease();
        const db::Result result = keep == Keep::prepared ? session->query(sql, parameters)
                                                         : session->query_once(sql, parameters);
        if (result.rows() == 0)
            throw Failure(503, kNotEnabled);
        return result.at(0, 0);
    } catch (const db::Error &error) {
        if (const std::optional<Failure> known = translate(error, cases))
            throw *known;
        throw;
    }
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
