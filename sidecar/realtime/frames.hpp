#pragma once
// The wire: server-sent events as a client of realtime reads them.
#include "realtime/catalog.hpp"
#include "realtime/session.hpp"

namespace ayb::realtime {

// A change as it is sent.
struct Frame {
    std::string text;
    std::string record; // "" of a resync, which a filter is no matter for
    bool deleted = false;
    std::string gone; // that the record went: for who filters and wants it no more
};

// In their order; of what several tables are to be fetched again for, one.
std::vector<Frame> frames_of(const Changes &changes, const Tables &tables);

// What of it is for who filters so; nothing where it isn't. A record that is none of the wanted any
// more is as good as deleted.
const std::string *chosen(const Frame &frame, const Filter &filter);

// Who goes on from elsewhere keeps the id that it has: "".
std::string connected_frame(const std::string &client, const std::string &id);
std::string resync_frame(const std::vector<std::string> &names, const std::string &reason,
                         const std::string &id);
// The last that is said.
std::string error_frame(int code, const std::string &message);
// Nothing has happened; this is where to go on from.
std::string beat_frame(const std::string &id);

// "{1,2}"
std::string oids_of(const Tables &tables);
std::vector<std::string> names_of(const Tables &tables);

} // namespace ayb::realtime
