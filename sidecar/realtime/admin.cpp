#include "login/digest.hpp"
#include "realtime/realtime.hpp"

#include <ctime>

namespace ayb::realtime {

namespace {

std::string time_text(long long seconds) {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[32];
    std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+00:00", &parts);
    return text;
}

// Names with counts as an object.
std::string counts(const std::map<std::string, std::size_t> &numbers) {
    std::string out;
    for (const auto &[name, number] : numbers)
        out += (out.empty() ? "" : ",") + json::quote(name) + ":" + std::to_string(number);
    return "{" + out + "}";
}

// As AYB's console knows it, which counts web sockets, too.
std::string head(std::size_t number) {
    const std::string count = std::to_string(number);
    return "{\"version\":\"v1\",\"timestamp\":" + json::quote(time_text(login::unix_now())) +
           ",\"connections\":{\"sse\":" + count + ",\"ws\":0,\"total\":" + count + "}";
}

std::string item(const Hub::Seen &seen) {
    const Listener &listener = *seen.listener;
    std::string tables;
    for (const std::string &name : seen.tables)
        tables += (tables.empty() ? "" : ",") + json::quote(name);
    return "{\"clientId\":" + json::quote(listener.who().client) +
           ",\"userId\":" + json::quote(listener.who().subject) +
           ",\"transport\":\"sse\",\"address\":" + json::quote(listener.who().address) +
           ",\"tables\":[" + tables +
           "],\"connectedAt\":" + json::quote(time_text(listener.connected_at())) +
           ",\"lastActivityAt\":" + json::quote(time_text(listener.active_at())) +
           ",\"expiresAt\":" + json::quote(time_text(listener.who().expires)) +
           ",\"behind\":" + (listener.behind() ? "true" : "false") + "}";
}

} // namespace

http::Response Realtime::stats() {
    const std::vector<Hub::Seen> all = hub_ ? hub_->listeners() : std::vector<Hub::Seen>();
    std::map<std::string, std::size_t> tables;
    for (const Hub::Seen &seen : all)
        for (const std::string &name : seen.tables)
            tables[name]++;
    return api::json_response(
        head(all.size()) + ",\"subscriptions\":{\"tables\":" + counts(tables) +
        ",\"channels\":{\"broadcast\":{},\"presence\":{}}},\"counters\":{\"dropped_messages\":" +
        std::to_string(hub_ ? hub_->held_up() : 0) + ",\"heartbeat_failures\":0},\"sent\":" +
        std::to_string(sent()) + ",\"configured\":" + (hub_ ? "true" : "false") + "}");
}

http::Response Realtime::connections() {
    const std::vector<Hub::Seen> all = hub_ ? hub_->listeners() : std::vector<Hub::Seen>();
    std::string items;
    for (const Hub::Seen &seen : all)
        items += (items.empty() ? "" : ",") + item(seen);
    return api::json_response(head(all.size()) + ",\"items\":[" + items +
                              "],\"count\":" + std::to_string(all.size()) + "}");
}

http::Response Realtime::disconnect(const api::Call &call) {
    if (!hub_ || !hub_->disconnect(call.named()))
        throw api::Failure(404, "connection not found");
    return api::no_content();
}

} // namespace ayb::realtime
