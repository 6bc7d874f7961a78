#include "api/databases.hpp"

#include <future>

namespace ayb::api {

namespace {

std::string about() {
    return "SELECT " + object({{"database", "current_database()"},
                               {"host", "host(inet_server_addr())"},
                               {"port", "current_setting('port')::integer"},
                               {"serverVersion", "current_setting('server_version')"},
                               {"extensionVersion", "(SELECT e.extversion FROM pg_extension AS e"
                                                    " WHERE e.extname = 'ayb_jobs')"},
                               {"isStandby", "pg_is_in_recovery()"}});
}

// Members that follow others.
std::string said_by(db::Pool &pool) {
    static const std::string sql = about();
    try {
        const std::string facts = Database(pool).ask(sql).value_or("{}");
        return ",\"status\":\"ok\"," + facts.substr(1);
    } catch (const std::exception &error) {
        return ",\"status\":\"unavailable\",\"error\":" + json::quote(error.what()) + "}";
    }
}

// All at once: so one that is slow to say no costs no more than itself.
http::Response list_databases(const Databases &databases) {
    std::vector<std::future<std::string>> facts;
    for (const NamedPool &one : databases.all())
        facts.push_back(
            std::async(std::launch::async, [&pool = one.pool] { return said_by(pool); }));
    std::string items;
    for (std::size_t place = 0; place < facts.size(); place++)
        items += (place == 0 ? "{\"name\":" : ",{\"name\":") +
                 json::quote(databases.all()[place].name) +
                 ",\"default\":" + (place == 0 ? "true" : "false") + facts[place].get();
    return json_response("{\"items\":[" + items + "],\"count\":" + std::to_string(facts.size()) +
                         "}");
}

} // namespace

std::vector<Route> database_routes(const Databases &databases) {
    return {{"GET", "/api/admin/databases", Access::read,
             [&databases](const Call &) { return list_databases(databases); }}};
}

} // namespace ayb::api
