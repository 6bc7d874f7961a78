#include "cli/command.hpp"

#include "cli/keys.hpp"
#include "http/query.hpp"
#include "route/values.hpp"

#include <chrono>
#include <ctime>
#include <iostream>
#include <iterator>
#include <unistd.h>

namespace ayb::cli {

namespace {

Refused refused(const Reply &reply) {
    try {
        const json::Object error(reply.body);
        return {api::in_one(error.text("message").value_or(""), error.text("details").value_or("")),
                reply, error.text("hint").value_or("")};
    } catch (const json::Error &) {
        return {"HTTP status " + std::to_string(reply.status), reply, ""};
    }
}

// Instants as people read them; all that is finer is for programs. Through the API a table is what
// AYB's is.
Table with_short_times(Table table, bool ages) {
    constexpr std::size_t kSeconds = 19;
    const std::time_t now = std::time(nullptr);
    for (std::size_t column = 0; column < table.header.size(); column++) {
        const std::string &name = table.header[column];
        if (name != "CREATED" && name != "LAST REFRESH")
            continue;
        for (Row &row : table.rows)
            row[column] = ages ? age(row[column], now) : row[column].substr(0, kSeconds);
    }
    return table;
}

std::string as_json(const Option &option, const std::string &value) {
    if (option.kind == Option::Kind::text)
        return json::quote(value);
    try {
        json::check(value);
    } catch (const json::Error &) {
        throw CommandError(std::string("--") + option.name + " is no JSON: " + value);
    }
    return value;
}

// A payload and a result are the user's own: shown as they are.
void add_members(Table &table, std::string_view json, const std::string &prefix) {
    const json::Object object(json);
    for (const auto &[key, value] : object.members()) {
        if (value.front() == '{' && key != "payload" && key != "result" && key != "meta")
            add_members(table, value, prefix + key + ".");
        else
            table.rows.push_back(
                {prefix + key, value.front() == '"' ? json::unquote(value) : std::string(value)});
    }
}

} // namespace

std::string name_of(const Command &command) {
    return std::string(command.group) + (*command.group != '\0' ? " " : "") + command.verb;
}

const std::vector<Command> &all_commands() {
    static const std::vector<Command> all = [] {
        std::vector<Command> commands;
        for (auto part : {job_commands(), type_commands(), flow_commands(), schedule_commands(),
                          matview_commands(), watch_commands(), seeing_commands()})
            std::move(part.begin(), part.end(), std::back_inserter(commands));
        return commands;
    }();
    return all;
}

const std::vector<Option> &common_options() {
    static const std::vector<Option> options = {
        {"dsn", nullptr, Option::Kind::text},         {"database", nullptr, Option::Kind::text},
        {"url", nullptr, Option::Kind::text},         {"token", nullptr, Option::Kind::text},
        {"admin-token", nullptr, Option::Kind::text}, {"json", nullptr, Option::Kind::flag},
        {"output", nullptr, Option::Kind::text}};
    return options;
}

std::string Call::option(const std::string &name) const {
    const auto found = options_.find(name);
    return found == options_.end() ? std::string() : found->second;
}

std::string Call::ask(const std::string &method, const std::string &path,
                      const std::string &body) const {
    const char *joint = path.find('?') == std::string::npos ? "?" : "&";
    const std::string where =
        has("database") ? joint + ("database=" + http::encode(option("database"))) : "";
    const Reply reply = source_.ask(method, path + where, body);
    if (reply.status >= 400)
        throw refused(reply);
    return reply.body;
}

std::string Call::body(const std::vector<Option> &options) const {
    std::string out = "{";
    for (const Option &option : options)
        if (has(option.name))
            out += (out.size() == 1 ? "" : ",") + json::quote(option.key) + ":" +
                   as_json(option, this->option(option.name));
    return out + "}";
}

std::string Call::query(const std::vector<Option> &options) const {
    std::string out;
    for (const Option &option : options)
        if (option.key != nullptr && has(option.name))
            out += (out.empty() ? "?" : "&") + std::string(option.key) + "=" +
                   http::encode(this->option(option.name));
    return out;
}

void Call::say(const std::string &sentence, const std::string &json, const Table &row) const {
    if (format_ == Format::json || format_ == Format::items)
        std::cout << json << "\n";
    else if (format_ == Format::csv)
        std::cout << as_csv(row);
    else
        std::cout << printable(sentence) << "\n";
}

std::string shown(const json::Object &object, const char *key, const char *otherwise) {
    const auto raw = object.raw(key);
    if (!raw || *raw == "null")
        return otherwise;
    return raw->front() == '"' ? json::unquote(*raw) : std::string(*raw);
}

std::string shown_list(const json::Object &object, const char *key, const char *otherwise) {
    std::string all;
    for (const std::string_view text : json::elements(object.raw(key).value_or("[]")))
        all += (all.empty() ? "" : ", ") + json::unquote(text);
    return all.empty() ? otherwise : all;
}

std::string id_or(const Call &call, const char *nothing) {
    if (!api::is_uuid(call.argument()))
        throw CommandError(nothing + json::quote(call.argument()));
    return call.argument();
}

std::string listed(const Call &call, const std::string &json, const Table &table,
                   const char *none) {
    if (call.format() == Format::items)
        return std::string(json::Object(json).raw("items").value_or(json)) + "\n";
    if (call.format() == Format::json)
        return json + "\n";
    if (call.format() == Format::csv)
        return as_csv(table);
    if (table.rows.empty())
        return std::string(none) + "\n";
    const bool ages = isatty(STDOUT_FILENO) == 1 && !call.through_api();
    return as_table(with_short_times(table, ages), colour_wanted());
}

std::string shown_whole(const Call &call, const std::string &json, const Table &row) {
    if (call.format() == Format::json || call.format() == Format::items)
        return json + "\n";
    if (call.format() == Format::csv)
        return as_csv(row);
    Table table{{"FIELD", "VALUE"}, {}};
    add_members(table, json, "");
    return as_table(table, colour_wanted());
}

int show(const Call &call, const std::function<std::string()> &look) {
    if (call.has(kWatch.name))
        watch(2, look);
    else
        std::cout << look();
    return 0;
}

void watch(long long seconds, const std::function<std::string()> &look) {
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    Keys keys;
    do {
        const std::string seen = look();
        std::cout << (terminal ? as_screen(seen, screen_rows()) : seen) << std::flush;
    } while (std::cout && !keys.quit_within(std::chrono::seconds(seconds)));
}

} // namespace ayb::cli
