#include "api/tokens.hpp"

#include "login/digest.hpp"
#include "login/tokens.hpp"
#include "route/fresh.hpp"

#include <Poco/DateTimeFormatter.h>

namespace ayb::api {

namespace {

constexpr long long kLongestLife = 366LL * 24 * 3600;
constexpr long long kUsualLife = 24LL * 3600;

const std::string &key_sql() {
    static const std::string sql = "SELECT ayb_jobs_internal.wire_key()";
    return sql;
}

std::string instant(long long unix_seconds) {
    return Poco::DateTimeFormatter::format(Poco::Timestamp::fromEpochTime(unix_seconds),
                                           "%Y-%m-%dT%H:%M:%S+00:00");
}

login::Identity holder_of(const json::Object &body) {
    const std::string name = body.text("name").value_or("");
    if (!login::is_name(name))
        throw invalid("name", "letters, digits, _ and -, at most 64");
    const std::string right = body.text("right").value_or("");
    const bool works = right == login::word_of(login::Right::work);
    if (!works && !login::right_of(right))
        throw invalid("right", "read, operate, admin or work");
    const std::string role = body.text("role").value_or("");
    if (works != login::is_name(role) || (!works && !role.empty()))
        throw invalid("role",
                      "a worker has one, and nobody else: letters, digits, _ and -, at most 64");
    return *login::holder(name, works ? right + ":" + role : right);
}

http::Response create_token(const Call &call, db::Pool &first) {
    const json::Object body = call.body();
    require_known(body, {"name", "right", "role", "lifetimeSec"});
    const login::Identity who = holder_of(body);
    const long long life = body.integer("lifetimeSec").value_or(kUsualLife);
    if (life < 1 || life > kLongestLife)
        throw invalid("lifetimeSec", "from 1 to a year");
    const long long end = login::unix_now() + life;
    const std::string key = Database(first, kSealer).ask(key_sql()).value_or("");
    return json_response("{\"token\":" + json::quote(login::sealed_token(who, end, key)) +
                             ",\"name\":" + json::quote(who.name) + ",\"right\":\"" +
                             login::word_of(who.right) + "\"" +
                             (who.role.empty() ? "" : ",\"role\":" + json::quote(who.role)) +
                             ",\"expiresAt\":" + json::quote(instant(end)) + "}",
                         201);
}

// For a page that shows only what its token may do.
http::Response who_am_i(const Call &call) {
    const Database &database = call.database();
    const login::Right right = database.right().value_or(login::Right::read);
    return json_response(
        "{\"right\":\"" + std::string(login::word_of(right)) + "\"" +
        (database.actor().empty() ? "" : ",\"name\":" + json::quote(database.actor())) + "}");
}

} // namespace

std::function<std::optional<std::string>()> database_key(db::Pool &pool) {
    using Key = std::optional<std::string>;
    constexpr std::chrono::seconds kAge{1};
    // While that database is away its tokens are still good for the others: the key is as it was.
    const auto fresh =
        std::make_shared<Fresh<Key>>(kAge, [&pool, last = Key()]() mutable noexcept -> Key {
            try {
                last = Database(pool, kSealer).ask(key_sql());
            } catch (const db::Unavailable &) {
            } catch (const std::exception &) {
                last.reset();
            }
            return last;
        });
    return [fresh] { return fresh->get().value_or(std::nullopt); };
}

std::vector<Route> token_routes(db::Pool &first) {
    return {{"POST", "/api/admin/tokens", Access::admin,
             [&first](const Call &call) { return create_token(call, first); }},
            {"GET", "/api/admin/me", Access::read, who_am_i}};
}

} // namespace ayb::api
