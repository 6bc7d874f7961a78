#pragma once
// What a command is given, and the table of all commands.
#include "cli/output.hpp"
#include "cli/source.hpp"
#include "json/json.hpp"

#include <functional>
#include <map>

namespace ayb::cli {

struct Option {
    const char *name; // --name VALUE
    const char *key;  // its name in the API, in a query or a body
    enum class Kind { text, number, integer, flag, json, boolean } kind; // an integer may be < 0
};

enum class Format { table, json, items, csv }; // items: a list's alone, as AYB prints it

class Call {
  public:
    Call(Source &source, Format format, std::string argument,
         std::map<std::string, std::string> options)
        : source_(source), format_(format), argument_(std::move(argument)),
          options_(std::move(options)) {}

    const std::string &argument() const { return argument_; }
    Format format() const { return format_; }
    bool has(const std::string &option) const { return options_.count(option) != 0; }
    std::string option(const std::string &name) const;
    bool through_api() const { return has("url") || has("admin-token"); }

    // The answer's body; throws CommandError where it is no success.
    std::string ask(const std::string &method, const std::string &path,
                    const std::string &body = "") const;
    // {"key":value,…} and ?key=value… of the options that were given.
    std::string body(const std::vector<Option> &options) const;
    std::string query(const std::vector<Option> &options) const;

    // Prints what became of one thing: a sentence, or what the API said, or a row.
    void say(const std::string &sentence, const std::string &json, const Table &row) const;

  private:
    Source &source_;
    const Format format_;
    const std::string argument_;
    const std::map<std::string, std::string> options_;
};

struct Command {
    const char *group; // "jobs", or "" for a command of one word
    const char *verb;
    const char *argument; // what stands behind it, such as "ID"; nullptr where nothing does
    const char *help;
    std::vector<Option> options;
    int (*run)(const Call &call);
    bool may_lack_argument = false; // an option says it as well
};

// "group verb", or the one word.
std::string name_of(const Command &command);

const std::vector<Command> &all_commands();
const std::vector<Option> &common_options(); // what every command takes
std::vector<Command> job_commands();
std::vector<Command> type_commands();
std::vector<Command> flow_commands();
std::vector<Command> schedule_commands();
std::vector<Command> matview_commands();
std::vector<Command> watch_commands();
std::vector<Command> seeing_commands();

// A list of jobs, brief or whole, as `jobs list` shows it.
std::string listed_jobs(const Call &call, const std::string &jobs);

// The types of a list, as `types list` shows them.
Table types_table(const std::string &types);

// The member as a person reads it: a string without its quotes; `otherwise` where there is none.
std::string shown(const json::Object &object, const char *key, const char *otherwise = "");

// The same of a member that is a list of strings: "a, b".
std::string shown_list(const json::Object &object, const char *key, const char *otherwise = "");

// The argument of the command, which is no name that we know, if it is an id; else throws
// CommandError: that there is `nothing` of this name.
std::string id_or(const Call &call, const char *nothing);

// The rows of {"items":[…]}.
template <class ToRow> Table table_of(Row header, const std::string &list, ToRow to_row) {
    Table table{std::move(header), {}};
    const json::Object answer(list);
    for (const std::string_view item : json::elements(*answer.raw("items")))
        table.rows.push_back(to_row(json::Object(item)));
    return table;
}

// A list in the format that is wanted; in a table, `none` where it is empty.
std::string listed(const Call &call, const std::string &json, const Table &table, const char *none);

// A thing in the format that is wanted; in a table, a line for each of its members, those of an
// object within it too.
std::string shown_whole(const Call &call, const std::string &json, const Table &row);

// Prints what `look` gives: once, or with --watch again every two seconds.
int show(const Call &call, const std::function<std::string()> &look);
inline constexpr Option kWatch = {"watch", nullptr, Option::Kind::flag};

// Prints what `look` gives, again every `seconds` until q, Ctrl-C or nobody reads it. On a
// terminal each look takes the place of the one before, and is cut where the screen ends.
void watch(long long seconds, const std::function<std::string()> &look);

} // namespace ayb::cli
