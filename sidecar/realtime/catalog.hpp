#pragma once
// Which tables there are to listen to, by the names that clients have for them.
#include "realtime/filter.hpp"
#include "route/database.hpp"

#include <map>

namespace ayb::realtime {

struct Table {
    std::string oid;
    std::string name;             // as it is sent: without its schema where that is public
    std::vector<std::string> key; // its columns
};

// By oid.
using Tables = std::map<std::string, Table>;

// How a table is named to clients.
std::string name_of(const std::string &schema, const std::string &table);

// "tables=" as it is asked for: names with blanks taken away, each once. Throws Failure 400.
std::vector<std::string> read_names(const std::string &text);

// Of these names, of which a client may have only `allowed`, where that is said. Throws Failure 400
// where one isn't enabled, or no table has a column that the filter wants and the role may read.
Tables find_tables(const api::Database &database, const std::string &role,
                   const std::vector<std::string> &names,
                   const std::optional<std::vector<std::string>> &allowed, const Filter &filter);

// The same words for whatever can't be listened to, so that nobody learns what there is.
api::Failure unknown_table(const std::string &name);

} // namespace ayb::realtime
