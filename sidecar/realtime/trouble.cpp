#include "realtime/hub.hpp"

namespace ayb::realtime {

namespace {

constexpr std::chrono::milliseconds kAway{500};
constexpr std::chrono::seconds kPutOff{1};
constexpr const char *kNoRole = "the role of the subscribers can't be used";
constexpr const char *kUnusable = "realtime is not available";

// The name that its listeners know, of the table that the error is about.
std::string named_by(const db::Error &error, const Tables &tables) {
    std::string name = name_of(error.schema, error.table);
    for (const auto &entry : tables)
        if (entry.second.name == name)
            return name;
    return tables.begin()->second.name;
}

} // namespace

// Under the lock.
void Hub::send_away(Group &group, const http::Response &answer, const std::string &last_word) {
    for (const Joiner &joiner : group.joiners)
        joiner.later->answer(answer);
    for (const auto &listener : group.listeners)
        listener->end(last_word);
    group.joiners.clear();
    group.listeners.clear();
    group.changed = true; // whoever comes now is let in by a new answer alone
}

// Who waits for an answer gets this one; who has a stream waits a moment.
void Hub::put_off(Group &group, const http::Response &why) {
    const std::lock_guard lock(mutex_);
    group.not_before = Clock::now() + kPutOff;
    for (const Joiner &joiner : group.joiners)
        joiner.later->answer(why);
    group.joiners.clear();
}

void Hub::refused(Group &group, SessionSlot &slot, const db::Error &error) {
    const bool unknown = error.sqlstate == "42704" || error.sqlstate == "42501";
    // What took too long has been counted; a table that is locked has its time.
    if (error.sqlstate == "57014" || error.sqlstate == "55P03")
        return put_off(group, api::to_response({503, "the database took too long"}));
    if (error.sqlstate == "53400")
        return put_off(group, api::to_response({503, "too many tables are listened to"}));
    if (unknown && error.column == "relations") {
        const api::Failure failure = unknown_table(named_by(error, group.tables));
        const std::lock_guard lock(mutex_);
        return send_away(group, api::to_response(failure), error_frame(400, failure.what()));
    }
    if (unknown && error.column == "as_role")
        return no_role(group, error.what());
    slot.drop();
    tell(error.sqlstate + ": " + error.what());
    put_off(group, api::to_response({503, kUnusable}));
}

void Hub::no_role(Group &group, const std::string &why) {
    tell(std::string(kNoRole) + ": " + why);
    const std::lock_guard lock(mutex_);
    send_away(group, api::to_response({503, kNoRole}), error_frame(503, kNoRole));
}

void Hub::away(Group &group, SessionSlot &slot, const std::string &why) {
    slot.drop();
    tell(why);
    {
        const std::lock_guard lock(mutex_);
        away_until_ = Clock::now() + kAway;
    }
    put_off(group, api::to_response(api::database_away()));
}

// Once, as long as it is the same; "" is that all is well.
void Hub::tell(const std::string &what) {
    {
        const std::lock_guard lock(mutex_);
        if (told_ == what || closed_)
            return;
        told_ = what;
    }
    note_(what.empty() ? "realtime is served" : "realtime isn't served: " + what);
}

} // namespace ayb::realtime
