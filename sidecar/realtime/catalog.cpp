#include "realtime/catalog.hpp"

#include "db/bell.hpp"

#include <algorithm>
#include <set>

namespace ayb::realtime {

namespace {

constexpr std::size_t kMostTables = 100;
constexpr std::string_view kBlanks = " \t";

struct Name {
    std::string schema;
    std::string table;
};

Name split_name(const std::string &name) {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos)
        return {"public", name};
    return {name.substr(0, dot), name.substr(dot + 1)};
}

// A column counts where the subscribers may read it, in whatever way.
const std::string &tables_sql() {
    static const std::string sql = R"sql(
        SELECT t.relation::oid, t.schema_name, t.table_name, to_json(t.primary_key),
               (SELECT coalesce(json_agg(a.attname), '[]') FROM pg_attribute AS a
                WHERE a.attrelid = t.relation AND a.attnum > 0 AND NOT a.attisdropped
                  AND (t.columns IS NULL OR a.attname = ANY (t.columns))
                  AND has_column_privilege(to_regrole(quote_ident($3))::oid, a.attrelid, a.attnum,
                                           'SELECT'))
        FROM ayb_jobs.realtime_tables AS t
        JOIN unnest($1::text[], $2::text[]) AS n (schema, name)
            ON t.schema_name = n.schema AND t.table_name = n.name)sql";
    return sql;
}

std::vector<std::string> texts(const std::string &json) {
    std::vector<std::string> all;
    for (const std::string_view element : json::elements(json))
        all.push_back(json::unquote(element));
    return all;
}

bool may_have(const std::optional<std::vector<std::string>> &allowed, const std::string &schema,
              const std::string &table) {
    return !allowed || std::any_of(allowed->begin(), allowed->end(), [&](const std::string &name) {
        const Name one = split_name(name);
        return one.schema == schema && one.table == table;
    });
}

db::Result ask(const api::Database &database, const std::string &role,
               const std::vector<std::string> &names) {
    std::vector<std::string> schemas, tables;
    for (const std::string &name : names) {
        schemas.push_back(split_name(name).schema);
        tables.push_back(split_name(name).table);
    }
    const db::Parameters parameters = {db::array_of(schemas), db::array_of(tables), role};
    return std::move(database.run({{tables_sql(), parameters}}).front());
}

void require_columns(const Filter &filter, const std::set<std::string> &readable) {
    for (const std::string &column : filter.columns())
        if (readable.count(column) == 0)
            throw api::Failure(400, "invalid filter: unknown column: " + column);
}

} // namespace

std::string name_of(const std::string &schema, const std::string &table) {
    return schema == "public" ? table : schema + "." + table;
}

api::Failure unknown_table(const std::string &name) { return {400, "unknown table: " + name}; }

std::vector<std::string> read_names(const std::string &text) {
    if (text.empty())
        throw api::Failure(400, "tables parameter is required");
    std::vector<std::string> names;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        std::string name = text.substr(begin, end - begin);
        name.erase(0, name.find_first_not_of(kBlanks));
        name.erase(name.find_last_not_of(kBlanks) + 1);
        if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(std::move(name));
        begin = end + 1;
    }
    if (names.empty())
        throw api::Failure(400, "at least one valid table is required");
    if (names.size() > kMostTables)
        throw api::Failure(400, "at most 100 tables are taken");
    return names;
}

Tables find_tables(const api::Database &database, const std::string &role,
                   const std::vector<std::string> &names,
                   const std::optional<std::vector<std::string>> &allowed, const Filter &filter) {
    Tables tables;
    std::set<std::string> found, readable;
    const db::Result rows = ask(database, role, names);
    for (int row = 0; row < rows.rows(); row++) {
        const auto text = [&](int column) { return rows.at(row, column).value_or("[]"); };
        if (!may_have(allowed, text(1), text(2)))
            continue;
        found.insert(text(1) + "." + text(2));
        tables[text(0)] = {text(0), name_of(text(1), text(2)), texts(text(3))};
        for (std::string &column : texts(text(4)))
            readable.insert(std::move(column));
    }
    for (const std::string &name : names)
        if (found.count(split_name(name).schema + "." + split_name(name).table) == 0)
            throw unknown_table(name);
    require_columns(filter, readable);
    return tables;
}

} // namespace ayb::realtime
