#include "realtime/frames.hpp"

namespace ayb::realtime {

namespace {

std::string data_frame(const std::string &action, const std::string &table,
                       const std::string &record, const std::string &id) {
    return "id: " + id + "\ndata: {\"action\":\"" + action + "\",\"table\":" + json::quote(table) +
           ",\"record\":" + record + "}\n\n";
}

std::string key_of(const std::string &record, const Table &table) {
    const json::Object members(record);
    std::string key;
    for (const std::string &column : table.key)
        key += (key.empty() ? "" : ",") + json::quote(column) + ":" +
               std::string(members.raw(column).value_or("null"));
    return "{" + key + "}";
}

Frame frame_of(const Change &change, const Table &table) {
    Frame frame;
    frame.text = data_frame(change.action, table.name, change.record, change.id);
    frame.record = change.record;
    frame.deleted = change.action == "delete";
    if (change.action == "update")
        frame.gone = data_frame("delete", table.name, key_of(change.record, table), change.id);
    return frame;
}

} // namespace

std::vector<Frame> frames_of(const Changes &changes, const Tables &tables) {
    std::vector<Frame> frames;
    for (auto change = changes.all.begin(); change != changes.all.end(); ++change) {
        if (change->action != "resync") {
            frames.push_back(frame_of(*change, tables.at(change->table)));
            continue;
        }
        std::vector<std::string> names = {tables.at(change->table).name};
        for (auto next = change + 1; next != changes.all.end() && next->action == "resync" &&
                                     next->reason == change->reason;
             ++next, ++change)
            names.push_back(tables.at(next->table).name);
        frames.push_back({resync_frame(names, change->reason, change->id), "", false, ""});
    }
    return frames;
}

const std::string *chosen(const Frame &frame, const Filter &filter) {
    if (filter.empty() || frame.record.empty() ||
        filter.admits(json::Object(frame.record), frame.deleted))
        return &frame.text;
    return frame.gone.empty() ? nullptr : &frame.gone;
}

std::string connected_frame(const std::string &client, const std::string &id) {
    return "retry: 2000\n" + (id.empty() ? "" : "id: " + id + "\n") +
           "event: connected\ndata: {\"clientId\":" + json::quote(client) + "}\n\n";
}

std::string resync_frame(const std::vector<std::string> &names, const std::string &reason,
                         const std::string &id) {
    std::string list;
    for (const std::string &name : names)
        list += (list.empty() ? "" : ",") + json::quote(name);
    return "id: " + id + "\nevent: resync\ndata: {\"tables\":[" + list +
           "],\"reason\":" + json::quote(reason) + "}\n\n";
}

std::string error_frame(int code, const std::string &message) {
    return "event: error\ndata: {\"code\":" + std::to_string(code) +
           ",\"message\":" + json::quote(message) + "}\n\n";
}

// A block without data tells a browser the id, and nobody else anything.
std::string beat_frame(const std::string &id) { return ": beat\nid: " + id + "\n\n"; }

std::string oids_of(const Tables &tables) {
    std::string out;
    for (const auto &entry : tables)
        out += (out.empty() ? "{" : ",") + entry.first;
    return out + "}";
}

std::vector<std::string> names_of(const Tables &tables) {
    std::vector<std::string> names;
    for (const auto &entry : tables)
        names.push_back(entry.second.name);
    return names;
}

} // namespace ayb::realtime
